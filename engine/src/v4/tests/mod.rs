//! Exchanges on a virtual clock against the real store.

mod captures;
mod hostile;
mod race;
mod scenarios;
mod world;
