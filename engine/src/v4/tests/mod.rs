//! Exchanges on a virtual clock against the real store.

mod captures;
mod classified;
mod configured;
mod content;
mod flexible;
mod halves;
mod hostile;
mod life;
mod naming;
mod networks;
mod other_ways;
mod race;
mod reservations;
mod scenarios;
mod shortage;
mod stash;
mod vendors;
mod world;
