//! `terraform-provider-session sandbox`: the sandbox as a command.
//!
//! A program that reads standard output gets one JSON object in the first line, a person at a
//! terminal the instances there are; both get a provider block. Every call is a line on standard
//! error.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::alicloud;
use super::faults::Switch;
use super::redis::Redis;
use super::server;
use super::setup::Setup;
use super::world::{Happening, Sandbox};
use crate::access::Secret;
use crate::services::simulated;
use crate::wire::https::SystemClock;
use crate::wire::printable::clean;

const USAGE: &str = "\
The clouds' APIs on this machine, to try the provider without an account.

Usage: terraform-provider-session sandbox [OPTIONS]

  --listen ADDRESS:PORT  where to listen, on loopback (127.0.0.1:0, a free port)
  --redis [SERVICE=]URL  Redis on this machine that backs the Redis instances of all services, or
                         of SERVICE; repeatable
  --clients NUMBER       clients in memory on every other node (3)
  --job DURATION         how long asynchronous jobs take (2s)
  --fault NAME[:OPERATION[:COUNT]]
                         something that goes wrong, like throttle:clients/kill:2; repeatable
";

/// What the command line asks for.
#[derive(Debug)]
struct Options {
    listen: SocketAddr,
    setup: Setup,
    faults: Vec<Switch>,
}

/// Runs the sandbox until it is interrupted. `arguments` are those after `sandbox`.
pub async fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let options = match parse(arguments) {
        Ok(Some(options)) => options,
        Ok(None) => return told(&mut io::stdout(), USAGE, ExitCode::SUCCESS),
        Err(complaint) => {
            let text = format!("{complaint}\n\n{USAGE}");
            return told(&mut io::stderr(), &text, ExitCode::from(2));
        }
    };
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => told(&mut io::stderr(), &format!("{reason}\n"), ExitCode::FAILURE),
    }
}

fn told(to: &mut dyn Write, text: &str, code: ExitCode) -> ExitCode {
    // Who has closed standard output does not want to be told.
    let _ = to.write_all(text.as_bytes());
    code
}

fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Options>, String> {
    use lexopt::prelude::{Long, Short, Value, ValueExt};
    let mut options = Options {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        setup: Setup::default(),
        faults: Vec::new(),
    };
    let mut parser = lexopt::Parser::from_args(arguments);
    let complaint = |reason: lexopt::Error| reason.to_string();
    while let Some(argument) = parser.next().map_err(complaint)? {
        match argument {
            Long("listen") => {
                options.listen = parser.value().and_then(|it| it.parse()).map_err(complaint)?;
            }
            Long("redis") => {
                let url = parser.value().and_then(|it| it.string()).map_err(complaint)?;
                redis(&mut options.setup, &url)?;
            }
            Long("clients") => {
                options.setup.clients =
                    parser.value().and_then(|it| it.parse()).map_err(complaint)?;
            }
            Long("job") => {
                let text = parser.value().and_then(|it| it.string()).map_err(complaint)?;
                options.setup.job = duration(&text)?;
            }
            Long("fault") => {
                let text = parser.value().and_then(|it| it.string()).map_err(complaint)?;
                options.faults.push(Switch::parse(&text)?);
            }
            Long("help") | Short('h') => return Ok(None),
            other @ (Long(_) | Short(_) | Value(_)) => {
                return Err(complaint(other.unexpected()));
            }
        }
    }
    Ok(Some(options))
}

/// A Redis behind everything, or behind one service.
fn redis(setup: &mut Setup, text: &str) -> Result<(), String> {
    let own = text.split_once('=').filter(|(name, _)| !name.contains(':'));
    let Some((service, url)) = own else {
        setup.redis = Some(Redis::at(text)?);
        return Ok(());
    };
    let mut known = simulated().filter(|one| (one.scene().scenery)().iter().any(|one| one.redis));
    if !known.any(|one| one.spec.name == service) {
        return Err(format!("no Redis can stand behind `{service}`"));
    }
    setup.redis_of.insert(service.to_owned(), Redis::at(url)?);
    Ok(())
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|reason| format!("`{text}`: {reason}"))
}

async fn run(options: Options) -> io::Result<()> {
    let listener = server::bind(options.listen).await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let sandbox = Sandbox::new(options.setup, Arc::new(SystemClock));
    let sandbox = Arc::new(sandbox.watched(|happening| {
        told(&mut io::stderr(), &progress(happening), ExitCode::SUCCESS);
    }));
    options.faults.into_iter().for_each(|fault| sandbox.switch_on(fault));

    let mut stdout = io::stdout();
    let first = if stdout.is_terminal() {
        welcome(&sandbox, &endpoint)
    } else {
        description(&sandbox, &endpoint).to_string()
    };
    let greeting = format!("{first}\n\n{}\n", block(&sandbox, &endpoint));
    stdout.write_all(greeting.as_bytes())?;
    stdout.flush()?;

    let stop = CancellationToken::new();
    tokio::select! {
        served = server::serve(sandbox, listener, stop) => served,
        signal = tokio::signal::ctrl_c() => signal,
    }
}

