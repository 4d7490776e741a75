use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::api::PAGE;
use super::*;
use crate::services::simulator::bench::{Bench, all_pages, ids};
use crate::services::simulator::{Clients, Fault, Instance, LiveClient, Memory, Stage};
use crate::services::{Batch, Error, Field, Node, Session, SessionId, Sight, Submission, Which};

const TARGET: &[(&str, &str)] = &[("endpoint_id", "cvpn-1")];

fn bench_of(clients: usize) -> (Bench, Arc<Mutex<Memory>>) {
    let mut memory = Memory::new().with("cvpn-2", client(7));
    for number in 1..=clients {
        memory.connect("cvpn-1", client(number));
    }
    let memory = memory.shared();
    let instances = ["cvpn-1", "cvpn-2"].map(|id| Instance::new(id, &[(id, "")])).to_vec();
    let stage = Stage::new(instances, Arc::clone(&memory) as Arc<Mutex<dyn Clients>>);
    (Bench::new(&SERVICE, stage), memory)
}

fn client(number: usize) -> LiveClient {
    LiveClient {
        id: number.to_string(),
        address: format!("172.16.{}.{}:1194", number / 250, number % 250),
        user: "alice".into(),
        age: 90,
        ..LiveClient::default()
    }
}

fn id(number: usize) -> SessionId {
    SessionId(format!("cvpn-connection-0pn-1{number:0>12}"))
}

async fn kill(bench: &Bench, id: &SessionId) -> Result<Submission, Error> {
    let (node, ids) = (Node::whole(), [id.clone()]);
    bench.sessions(TARGET).terminate(Batch { node: Some(&node), which: Which::These(&ids) }).await
}

fn list(items: &str) -> String {
    answer("DescribeClientVpnConnections", &format!("<connections>{items}</connections>"))
}

fn answer(operation: &str, inner: &str) -> String {
    format!(
        "<{operation}Response xmlns=\"http://ec2/\"><requestId>r</requestId>{inner}</{operation}Response>"
    )
}

fn refusal(code: &str) -> String {
    format!(
        "<Response><Errors><Error><Code>{code}</Code><Message>m</Message></Error></Errors>\
         <RequestID>r</RequestID></Response>"
    )
}

#[tokio::test]
async fn a_connection_tells_what_the_list_tells() {
    let (bench, _) = bench_of(1);
    let found = all_pages(&*bench.sessions(TARGET), &Node::whole()).await;
    let text = |text: &str| Field::Text(text.into());
    let expected = [
        ("client_address", text("172.16.0.1")),
        ("user", text("alice")),
        ("age_seconds", Field::Integer(90)),
        ("common_name", text("alice.clients.example")),
        ("status", text("active")),
        ("established_at", text("2023-11-14 22:11:50")),
        ("ingress_bytes", Field::Integer(1024)),
        ("egress_bytes", Field::Integer(2048)),
    ];
    assert_eq!((found.len(), &found[0].id), (1, &id(1)));
    assert_eq!(found[0].fields, expected.into());
    let (method, path, body) = bench.requests().remove(0);
    assert_eq!((method.as_str(), path.as_str()), ("POST", "/"));
    assert_eq!(
        body,
        "Action=DescribeClientVpnConnections&Version=2016-11-15&ClientVpnEndpointId=cvpn-1&\
         MaxResults=1000"
    );
}

#[tokio::test]
async fn without_a_user_the_certificate_says_who_it_is_and_a_strange_time_is_not_told() {
    let (bench, _) = bench_of(0);
    let item = |inner: &str| format!("<item><connectionId>c</connectionId>{inner}</item>");
    for (inner, user, age) in [
        ("<username/><commonName>x.example</commonName>", Some("x.example"), None),
        ("<username>u</username><commonName>x</commonName>", Some("u"), None),
        (
            "<connectionEstablishedTime>2023-11-14 22:13:10</connectionEstablishedTime>",
            None,
            Some(10),
        ),
        (
            "<connectionEstablishedTime>2023-11-14T22:13:10Z</connectionEstablishedTime>",
            None,
            Some(10),
        ),
        ("<connectionEstablishedTime>yesterday</connectionEstablishedTime>", None, None),
        ("<connectionEstablishedTime>-</connectionEstablishedTime>", None, None),
    ] {
        bench.can(200, &list(&item(inner)));
        let page = bench.sessions(TARGET).list(&Node::whole(), None, None).await.unwrap();
        let fields = &page.sessions[0].fields;
        let text = user.map(|user| Field::Text(user.into()));
        assert_eq!(fields.get("user"), text.as_ref(), "{inner}");
        assert_eq!(fields.get("age_seconds"), age.map(Field::Integer).as_ref(), "{inner}");
    }
}

#[tokio::test]
async fn who_is_going_is_there_until_he_is_gone_and_who_is_gone_is_not() {
    let (bench, memory) = bench_of(2);
    let sessions = bench.sessions(TARGET);
    let whole = Node::whole();
    kill(&bench, &id(1)).await.unwrap();
    let found = all_pages(&*sessions, &whole).await;
    assert_eq!(ids(&found), [id(1), id(2)]);
    assert_eq!(found[0].fields.get("status"), Some(&Field::Text("terminating".into())));
    bench.clock.step(Duration::from_secs(2));
    assert_eq!(ids(&all_pages(&*sessions, &whole).await), [id(2)]);
    assert_eq!(memory.lock().unwrap().killed(), [("cvpn-1".to_owned(), "1".to_owned())]);
    let gone = Session { id: id(1), ..Session::default() };
    assert!(sessions.can_find() && sessions.find(&whole, &gone).await.unwrap().is_empty());
    let here = Session { id: id(2), ..Session::default() };
    assert_eq!(ids(&sessions.find(&whole, &here).await.unwrap()), [id(2)]);
    // What "cannot be found" may be the endpoint or the connection.
    assert_eq!(kill(&bench, &id(1)).await.unwrap_err().kind, Kind::Ambiguous);
}

