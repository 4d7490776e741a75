//! Ways to log in, in a scripted world.

mod logins;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::json;

use super::{Account, Settings};
use crate::access::http::Account as _;
use crate::access::{Call, Client, Error, Given, Kind, SettingValue as Value};
use crate::wire::testing::{Reply, World, nobody, reply};

const KEY: [(&str, &str); 2] = [("access_key", "AKIA1"), ("secret_key", "s3cret")];
const ENVIRONMENT: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKIA2"), ("AWS_SECRET_ACCESS_KEY", "s3cret")];

fn texts(texts: &[(&str, &str)]) -> Vec<(String, Value)> {
    texts.iter().map(|(name, text)| ((*name).to_owned(), Value::Text((*text).to_owned()))).collect()
}

fn object(inner: &[(&str, &str)]) -> Value {
    Value::Object(Given(texts(inner).into_iter().collect()))
}

fn list(items: &[&str]) -> Value {
    Value::Texts(items.iter().map(|item| (*item).to_owned()).collect())
}

/// A block in Frankfurt with these texts and others.
fn block(given: &[(&str, &str)], more: Vec<(&str, Value)>) -> Given {
    let more = more.into_iter().map(|(name, value)| (name.to_owned(), value));
    let region = texts(&[("region", "eu-central-1")]);
    Given(region.into_iter().chain(texts(given)).chain(more).collect())
}

fn world(replies: Vec<Reply>, variables: &[(&'static str, &'static str)]) -> World {
    let mut world = World::new(replies);
    world.variables.extend(variables.iter().copied());
    world
}

/// An STS answer with this key.
fn assumed(operation: &str, key: &str, expiration: &str) -> Reply {
    let body = format!(
        "<{operation}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{operation}Result>\
         <Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>t&amp;mp</SecretAccessKey>\
         <SessionToken>tok+{key}==</SessionToken><Expiration>{expiration}</Expiration></Credentials>\
         </{operation}Result></{operation}Response>"
    );
    reply(200, &[], &body)
}

fn caller(account: &str) -> Reply {
    let body = format!(
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::{account}:user/o</Arn>\
         <UserId>U</UserId><Account>{account}</Account></GetCallerIdentityResult>\
         </GetCallerIdentityResponse>"
    );
    reply(200, &[], &body)
}

fn document(key: &str) -> String {
    json!({
        "Code": "Success", "AccessKeyId": key, "SecretAccessKey": "s3cret", "Token": "tok",
        "Expiration": "2026-01-02T09:04:05Z",
    })
    .to_string()
}

fn ok() -> Reply {
    reply(200, &[], "{}")
}

async fn call(client: &Client) -> Result<(), Error> {
    client.call(Call::new("DescribeSessions", "ssm", Method::POST, "/")).await.map(|_| ())
}

fn client(given: &Given, world: &Arc<World>) -> Result<Client, Error> {
    let account = Account::new(&Settings::new(given)?, world.outside())?;
    Ok(Client::new(account.signer(None)?, world.outside()))
}

/// One call with a block in a world: what came of it, and all requests.
async fn run(given: &Given, world: World) -> (Result<(), Error>, Vec<Request<Bytes>>) {
    let world = Arc::new(world);
    let result = match client(given, &world) {
        Ok(client) => call(&client).await,
        Err(error) => Err(error),
    };
    (result, world.requests())
}

/// The key that the last request was signed with.
fn signer(requests: &[Request<Bytes>]) -> String {
    let request = requests.last().expect("a request was sent");
    let header = request.headers()["authorization"].to_str().unwrap();
    let (_, rest) = header.split_once("Credential=").unwrap();
    rest.split('/').next().unwrap().to_owned()
}

fn body(request: &Request<Bytes>) -> String {
    String::from_utf8(request.body().to_vec()).unwrap()
}

fn url(request: &Request<Bytes>) -> String {
    request.uri().to_string()
}

const CONFIG: &str = "/home/user/.aws/config";
const CREDENTIALS: &str = "/home/user/.aws/credentials";
