//! `-c`: the server, with High Availability if the configuration has it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use engine::config::json::Mistake;
use engine::config::model::Dhcp4;
use engine::log::{self, Writer};
use engine::packet::{Ports, SERVER_PORT};
use engine::seam::ServeAll;
use engine::server::{Options, Prepared, Server};

use crate::OWN_NAME;
use crate::arguments::Arguments;
use crate::check::{self, Checked};
use crate::http::HttpDoors;
use crate::pid::{PidFile, PidFileError};
use crate::reload::Reload;
use crate::signals;

/// The server did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// The configuration has mistakes.
    #[error("{} mistakes in the configuration", .0.len())]
    Mistakes(Vec<Mistake>),
    /// The configuration is in order, but not for a DHCPv4 server.
    #[error("{0}")]
    NotServed(String),
    /// Logging.
    #[error(transparent)]
    Log(#[from] log::StartError),
    /// Another server runs.
    #[error(transparent)]
    Pid(#[from] PidFileError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] engine::server::StartError),
    /// High Availability.
    #[error("High Availability cannot start: {0}")]
    Ha(#[from] ha::StartError),
    /// A control socket over HTTP.
    #[error("control socket: {0}")]
    Http(#[from] ha::io::listener::ListenError),
    /// Signals.
    #[error("cannot watch for signals: {0}")]
    Signals(#[from] std::io::Error),
}

/// Serves by `file` until told to stop. Whatever keeps it from starting is told, and the exit status is 1.
pub(crate) fn run(file: &Path, arguments: &Arguments) -> ExitCode {
    match serve(file, arguments) {
        Ok(status) => ExitCode::from(status),
        Err(ServeError::Mistakes(mistakes)) => check::tell(&mistakes),
        Err(error) => {
            eprintln!("peregrine: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(file: &Path, arguments: &Arguments) -> Result<u8, ServeError> {
    end_on_panic();
    let checked = check::read(file).map_err(ServeError::Mistakes)?;
    let dhcp4 = dhcp4(&checked)?;
    let writer =
        Writer::start(&dhcp4.loggers, "kea-dhcp4", log::Options { verbose: arguments.debug })?;
    let outcome = serve_by(file, &checked, dhcp4, arguments);
    if let Err(error) = &outcome {
        engine::log!(DHCP4_INIT_FAIL, "{error}");
    }
    writer.flush(Duration::from_secs(2));
    outcome
}

/// A server with a thread that panicked looks alive to its partner and serves only some of its clients. It ends at
/// once instead, and whoever watches it, the partner or the service manager, takes over.
fn end_on_panic() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tell(panic);
        std::process::abort();
    }));
}

/// Opens everything and serves, with the log at hand.
fn serve_by(
    file: &Path,
    checked: &Checked,
    dhcp4: Dhcp4,
    arguments: &Arguments,
) -> Result<u8, ServeError> {
    let _pid_file = PidFile::take(file)?;
    for warning in &checked.configuration.warnings {
        engine::log!(PEREGRINE_CONFIG_WARNING, "{warning}");
    }
    let prepared = prepare(checked, dhcp4, arguments)?;
    let stop = prepared.parts().shutdown.clone();
    let reload: Arc<OnceLock<Arc<Reload>>> = Arc::default();
    let running = Arc::clone(&reload);
    signals::watch(
        move || {
            // A second signal finds the first one's message still there, which says the same.
            let _ = stop.try_send(0);
        },
        // A server that is about to start reads the file anyway. The outcome is in the log.
        move || drop(running.get().map(|reload| reload.read_again("SIGHUP"))),
    )?;
    start(file, prepared, checked, &reload)
}

/// Runs the server, with High Availability around it if configured, until it is told to stop.
fn start(
    file: &Path,
    prepared: Prepared,
    checked: &Checked,
    reload: &OnceLock<Arc<Reload>>,
) -> Result<u8, ServeError> {
    let registry = Arc::clone(&prepared.parts().registry);
    let http = Arc::new(HttpDoors::of(prepared.parts()));
    let opened = http.open_new(&checked.http)?;
    let reloads_by = |hub| {
        let made = Reload::new(file, prepared.reload(), hub, Arc::clone(&http));
        made.register(&registry);
        // It is made once.
        let _ = reload.set(made);
    };
    if checked.relationships.is_empty() {
        ha::Hub::forget_pairs(prepared.parts());
        reloads_by(None);
        let server: Server = prepared.start(Arc::new(ServeAll))?;
        http.settle(opened, &checked.http);
        let status = server.run();
        http.close();
        return Ok(status);
    }
    prepared.load()?;
    let hub = ha::Hub::join(&checked.relationships, &dhcp4(checked)?, prepared.parts())?;
    let hub = Arc::new(hub);
    prepared.replicate_to(hub.replication());
    hub.agree(&engine::config::render(&checked.configuration));
    reloads_by(Some(Arc::clone(&hub)));
    let server = prepared.start(hub.admission())?;
    hub.start()?;
    http.settle(opened, &checked.http);
    let status = server.run();
    http.close();
    hub.stop();
    Ok(status)
}

fn dhcp4(checked: &Checked) -> Result<Dhcp4, ServeError> {
    if let Some(dhcp6) = &checked.configuration.dhcp6 {
        let at = &dhcp6.at;
        return Err(ServeError::NotServed(format!(
            "{}:{}.{}: found Dhcp6, which is checked but not served yet: expected Dhcp4 only",
            at.file, at.line, at.column
        )));
    }
    let dhcp4 = checked.configuration.dhcp4.clone();
    dhcp4.ok_or_else(|| ServeError::NotServed("the configuration has no Dhcp4 part".into()))
}

fn prepare(checked: &Checked, dhcp4: Dhcp4, arguments: &Arguments) -> Result<Prepared, ServeError> {
    let config_json = engine::config::render(&checked.configuration);
    Ok(Prepared::new(Arc::new(dhcp4), config_json, options(arguments))?)
}

fn options(arguments: &Arguments) -> Options {
    let ports = Ports {
        server: arguments.server_port.unwrap_or(SERVER_PORT),
        client: arguments.client_port,
    };
    Options { ports, pid_files: foreign_pid_files(), own_name: OWN_NAME }
}

/// Pid files of DHCPv4 servers that may run on this machine, Kea's and ours.
fn foreign_pid_files() -> Vec<PathBuf> {
    let chosen = std::env::var_os("KEA_PIDFILE_DIR").map(PathBuf::from);
    let folders = [chosen, Some("/run/kea".into()), Some("/var/run/kea".into())];
    let mut files = Vec::new();
    for folder in folders.into_iter().flatten() {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let pid_files = entries.map(|entry| entry.path());
        files.extend(pid_files.filter(|path| path.to_string_lossy().ends_with(".kea-dhcp4.pid")));
    }
    files
}
