//! Kea's configuration: [`json`] reads its dialect with line and column, `wire` checks the shape (unknown keys
//! refused), [`model`] is what comes out, [`render()`] prints it for config-get.
//!
//! Pure but for reading files (`<?include?>`) in [`load`], and those of a secret. Must not know sockets, leases or High Availability:
//! a hook library's parameters stay positioned JSON for whoever owns them.

mod build;
pub mod json;
mod load;
pub mod model;
mod names;
mod render;
mod secret;
pub mod wire;

pub use build::{CheckHook, Directories, build};
pub use load::{load, load_with, parse_text, parse_text_with};
pub use render::render;
