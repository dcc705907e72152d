//! What only the machine can say of a configuration (*shell*): looked at, and nothing opened, written or locked, so that
//! it may be asked while a server runs.

use std::sync::Arc;

use crate::config::model::Dhcp4;
use crate::lease::csv::{self, Journal};
use crate::lease::memory::MemoryStore;
use crate::packet::interfaces;

/// Why a server by `config` would not serve all of it now: interfaces that are not there, a lease file that cannot be
/// read.
pub fn shortcomings(config: &Dhcp4) -> Vec<String> {
    let mut found = match interfaces::absent(&config.interfaces) {
        Ok(absent) => absent.iter().map(ToString::to_string).collect(),
        Err(error) => vec![format!("cannot list the interfaces: {error}")],
    };
    let database = &config.lease_database;
    if database.persist {
        let store = MemoryStore::new(Arc::new(Journal::none()));
        if let Err(error) = csv::load(&database.file, database.max_row_errors, &store) {
            found.push(error.to_string());
        }
        if !database.file.parent().is_some_and(|folder| folder.is_dir()) {
            found.push(format!("there is no folder for {}", database.file.display()));
        }
    }
    found
}
