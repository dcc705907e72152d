//! `-t`, `-T` and `peregrine check`: a configuration is read and checked, and every mistake in it is told.

use std::path::Path;
use std::process::ExitCode;

use engine::config::Directories;
use engine::config::json::Mistake;
use engine::config::model::{Configuration, HookKind};
use ha::config::Relationship;

/// A configuration with everything in it checked.
pub(crate) struct Checked {
    pub(crate) configuration: Configuration,
    /// The relationships of its High Availability, if it has any.
    pub(crate) relationships: Vec<Relationship>,
}

/// Reads and checks `file`, and says what was found. Exit status 0 if it can be served, else 1.
pub(crate) fn run(file: &Path) -> ExitCode {
    match read(file) {
        Ok(checked) => {
            for warning in &checked.configuration.warnings {
                eprintln!("warning: {warning}");
            }
            println!("{}: the configuration is in order", file.display());
            ExitCode::SUCCESS
        }
        Err(mistakes) => tell(&mistakes),
    }
}

/// As [`run`], and looks whether this machine has what a server by `file` needs. Nothing is opened or written: it may
/// be asked while the server runs.
pub(crate) fn run_with_machine(file: &Path) -> ExitCode {
    let checked = match read(file) {
        Ok(checked) => checked,
        Err(mistakes) => return tell(&mistakes),
    };
    let found: Vec<String> =
        checked.configuration.dhcp4.iter().flat_map(engine::server::shortcomings).collect();
    if found.is_empty() {
        return run(file);
    }
    for one in found {
        eprintln!("{}: {one}", file.display());
    }
    ExitCode::FAILURE
}

/// Reads and checks `file`, the parts of other rooms in it too.
pub(crate) fn read(file: &Path) -> Result<Checked, Vec<Mistake>> {
    let check_hook = &mut ha::config::check_hook;
    checked(engine::config::load_with(file, &directories(), check_hook)?)
}

/// As [`read`], of a text; `name` stands for its file in positions.
pub(crate) fn read_text(text: &str, name: &str) -> Result<Checked, Vec<Mistake>> {
    let check_hook = &mut ha::config::check_hook;
    checked(engine::config::parse_text_with(text, name, &directories(), check_hook)?)
}

fn checked(configuration: Configuration) -> Result<Checked, Vec<Mistake>> {
    let hooks = configuration.dhcp4.iter().flat_map(|part| &part.hooks);
    let mut relationships = Vec::new();
    for library in hooks.filter(|hook| hook.kind == HookKind::Ha) {
        relationships.extend(ha::config::from_library(library)?);
    }
    Ok(Checked { configuration, relationships })
}

/// Where bare file names lie, by Kea's environment variables.
fn directories() -> Directories {
    let usual = Directories::default();
    let chosen = |name: &str, usual| std::env::var_os(name).map_or(usual, Into::into);
    Directories {
        data: chosen("KEA_DHCP_DATA_DIR", usual.data),
        sockets: chosen("KEA_CONTROL_SOCKET_DIR", usual.sockets),
        logs: chosen("KEA_LOG_FILE_DIR", usual.logs),
    }
}

/// Prints mistakes, one a line; the exit status of a program that starts nothing.
pub(crate) fn tell(mistakes: &[Mistake]) -> ExitCode {
    for mistake in mistakes {
        eprintln!("{mistake}");
    }
    let number = mistakes.len();
    let word = if number == 1 { "mistake" } else { "mistakes" };
    eprintln!("{number} {word}; nothing was started");
    ExitCode::FAILURE
}
