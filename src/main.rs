//! The program: arguments -> configuration -> engine::Server + ha::Driver.

mod arguments;
mod check;
mod control;
mod ctl;
mod demo;
mod http;
mod pid;
mod reload;
mod serve;
mod signals;

use std::process::ExitCode;

use clap::Parser;
use engine::control::core::KEA_VERSION;

use arguments::{Arguments, Word};

/// Our own name and version.
const OWN_NAME: &str = concat!("peregrine ", env!("CARGO_PKG_VERSION"));

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let environment = || std::env::var("PEREGRINE_SERVER_NAME").ok();
    check::identify(arguments.server_name.clone().or_else(environment));
    match &arguments.word {
        Some(Word::Demo(demo)) => return demo::run(demo),
        Some(Word::Ctl(command)) => return ctl::run(command),
        Some(Word::Check { config }) => return check::run(config),
        None => {}
    }
    if arguments.version {
        println!("{KEA_VERSION}");
    } else if arguments.full_version {
        println!("{OWN_NAME}\nthe interface of Kea {KEA_VERSION}");
    } else if arguments.build_report {
        println!("{OWN_NAME}, built for {} {}", std::env::consts::ARCH, std::env::consts::OS);
    } else if let Some(file) = &arguments.check {
        return check::run(file);
    } else if let Some(file) = &arguments.check_more {
        return check::run_with_machine(file);
    } else if let Some(file) = &arguments.config {
        return serve::run(file, &arguments);
    } else {
        eprintln!("peregrine: nothing to do: expected -c FILE to serve, or see --help");
        return ExitCode::from(2);
    }
    ExitCode::SUCCESS
}
