//! So many whole exchanges, for a program that counts instructions (`.ci/instructions`): each client is new, its lease
//! goes through the journal, whose rows are written in batches as a worker's are. *Shell* only in that it is a program.

use std::process::ExitCode;

use peregrine_bench::{Messages, POOL, Server, journal};

/// Exchanges whose rows are written together: a worker takes up to 64 queries at a time, two of each client.
const BATCH: u32 = 32;

fn main() -> ExitCode {
    let count = std::env::args().nth(1).and_then(|word| word.parse().ok());
    let Some(count) = count.filter(|count: &u32| *count <= POOL) else {
        eprintln!("dora: a number of exchanges expected, at most {POOL}");
        return ExitCode::from(2);
    };
    let journal = journal();
    let server = Server::journalled(&journal);
    let mut messages = Messages::default();
    for number in 0..count {
        server.dora(number, &mut messages);
        if number % BATCH == BATCH - 1 {
            journal.flush().expect("it goes nowhere");
        }
    }
    ExitCode::SUCCESS
}
