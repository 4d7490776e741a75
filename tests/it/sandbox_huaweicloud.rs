//! What IAM, STS and a virtual machine's metadata hand out in the sandbox, and to whom.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use serde_json::{Value, json};
use terraform_provider_session::access::Secret;
use terraform_provider_session::access::huaweicloud::sign::{Key, sign};
use terraform_provider_session::sandbox::Setup;
use terraform_provider_session::wire::Clock;

use crate::joined::Joined;

const KEYS: &str = "/v3.0/OS-CREDENTIAL/securitytokens";
const IAM: &str = "https://iam.cn-north-4.myhuaweicloud.com";
const STS: &str = "https://sts.cn-north-4.myhuaweicloud.com";
const MACHINE: &str = "http://169.254.169.254";
const NODES: &str = "https://dcs.cn-north-4.myhuaweicloud.com/v2/0123456789abcdef0123456789abcdef/\
                     instances/9a2d6a3e-0000-4000-8000-000000000003/logical-nodes";
const DOMAIN: &str = "fedcba9876543210fedcba9876543210";

fn request(method: Method, uri: &str, headers: &[(&str, &str)], body: &Value) -> Request<Bytes> {
    let mut request =
        Request::builder().method(method).uri(uri).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if body.is_null() { String::new() } else { body.to_string() };
    request.body(Bytes::from(body)).unwrap()
}

fn answer(joined: &Joined, request: &Request<Bytes>) -> Response<Bytes> {
    joined.sandbox.answer(request).response
}

fn body(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap_or_default()
}

fn own(joined: &Joined) -> Key {
    let account = joined.sandbox.account();
    let (access_key, secret_key) = (account.access_key.clone(), account.secret_key.clone());
    Key { access_key, secret_key, security_token: None }
}

fn signed(joined: &Joined, mut request: Request<Bytes>, key: &Key) -> Response<Bytes> {
    sign(&mut request, key, joined.clock.now()).unwrap();
    answer(joined, &request)
}

/// Status and code of a call to a service.
fn verdict(joined: &Joined, key: &Key) -> (u16, String) {
    let response = signed(joined, request(Method::GET, NODES, &[], &Value::Null), key);
    let code = body(&response)["error_code"].as_str().unwrap_or_default().to_owned();
    (response.status().as_u16(), code)
}

/// A temporary key in the words of IAM or of STS.
fn key(credential: &Value) -> Key {
    let text = |names: [&str; 2]| {
        let found = names.iter().find_map(|name| credential[name].as_str());
        found.unwrap_or_else(|| panic!("{names:?} in {credential}")).to_owned()
    };
    Key {
        access_key: text(["access", "access_key_id"]),
        secret_key: Secret::new(text(["secret", "secret_access_key"])),
        security_token: Some(Secret::new(text(["securitytoken", "security_token"]))),
    }
}

fn by_agency(agency: &str, seconds: u64) -> Value {
    let role =
        json!({ "agency_name": agency, "domain_name": "sandbox", "duration_seconds": seconds });
    json!({ "auth": { "identity": { "methods": ["assume_role"], "assume_role": role } } })
}

fn by_urn(agency: &str, seconds: u64) -> Value {
    json!({
        "agency_urn": format!("iam::{DOMAIN}:agency:{agency}"), "agency_session_name": "it",
        "duration_seconds": seconds,
    })
}

fn assumed(joined: &Joined, with: &Key) -> [Key; 2] {
    let iam = request(Method::POST, &format!("{IAM}{KEYS}"), &[], &by_agency("sandbox", 900));
    let iam = signed(joined, iam, with);
    assert_eq!(iam.status(), 201);
    let sts =
        request(Method::POST, &format!("{STS}/v5/agencies/assume"), &[], &by_urn("sandbox", 900));
    let sts = signed(joined, sts, with);
    assert_eq!(sts.status(), 200);
    [key(&body(&iam)["credential"]), key(&body(&sts)["credentials"])]
}

