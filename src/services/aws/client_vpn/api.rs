//! The calls and answers of the API.

use std::sync::Arc;

use async_trait::async_trait;
use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::access::{Answer, Call, Client};
use crate::services::kit::times::age;
use crate::services::kit::tokens;
use crate::services::kit::value::{self, Told};
use crate::services::{
    Batch, Cursor, Error, Kind, Node, Outcome, Page, Session, SessionId, Sessions, Sight,
    Submission, Target, Ticket, Which,
};

use super::{CODES, SPEC};

/// Connections of one page of the list, the most that the API gives.
pub(super) const PAGE: usize = 1000;

const LIST: &str = "DescribeClientVpnConnections";
const LOOK: &str = "DescribeClientVpnEndpoints";
const KILL: &str = "TerminateClientVpnConnections";

/// The status of a connection that could not be ended.
const FAILED: &str = "failed-to-terminate";

pub(super) struct ClientVpn {
    client: Arc<Client>,
    target: Target,
}

#[async_trait]
impl Sessions for ClientVpn {
    async fn nodes(&self) -> Result<Vec<Node>, Error> {
        Ok(vec![Node::whole()])
    }

    fn looks_up_nodes(&self) -> bool {
        false
    }

    /// The endpoint itself, or, where it may not be looked at, a connection to it.
    async fn sight(&self) -> Result<Sight, Error> {
        let looked = self.endpoint_state().await;
        match looked {
            Ok(state) if state.as_deref() == Some("deleted") => {
                let message = "the endpoint is listed as deleted";
                Ok(Sight::Absent(Error::new(Kind::TargetGone, LOOK, message)))
            }
            Ok(Some(_)) => Ok(Sight::Seen),
            Ok(None) => {
                let message = "the endpoint is not among those of this account and region";
                Ok(Sight::Absent(Error::new(Kind::TargetGone, LOOK, message)))
            }
            Err(error) if error.kind == Kind::TargetGone => Ok(Sight::Absent(error)),
            Err(error) if error.kind == Kind::Permission => self.anybody().await,
            Err(error) => Err(error),
        }
    }

    async fn list(
        &self,
        _node: &Node,
        _prepared: Option<&Ticket>,
        after: Option<Cursor>,
    ) -> Result<Page, Error> {
        let mut call = self.call(LIST)?.query("MaxResults", PAGE);
        if let Some(cursor) = &after {
            call = call.query("NextToken", &cursor.0);
        }
        let (answer, listed) = self.answer::<ConnectionsAnswer>(call).await?;
        let next = tokens::next(&answer, listed.next_token.clone(), after.as_ref())?;
        let listed = listed.connections.item.into_iter();
        let sessions = listed.filter_map(|one| self.session(&answer, one).transpose());
        let sessions = sessions.collect::<Result<_, _>>()?;
        // Who has ended keeps his place in the list for an hour, so nobody moves up.
        let still = true;
        Ok(Page { sessions, next, still, request_id: answer.request_id, ..Page::default() })
    }

    fn can_find(&self) -> bool {
        true
    }

    async fn find(&self, _node: &Node, whom: &Session) -> Result<Vec<Session>, Error> {
        let call = self.call(LIST)?.query("Filter.1.Name", "connection-id");
        let call = call.query("Filter.1.Value.1", &whom.id.0);
        let (answer, listed) = self.answer::<ConnectionsAnswer>(call).await?;
        let listed = listed.connections.item.into_iter();
        listed.filter_map(|one| self.session(&answer, one).transpose()).collect()
    }

    async fn terminate(&self, batch: Batch<'_>) -> Result<Submission, Error> {
        let Which::These([id]) = batch.which else {
            let message = "connections can be ended one at a time only";
            return Err(Error::new(Kind::Configuration, KILL, message));
        };
        if id.0.is_empty() {
            return Err(Error::new(Kind::BadRequest, KILL, "the id of the connection is empty"));
        }
        let call = self.call(KILL)?.query("ConnectionId", &id.0);
        let ended = self.answer::<EndAnswer>(call).await;
        let (answer, ended) = match ended.map_err(perhaps_gone) {
            Ok(ended) => ended,
            Err(error) if error.kind == Kind::SessionGone => {
                let gone = Outcome { already_gone: vec![id.clone()], ..Outcome::default() };
                let request_id = error.request_id;
                return Ok(Submission { outcome: gone, request_id, ..Submission::default() });
            }
            Err(error) => return Err(error),
        };
        let own = |one: &&EndStatus| one.connection_id.as_deref() == Some(&id.0);
        let status = ended.connection_statuses.item.iter().find(own);
        let status = status.and_then(|one| one.current_status.as_ref());
        if let Some(failed) = status.filter(|it| it.code.as_deref() == Some(FAILED)) {
            // Said of one try: another may do better.
            let reason = failed.message.as_deref().filter(|text| !text.is_empty());
            let message = reason.unwrap_or("AWS could not end the connection");
            let code = Some(FAILED.to_owned());
            return Err(Error { kind: Kind::Busy, code, ..answer.malformed(message) });
        }
        Ok(Submission { request_id: answer.request_id, ..Submission::default() })
    }
}

impl ClientVpn {
    pub(super) fn new(client: Arc<Client>, target: Target) -> ClientVpn {
        ClientVpn { client, target }
    }

