//! `peregrine ctl`: one command to a running server's control socket, its answer for people and scripts.

mod words;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;

use crate::control;

/// The word for status-get in words.
const IN_WORDS: &str = "ha";
/// How long a server may take: a synchronisation that was asked for may need it.
const PATIENCE: Duration = Duration::from_secs(600);

/// What to send, and where.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The server's control socket.
    #[arg(short, long, value_name = "PATH", default_value = "/run/kea/kea4-ctrl-socket")]
    socket: PathBuf,
    /// The command, such as status-get; or the word ha: the state of the pair in words.
    command: String,
    /// Its arguments, as JSON.
    arguments: Option<String>,
}

/// Sends the command and prints the answer. The exit status is 0 when the server did what was asked, or
/// found nothing; else 1.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let given = arguments.arguments.as_ref().map(|text| text.parse::<Value>()).transpose();
    let given = match given {
        Ok(given) => given,
        Err(error) => {
            eprintln!("peregrine ctl: the arguments are no JSON: {error}");
            return ExitCode::FAILURE;
        }
    };
    let in_words = arguments.command == IN_WORDS;
    let command = if in_words { "status-get" } else { &arguments.command };
    match control::ask(&arguments.socket, command, given, PATIENCE) {
        Ok(answer) if in_words && answer.result == 0 => {
            print!("{}", words::tell(&answer.arguments));
            ExitCode::SUCCESS
        }
        Ok(answer) => {
            println!("{:#}", answer.whole);
            let done = matches!(answer.result, 0 | control::EMPTY);
            if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("peregrine ctl: no answer on {}: {error}", arguments.socket.display());
            ExitCode::FAILURE
        }
    }
}
