//! The API's other end, as strict as its pages.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Response;

use super::api::PAGE;
use crate::services::simulator::aws::{Reply, done_xml, element, form, refusal_xml};
use crate::services::simulator::{Fault, Inbound, Instance, LiveClient, Query, Simulator, Stage};

pub(super) const VERSION: &str = "2016-11-15";

/// How long who has ended is still listed.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);

pub(super) struct Server {
    stage: Stage,
    /// Everybody who is or was connected, by the id under which he is listed.
    records: BTreeMap<String, Record>,
}

struct Record {
    endpoint: String,
    client: LiveClient,
    began: SystemTime,
    ended: Option<SystemTime>,
    /// Named in a kill, and still there until then.
    going: Option<SystemTime>,
}

impl Simulator for Server {
    fn respond(&mut self, inbound: &Inbound<'_>) -> Option<Response<Bytes>> {
        let (action, form) = form(inbound, VERSION)?;
        let handle: fn(&mut Server, &Inbound<'_>, Query) -> Reply = match action.as_str() {
            "DescribeClientVpnConnections" => Server::list,
            "DescribeClientVpnEndpoints" => Server::endpoints,
            "TerminateClientVpnConnections" => Server::end,
            _ => return None,
        };
        if inbound.fault == Some(Fault::Busy) {
            return Some(refusal_xml(503, "RequestLimitExceeded", "Request limit exceeded."));
        }
        Some(handle(self, inbound, form).unwrap_or_else(|refusal| refusal))
    }

    /// Ends those whose time has come, and writes down who came and who went.
    fn settle(&mut self, at: SystemTime) {
        for record in self.records.values_mut() {
            if record.ended.is_none() && record.going.is_some_and(|until| until <= at) {
                self.stage.kill(&record.endpoint, &record.client.id);
            }
        }
        let mut here = Vec::new();
        for endpoint in self.stage.instances.clone() {
            for client in self.stage.list(&endpoint.id) {
                let id = connection_id(&endpoint.id, &client);
                here.push(id.clone());
                let age = Duration::from_secs(u64::try_from(client.age).unwrap_or_default());
                let record = self.records.entry(id).or_insert_with(|| Record {
                    endpoint: endpoint.id.clone(),
                    client: client.clone(),
                    began: at - age,
                    ended: None,
                    going: None,
                });
                record.client = client;
            }
        }
        for (id, record) in &mut self.records {
            if !here.contains(id) {
                record.ended.get_or_insert(at);
            }
        }
        self.records.retain(|_, record| record.ended.is_none_or(|it| it + REMEMBERED > at));
    }
}

impl Server {
    pub(super) fn new(stage: Stage) -> Server {
        Server { stage, records: BTreeMap::new() }
    }

    fn list(&mut self, inbound: &Inbound<'_>, mut form: Query) -> Reply {
        const OPERATION: &str = "DescribeClientVpnConnections";
        let endpoint = self.endpoint(inbound, &mut form, "ClientVpnEndpointId")?;
        let most = form.number("MaxResults", 5..=PAGE, PAGE).map_err(|it| invalid(&it))?;
        let token = form.take("NextToken").filter(|token| !token.is_empty());
        let wanted = match form.take("Filter.1.Name").as_deref() {
            None => None,
            Some("connection-id") => {
                Some(form.take("Filter.1.Value.1").ok_or_else(|| missing("Filter.1.Value"))?)
            }
            Some(other) => return Err(invalid(&format!("The filter '{other}' is invalid"))),
        };
        form.done().map_err(|it| invalid(&it))?;
        let meant = |(id, record): &(&String, &Record)| {
            record.endpoint == endpoint
                && wanted.as_ref().is_none_or(|wanted| wanted == *id)
                && token.as_ref().is_none_or(|last| *id > last)
        };
        let rest: Vec<(&String, &Record)> = self.records.iter().filter(meant).collect();
        let shown: String = rest.iter().take(most).map(|(id, one)| shown(id, one)).collect();
        let mut inner = format!("<connections>{shown}</connections>");
        if rest.len() > most
            && let Some((last, _)) = rest.get(most - 1)
        {
            inner.push_str(&element("nextToken", last));
        }
        Ok(done_xml(OPERATION, &inner))
    }

    fn endpoints(&mut self, inbound: &Inbound<'_>, mut form: Query) -> Reply {
        let endpoint = self.endpoint(inbound, &mut form, "ClientVpnEndpointId.1")?;
        form.done().map_err(|it| invalid(&it))?;
        let shown = element("clientVpnEndpointId", &endpoint);
        let inner = format!(
            "<clientVpnEndpoint><item>{shown}<status><code>available</code></status></item>\
             </clientVpnEndpoint>"
        );
        Ok(done_xml("DescribeClientVpnEndpoints", &inner))
    }

