//! Lists whose pages go on at a token.

use crate::access::Answer;
use crate::services::{Cursor, Error};

/// Longest token that is sent back.
pub(in crate::services) const MOST: usize = 4096;

/// Where the list goes on: an absent or empty token ends it.
///
/// # Errors
/// [`Malformed`](crate::services::Kind::Malformed) if it does not go forward, or is longer than any
/// token.
pub(in crate::services) fn next(
    answer: &Answer,
    token: Option<String>,
    after: Option<&Cursor>,
) -> Result<Option<Cursor>, Error> {
    let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
    if token.len() > MOST {
        return Err(answer.malformed(format!("a token of {} bytes", token.len())));
    }
    let next = Cursor(token);
    if after == Some(&next) {
        return Err(answer.malformed("the list goes on where it has just been"));
    }
    Ok(Some(next))
}
