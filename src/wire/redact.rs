//! What may be printed of a URL, a header, a body.
