//! Kea's lease file (Kea guide, "Memfile - Basic Storage for Leases"): rows ([`row`], pure), who may use the
//! files ([`claim`]), reading them forwards ([`load`]) and at start backwards ([`Unread`]), the [`Journal`] that every change goes through and
//! its compaction, and a [`Flag`] beside it (*shell*). What is written is Kea 3's schema of 12 columns; Kea 2.2 reads it and its 11
//! columns are read here. Must not know the store but as a trait, nor who waits for a row.

mod backwards;
mod claim;
mod files;
mod flag;
mod ink;
mod journal;
mod load;
pub mod row;
mod trays;

pub use backwards::Unread;
pub use claim::{Claim, ClaimError, claim};
pub use files::{CompactError, Compacted};
pub use flag::Flag;
pub use ink::{FileInk, Ink};
pub use journal::{Durability, Journal, JournalError, OpenError, Written};
pub use load::{BadLine, LoadError, Loaded, load, load_text};
