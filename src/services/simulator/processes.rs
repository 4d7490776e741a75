//! Process lists as MySQL's servers show them, for the simulators of services that end processes.

use serde_json::{Value, json};

use super::LiveClient;

/// A client's command: one that has just asked for something is in a query, any other sleeps. What
/// replicas do is told as it is.
pub fn command(one: &LiveClient) -> &str {
    match one.command.as_str() {
        replica if replica.starts_with("Binlog Dump") => replica,
        _ if one.idle == 0 => "Query",
        _ => "Sleep",
    }
}

/// A row of the list, whose numbers are numbers. The statement is there, as on a real server.
pub fn row(one: &LiveClient) -> Value {
    let sleeps = command(one) == "Sleep";
    json!({
        "id": one.id.parse::<u64>().unwrap_or_default(), "user": one.user, "host": one.address,
        "db": Some(&one.database).filter(|database| !database.is_empty()), "command": command(one),
        "time": if sleeps { one.idle } else { one.age }, "state": if sleeps { "" } else { "Sending data" },
        "info": if sleeps { "" } else { "SELECT * FROM orders WHERE card = '4111'" },
    })
}
