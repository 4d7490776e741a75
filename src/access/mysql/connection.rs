//! One connection to one server: statements with a time limit, and an end that is waited for.

use std::time::Duration;

use futures_util::FutureExt as _;
use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;

use super::errors;
use crate::access::{Error, Kind, Secret};
use crate::wire::dial::{self, Reached};

/// Longest time of a statement.
const STATEMENT_LIMIT: Duration = Duration::from_secs(30);
/// What a column takes beside its text.
const CELL: usize = 24;
/// Longest wait for the end of a connection.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// A connection that is logged in. Dropped, it is cut.
pub struct Connection {
    /// Taken only by its end.
    pub(super) conn: Option<Conn>,
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
    /// What the server answers, by its number; [`Kind::Lost`] if no whole answer came in 30 s,
    /// [`Kind::Malformed`] if it does not end.
    pub async fn query(
        &mut self,
        operation: &'static str,
        statement: &str,
    ) -> Result<Vec<Row>, Error> {
        let Connection { conn, secrets, .. } = self;
        let conn = conn.as_mut().expect("only the end of a connection takes it");
        let failed = |error| errors::failed(&error, operation, secrets);
        let work = async {
            let mut answer = conn.query_iter(statement).await.map_err(failed)?;
            let (mut all, mut bytes) = (Vec::new(), 0);
            while let Some(row) = answer.next().await.map_err(failed)? {
                let row: Row = row.unwrap().into_iter().map(text).collect();
                // What it takes to remember it, roughly: a row of nothing is something, too.
                let held = |text: &Option<String>| text.as_ref().map_or(0, String::len) + CELL;
                bytes += row.iter().map(held).sum::<usize>() + CELL;
                // The client dials by itself, so its bytes are not counted on the way.
                if u64::try_from(bytes).is_ok_and(|bytes| bytes > dial::MOST) {
                    return Err(Error::new(Kind::Malformed, operation, dial::too_long()));
                }
                all.push(row);
            }
            // A procedure has more to say.
            answer.drop_result().await.map_err(failed)?;
            Ok(all)
        };
        tokio::time::timeout(STATEMENT_LIMIT, work).await.unwrap_or_else(|_| {
            let message = format!("no answer in {} s", STATEMENT_LIMIT.as_secs());
            Err(Error::new(Kind::Lost, operation, message))
        })
    }

    /// Takes leave, and waits until that has gone out, for a second at most.
    pub async fn close(mut self) {
        if let Some(conn) = self.conn.take() {
            // Dropping it cuts what did not end by itself.
            let _ = tokio::time::timeout(CLOSE_LIMIT, conn.disconnect()).await;
        }
    }
}

impl Drop for Connection {
    /// Cuts the connection. The client itself would first read what is still to come, which of an
    /// answer without an end is everything, for ever: taking leave, if only for a moment, keeps it
    /// from that.
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            let _ = conn.disconnect().now_or_never();
        }
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
