//! Stories drawn at random from a seed, and a story that fails cut down to what is needed for that. Pure but for
//! the runs of the stories that are cut.

mod configuration;
mod expressions;
mod more;
mod options;
mod seldom;
mod steps;
mod twins;

use serde_json::json;

use crate::lab::Lab;
use crate::run::{Failure, tell};
use crate::story::Story;
use crate::support::dhcp::Random;

/// Steps of a story; some of them are two queries, and some are skipped.
const STEPS: usize = 90;
/// How often a failing story is told again to make it shorter.
const CUTS: usize = 60;

/// The story of `seed`.
pub(crate) fn draw(seed: u64) -> Story {
    let mut dice = Dice::new(seed, 1, 0x9E37_79B9_7F4A_7C15);
    // What came to be drawn later has dice of its own.
    let mut others = Dice::new(seed, 7, 0xD134_2543_DE82_EF95);
    let mut latest = Dice::new(seed, 13, 0xA076_1D64_78BD_642F);
    let (broad, twins) = (others.chance(60), latest.chance(30));
    let loose = dice.chance(20);
    let (wild, bootp) = (dice.chance(40), dice.chance(20));
    let mut plan =
        Plan { loose, wild, bootp, shared: false, links: Vec::new(), clients: Vec::new() };
    let mut config = plan.configuration(&mut dice);
    if broad {
        more::broaden(&mut others, &mut config, loose, wild);
    }
    let reserved = seldom::reserved(&config);
    let twins = twins && !loose;
    if twins {
        twins::add(&mut latest, &mut config);
    }
    if wild {
        seldom::two_enterprises(&mut latest, &mut config);
    }
    let mut parts = [json!({}), json!({})];
    if bootp {
        parts = HOOKS.map(|folder| {
            let library = |name: &str| json!({"library": format!("{folder}{name}")});
            json!({"hooks-libraries": [library("libdhcp_lease_cmds.so"), library("libdhcp_bootp.so")]})
        });
    }
    let [kea, ours] = parts;
    let mut story = Story { title: format!("Seed {seed}"), config, kea, ours, steps: Vec::new() };
    plan.people(&mut dice, &mut story);
    if twins {
        twins::introduce(&mut latest, &mut story);
    }
    for _ in 0..STEPS {
        let before = story.steps.len();
        plan.step(&mut dice, &mut story);
        if broad {
            plan.broaden_steps(&mut others, &mut story, before);
        }
        plan.seldom(&mut latest, &mut story, &reserved);
    }
    story
}

/// Where hook libraries are: Kea's, and ours, which are built in.
const HOOKS: [&str; 2] = ["/usr/lib/x86_64-linux-gnu/kea/hooks/", ""];

struct Dice(Random);

impl Dice {
    /// Neighbouring seeds are far apart.
    fn new(seed: u64, offset: u64, factor: u64) -> Self {
        let mut dice = Self(Random::new(seed.wrapping_add(offset).wrapping_mul(factor)));
        for _ in 0..8 {
            dice.0.next();
        }
        dice
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.0.below(100) < percent
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.0.below(of.len())]
    }

    fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.0.below(most - least + 1)
    }
}

/// A link with a subnet, or several of a shared network.
struct Link {
    /// What the relay's address and the subnets start with.
    prefix: &'static str,
    relay: Option<&'static str>,
}

const LINKS: [Link; 4] = [
    Link { prefix: "192.0.2", relay: None },
    Link { prefix: "10.1.0", relay: Some("10.1.0.1") },
    Link { prefix: "10.2.0", relay: Some("10.2.0.1") },
    Link { prefix: "10.3.0", relay: Some("10.3.0.1") },
];

/// What is known of a story while it is drawn.
struct Plan {
    /// Whether both sides may come to give different addresses.
    loose: bool,
    /// Whether options of its own are defined, and classes have tests of any kind.
    wild: bool,
    /// Whether BOOTP requests are served.
    bootp: bool,
    /// Whether the subnet that is drawn is one of a shared network.
    shared: bool,
    links: Vec<&'static Link>,
    clients: Vec<Client>,
}

struct Client {
    name: String,
    link: &'static Link,
}

/// Cuts steps out of a story that fails as long as it still does.
pub(crate) fn shrink(lab: &mut Lab, mut story: Story, failure: Failure) -> (Story, Failure) {
    let mut last = failure;
    story.steps.truncate(last.step + 1);
    let mut size = story.steps.len() / 2;
    let mut told = 0;
    while size > 0 && told < CUTS {
        let mut at = 0;
        while at < story.steps.len() && told < CUTS {
            let mut shorter = story.clone();
            let end = (at + size).min(shorter.steps.len());
            shorter.steps.drain(at..end);
            told += 1;
            match tell(lab, &shorter) {
                Err(failure) => {
                    shorter.steps.truncate(failure.step + 1);
                    (story, last) = (shorter, failure);
                }
                Ok(_) => at += size,
            }
        }
        size /= 2;
    }
    (story, last)
}