#[tokio::test]
async fn a_long_list_goes_on_at_its_token() {
    let (bench, _) = bench_of(2 * PAGE + 1);
    let found = all_pages(&*bench.sessions(TARGET), &Node::whole()).await;
    assert_eq!((found.len(), bench.requests().len()), (2 * PAGE + 1, 3));
}

#[tokio::test]
async fn an_answer_that_is_not_the_pages_is_not_believed() {
    let (bench, _) = bench_of(1);
    let sessions = bench.sessions(TARGET);
    for body in [
        "",
        "{}",
        "<html/>",
        "<DescribeClientVpnConnectionsResponse/>",
        "<DescribeClientVpnConnectionsResponse><connections/></DescribeClientVpnConnectionsResponse>",
        &answer("TerminateClientVpnConnections", ""),
        &list("<item/>"),
        &list("<item><connectionId/></item>"),
        &list("<item><connectionId>a</connectionId><ingressBytes>lots</ingressBytes>"),
    ] {
        bench.can(200, body);
        let error = sessions.list(&Node::whole(), None, None).await.unwrap_err();
        assert_eq!(error.kind, Kind::Malformed, "{body}");
    }
    bench.can(200, &list(""));
    assert!(sessions.list(&Node::whole(), None, None).await.unwrap().sessions.is_empty());
    for (status, code, kind) in [
        (400, "InvalidClientVpnEndpointId.NotFound", Kind::TargetGone),
        (400, "InvalidClientVpnConnection.IdNotFound", Kind::Ambiguous),
        (400, "InvalidClientVpnActiveAssociationNotFound", Kind::Ambiguous),
        (503, "RequestLimitExceeded", Kind::Throttled),
        (403, "UnauthorizedOperation", Kind::Permission),
        (400, "RequestExpired", Kind::Credentials),
        (401, "AuthFailure", Kind::Credentials),
        (400, "InvalidParameterValue", Kind::BadRequest),
        (503, "Unavailable", Kind::Unavailable),
    ] {
        // What refuses a key once is not asked again.
        let (bench, _) = bench_of(1);
        bench.can(status, &refusal(code));
        assert_eq!(kill(&bench, &id(1)).await.unwrap_err().kind, kind, "{code}");
    }
    bench.can(400, &refusal("InvalidClientVpnConnection.UserNotFound"));
    assert_eq!(kill(&bench, &id(1)).await.unwrap().outcome.already_gone, [id(1)]);
}

#[tokio::test]
async fn a_connection_that_could_not_be_ended_may_be_asked_for_again() {
    let (bench, _) = bench_of(1);
    bench.fault(Fault::Refuses);
    let error = kill(&bench, &id(1)).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (Kind::Busy, Some("failed-to-terminate")));
    let item = format!(
        "<connectionStatuses><item><connectionId>{}</connectionId><currentStatus><code>\
         failed-to-terminate</code><message>busy &amp; late</message></currentStatus></item>\
         </connectionStatuses>",
        id(1)
    );
    bench.can(200, &answer("TerminateClientVpnConnections", &item));
    assert_eq!(kill(&bench, &id(1)).await.unwrap_err().message, "busy & late");
}

#[tokio::test]
async fn an_endpoint_is_seen_by_itself_or_by_a_connection() {
    let (bench, memory) = bench_of(1);
    assert_eq!(bench.sessions(TARGET).sight().await.unwrap(), Sight::Seen);
    let nobody = bench.sessions(&[("endpoint_id", "cvpn-3")]).sight().await.unwrap();
    assert!(matches!(nobody, Sight::Absent(error) if error.kind == Kind::TargetGone));
    let look = |inner: &str| {
        let inner = format!("<clientVpnEndpoint>{inner}</clientVpnEndpoint>");
        answer("DescribeClientVpnEndpoints", &inner)
    };
    let own = "<item><clientVpnEndpointId>cvpn-1</clientVpnEndpointId><status><code>deleted</code>\
               </status></item>";
    for inner in ["", own, "<item><clientVpnEndpointId>cvpn-9</clientVpnEndpointId></item>"] {
        bench.can(200, &look(inner));
        assert!(matches!(bench.sessions(TARGET).sight().await, Ok(Sight::Absent(_))), "{inner}");
    }
    bench.can(403, &refusal("UnauthorizedOperation"));
    assert_eq!(bench.sessions(TARGET).sight().await.unwrap(), Sight::Seen, "somebody is on it");
    memory.lock().unwrap().disconnect("cvpn-1", "1");
    bench.can(403, &refusal("UnauthorizedOperation"));
    assert!(matches!(bench.sessions(TARGET).sight().await, Ok(Sight::Unproven(_))));
    for target in [&[("endpoint_id", "")][..], &[]] {
        let error = bench.sessions(target).sight().await.unwrap_err();
        assert_eq!(error.kind, Kind::BadRequest);
    }
}
