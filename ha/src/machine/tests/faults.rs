//! Random faults under a seed: whatever happens to a pair, it comes back by itself once it is
//! healed.

use engine::rng::Rng;

use super::super::{Mode, State};
use super::pair::Pair;

/// A pair that goes through faults, with queries all the time.
struct Run {
    seed: u64,
    rng: Rng,
    pair: Pair,
    /// Queries that both servers answered.
    answered_twice: u32,
    answered: u32,
}

impl Run {
    fn new(seed: u64, mode: Mode) -> Self {
        let mut rng = Rng::seeded(seed);
        let unacked = u32::try_from(rng.next_u64() % 2).unwrap() * 2;
        let delayed = [0, 3, 100][usize::try_from(rng.next_u64() % 3).unwrap()];
        let mut pair = Pair::new(mode, |parameters| {
            parameters.max_unacked_clients = unacked;
            if mode == Mode::LoadBalancing {
                parameters.delayed_updates_limit = delayed;
            }
        });
        pair.start(0);
        pair.start(1);
        Self { seed, rng, pair, answered_twice: 0, answered: 0 }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.rng.next_u64() % bound
    }

    fn kill_or_start(&mut self) {
        let server = usize::from(self.below(2) == 1);
        if self.pair.states()[server].is_some() {
            self.pair.kill(server);
        } else {
            self.pair.start(server);
        }
    }

    fn pass(&mut self, tenths: u64) {
        for _ in 0..tenths {
            self.pair.run_for(0.1);
            let id = u8::try_from(self.below(32)).unwrap();
            let secs = u16::try_from(self.below(6)).unwrap();
            let servers = self.pair.query(id, secs).len();
            self.answered += u32::from(servers > 0);
            self.answered_twice += u32::from(servers > 1);
        }
    }

    fn heal(&mut self) {
        self.pair.cut = false;
        self.pair.loss = 0;
        for server in [0, 1] {
            if self.pair.states()[server].is_none() {
                self.pair.start(server);
            }
        }
        self.pass(500);
        let normal = self
            .pair
            .states()
            .map(|state| matches!(state, Some(State::LoadBalancing | State::HotStandby)));
        assert_eq!(normal, [true; 2], "seed {}: {:?}", self.seed, self.pair.history);
    }
}

#[test]
fn a_healed_pair_is_back_in_normal_operation() {
    for seed in 0..120 {
        let mode = if seed % 2 == 0 { Mode::LoadBalancing } else { Mode::HotStandby };
        let mut run = Run::new(seed, mode);
        for _ in 0..12 {
            match run.below(4) {
                0 => run.kill_or_start(),
                1 => run.pair.cut = !run.pair.cut,
                2 => run.pair.loss = run.below(3) * 250,
                _ => {
                    let server = usize::from(run.below(2) == 1);
                    if run.pair.states()[server].is_some() {
                        run.pair.with(server, |machine, now| machine.reset(now));
                    }
                }
            }
            let tenths = 1 + run.below(100);
            run.pass(tenths);
        }
        run.heal();
        assert!(run.answered > 100, "seed {seed}: {}", run.answered);
    }
}

#[test]
fn without_a_partition_no_query_is_answered_twice() {
    for seed in 0..60 {
        let mode = if seed % 2 == 0 { Mode::LoadBalancing } else { Mode::HotStandby };
        let mut run = Run::new(seed, mode);
        for _ in 0..12 {
            run.kill_or_start();
            let tenths = 1 + run.below(100);
            run.pass(tenths);
        }
        run.heal();
        assert_eq!(run.answered_twice, 0, "seed {seed}: {:?}", run.pair.history);
    }
}
