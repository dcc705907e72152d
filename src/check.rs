//! `-t`, `-T` and `peregrine check`: a configuration is read and checked, and every mistake in it is told.

use std::path::Path;
use std::process::ExitCode;
use std::sync::OnceLock;

use engine::config::Directories;
use engine::config::json::{Mistake, Node};
use engine::config::model::{Configuration, HookKind, HookLibrary};
use ha::config::{Identity, Relationship};

use crate::http::Wanted;

/// A configuration with everything in it checked.
pub(crate) struct Checked {
    pub(crate) configuration: Configuration,
    /// The relationships of its High Availability, if it has any.
    pub(crate) relationships: Vec<Relationship>,
    /// Its control sockets over HTTP.
    pub(crate) http: Wanted,
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
    checked(engine::config::load_with(file, &directories(), &mut check_hook)?)
}

/// As [`read`], of a text; `name` stands for its file in positions.
pub(crate) fn read_text(text: &str, name: &str) -> Result<Checked, Vec<Mistake>> {
    checked(engine::config::parse_text_with(text, name, &directories(), &mut check_hook)?)
}

/// Who this process is; by the machine alone until the command line is read.
static IDENTITY: OnceLock<Identity> = OnceLock::new();

/// Which of the peers was chosen where this process was started. Once, before the first file is read: files are read again
/// as long as it runs.
pub(crate) fn identify(chosen: Option<String>) {
    let _ = IDENTITY.set(Identity { chosen, host_name: host_name() });
}

fn identity() -> &'static Identity {
    IDENTITY.get_or_init(|| Identity { chosen: None, host_name: host_name() })
}

fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

fn check_hook(library: &HookLibrary, part: &Node) -> Result<Vec<Mistake>, Vec<Mistake>> {
    ha::config::check_hook(library, part, identity())
}

fn checked(configuration: Configuration) -> Result<Checked, Vec<Mistake>> {
    let hooks = configuration.dhcp4.iter().flat_map(|part| &part.hooks);
    let mut relationships = Vec::new();
    for library in hooks.filter(|hook| hook.kind == HookKind::Ha) {
        relationships.extend(ha::config::from_library(library, identity())?);
    }
    let sockets = configuration.dhcp4.as_ref().map_or(&[][..], |part| &part.http_sockets);
    let http = Wanted::read(sockets)?;
    Ok(Checked { configuration, relationships, http })
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

/// Prints mistakes, one a line; the exit status of a program that starts nothing. A configuration that is in order but for
/// parts that are not built yet has no mistake: it is one message that lists them.
pub(crate) fn tell(mistakes: &[Mistake]) -> ExitCode {
    let unbuilt: Vec<_> = mistakes.iter().filter_map(Mistake::unbuilt).collect();
    if !unbuilt.is_empty() && unbuilt.len() == mistakes.len() {
        eprintln!("not built yet, and asked for by this configuration:");
        for (mistake, part) in mistakes.iter().zip(unbuilt) {
            let at = &mistake.at;
            eprintln!("  {}:{}.{}: {part}", at.file, at.line, at.column);
        }
        eprintln!("nothing was started");
        return ExitCode::FAILURE;
    }
    for mistake in mistakes {
        eprintln!("{mistake}");
    }
    let number = mistakes.len();
    let word = if number == 1 { "mistake" } else { "mistakes" };
    eprintln!("{number} {word}; nothing was started");
    ExitCode::FAILURE
}
