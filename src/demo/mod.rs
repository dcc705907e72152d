//! `peregrine demo`: a load-balancing pair on loopback, clients in front of it, a failure and the
//! return, told in short lines and checked. Shell.
//!
//! [`story`] is what happens, in order; [`site`] where (addresses, ports, files), [`server`] a
//! child process that does not outlive this one, [`crowd`]
//! the clients, [`books`] the comparison of lease databases (pure), [`tell`] what people and
//! machines read (pure). It knows the servers only from outside: their files, sockets and packets.

mod books;
mod crowd;
mod server;
mod site;
mod story;
mod tell;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use perf::run::RunError;
use perf::syscall;

/// The most clients that the pools of the demo hold: half of them for each server.
const CLIENTS: i64 = 100_000;

/// Starts a load-balancing pair on loopback, shows a failure and the return, and checks every
/// lease.
///
/// Needs no root. Exit status 0 only if all of it held.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The result as JSON instead of lines
    #[arg(long)]
    json: bool,
    /// How many clients there are
    #[arg(long, value_name = "N", default_value_t = 10_000,
          value_parser = clap::value_parser!(u32).range(1..=CLIENTS))]
    clients: u32,
    /// The program to start as servers, instead of this one
    #[arg(long, hide = true, value_name = "FILE")]
    server_program: Option<PathBuf>,
    /// Where that program keeps its hook libraries
    #[arg(long, hide = true, value_name = "DIRECTORY", default_value = "")]
    hooks_directory: String,
}

/// Why the story came to an end before its end.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error("{what}: {error}")]
    Machine { what: String, error: io::Error },
    #[error(transparent)]
    Clients(#[from] RunError),
    #[error("{what} did not happen within {} s", limit.as_secs())]
    Late { what: String, limit: Duration },
    #[error("{server} ended by itself ({status})")]
    Ended { server: &'static str, status: String },
    #[error("{server} answered {command} with {found}")]
    Answer { server: &'static str, command: &'static str, found: String },
    #[error("interrupted")]
    Interrupted,
}

impl DemoError {
    fn machine(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| Self::Machine { what, error }
    }
}

/// Runs the demo; the exit status is 0 only if all of it held.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    syscall::catch_interrupts();
    if story::tell_all(arguments) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