    /// Accepts, and ends a little later.
    fn end(&mut self, inbound: &Inbound<'_>, mut form: Query) -> Reply {
        let endpoint = self.endpoint(inbound, &mut form, "ClientVpnEndpointId")?;
        let id = form.take("ConnectionId").filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| missing("ConnectionId"))?;
        form.done().map_err(|it| invalid(&it))?;
        let record = self.records.get_mut(&id).filter(|one| one.endpoint == endpoint);
        let record = record.filter(|one| one.ended.is_none()).ok_or_else(|| {
            refusal_xml(
                400,
                "InvalidClientVpnConnection.IdNotFound",
                "The specified Client VPN endpoint cannot be found.",
            )
        })?;
        let status = match inbound.fault {
            // Whoever is going is going.
            Some(Fault::Refuses) if record.going.is_none() => "failed-to-terminate",
            Some(Fault::EndsHalf) => "terminating",
            _ => {
                record.going = Some(inbound.at + self.stage.job);
                "terminating"
            }
        };
        if inbound.fault == Some(Fault::PartialKill) {
            return Err(refusal_xml(500, "InternalError", "An internal error has occurred."));
        }
        let inner = format!(
            "{}<connectionStatuses><item>{}<previousStatus><code>active</code></previousStatus>\
             <currentStatus><code>{status}</code></currentStatus></item></connectionStatuses>",
            element("clientVpnEndpointId", &endpoint),
            element("connectionId", &id),
        );
        Ok(done_xml("TerminateClientVpnConnections", &inner))
    }

    /// The endpoint that a call names.
    fn endpoint(
        &self,
        inbound: &Inbound<'_>,
        form: &mut Query,
        name: &str,
    ) -> Result<String, Response<Bytes>> {
        let id = form.take(name).filter(|id| !id.is_empty()).ok_or_else(|| missing(name))?;
        let known = self.stage.instance(&id).is_some();
        if !known || inbound.fault == Some(Fault::TargetGone) {
            let message = format!("The specified Client VPN endpoint '{id}' cannot be found.");
            return Err(refusal_xml(400, "InvalidClientVpnEndpointId.NotFound", &message));
        }
        Ok(id)
    }
}

/// The id under which a client is listed.
fn connection_id(endpoint: &str, client: &LiveClient) -> String {
    let tail = endpoint.get(endpoint.len().saturating_sub(4)..).unwrap_or(endpoint);
    format!("cvpn-connection-0{tail}{:0>12}", client.id)
}

/// A connection as the list shows it.
fn shown(id: &str, record: &Record) -> String {
    let time = |at: SystemTime| {
        let text = humantime::format_rfc3339_seconds(at).to_string();
        text.replace('T', " ").trim_end_matches('Z').to_owned()
    };
    let client = &record.client;
    let address = client.address.rsplit_once(':').map_or(client.address.as_str(), |(ip, _)| ip);
    let status = match (record.ended, record.going) {
        (Some(_), _) => "terminated",
        (None, Some(_)) => "terminating",
        (None, None) => "active",
    };
    let fields = [
        element("clientVpnEndpointId", &record.endpoint),
        element("connectionId", id),
        element("username", &client.user),
        element("commonName", &format!("{}.clients.example", client.user)),
        element("connectionEstablishedTime", &time(record.began)),
        element("connectionEndTime", &record.ended.map_or_else(|| "-".to_owned(), time)),
        element("ingressBytes", "1024"),
        element("egressBytes", "2048"),
        element("clientIp", address),
        format!("<status>{}</status>", element("code", status)),
        "<postureComplianceStatusSet/>".to_owned(),
    ];
    format!("<item>{}</item>", fields.concat())
}

fn invalid(complaint: &str) -> Response<Bytes> {
    refusal_xml(400, "InvalidParameterValue", complaint)
}

fn missing(name: &str) -> Response<Bytes> {
    let message = format!("The request must contain the parameter {name}");
    refusal_xml(400, "MissingParameter", &message)
}

/// Two endpoints.
pub(super) fn scenery() -> Vec<Instance> {
    ["cvpn-endpoint-0a1b2c3d4e5f60001", "cvpn-endpoint-0a1b2c3d4e5f60002"]
        .map(|id| Instance::new(id, &[(id, "")]))
        .to_vec()
}
