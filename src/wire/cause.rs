//! What an error comes from, through everything that is wrapped around it.

use std::error::Error;
use std::sync::Arc;

/// The first error of this type among an error and its causes.
pub fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next: Option<&'a (dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        // An `io::Error` shows what it holds only by its own method, not as its source.
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        // Nor does what is shared between several who wait for one answer.
        let shared =
            error.downcast_ref::<Arc<dyn Error + Send + Sync>>().map(|shared| &**shared as _);
        next = inner.map(|inner| inner as _).or(shared).or_else(|| error.source());
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("deep down")]
    struct Deep;

    #[derive(Debug, thiserror::Error)]
    #[error("around")]
    struct Around(#[source] Arc<dyn Error + Send + Sync>);

    #[test]
    fn it_is_found_under_what_hides_it() {
        let around = Around(Arc::new(io::Error::other(Deep)));
        assert!(find::<Deep>(&around).is_some());
        assert!(find::<Deep>(&io::Error::other(around)).is_some());
        assert!(find::<Deep>(&io::Error::other("deep down")).is_none());
    }
}
