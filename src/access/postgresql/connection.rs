//! One connection to one server: statements with a time limit, and an end that is waited for.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::task::JoinHandle;
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{Client, Row};

use super::errors;
use crate::access::{Error, Kind, Secret};
use crate::wire::dial::{Allowance, Reached};

/// Longest time of a statement.
const STATEMENT_LIMIT: Duration = Duration::from_secs(30);
/// Most rows of an answer: more sessions than any server has.
const MOST_ROWS: usize = 1_000_000;
/// Longest wait for the end of a connection.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// A connection that is logged in. Dropped, it is cut.
pub struct Connection {
    pub(super) client: Option<Client>,
    pub(super) driver: JoinHandle<()>,
    pub(super) secrets: Vec<Secret>,
    pub(super) allowance: Allowance,
    /// Where it really leads.
    pub reached: Reached,
    /// The database that it is connected to.
    pub database: String,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("reached", &self.reached)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// The rows of one statement, in one message and one answer: nothing is prepared, so nothing is
    /// left on the server. A future that is dropped half way leaves the connection unusable.
    ///
    /// # Errors
    /// What the server answers, by its SQLSTATE; [`Kind::Lost`] if no whole answer came in 30 s,
    /// [`Kind::Malformed`] if it does not end.
    pub async fn query(
        &self,
        operation: &'static str,
        statement: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, Error> {
        self.allowance.renew();
        let failed = |error| match self.allowance.exceeded() {
            Some(too_long) => Error::new(Kind::Malformed, operation, too_long),
            None => errors::of_statement(&error, operation, &self.secrets),
        };
        let work = async {
            let client = self.client.as_ref().expect("only the end of a connection takes it");
            let parameters = parameters.iter().map(|(value, kind)| (*value, kind.clone()));
            let rows = client.query_typed_raw(statement, parameters).await.map_err(failed)?;
            let mut rows = std::pin::pin!(rows);
            let mut all = Vec::new();
            while let Some(row) = rows.next().await {
                all.push(row.map_err(failed)?);
                if all.len() > MOST_ROWS {
                    let message = format!("the answer has more than {MOST_ROWS} rows");
                    return Err(Error::new(Kind::Malformed, operation, message));
                }
            }
            Ok(all)
        };
        tokio::time::timeout(STATEMENT_LIMIT, work).await.unwrap_or_else(|_| {
            let message = format!("no answer in {} s", STATEMENT_LIMIT.as_secs());
            Err(Error::new(Kind::Lost, operation, message))
        })
    }

    /// Takes leave, and waits until that has gone out, for a second at most.
    pub async fn close(mut self) {
        self.client = None;
        // Dropping it cuts what did not end by itself.
        let _ = tokio::time::timeout(CLOSE_LIMIT, &mut self.driver).await;
    }

    /// A column of a row of this connection.
    ///
    /// # Errors
    /// [`Kind::Malformed`] if there is no such column or it holds something else.
    pub fn get<'r, T: FromSql<'r>>(
        &self,
        operation: &'static str,
        row: &'r Row,
        column: &str,
    ) -> Result<T, Error> {
        row.try_get(column).map_err(|error| errors::of_statement(&error, operation, &self.secrets))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A text as it can be shown. Names are kept in the encoding of whichever database they were made
/// in, so that one client could make a list unreadable for everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown(pub String);

impl<'a> FromSql<'a> for Shown {
    fn from_sql(
        _: &Type,
        raw: &'a [u8],
    ) -> Result<Shown, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Shown(String::from_utf8_lossy(raw).into_owned()))
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::TEXT | Type::NAME | Type::VARCHAR)
    }
}
