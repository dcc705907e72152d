//! The load generator's command line.

use std::ops::ControlFlow;
use std::process::ExitCode;

use clap::Parser;
use perf::cli::{ArgumentError, Arguments, CommandLine, Word};
use perf::compare::{self, CompareError};
use perf::echo::{self, EchoError};
use perf::fleet::Fleet;
use perf::plan::Plan;
use perf::run::{Progress, Relay, RunError};
use perf::tally::Tally;
use perf::{avalanche, report, syscall};

const GENERAL_ERROR: u8 = 1;
const ARGUMENT_ERROR: u8 = 2;
const NOT_ALL_WELL: u8 = 3;

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Arguments(#[from] ArgumentError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Echo(#[from] EchoError),
    #[error(transparent)]
    Compare(#[from] CompareError),
    #[error("{command} {word}: {error}")]
    Wrapped { command: String, word: &'static str, error: std::io::Error },
}

fn main() -> ExitCode {
    let line = CommandLine::parse();
    syscall::catch_interrupts();
    let outcome = match &line.word {
        None => load(&line.load),
        Some(Word::Echo(arguments)) => echo::run(arguments).map(|()| true).map_err(Failure::from),
        Some(Word::Compare(arguments)) => compare::run(arguments).map_err(Failure::from),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOT_ALL_WELL),
        Err(failure) => {
            eprintln!("peregrine-perf: {failure}");
            ExitCode::from(match failure {
                Failure::Arguments(_) => ARGUMENT_ERROR,
                _ => GENERAL_ERROR,
            })
        }
    }
}

/// Whether all exchanges ended well.
fn load(arguments: &Arguments) -> Result<bool, Failure> {
    let link = arguments.link()?;
    let mut fleet = arguments.fleet()?;
    let plan = arguments.plan(*link.local.ip(), fleet.size())?;
    let told = |letter: char| arguments.diagnostics.contains(letter);
    if told('a') {
        println!("{arguments:#?}");
    }
    let relay = Relay::open(&link)?;
    call_wrapped(arguments, "start")?;
    let outcome = drive(arguments, &relay, &plan, &mut fleet);
    call_wrapped(arguments, "stop")?;
    let tally = outcome?;
    if arguments.release_after {
        relay.run(&Plan::release_all(&plan, &fleet), &mut fleet, &mut |_| unless_interrupted())?;
    }
    if arguments.json {
        println!("{:#}", report::json(&plan, &tally));
    } else {
        print!("{}", report::text(&plan, &tally));
    }
    if told('e') {
        println!("{}", report::exit_reason(&plan, &tally));
    }
    if told('s') {
        print!("{}", report::servers_text(&tally));
    }
    if told('l') {
        print!("{}", report::leases(&fleet));
    }
    Ok(tally.is_clean())
}

fn drive(
    arguments: &Arguments,
    relay: &Relay,
    plan: &Plan,
    fleet: &mut Fleet,
) -> Result<Tally, RunError> {
    let mut progress = |progress: &Progress<'_>| {
        if arguments.report.is_some() {
            let line = report::progress_line(progress.tally);
            // The report for machines stays alone on its way.
            if arguments.json { eprintln!("{line}") } else { println!("{line}") }
        }
        unless_interrupted()
    };
    if arguments.scenario == "avalanche" {
        return avalanche::run(relay, plan, fleet, &mut progress);
    }
    relay.run(plan, fleet, &mut progress)
}

fn unless_interrupted() -> ControlFlow<()> {
    if syscall::interrupted() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

fn call_wrapped(arguments: &Arguments, word: &'static str) -> Result<(), Failure> {
    let Some(command) = &arguments.wrapped else { return Ok(()) };
    let failed = |error| Failure::Wrapped { command: command.display().to_string(), word, error };
    std::process::Command::new(command).arg(word).status().map(|_| ()).map_err(failed)
}