/// What a person needs to use the sandbox, beside the provider block.
fn welcome(sandbox: &Sandbox, endpoint: &str) -> String {
    let mut text = format!(
        "The clouds of this sandbox are at {endpoint} until you press Ctrl-C. No real one is asked.\n\n\
         Instances, by service:\n"
    );
    for (spec, instances) in sandbox.scenery() {
        let mut name = spec.name;
        for instance in instances {
            let nodes = match instance.nodes.len() {
                1 => "1 node".to_owned(),
                more => format!("{more} nodes"),
            };
            text.push_str(&format!("  {name:<28}{:<38}{nodes}\n", instance.id));
            name = "";
        }
    }
    text.push_str("\nTo copy into a configuration:");
    text
}

/// All that a program needs to use the sandbox.
pub fn description(sandbox: &Sandbox, endpoint: &str) -> serde_json::Value {
    let account = sandbox.account();
    let instances: Vec<serde_json::Value> = sandbox
        .scenery()
        .iter()
        .flat_map(|(spec, instances)| instances.iter().map(move |instance| (spec.name, instance)))
        .map(|(service, instance)| {
            let nodes: Vec<&str> = instance.nodes.iter().map(|(id, _)| id.as_str()).collect();
            json!({ "service": service, "instance_id": instance.id, "nodes": nodes })
        })
        .collect();
    let endpoints = |cloud| -> BTreeMap<&str, &str> {
        products(sandbox, cloud).into_iter().map(|product| (product, endpoint)).collect()
    };
    let (alicloud, aws) = (sandbox.alicloud(), sandbox.aws());
    json!({
        "endpoint": endpoint,
        "credentials": key(account.access_key.as_str(), &account.secret_key),
        "region": account.region,
        "project_id": account.project_id,
        "huaweicloud": {
            "credentials": key(account.access_key.as_str(), &account.secret_key),
            "region": account.region,
            "project_id": account.project_id,
            "domain_id": account.domain_id,
            "domain_name": account.domain_name,
            "user_name": account.user_name,
            "password": account.password.reveal(),
            "agencies": account.agencies,
            "idp_id": account.idp_id,
            "id_token": account.id_token.reveal(),
            "endpoints": endpoints("huaweicloud"),
        },
        "alicloud": {
            "credentials": key(alicloud.access_key.as_str(), &alicloud.secret_key),
            "region": alicloud.region,
            "endpoints": endpoints("alicloud"),
            "credentials_uri": format!("{endpoint}{}", alicloud::CREDENTIALS),
            "role_arn": alicloud.role_arn(),
            "oidc_provider_arn": alicloud.oidc_provider_arn(),
            "oidc_token": alicloud.oidc_token.reveal(),
        },
        "aws": {
            "credentials": key(aws.access_key.as_str(), &aws.secret_key),
            "region": aws.region,
            "account_id": aws.account_id,
            "endpoints": endpoints("aws"),
            "role_arn": aws.role_arn(),
            "web_identity_token": aws.web_identity_token.reveal(),
        },
        "instances": instances,
    })
}

fn key(access_key: &str, secret_key: &Secret) -> serde_json::Value {
    json!({ "access_key": access_key, "secret_key": secret_key.reveal() })
}

/// The products of a cloud that are played, in order; those that say who is who come last.
fn products(sandbox: &Sandbox, cloud: &str) -> Vec<&'static str> {
    let specs = sandbox.scenery().iter().map(|(spec, _)| *spec);
    let mut products: Vec<&str> =
        specs.filter(|spec| spec.platform == cloud).map(|spec| spec.product).collect();
    products.dedup();
    products.extend(sandbox.login(cloud).into_iter().flat_map(|login| login.identity));
    products
}

/// A provider block that leads every product of every cloud to the sandbox.
pub fn block(sandbox: &Sandbox, endpoint: &str) -> String {
    let mut clouds: Vec<&str> = sandbox.scenery().iter().map(|(spec, _)| spec.platform).collect();
    clouds.sort_unstable();
    clouds.dedup();
    let mut text = String::from("provider \"session\" {\n");
    for cloud in clouds {
        let Some(login) = sandbox.login(cloud) else { continue };
        let endpoints: Vec<String> = products(sandbox, cloud)
            .iter()
            .map(|product| format!("{product} = \"{endpoint}\""))
            .collect();
        text.push_str(&format!(
            "  {cloud} = {{\n    region     = \"{}\"\n    access_key = \"{}\"\n    \
             secret_key = \"{}\"\n    endpoints  = {{ {} }}\n  }}\n",
            login.region,
            login.access_key,
            login.secret_key.reveal(),
            endpoints.join(", "),
        ));
    }
    text.push_str("}\n");
    text
}

/// What happened, in one line.
fn progress(happening: Happening<'_>) -> String {
    match happening {
        Happening::Called(call) => {
            let at = humantime::format_rfc3339_seconds(call.at);
            let trouble = call.trouble.map(|trouble| format!("  fault {}", trouble.name()));
            let operation = clean(&call.operation);
            format!("{at}  {}  {operation}{}\n", call.status, trouble.unwrap_or_default())
        }
        Happening::Killed(killed) => {
            let at = humantime::format_rfc3339_seconds(killed.at);
            let client = &killed.client;
            let (address, user) = (clean(&client.address), clean(&client.user));
            format!("{at}  killed  {address} of user {user} on node {}\n", clean(&killed.node))
        }
    }
}

#[cfg(test)]
mod tests;
