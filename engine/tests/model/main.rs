//! The code that threads share, under the model checker (shuttle): small histories, thousands of schedules.
//!
//! Run with `cargo test -p peregrine-engine --features model --test model`. A failing run prints its
//! schedule; give that to `shuttle::replay` around the same history to run it again. Each room also has a
//! history with a fault put in, which must be found: it shows that the checks can fail.
#![cfg(feature = "model")]

mod exchange;
mod journal;
mod paper;
mod pending;
mod queue;
mod store;
mod swap;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};

/// Runs `history` under `schedules` random schedules, and under as many of PCT's (Burckhardt et al. 2010), which
/// find every fault that needs no more than three ordered steps with a known probability.
fn check(schedules: usize, history: impl Fn() + Copy + Send + Sync + 'static) {
    run(RandomScheduler::new(schedules), history);
    run(PctScheduler::new(3, schedules), history);
}

fn run(scheduler: impl Scheduler + 'static, history: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = 1 << 18;
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(history);
}
