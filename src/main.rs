//! The program: arguments -> configuration -> engine::Server + ha::Driver.

mod demo;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    match words.next() {
        Some(word) if word == "demo" => demo::run(words),
        _ => ExitCode::FAILURE,
    }
}
