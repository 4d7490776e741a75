//! The sandbox's door to AWS: signatures, scopes, and each product's words for a refusal.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Method, Request, Response};
use terraform_provider_session::access::Secret;
use terraform_provider_session::access::aws::sign::{Key, Scope, sign};
use terraform_provider_session::sandbox::{Sandbox, Setup, Switch, Trouble};
use terraform_provider_session::services::simulator::SteppedClock;
use terraform_provider_session::wire::Clock;

const CALLER: &str = "Action=GetCallerIdentity&Version=2011-06-15";
const LIST: &str = "Action=DescribeClientVpnConnections&Version=2016-11-15&\
                    ClientVpnEndpointId=cvpn-endpoint-0a1b2c3d4e5f60001";
const ROLE: &str = "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fsandbox";

struct Bench {
    sandbox: Sandbox,
    clock: Arc<SteppedClock>,
}

/// What a call is to.
#[derive(Clone, Copy)]
enum To {
    /// A product with JSON, by operation.
    Json(&'static str),
    /// One with forms.
    Form,
}

impl Bench {
    fn new() -> Bench {
        let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let clock = Arc::new(SteppedClock::at(noon));
        let sandbox = Sandbox::new(Setup::default(), Arc::clone(&clock) as Arc<dyn Clock>);
        Bench { sandbox, clock }
    }

    fn key(&self) -> Key {
        let account = self.sandbox.aws();
        let (access_key, secret_key) = (account.access_key.clone(), account.secret_key.clone());
        Key { access_key, secret_key, security_token: None }
    }

    fn answer(&self, request: &Request<Bytes>) -> (u16, String) {
        let response = self.sandbox.answer(request).response;
        (response.status().as_u16(), text(&response))
    }

    /// The answer to a call that is signed now for a product.
    fn ask(&self, to: To, body: &str, key: &Key, service: &str) -> (u16, String) {
        self.ask_in(to, body, key, service, "eu-central-1", Duration::ZERO)
    }

    fn ask_in(
        &self,
        to: To,
        body: &str,
        key: &Key,
        service: &str,
        region: &str,
        ago: Duration,
    ) -> (u16, String) {
        let mut request = call(to, body);
        let scope = Scope { region: region.to_owned(), service: service.to_owned() };
        sign(&mut request, key, &scope, self.clock.now() - ago).unwrap();
        self.answer(&request)
    }
}

fn text(response: &Response<Bytes>) -> String {
    String::from_utf8(response.body().to_vec()).unwrap()
}

fn call(to: To, body: &str) -> Request<Bytes> {
    let request = Request::builder().method(Method::POST).uri("http://127.0.0.1:1/");
    let request = match to {
        To::Json(operation) => request
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("AmazonSSM.{operation}")),
        To::Form => request.header("content-type", "application/x-www-form-urlencoded"),
    };
    request.body(Bytes::from(body.to_owned())).unwrap()
}

/// What stands in an element.
fn element(text: &str, name: &str) -> String {
    let (_, rest) = text.split_once(&format!("<{name}>")).unwrap();
    rest.split_once(&format!("</{name}>")).unwrap().0.to_owned()
}

const SESSIONS: To = To::Json("DescribeSessions");
const ACTIVE: &str = r#"{"State":"Active"}"#;

#[test]
fn a_good_signature_is_let_in_and_a_bad_one_is_refused_in_each_products_words() {
    let bench = Bench::new();
    let key = bench.key();
    let wrong = Key { secret_key: Secret::new("wrong"), ..key.clone() };
    let unknown = Key { access_key: "AKIANOBODY".into(), ..key.clone() };
    let token = Key { security_token: Some(Secret::new("made up")), ..key.clone() };
    for (to, body, service, codes) in [
        (
            SESSIONS,
            ACTIVE,
            "ssm",
            [
                "InvalidSignatureException",
                "UnrecognizedClientException",
                "InvalidSignatureException",
            ],
        ),
        (To::Form, LIST, "ec2", ["AuthFailure", "AuthFailure", "RequestExpired"]),
        (
            To::Form,
            CALLER,
            "sts",
            ["SignatureDoesNotMatch", "InvalidClientTokenId", "SignatureDoesNotMatch"],
        ),
    ] {
        assert_eq!(bench.ask(to, body, &key, service).0, 200, "{service}");
        let [mismatch, nobody, late] = codes;
        let six = Duration::from_secs(6 * 60);
        for (name, answer, code) in [
            ("wrong", bench.ask(to, body, &wrong, service), mismatch),
            ("unknown", bench.ask(to, body, &unknown, service), nobody),
            ("token", bench.ask(to, body, &token, service), nobody),
            ("elsewhere", bench.ask(to, body, &key, "iam"), mismatch),
            (
                "abroad",
                bench.ask_in(to, body, &key, service, "us-east-1", Duration::ZERO),
                mismatch,
            ),
            ("late", bench.ask_in(to, body, &key, service, "eu-central-1", six), late),
        ] {
            assert!(answer.0 >= 400 && answer.1.contains(code), "{service}, {name}: {answer:?}");
        }
        let unsigned = bench.answer(&call(to, body));
        assert!(unsigned.1.contains("is missing Authentication Token"), "{unsigned:?}");
    }
}

