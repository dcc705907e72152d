//! `-t`, `-T` and `peregrine check`: a configuration is read and checked, and every mistake in it is told.

use std::path::Path;
use std::process::ExitCode;

use engine::config::json::Mistake;
use engine::config::model::{Configuration, HookKind, HookLibrary};
use ha::config::Relationship;

use crate::arguments::Arguments;
use crate::serve;

/// A configuration with everything in it checked.
pub(crate) struct Checked {
    pub(crate) configuration: Configuration,
    /// The relationships of its High Availability, if it has any.
    pub(crate) relationships: Vec<Relationship>,
    pub(crate) warnings: Vec<Mistake>,
}

/// Reads and checks `file`, and says what was found. Exit status 0 if it can be served, else 1.
pub(crate) fn run(file: &Path) -> ExitCode {
    match read(file) {
        Ok(checked) => {
            for warning in &checked.warnings {
                eprintln!("warning: {warning}");
            }
            println!("{}: the configuration is in order", file.display());
            ExitCode::SUCCESS
        }
        Err(mistakes) => tell(&mistakes),
    }
}

/// As [`run`], and tries to claim the lease file and open the sockets as a server would.
pub(crate) fn run_with_machine(file: &Path, arguments: &Arguments) -> ExitCode {
    match serve::try_out(file, arguments) {
        Ok(()) => run(file),
        Err(error) => {
            eprintln!("peregrine: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Reads and checks `file`, the parts of other rooms in it too.
pub(crate) fn read(file: &Path) -> Result<Checked, Vec<Mistake>> {
    let configuration = engine::config::load(file)?;
    let mut relationships = Vec::new();
    let mut mistakes = Vec::new();
    let hooks = [
        configuration.dhcp4.as_ref().map(|part| &part.hooks),
        configuration.dhcp6.as_ref().map(|part| &part.hooks),
    ];
    for library in hooks.into_iter().flatten().flatten().filter(|hook| is_ha(hook)) {
        match ha::config::from_library(library) {
            Ok(found) => relationships.extend(found),
            Err(found) => mistakes.extend(found),
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let mut warnings = configuration.warnings.clone();
    warnings.extend(ha::config::class_warnings(&relationships, &configuration.source));
    Ok(Checked { configuration, relationships, warnings })
}

/// Prints mistakes, one a line; the exit status of a program that starts nothing.
pub(crate) fn tell(mistakes: &[Mistake]) -> ExitCode {
    for mistake in mistakes {
        eprintln!("{mistake}");
    }
    eprintln!("{} mistakes; nothing was started", mistakes.len());
    ExitCode::FAILURE
}

fn is_ha(library: &HookLibrary) -> bool {
    library.kind == HookKind::Ha
}
