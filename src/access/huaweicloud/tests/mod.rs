//! Logins, projects and signing against scripted answers.

mod calls;
mod logins;
mod settings;

use std::time::Duration;

use http::Method;
use serde_json::json;

use super::resolve::{Owner, Role, Source, User};
use super::settings::{AssumeRole, AssumeRoleWithOidc};
use super::sign::{Key, verify};
use super::*;
use crate::access::{Client, Secret};
use crate::wire::HttpError;
use crate::wire::testing::{Reply, World, never, nobody, reply};

const REGION: &str = "cn-north-4";

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn secret(text: &str) -> Option<Secret> {
    Some(Secret::new(text))
}

/// A key pair in a region.
fn key() -> Settings {
    Settings {
        region: some(REGION),
        access_key: some("AK"),
        secret_key: secret("SK"),
        ..Settings::default()
    }
}

fn key_in_project() -> Settings {
    Settings { project_id: some("p1"), ..key() }
}

fn password() -> Settings {
    Settings {
        region: some(REGION),
        user_name: some("user"),
        domain_name: some("account"),
        password: secret("hush"),
        ..Settings::default()
    }
}

fn call() -> Call {
    Call::new("ListClients", "dcs", Method::GET, "/v2/{project_id}/instances/i 1/clients")
        .query("limit", 10)
}

fn client(world: &Arc<World>, settings: &Settings) -> Client {
    let account = Account::new(settings, world.outside()).unwrap();
    Client::new(account.signer(None).unwrap(), world.outside())
}

fn ok() -> Reply {
    reply(200, &[("x-request-id", "r")], "{}")
}

fn refused(status: u16, code: &str, message: &str) -> Reply {
    reply(status, &[], &json!({"error_code": code, "error_msg": message}).to_string())
}

/// A token that ends in 24 hours after the world's beginning.
fn token(name: &str) -> Reply {
    let body = json!({"token": {
        "expires_at": "2026-01-03T03:04:05.123000Z",
        "project": {"id": "p2", "name": REGION},
    }});
    reply(201, &[("x-subject-token", name)], &body.to_string())
}

/// A temporary key in the words of IAM v3, ending one hour after the world's beginning.
fn temporary(name: &str) -> Reply {
    let body = json!({"credential": {
        "access": name, "secret": "TSK", "securitytoken": "ST",
        "expires_at": "2026-01-02T04:04:05.000000Z",
    }});
    reply(201, &[], &body.to_string())
}

fn projects(ids: &[&str]) -> Reply {
    let list: Vec<_> = ids.iter().map(|id| json!({"id": id, "name": REGION})).collect();
    reply(200, &[], &json!({"links": {}, "projects": list}).to_string())
}

fn header<'a>(request: &'a Request<Bytes>, name: &str) -> &'a str {
    request.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn body(request: &Request<Bytes>) -> serde_json::Value {
    serde_json::from_slice(request.body()).unwrap()
}

/// Whether a request carries a good signature of a key whose secret half is this.
fn is_signed(world: &World, request: &Request<Bytes>, access: &str, secret: &str) -> bool {
    let secret_of = |key: &str| (key == access).then(|| Secret::new(secret));
    verify(request, crate::wire::Clock::now(world), &secret_of).is_ok()
}