#[test]
fn an_agencys_key_is_good_with_its_own_token_until_it_ends() {
    let joined = Joined::new(Setup::default());
    let [one, other] = assumed(&joined, &own(&joined));
    let wrong = (401, "APIGW.0301".to_owned());
    for (key, another) in [(&one, &other), (&other, &one)] {
        assert_eq!(verdict(&joined, key).0, 200);
        let without = Key { security_token: None, ..key.clone() };
        assert_eq!(verdict(&joined, &without), wrong, "no token");
        let mixed = Key { security_token: another.security_token.clone(), ..key.clone() };
        assert_eq!(verdict(&joined, &mixed), wrong, "another key's token");
        let unsigned = Key { secret_key: Secret::new("wrong"), ..key.clone() };
        assert_eq!(verdict(&joined, &unsigned), wrong, "another secret");
    }
    let with_token = Key { security_token: one.security_token.clone(), ..own(&joined) };
    assert_eq!(verdict(&joined, &with_token), wrong, "the account's key has no token");
    joined.clock.step(Duration::from_secs(899));
    assert_eq!(verdict(&joined, &one).0, 200);
    joined.clock.step(Duration::from_secs(1));
    assert_eq!(verdict(&joined, &one), wrong);
    let call = request(Method::GET, NODES, &[], &Value::Null);
    let told = body(&signed(&joined, call, &one));
    assert!(told["error_msg"].as_str().unwrap().contains("expired"), "{told}");
}

#[test]
fn keys_of_an_agency_take_on_the_next_for_an_hour_at_most_and_say_who_they_are() {
    let joined = Joined::new(Setup::default());
    let [first, _] = assumed(&joined, &own(&joined));
    let [_, second] = assumed(&joined, &first);
    assert_eq!(verdict(&joined, &second).0, 200);
    let assume = |key: &Key, seconds| {
        let uri = format!("{STS}/v5/agencies/assume");
        let call = request(Method::POST, &uri, &[], &by_urn("sandbox-next", seconds));
        signed(&joined, call, key).status().as_u16()
    };
    assert_eq!([assume(&own(&joined), 43_200), assume(&own(&joined), 43_201)], [200, 400]);
    assert_eq!([assume(&first, 3600), assume(&first, 3601)], [200, 400]);
    for (key, urn) in [
        (own(&joined), format!("iam::{DOMAIN}:user:operator")),
        (second, format!("sts::{DOMAIN}:assumed-agency:sandbox")),
    ] {
        let uri = format!("{STS}/v5/caller-identity");
        let told = body(&signed(&joined, request(Method::GET, &uri, &[], &Value::Null), &key));
        assert_eq!((&told["account_id"], &told["principal_urn"]), (&json!(DOMAIN), &json!(urn)));
    }
}

#[test]
fn what_makes_no_sense_is_refused_in_the_words_of_each_service() {
    let joined = Joined::new(Setup::default());
    let mut no_domain = by_agency("sandbox", 900);
    no_domain["auth"]["identity"]["assume_role"]["domain_name"].take();
    let mut two_ways = by_agency("sandbox", 900);
    two_ways["auth"]["identity"]["token"] = json!({ "id": "x" });
    let token = json!({ "auth": { "identity": { "methods": ["token"], "token": { "id": "x" } } } });
    let mut no_name = by_urn("sandbox", 900);
    no_name["agency_session_name"] = json!("");
    let assume = "/v5/agencies/assume";
    for (host, path, body_sent, status) in [
        (IAM, KEYS, by_agency("other", 900), 404),
        (IAM, KEYS, by_agency("sandbox", 899), 400),
        (IAM, KEYS, by_agency("sandbox", 86_401), 400),
        (IAM, KEYS, no_domain, 400),
        (IAM, KEYS, two_ways, 400),
        (IAM, KEYS, token, 401),
        (IAM, KEYS, json!({}), 400),
        (STS, assume, by_urn("other", 900), 404),
        (STS, assume, by_urn("sandbox", 899), 400),
        (STS, assume, no_name, 400),
        (STS, assume, json!({}), 400),
    ] {
        let call = request(Method::POST, &format!("{host}{path}"), &[], &body_sent);
        let response = signed(&joined, call.clone(), &own(&joined));
        assert_eq!(response.status(), status, "{body_sent}");
        let told = body(&response);
        let words = if host == IAM { &told["error"]["message"] } else { &told["error_msg"] };
        assert!(words.is_string(), "{told}");
        assert_eq!(answer(&joined, &call).status(), 401, "unsigned");
    }
    for (host, path) in [(STS, KEYS), (IAM, assume)] {
        let call = request(Method::POST, &format!("{host}{path}"), &[], &by_urn("sandbox", 900));
        let status = signed(&joined, call, &own(&joined)).status();
        assert!(status == 403 || status == 404, "{host} has no {path}: {status}");
    }
}

