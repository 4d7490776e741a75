//! Servers that are asked by their own protocol. There is no simulator: they are tested on the real
//! thing.

pub(super) mod mysql;
pub(super) mod postgresql;
pub(super) mod redis;
mod verbs;

use super::{Target, Wrong};
use crate::wire::dial::Place;

/// Host and port of a target in one spelling, as `place` reads them. With a socket there is no port.
fn normal(
    mut target: Target,
    place: fn(&str, Option<&str>) -> Result<Place, String>,
) -> Result<Target, Wrong> {
    let Some(host) = target.get("host") else { return Ok(target) };
    let place = place(host, target.get("port")).map_err(|rule| {
        let name = if rule.starts_with("`port`") { "port" } else { "host" };
        let rule = rule.split_once("` ").map_or(&*rule, |(_, rule)| rule);
        Wrong(name, rule.to_owned())
    })?;
    let (host, port) = match &place {
        Place::Tcp { host, port } => (host.clone(), Some(port.to_string())),
        Place::Socket(path) => (path.display().to_string(), None),
    };
    target.0.insert("host", host);
    match port {
        Some(port) => target.0.insert("port", port),
        None => target.0.remove("port"),
    };
    Ok(target)
}
