//! What every simulator does with a request: split the path, read the query, answer in JSON.

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

/// The decoded segments of a path, without the empty ones at both ends.
pub fn segments(path: &str) -> Vec<String> {
    path.trim_matches('/').split('/').map(decoded).collect()
}

/// An answer with a JSON body.
pub fn json(status: StatusCode, body: &serde_json::Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    let kind = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Why a body will not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadBody {
    /// There is none.
    Empty,
    /// It is not JSON, or does not say that it is.
    NotJson,
    /// It is JSON of another shape; with the complaint in words.
    Shape(String),
}

/// The JSON body of a request.
pub fn body<T: DeserializeOwned>(request: &Request<Bytes>) -> Result<T, BadBody> {
    if request.body().is_empty() {
        return Err(BadBody::Empty);
    }
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.to_ascii_lowercase().starts_with("application/json") {
        return Err(BadBody::NotJson);
    }
    serde_json::from_slice(request.body()).map_err(|reason| match reason.classify() {
        Category::Data => BadBody::Shape(reason.to_string()),
        Category::Io | Category::Syntax | Category::Eof => BadBody::NotJson,
    })
}

/// The query of a request, taken out parameter by parameter, so that what nobody took is known.
#[derive(Debug)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the query of a URI.
    pub fn of(uri: &http::Uri) -> Query {
        Query::read(uri.query().unwrap_or_default())
    }

    /// Reads a query or a form.
    pub fn read(text: &str) -> Query {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Query(
            pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decoded(name), decoded(value))
                })
                .collect(),
        )
    }

    /// Takes a parameter's value. Of one that is given twice, the second stays behind.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(key, _)| key == name)?;
        Some(self.0.remove(at).1)
    }

    /// Takes a whole number within bounds; `Err` is the documented complaint, in words.
    pub fn number(
        &mut self,
        name: &str,
        allowed: std::ops::RangeInclusive<usize>,
        default: usize,
    ) -> Result<usize, String> {
        let Some(text) = self.take(name) else { return Ok(default) };
        let number = text.parse().ok().filter(|number| allowed.contains(number));
        number
            .ok_or_else(|| format!("{name} must be from {} to {}", allowed.start(), allowed.end()))
    }

    /// Nothing may be left; `Err` names what is.
    pub fn done(self) -> Result<(), String> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(format!("unknown or repeated parameter {name}")),
        }
    }
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_knows_what_nobody_took() {
        let uri = "/clients?limit=10&node_id=a%20b&limit=20".parse().unwrap();
        let mut query = Query::of(&uri);
        assert_eq!(query.number("limit", 1..=1000, 10), Ok(10));
        assert_eq!(query.take("node_id").as_deref(), Some("a b"));
        assert_eq!(query.number("offset", 0..=usize::MAX, 0), Ok(0));
        assert_eq!(query.done(), Err("unknown or repeated parameter limit".to_owned()));
    }

    #[test]
    fn a_number_out_of_bounds_is_a_complaint() {
        for bad in ["0", "1001", "-1", "", "ten", "1.0"] {
            let uri = format!("/clients?limit={bad}").parse().unwrap();
            let complaint = Query::of(&uri).number("limit", 1..=1000, 10);
            assert_eq!(complaint, Err("limit must be from 1 to 1000".to_owned()), "{bad}");
        }
    }
}
