//! The calls and answers of the API.

use std::sync::Arc;

use async_trait::async_trait;
use http::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::access::{Answer, Call, Client};
use crate::services::kit::paging::{self, Slice};
use crate::services::kit::path::segment;
use crate::services::kit::times::age;
use crate::services::kit::value::{self, Told};
use crate::services::{
    Batch, Cursor, Error, Kind, Node, Page, Session, SessionId, Sessions, Submission, Target,
    Ticket, Which, error,
};

use super::{CODES, SPEC};

/// Connections of one page of the list, the most that the API gives.
pub(super) const PAGE: usize = 2000;
/// The last place where a page may start. No later one can be asked for.
pub(super) const LAST: usize = 3000;

/// The vendor's name of the call that disconnects.
const KILL: &str = "DeleteP2cVgwConnection";

pub(super) struct VpnP2c {
    client: Arc<Client>,
    target: Target,
}

#[async_trait]
impl Sessions for VpnP2c {
    /// A gateway is listed whole. It is looked up all the same: what its list answers once it is gone
    /// is not documented.
    async fn nodes(&self) -> Result<Vec<Node>, Error> {
        const OPERATION: &str = "ShowP2cVgw";
        let path = self.path(OPERATION, "")?;
        let answer = self.call(Call::new(OPERATION, "vpn", Method::GET, path)).await?;
        let GatewayAnswer { p2c_vpn_gateway: gateway } = answer.json()?;
        if gateway.id.as_deref() != self.target.get("p2c_vgw_id") {
            return Err(answer.malformed("another gateway than was asked for is told"));
        }
        let state = gateway.status.filter(|status| !["ACTIVE", ""].contains(&status.as_str()));
        Ok(vec![Node { state, ..Node::whole() }])
    }

    async fn list(
        &self,
        node: &Node,
        _prepared: Option<&Ticket>,
        after: Option<Cursor>,
    ) -> Result<Page, Error> {
        const OPERATION: &str = "ListP2cVgwConnections";
        let place = paging::place(OPERATION, after.as_ref())?;
        let offset = place.offset;
        let path = self.path(OPERATION, "/connections")?;
        let call = Call::new(OPERATION, "vpn", Method::GET, path)
            .query("limit", PAGE)
            .query("offset", offset);
        let answer = self.call(call).await.map_err(|error| node.told(error))?;
        let listed: ConnectionsAnswer = answer.json()?;
        let total = listed.total_count.count(&answer, "total_count")?;
        let connections = paging::items(&answer, listed.connections, total)?;
        let got = connections.len();
        let page = Slice { place, limit: PAGE, got, hidden: 0, total, moves: true };
        let mut page = Page { next: paging::next(&answer, page)?, ..Page::default() };
        within_reach(&mut page, offset, got, total)?;
        let sessions = connections.into_iter().map(|one| self.session(&answer, one, node));
        page.sessions = sessions.collect::<Result<_, _>>()?;
        page.request_id = answer.request_id.or(listed.request_id);
        Ok(page)
    }

    async fn terminate(&self, batch: Batch<'_>) -> Result<Submission, Error> {
        let Which::These([SessionId(id)]) = batch.which else {
            let message = "connections can be ended one at a time only";
            return Err(Error::new(Kind::Configuration, KILL, message));
        };
        let id = segment(KILL, "connection", id)?;
        let path = self.path(KILL, &format!("/connections/{id}/disconnect"))?;
        let call = Call::new(KILL, "vpn", Method::POST, path);
        let answer = self.call(call).await.map_err(perhaps_gone)?;
        let KillAnswer { request_id } = answer.json()?;
        let request_id = request_id.as_str().map(str::to_owned);
        Ok(Submission { request_id: answer.request_id.or(request_id), ..Submission::default() })
    }
}

impl VpnP2c {
    pub(super) fn new(client: Arc<Client>, target: Target) -> VpnP2c {
        VpnP2c { client, target }
    }

    async fn call(&self, call: Call) -> Result<Answer, Error> {
        self.client.call(call).await.map_err(|error| error.classified(CODES))
    }

    fn path(&self, operation: &'static str, rest: &str) -> Result<String, Error> {
        let id = self.target.get("p2c_vgw_id").unwrap_or_default();
        let id = segment(operation, "gateway", id)?;
        Ok(format!("/v5/{{project_id}}/p2c-vpn-gateways/{id}{rest}"))
    }

    /// One listed connection. A time that cannot be read is not told: who is protected by it must be
    /// asked about, not guessed.
    fn session(
        &self,
        answer: &Answer,
        one: ListedConnection,
        node: &Node,
    ) -> Result<Session, Error> {
        let id = one.connection_id.id(answer)?;
        let unkillable =
            id.is_none().then_some("the list gives no id for it, and a kill needs one");
        let id = id.unwrap_or_else(|| {
            format!("#{}", one.client_virtual_ip.clone().filled().unwrap_or_default())
        });
        let began = one.connection_established_time.clone().filled();
        let age = began.as_deref().and_then(|began| age(began, self.client.now()));
        let told = [
            ("client_address", one.client_ip),
            ("user", one.client_user_name),
            ("age_seconds", age.into()),
            ("virtual_address", one.client_virtual_ip),
            ("established_at", one.connection_established_time),
            ("inbound_bytes", one.inbound_bytes),
            ("outbound_bytes", one.outbound_bytes),
        ];
        Ok(Session {
            id: SessionId(id),
            node: node.id.clone(),
            incarnation: began,
            unkillable,
            fields: value::fields(answer, SPEC.columns, told)?,
            ..Session::default()
        })
    }
}

/// Keeps a list within the places that can be asked for. What is behind them is not seen.
fn within_reach(
    page: &mut Page,
    offset: usize,
    got: usize,
    total: Option<usize>,
) -> Result<(), Error> {
    let next = paging::place("ListP2cVgwConnections", page.next.as_ref())?.offset;
    if page.next.is_none() || next <= LAST {
        return Ok(());
    }
    if offset < LAST {
        page.next = Some(paging::at(LAST));
        return Ok(());
    }
    page.next = None;
    page.unseen = total.map_or(0, |total| total.saturating_sub(offset + got));
    if page.unseen > 0 || total.is_none() {
        page.unsteady = Some("goes on behind the last place that the API shows");
    }
    Ok(())
}

/// What is answered for a connection that has ended is not documented, and "not found" may be about it
/// or about its gateway: a look decides.
fn perhaps_gone(error: Error) -> Error {
    if error.kind == Kind::TargetGone || error.status == Some(404) && error.kind == Kind::Refused {
        return Error { kind: Kind::Ambiguous, ..error };
    }
    error::perhaps_gone(error, CODES, &["VPN.0001"])
}

#[derive(Deserialize)]
struct GatewayAnswer {
    p2c_vpn_gateway: Gateway,
}

#[derive(Deserialize)]
struct Gateway {
    id: Option<String>,
    status: Option<String>,
}

#[derive(Deserialize)]
struct ConnectionsAnswer {
    #[serde(default)]
    total_count: Told,
    connections: Option<Vec<ListedConnection>>,
    request_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ListedConnection {
    connection_id: Told,
    client_ip: Told,
    client_virtual_ip: Told,
    client_user_name: Told,
    connection_established_time: Told,
    inbound_bytes: Told,
    outbound_bytes: Told,
}

#[derive(Deserialize)]
struct KillAnswer {
    /// The whole of the documented answer.
    request_id: Value,
}
