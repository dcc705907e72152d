//! High Availability: who serves which client, and the partner always knows what we promised.
//!
//! [`config`] reads the `high-availability` parameters, [`machine`] decides (pure), [`wire`] is Kea's JSON (pure),
//! [`gate`] joins the engine's admission, [`outbox`] its replication, [`half`] is a machine with both;
//! [`guard`] has a say when the partner's updates come in, [`stream`] when they come in batches;
//! [`agreement`] is what the two configurations have to agree in; [`io`] talks for it (*shell*: driver thread, client pool, dedicated listener); [`hub`] puts them together.
//! [`limits`] holds every bound. `sim` (feature of the same name) drives whole servers under a seed.

pub mod agreement;
#[cfg(test)]
#[path = "../tests/support/certificates.rs"]
mod certificates;
pub mod config;
pub mod family;
pub mod gate;
pub mod guard;
pub mod half;
pub mod hub;
pub mod io;
pub mod limits;
pub mod machine;
pub mod outbox;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
pub mod stream;
pub mod wire;

pub use half::{Half, Memory};
pub use hub::{ChangeError, Hub, StartError};
pub use io::Driver;
