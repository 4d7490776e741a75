//! Ids that become part of a path.

use crate::services::{Error, Kind};

/// An id that may stand in a path: any other would reach another resource.
///
/// # Errors
/// [`Kind::BadRequest`] if it is empty, longer than 128 characters, or made of anything but
/// letters, digits, `-` and `_`.
pub(in crate::services) fn segment<'a>(
    operation: &'static str,
    what: &str,
    id: &'a str,
) -> Result<&'a str, Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !id.is_empty() && id.len() <= 128 && id.chars().all(plain) {
        return Ok(id);
    }
    let message = format!("the {what} id must be made of letters, digits, `-` and `_`");
    Err(Error::new(Kind::BadRequest, operation, message))
}
