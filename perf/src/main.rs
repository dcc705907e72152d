//! The load generator's command line.

use std::ops::ControlFlow;
use std::process::ExitCode;

use clap::Parser;
use perf::cli::{ArgumentError, Arguments};
use perf::run::{Progress, Relay, RunError};
use perf::{report, syscall};

const GENERAL_ERROR: u8 = 1;
const ARGUMENT_ERROR: u8 = 2;
const NOT_ALL_WELL: u8 = 3;

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Arguments(#[from] ArgumentError),
    #[error(transparent)]
    Run(#[from] RunError),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    syscall::catch_interrupts();
    match load(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOT_ALL_WELL),
        Err(failure) => {
            eprintln!("peregrine-perf: {failure}");
            ExitCode::from(match failure {
                Failure::Arguments(_) => ARGUMENT_ERROR,
                Failure::Run(_) => GENERAL_ERROR,
            })
        }
    }
}

/// Whether all exchanges ended well.
fn load(arguments: &Arguments) -> Result<bool, Failure> {
    let link = arguments.link()?;
    let relay = Relay::open(&link)?;
    let plan = arguments.plan(*link.local.ip());
    let mut fleet = arguments.fleet();
    let chatty = arguments.report.is_some() && !arguments.json;
    let mut progress = |progress: &Progress<'_>| {
        if chatty {
            println!("{}", report::progress_line(progress.tally));
        }
        if syscall::interrupted() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let tally = relay.run(&plan, &mut fleet, &mut progress)?;
    if arguments.json {
        println!("{:#}", report::json(&plan, &tally));
    } else {
        print!("{}", report::text(&plan, &tally));
    }
    Ok(tally.is_clean())
}
