//! Exchanges on a virtual clock against the real store.

mod captures;
mod content;
mod hostile;
mod race;
mod scenarios;
mod world;
