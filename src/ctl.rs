//! `peregrine ctl`: one command to a running server's control socket, its answer for people and scripts.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

/// What to send, and where.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The server's control socket.
    #[arg(short, long, value_name = "PATH", default_value = "/run/kea/kea4-ctrl-socket")]
    socket: PathBuf,
    /// The command, such as status-get.
    command: String,
    /// Its arguments, as JSON.
    arguments: Option<String>,
}

/// Sends the command and prints the answer. The exit status is 0 when the server did what was asked, or
/// found nothing; else 1.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let mut request = json!({ "command": arguments.command });
    if let Some(text) = &arguments.arguments {
        match text.parse::<Value>() {
            Ok(value) => request["arguments"] = value,
            Err(error) => {
                eprintln!("peregrine ctl: the arguments are no JSON: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    match ask(&arguments.socket, &request) {
        Ok(answer) => {
            println!("{answer:#}");
            let result = answer["result"].as_i64();
            if matches!(result, Some(0 | 3)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("peregrine ctl: no answer on {}: {error}", arguments.socket.display());
            ExitCode::FAILURE
        }
    }
}

/// Sends one request to a control socket and reads its answer.
pub(crate) fn ask(socket: &Path, request: &Value) -> io::Result<Value> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(request.to_string().as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    text.parse().map_err(io::Error::other)
}
