//! Our provider: turns services into faces.
