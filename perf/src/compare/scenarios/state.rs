//! Scenarios about the leases that a server has: what they take in memory, and how soon it knows them. Shell.

use std::net::Ipv4Addr;

use super::Found;
use crate::compare::CompareError;
use crate::compare::lease_file::LeaseFile;
use crate::compare::measure::{Bench, Contender, tell};
use crate::compare::result::{Figure, Samples, Target};

/// Leases of these scenarios.
const LEASES: u32 = 2_000_000;

fn lease_file(count: u32) -> LeaseFile {
    LeaseFile { first: Ipv4Addr::new(10, 0, 0, 1), count }
}

pub(super) fn memory(bench: &mut Bench<'_>) -> Result<Found, CompareError> {
    let count = bench.arguments.scaled(LEASES);
    let mut programs = vec![bench.programs.peregrine()];
    programs.extend(bench.programs.keas());
    let mut found = Found::default();
    for program in programs {
        let label = program.label();
        let mut octets = |leases: u32| -> Result<f64, CompareError> {
            let mut contender = Contender::plain(program.clone());
            if leases > 0 {
                contender = contender.with_leases(lease_file(leases));
            }
            let mut stand = bench.stand(contender)?;
            bench.start(&mut stand)?;
            Ok(stand.servers[0].memory()? as f64)
        };
        // Once is enough: it does not depend on who else runs.
        let each = (octets(count)? - octets(0)?) / f64::from(count);
        tell(&format!("{label}: {each:.0} octets a lease"));
        let note = format!("resident with {count} leases less resident with none");
        let samples = Samples(vec![each]);
        found.figures.push(Figure { label, unit: "octets a lease", samples, note });
    }
    let ours = found.figures[0].samples.clone();
    found.targets.push(Target::at_most("octets a lease, indexes included", 128.0, ours));
    Ok(found)
}
