//! What logins to servers by their own protocol have in common: where a server is, how much its
//! certificate is checked, what a failure to get there is called.
//!
//! A server has no region, no request id and no signature. A login belongs to a host: one that
//! comes with a host is shown to no other.

mod blot;
mod encrypt;
mod notes;
mod place;
mod reach;
mod refused;
mod tls;

pub use blot::blot;
pub use encrypt::{Duplex, encrypted};
pub use notes::Notes;
pub use place::{Default, place};
pub use reach::{Mend, Step, connected, unaccepted, unreachable, untrusted};
pub use refused::Refusals;
pub use tls::{Chosen, Encryption, Wish};
