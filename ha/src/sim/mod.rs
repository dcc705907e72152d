//! The simulator: a world of several whole servers and their clients, under one seed and a virtual clock. Pure.
//!
//! The servers are the product: [`server`] joins its packet path, store, journal, machine, gate, outbox and commands
//! as the program does, on a [`disk`] and a [`clock`] of the simulation. [`world`] lets time pass: what is sent
//! takes its way through [`net`], [`faults`] happen, administrators command; [`sites`] are the places where servers
//! run, [`people`] the clients' part, [`late`] what comes late, [`dialect`] how a Kea speaks. After every step [`ledger`] and
//! [`checks`] compare what clients believe with what servers promised; [`excuse`] lists the duplicates that may be. One thread, ordered collections, one
//! source of chance ([`dice`]), one order of events ([`agenda`]): a seed replays exactly. [`breakage`] and [`tampering`] break rules from outside, to show that the
//! checks see it; [`coverage`] says what many runs have to have met.

mod agenda;
mod breakage;
mod checks;
mod client;
mod clock;
mod coverage;
mod dialect;
mod dice;
mod disk;
mod excuse;
mod faults;
mod handover;
mod healing;
mod late;
mod ledger;
mod message;
mod net;
mod people;
mod plan;
mod report;
mod server;
mod sites;
mod tampering;
#[cfg(test)]
mod tests;
mod world;

pub use breakage::Breakage;
pub use coverage::{AMPLE, rare};
pub use report::Report;

use world::World;

/// A run whose checks failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("seed {seed}: {what}")]
pub struct Failure {
    /// Run it again with this.
    pub seed: u64,
    /// What was seen.
    pub what: String,
    /// The last events, if they were kept.
    pub events: Vec<String>,
}

/// Runs one seed; a failure is run again to show its last events, at most so many.
///
/// # Errors
/// What the checks found.
pub fn run(seed: u64, breakage: Option<Breakage>, shown: usize) -> Result<Report, Failure> {
    engine::log::silence();
    World::new(seed, breakage, 0).run().map_err(|failure| {
        // The same seed gives the same run; only now is it worth telling of.
        World::new(seed, breakage, shown).run().err().unwrap_or(failure)
    })
}