    /// A call about the endpoint.
    fn call(&self, operation: &'static str) -> Result<Call, Error> {
        let id = self.target.get("endpoint_id").filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| {
            Error::new(Kind::BadRequest, operation, "the id of the endpoint is empty")
        })?;
        let call = Call::new(operation, SPEC.product, Method::POST, "/");
        let name = if operation == LOOK { "ClientVpnEndpointId.1" } else { "ClientVpnEndpointId" };
        Ok(call.query(name, id))
    }

    async fn answer<T: DeserializeOwned>(&self, call: Call) -> Result<(Answer, T), Error> {
        let root = format!("{}Response", call.operation);
        let answer = self.client.call(call).await.map_err(|error| error.classified(CODES))?;
        let read = answer.xml(&root)?;
        Ok((answer, read))
    }

    /// The endpoint's state; None if the answer does not show the endpoint.
    async fn endpoint_state(&self) -> Result<Option<String>, Error> {
        let (_, shown) = self.answer::<EndpointsAnswer>(self.call(LOOK)?).await?;
        let id = self.target.get("endpoint_id");
        let own = |one: &Endpoint| one.client_vpn_endpoint_id.as_deref() == id;
        let found = shown.client_vpn_endpoint.item.into_iter().find(own);
        Ok(found.map(|one| one.status.and_then(|it| it.code).unwrap_or_default()))
    }

    /// Whether anybody is connected, where the endpoint may not be looked at.
    async fn anybody(&self) -> Result<Sight, Error> {
        match self.list(&Node::whole(), None, None).await {
            Ok(page) if page.sessions.is_empty() => Ok(Sight::Unproven(
                "nobody is connected, and `ec2:DescribeClientVpnEndpoints` is not granted",
            )),
            Ok(_) => Ok(Sight::Seen),
            Err(error) if error.kind == Kind::TargetGone => Ok(Sight::Absent(error)),
            Err(error) => Err(error),
        }
    }

    /// One entry of the list, if it is live.
    fn session(&self, answer: &Answer, one: Listed) -> Result<Option<Session>, Error> {
        let status = one.status.and_then(|status| status.code);
        if status.as_deref() == Some("terminated") {
            return Ok(None);
        }
        let id = one.connection_id.filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| answer.malformed("a connection in the list has no id"))?;
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let user = filled(&one.username).or_else(|| filled(&one.common_name));
        let began = filled(&one.connection_established_time);
        // In UTC, though no page says so.
        let iso = began.as_deref().map(|began| began.replacen(' ', "T", 1));
        let iso = iso.map(|began| if began.ends_with('Z') { began } else { began + "Z" });
        let age = iso.as_deref().and_then(|began| age(began, self.client.now()));
        let told = [
            ("client_address", filled(&one.client_ip).or(filled(&one.client_ipv6_address)).into()),
            ("user", user.into()),
            ("age_seconds", age.into()),
            ("common_name", one.common_name.into()),
            ("status", status.into()),
            ("established_at", one.connection_established_time.into()),
            ("ingress_bytes", Told::from(one.ingress_bytes)),
            ("egress_bytes", Told::from(one.egress_bytes)),
        ];
        Ok(Some(Session {
            id: SessionId(id),
            fields: value::fields(answer, SPEC.columns, told)?,
            ..Session::default()
        }))
    }
}

/// That a connection "cannot be found" is said in the words of its endpoint, and what is answered for
/// an endpoint that nobody can be connected to is not explained: a look decides.
fn perhaps_gone(error: Error) -> Error {
    let code = error.code.as_deref().unwrap_or_default();
    let connection = code.starts_with("InvalidClientVpnConnection") && code.ends_with("IdNotFound");
    if connection || code == "InvalidClientVpnActiveAssociationNotFound" {
        return Error { kind: Kind::Ambiguous, ..error };
    }
    error
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConnectionsAnswer {
    // Whose request it was is what tells an answer of this API without a list from any other.
    #[serde(rename = "requestId")]
    _request_id: String,
    #[serde(default)]
    connections: List<Listed>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EndAnswer {
    #[serde(rename = "requestId")]
    _request_id: String,
    #[serde(default)]
    connection_statuses: List<EndStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EndpointsAnswer {
    #[serde(rename = "requestId")]
    _request_id: String,
    #[serde(default)]
    client_vpn_endpoint: List<Endpoint>,
}

#[derive(Deserialize)]
struct List<T> {
    #[serde(default = "Vec::new")]
    item: Vec<T>,
}

impl<T> Default for List<T> {
    fn default() -> List<T> {
        List { item: Vec::new() }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Listed {
    connection_id: Option<String>,
    username: Option<String>,
    common_name: Option<String>,
    connection_established_time: Option<String>,
    client_ip: Option<String>,
    #[serde(rename = "clientIpv6Address")]
    client_ipv6_address: Option<String>,
    ingress_bytes: Option<String>,
    egress_bytes: Option<String>,
    status: Option<Status>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    code: Option<String>,
    message: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct EndStatus {
    connection_id: Option<String>,
    current_status: Option<Status>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Endpoint {
    client_vpn_endpoint_id: Option<String>,
    status: Option<Status>,
}
