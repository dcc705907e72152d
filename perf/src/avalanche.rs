//! What a network does whose power comes back: all clients ask at once, and those who got nothing ask again with
//! growing patience. Pure but for the relay that it drives.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::fleet::Fleet;
use crate::pace::Pace;
use crate::plan::Plan;
use crate::run::{Progress, Relay, RunError};
use crate::tally::Tally;

/// The longest wait of a client (RFC 2131 section 4.1).
const LONGEST: Duration = Duration::from_secs(64);
/// Rounds at most: more than an hour of patience.
const ROUNDS: u32 = 64;

/// Runs until each client has a lease, or nobody has been answered in the last rounds.
///
/// # Errors
/// Those of [`Relay::run`].
pub fn run(
    relay: &Relay,
    plan: &Plan,
    fleet: &mut Fleet,
    progress: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
) -> Result<Tally, RunError> {
    let mut sum: Option<Tally> = None;
    let mut clients = plan.clients.clone();
    let (mut first_xid, mut broken) = (plan.first_xid, false);
    fleet.begin_round();
    for round in 0..ROUNDS {
        let count = u32::try_from(clients.len()).unwrap_or(u32::MAX);
        let this = Plan {
            pace: Pace::Window(count),
            exchanges: Some(u64::from(count)),
            drop_time: patience(plan.drop_time, round),
            first_xid,
            clients,
            ..plan.clone()
        };
        let tally = relay.run(&this, fleet, &mut |told| {
            let flow = progress(told);
            broken |= flow.is_break();
            flow
        })?;
        first_xid = first_xid.wrapping_add(count);
        clients = fleet.not_yet_granted(this.clients);
        match &mut sum {
            None => sum = Some(tally),
            Some(sum) => sum.absorb(&tally),
        }
        if clients.is_empty() || broken {
            break;
        }
    }
    Ok(sum.unwrap_or_default())
}

/// How long clients wait in a round: twice as long each time.
fn patience(first: Duration, round: u32) -> Duration {
    first.saturating_mul(1 << round.min(16)).min(LONGEST.max(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_doubles_up_to_its_bound() {
        let rounds = [0, 1, 3, 40].map(|round| patience(Duration::from_secs(1), round).as_secs());
        assert_eq!(rounds, [1, 2, 8, 64]);
        assert_eq!(patience(Duration::from_secs(100), 5).as_secs(), 100);
    }
}
