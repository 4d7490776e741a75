//! One connection to one server: statements with a time limit, and an end that is waited for.

use std::time::Duration;

use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;

use super::errors;
use crate::access::{Error, Kind, Secret};
use crate::wire::dial::Reached;

/// Longest time of a statement.
const STATEMENT_LIMIT: Duration = Duration::from_secs(30);
/// Longest wait for the end of a connection.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// A connection that is logged in. Dropped, it is cut.
pub struct Connection {
    pub(super) conn: Conn,
    pub(super) secrets: Vec<Secret>,
    /// Where it really leads.
    pub reached: Reached,
}

/// A row: every column as text, null as None. The text protocol tells everything so.
pub type Row = Vec<Option<String>>;

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("reached", &self.reached).finish_non_exhaustive()
    }
}

impl Connection {
    /// The rows of one statement. It holds nothing that came from outside but numbers.
    ///
    /// # Errors
    /// What the server answers, by its number; [`Kind::Lost`] if no whole answer came in 30 s.
    pub async fn query(
        &mut self,
        operation: &'static str,
        statement: &str,
    ) -> Result<Vec<Row>, Error> {
        let Connection { conn, secrets, .. } = self;
        let rows = conn.query::<mysql_async::Row, _>(statement);
        let rows = tokio::time::timeout(STATEMENT_LIMIT, rows).await.map_err(|_| {
            let message = format!("no answer in {} s", STATEMENT_LIMIT.as_secs());
            Error::new(Kind::Lost, operation, message)
        })?;
        let rows = rows.map_err(|error| errors::failed(&error, operation, secrets))?;
        Ok(rows.into_iter().map(|row| row.unwrap().into_iter().map(text).collect()).collect())
    }

    /// Takes leave, and waits until that has gone out, for a second at most.
    pub async fn close(self) {
        // Dropping it cuts what did not end by itself.
        let _ = tokio::time::timeout(CLOSE_LIMIT, self.conn.disconnect()).await;
    }
}

fn text(value: mysql_async::Value) -> Option<String> {
    use mysql_async::Value;
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Value::Int(number) => Some(number.to_string()),
        Value::UInt(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Double(number) => Some(number.to_string()),
        Value::Date(..) | Value::Time(..) => None,
    }
}