#[test]
fn an_id_token_becomes_a_token_and_that_a_key() {
    let joined = Joined::new(Setup::default());
    let ask = |idp: &str, token: &str, scope: Value| {
        let mut auth = json!({ "id_token": { "id": token } });
        if !scope.is_null() {
            auth["scope"] = scope;
        }
        let uri = format!("{IAM}/v3.0/OS-AUTH/id-token/tokens");
        let headers = [("x-idp-id", idp)];
        answer(&joined, &request(Method::POST, &uri, &headers, &json!({ "auth": auth })))
    };
    let project = json!({ "project": { "name": "cn-north-4" } });
    for (idp, token, scope, status) in [
        ("other", "sandbox-id-token", Value::Null, 404),
        ("sandbox", "forged", Value::Null, 401),
        ("sandbox", "sandbox-id-token", json!({ "project": { "name": "elsewhere" } }), 401),
    ] {
        assert_eq!(ask(idp, token, scope).status(), status, "{idp} {token}");
    }
    for (scope, status) in [(Value::Null, 403), (project, 200)] {
        let response = ask("sandbox", "sandbox-id-token", scope);
        assert_eq!(response.status(), 201);
        let token = response.headers()["x-subject-token"].to_str().unwrap();
        let with_token = [("x-auth-token", token)];
        let call = request(Method::GET, NODES, &with_token, &Value::Null);
        assert_eq!(answer(&joined, &call).status(), status, "a service wants a project's token");
        let identity = json!({ "methods": ["token"], "token": { "duration_seconds": 900 } });
        let body_sent = json!({ "auth": { "identity": identity } });
        let call = request(Method::POST, &format!("{IAM}{KEYS}"), &with_token, &body_sent);
        let given = answer(&joined, &call);
        assert_eq!(verdict(&joined, &key(&body(&given)["credential"])).0, 200);
    }
}

#[test]
fn a_machines_metadata_want_a_token_first() {
    let joined = Joined::new(Setup::default());
    let token_path = format!("{MACHINE}/meta-data/latest/api/token");
    let key_path = format!("{MACHINE}/openstack/latest/securitykey");
    let token = |ttl: &str| {
        let headers = [("x-metadata-token-ttl-seconds", ttl)];
        let response = answer(&joined, &request(Method::PUT, &token_path, &headers, &Value::Null));
        (response.status().as_u16(), String::from_utf8(response.body().to_vec()).unwrap())
    };
    assert_eq!([token("0").0, token("21601").0, token("soon").0], [400, 400, 400]);
    let (status, good) = token("60");
    assert_eq!(status, 200);
    let ask = |token: &str| {
        let headers = [("x-metadata-token", token)];
        answer(&joined, &request(Method::GET, &key_path, &headers, &Value::Null))
    };
    assert_eq!([ask("forged").status(), ask("").status()], [401, 401]);
    assert_eq!(verdict(&joined, &key(&body(&ask(&good))["credential"])).0, 200);
    joined.clock.step(Duration::from_secs(60));
    assert_eq!(ask(&good).status(), 401);
    let mut account = joined.sandbox.account().clone();
    account.agencies.clear();
    let joined = Joined::new(Setup { account, ..Setup::default() });
    let headers = [("x-metadata-token-ttl-seconds", "60")];
    let token = answer(&joined, &request(Method::PUT, &token_path, &headers, &Value::Null));
    let token = String::from_utf8(token.body().to_vec()).unwrap();
    let headers = [("x-metadata-token", token.as_str())];
    let none = answer(&joined, &request(Method::GET, &key_path, &headers, &Value::Null));
    assert!(String::from_utf8_lossy(none.body()).contains("Cloud Service Agency"));
}