#[test]
fn what_no_page_allows_is_refused() {
    let bench = Bench::new();
    let key = bench.key();
    for (to, body, service, code) in [
        (To::Json("StartSession"), "{}", "ssm", "UnknownOperationException"),
        (SESSIONS, "{}", "ssm", "SerializationException"),
        (SESSIONS, "[", "ssm", "SerializationException"),
        (SESSIONS, r#"{"State":"Active","Filter":1}"#, "ssm", "SerializationException"),
        (SESSIONS, r#"{"State":"Alive"}"#, "ssm", "ValidationException"),
        (SESSIONS, r#"{"State":"Active","MaxResults":201}"#, "ssm", "ValidationException"),
        (SESSIONS, r#"{"State":"Active","NextToken":"x"}"#, "ssm", "InvalidNextToken"),
        (
            SESSIONS,
            r#"{"State":"Active","Filters":[{"key":"Node","value":"i"}]}"#,
            "ssm",
            "InvalidFilterKey",
        ),
        (
            SESSIONS,
            r#"{"State":"Active","Filters":[{"key":"Target","value":""}]}"#,
            "ssm",
            "ValidationException",
        ),
        (To::Json("TerminateSession"), r#"{"SessionId":""}"#, "ssm", "ValidationException"),
        (To::Form, "Action=RunInstances&Version=2016-11-15", "ec2", "InvalidAction"),
        (To::Form, &format!("{LIST}&MaxResults=4"), "ec2", "InvalidParameterValue"),
        (To::Form, &format!("{LIST}&Extra=1"), "ec2", "InvalidParameterValue"),
        (To::Form, &format!("{LIST}9"), "ec2", "InvalidClientVpnEndpointId.NotFound"),
        (
            To::Form,
            "Action=DescribeClientVpnConnections&Version=2016-11-15",
            "ec2",
            "MissingParameter",
        ),
        (To::Form, "Action=AssumeRole&Version=2011-06-15", "sts", "ValidationError"),
        (
            To::Form,
            "Action=AssumeRole&Version=2011-06-15&RoleArn=other&RoleSessionName=me",
            "sts",
            "AccessDenied",
        ),
    ] {
        let (status, answer) = bench.ask(to, body, &key, service);
        assert!(status >= 400 && answer.contains(code), "{body}: {answer}");
    }
}

#[test]
fn a_role_gives_a_key_that_ends_and_that_no_other_token_opens() {
    let bench = Bench::new();
    let assume = |key: &Key, more: &str| {
        let body = format!("Action=AssumeRole&Version=2011-06-15&{ROLE}&RoleSessionName=me{more}");
        bench.ask(To::Form, &body, key, "sts")
    };
    let given = assume(&bench.key(), "&DurationSeconds=900").1;
    let key = Key {
        access_key: element(&given, "AccessKeyId"),
        secret_key: Secret::new(element(&given, "SecretAccessKey")),
        security_token: Some(Secret::new(element(&given, "SessionToken"))),
    };
    let who = bench.ask(To::Form, CALLER, &key, "sts").1;
    assert_eq!(element(&who, "Arn"), "arn:aws:sts::123456789012:assumed-role/sandbox/me");
    let chained = assume(&key, "&DurationSeconds=7200");
    assert!(chained.1.contains("exceeds the 1 hour"), "{chained:?}");
    let alone = Key { security_token: None, ..key.clone() };
    assert!(bench.ask(SESSIONS, ACTIVE, &alone, "ssm").1.contains("UnrecognizedClientException"));
    assert_eq!(bench.ask(SESSIONS, ACTIVE, &key, "ssm").0, 200);
    bench.clock.step(Duration::from_secs(901));
    assert!(bench.ask(SESSIONS, ACTIVE, &key, "ssm").1.contains("ExpiredTokenException"));
    assert!(bench.ask(To::Form, LIST, &key, "ec2").1.contains("RequestExpired"));
}

#[test]
fn an_answer_has_its_id_in_header_and_document_and_metadata_ask_for_a_token() {
    let bench = Bench::new();
    let mut request = call(To::Form, LIST);
    let scope = Scope { region: "eu-central-1".to_owned(), service: "ec2".to_owned() };
    sign(&mut request, &bench.key(), &scope, bench.clock.now()).unwrap();
    let response = bench.sandbox.answer(&request).response;
    let id = response.headers()["x-amzn-requestid"].to_str().unwrap();
    assert_eq!(element(&text(&response), "requestId"), id);
    bench.sandbox.switch_on(Switch::new(Trouble::Throttle).times(1));
    assert!(bench.answer(&request).1.contains("RequestLimitExceeded"));

    let path = "http://169.254.169.254/latest/meta-data/iam/security-credentials/";
    let bare = Request::get(path).header("x-aws-ec2-metadata-token", "").body(Bytes::new());
    assert_eq!(bench.answer(&bare.unwrap()).0, 401);
    let container = Request::get("http://127.0.0.1:1/aws/credentials").body(Bytes::new());
    assert_eq!(bench.answer(&container.unwrap()).0, 401);
}
