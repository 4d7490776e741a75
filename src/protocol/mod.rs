//! The only room that sees the plugin protocol's types.