#[test]
fn a_login_is_exactly_what_the_page_says() {
    let joined = Joined::new(Setup::default());
    let user = json!({ "name": "operator", "password": "sandbox-password", "domain": { "name": "sandbox" } });
    let login = |user: &Value, scope: Value| {
        let identity = json!({ "methods": ["password"], "password": { "user": user } });
        json!({ "auth": { "identity": identity, "scope": scope } })
    };
    let project = json!({ "project": { "name": "cn-north-4" } });
    let with = |name: &str, value: Value| {
        let mut user = user.clone();
        user[name] = value;
        user
    };
    let good = login(&user, project.clone());
    let ask = |path: &str, kind: &str, body: &Value| {
        let body = Bytes::from(body.to_string());
        let request = Request::post(format!("{IAM}{path}")).header("content-type", kind);
        answer(&joined, &request.body(body).unwrap()).status().as_u16()
    };
    const PATH: &str = "/v3/auth/tokens";
    const JSON: &str = "application/json";
    assert_eq!(ask(PATH, JSON, &good), 201);
    assert_eq!(ask(&format!("{PATH}?nocatalog=true"), JSON, &good), 201);
    assert_eq!(ask(&format!("{PATH}?catalog=no"), JSON, &good), 400);
    assert_eq!(ask(PATH, "text/plain", &good), 400);
    for (why, body) in [
        ("two ways to name a user", login(&with("id", "x".into()), project.clone())),
        ("a field that is none", login(&with("pass_word", "x".into()), project.clone())),
        (
            "project and domain",
            login(
                &user,
                json!({ "project": { "name": "cn-north-4" }, "domain": { "name": "sandbox" } }),
            ),
        ),
        ("a scope of nothing", login(&user, json!({}))),
        ("a scope misspelt", login(&user, json!({ "projects": { "name": "cn-north-4" } }))),
    ] {
        assert_eq!(ask(PATH, JSON, &body), 400, "{why}");
    }
}

#[test]
fn only_the_accounts_region_and_its_domain_are_served() {
    let joined = Joined::new(Setup::default());
    for (host, status) in [
        ("dcs.cn-north-4.myhuaweicloud.com", 200),
        ("dcs.eu-west-0.myhuaweicloud.com", 404),
        ("dcs.cn-north-4.myhuaweicloud.eu", 404),
        ("dcs.cn-north-4.example.com", 404),
        ("ecs.cn-north-4.myhuaweicloud.com", 404),
    ] {
        let path = NODES.strip_prefix("https://dcs.cn-north-4.myhuaweicloud.com").unwrap();
        let uri = format!("https://{host}{path}");
        let request = request(Method::GET, &uri, &[], &Value::Null);
        assert_eq!(signed(&joined, request, &own(&joined)).status().as_u16(), status, "{host}");
    }
}

#[test]
fn the_oldest_token_is_forgotten_first() {
    let joined = Joined::new(Setup::default());
    let token = || {
        let ttl = [("x-metadata-token-ttl-seconds", "21600")];
        let uri = format!("{MACHINE}/meta-data/latest/api/token");
        let given = answer(&joined, &request(Method::PUT, &uri, &ttl, &Value::Null));
        String::from_utf8(given.body().to_vec()).unwrap()
    };
    let first = token();
    (0..9_999).for_each(|_| drop(token()));
    let last = token();
    let status = |token: &str| {
        let uri = format!("{MACHINE}/openstack/latest/securitykey");
        let header = [("x-metadata-token", token)];
        answer(&joined, &request(Method::GET, &uri, &header, &Value::Null)).status().as_u16()
    };
    assert_eq!((status(&first), status(&last)), (401, 200));
}
