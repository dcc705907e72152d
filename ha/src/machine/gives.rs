//! Which free addresses this server gives, beside a Peregrine. Pure.
//!
//! In load-balancing, of pools that are open to both servers' clients, each server has one half of all addresses. In contact it asks the owner of the other half. Contact lost, it gives of
//! its own half what was free then; the rest only once the partner has been down for `takeover-delay`, in which every lease
//! has run out that the partner gave before it fell silent. In hot-standby the standby takes over at once: the primary gives
//! from the near end of the pools, the standby from the far end, so that they seldom meet if both serve.
//!
//! A partner that was not heard since the start may be a Peregrine that is cut off, and is taken for one.

use std::time::Duration;

use engine::clock::{Mono, Now};
use engine::limits::OTHER_WRITER_HOLD_S;

use super::action::ToPartner;
use super::parameters::{Mode, Role};
use super::relationship::Relationship;
use super::stage::Stage;

/// What a server gives to clients who do not have it yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gives {
    /// Whatever is free: nobody else does, or the partner is a Kea.
    #[default]
    Everything,
    /// Whatever is free, from the far end of the pools.
    EverythingFromFarEnd,
    /// Its half, and of the other what the partner agrees to.
    OwnHalfAndAsks,
    /// Of its half what was free at this time, in seconds since 1970, or was given back to it since.
    OwnHalf {
        /// When contact was lost.
        since_s: u64,
    },
}

impl Relationship {
    /// What this server gives now.
    pub(super) fn gives(&self, now: Now) -> Gives {
        match (self.peers().mode(), self.peers().local().role) {
            (Mode::LoadBalancing, Role::Primary | Role::Secondary) => self.gives_of_halves(now),
            (Mode::HotStandby, Role::Standby) => match self.stage {
                Stage::PartnerDown(_) if !self.partner.is_kea => Gives::EverythingFromFarEnd,
                _ => Gives::Everything,
            },
            _ => Gives::Everything,
        }
    }

    fn gives_of_halves(&self, now: Now) -> Gives {
        if self.partner.halves == Some(false) {
            return Gives::Everything;
        }
        let since_s = self.apart.unwrap_or(now).wall_s;
        match self.stage {
            Stage::Normal if self.is_apart(now) => Gives::OwnHalf { since_s },
            Stage::Normal if self.sends_updates().partner == ToPartner::Send => {
                Gives::OwnHalfAndAsks
            }
            Stage::Recovery(_) | Stage::Terminated => Gives::OwnHalf { since_s },
            Stage::PartnerDown(_) if now.mono < self.takes_over_at() => Gives::OwnHalf { since_s },
            _ => Gives::Everything,
        }
    }

    /// Whether the partner may have renewed leases of which it has not told: it tells once it is out of its own
    /// communication-recovery, however soon this server was. If it goes down before, what it renewed has run out when the
    /// whole of the pools is taken over.
    pub(super) fn is_apart(&self, now: Now) -> bool {
        match self.stage {
            Stage::Recovery(_) => true,
            Stage::Normal => self.partner.delays_updates,
            Stage::PartnerDown(_) => self.partner.delays_updates && now.mono < self.takes_over_at(),
            _ => false,
        }
    }

    /// The same for people.
    pub fn giving(&self, now: Now) -> String {
        let partner = self.peers().partner().map_or("the partner", |peer| &*peer.name);
        match self.gives(now) {
            Gives::Everything => "any free address".to_owned(),
            Gives::EverythingFromFarEnd => {
                "any free address, those at the far end of a pool first".to_owned()
            }
            Gives::OwnHalfAndAsks => {
                format!("free addresses of its half, and of the other half if {partner} agrees")
            }
            Gives::OwnHalf { .. } => {
                let until = match self.stage {
                    Stage::PartnerDown(_) => {
                        let left_s = self.takes_over_at().since(now.mono).as_secs();
                        format!("any in {left_s} s (takeover-delay)")
                    }
                    _ => format!("others once {partner} is heard"),
                };
                format!(
                    "addresses of its half that were free when {partner} fell silent or were given back since; {until}"
                )
            }
        }
    }

    /// When a partner that is down has been so for `takeover-delay`.
    pub(super) fn takes_over_at(&self) -> Mono {
        let hold = Duration::from_secs(OTHER_WRITER_HOLD_S);
        let delay = self.parameters.takeover_delay.unwrap_or(self.longest_lifetime + hold);
        self.entered.since + delay
    }

    /// The longest lifetime that leases are given from now on.
    pub fn handle_lifetimes(&mut self, now: Now, longest: Duration) {
        self.longest_lifetime = longest;
        self.settle(now);
    }

    /// Notes when contact is lost, and that it is there again.
    pub(super) fn note_contact(&mut self, now: Now) {
        match self.stage {
            Stage::Recovery(_) | Stage::Terminated | Stage::PartnerDown(_) => {
                self.apart.get_or_insert(now);
            }
            Stage::PartnerInMaintenance { .. } => {}
            _ if self.is_apart(now) => {
                self.apart.get_or_insert(now);
            }
            _ => self.apart = None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parameters::{Parameters, Peer, Peers};
    use super::super::partner::PartnerStatus;
    use super::super::{Announced, CallError, Incarnation, State};
    use super::*;

    fn at(seconds: u64) -> Now {
        Now { mono: Mono::from_ns(seconds * 1_000_000_000), wall_s: 5000 + seconds }
    }

    fn primary(mode: Mode, takeover_delay: Option<Duration>) -> Relationship {
        server("a", mode, takeover_delay)
    }

    fn server(this: &str, mode: Mode, takeover_delay: Option<Duration>) -> Relationship {
        let peer = |name: &str, role| Peer { name: name.into(), role, auto_failover: true };
        let other = if mode == Mode::LoadBalancing { Role::Secondary } else { Role::Standby };
        let all = vec![peer("a", Role::Primary), peer("b", other)];
        let peers = Peers::new(mode, this, all).unwrap();
        let parameters = Parameters { takeover_delay, ..Parameters::defaults(peers) };
        let mut machine = Relationship::new(parameters, at(0));
        machine.handle_lifetimes(at(0), Duration::from_secs(1000));
        machine
    }

    /// A heartbeat is answered, by a Peregrine or a Kea.
    fn hear(machine: &mut Relationship, seconds: u64, state: State, peregrine: bool) {
        let announced = peregrine.then_some(Announced {
            batches: true,
            serves_returning: true,
            mode: Some(machine.peers().mode()),
            state: Some(state),
            halves: true,
            ..Announced::of(Incarnation(1))
        });
        machine.handle_announced(announced, None);
        let wall_s = at(seconds).wall_s;
        let status = PartnerStatus { state, scopes: Vec::new(), wall_s, unsent_updates: 0 };
        machine.handle_heartbeat(at(seconds), Ok(status));
    }

    fn lose(machine: &mut Relationship, seconds: u64) {
        let lost = CallError::Communication("silent".into());
        machine.handle_heartbeat(at(seconds), Err(lost));
    }

    fn gives(machine: &Relationship, seconds: u64) -> Gives {
        machine.standing(at(seconds)).gives
    }

    #[test]
    fn in_contact_it_asks_and_apart_it_keeps_to_its_half_until_it_takes_over() {
        for (delay, over) in [(None, 1060), (Some(300), 300)] {
            let mut machine = primary(Mode::LoadBalancing, delay.map(Duration::from_secs));
            machine.parameters.max_unacked_clients = 0;
            hear(&mut machine, 10, State::Ready, true);
            machine.enter(at(10), Stage::Normal);
            assert_eq!(gives(&machine, 10), Gives::OwnHalfAndAsks);
            lose(&mut machine, 80);
            assert_eq!(machine.state(), State::PartnerDown);
            let own = Gives::OwnHalf { since_s: 5080 };
            assert_eq!(gives(&machine, 80), own);
            assert_eq!(gives(&machine, 79 + over), own);
            let timeout = Mono::from_ns((80 + over) * 1_000_000_000);
            assert!(machine.poll_timeout().is_some_and(|at| at <= timeout));
            assert_eq!(gives(&machine, 80 + over), Gives::Everything);
        }
    }

    #[test]
    fn a_half_that_was_apart_before_is_apart_since_then() {
        let mut machine = primary(Mode::LoadBalancing, None);
        hear(&mut machine, 10, State::Ready, true);
        machine.enter(at(10), Stage::Normal);
        lose(&mut machine, 80);
        assert_eq!(machine.state(), State::CommunicationRecovery);
        machine.enter(at(100), machine.stage_of(State::PartnerDown));
        machine.settle(at(100));
        assert_eq!(gives(&machine, 200), Gives::OwnHalf { since_s: 5080 });
        machine.enter(at(300), Stage::PartnerInMaintenance { previous: State::LoadBalancing });
        machine.settle(at(300));
        assert_eq!(gives(&machine, 300), Gives::Everything, "the partner said that it goes");
    }

    /// The longest lease lasts 1000 s here; what ended meanwhile is its last holder's until then.
    #[test]
    fn a_partner_that_was_lost_with_delayed_updates_may_have_renewed_its_leases() {
        for (last, apart) in [(State::CommunicationRecovery, true), (State::LoadBalancing, false)] {
            let mut machine = primary(Mode::LoadBalancing, None);
            machine.enter(at(10), Stage::Normal);
            hear(&mut machine, 10, last, false);
            assert_eq!(machine.standing(at(10)).apart, apart);
            machine.enter(at(100), machine.stage_of(State::PartnerDown));
            lose(&mut machine, 100);
            assert_eq!(machine.standing(at(100 + 1059)).apart, apart);
            let timeout = Mono::from_ns((100 + 1060) * 1_000_000_000);
            assert!(machine.poll_timeout().is_some_and(|at| at <= timeout));
            assert!(!machine.standing(at(100 + 1060)).apart, "it has run out");
        }
    }

    #[test]
    fn with_a_kea_or_in_hot_standby_everything_is_given() {
        let mut with_kea = primary(Mode::LoadBalancing, None);
        hear(&mut with_kea, 10, State::Ready, false);
        let mut hot = primary(Mode::HotStandby, None);
        hear(&mut hot, 10, State::Ready, true);
        for machine in [&mut with_kea, &mut hot] {
            machine.parameters.max_unacked_clients = 0;
            machine.enter(at(10), Stage::Normal);
            assert_eq!(gives(machine, 10), Gives::Everything);
            lose(machine, 80);
            assert_eq!(gives(machine, 80), Gives::Everything);
        }
    }

    #[test]
    fn a_standby_that_took_over_from_a_peregrine_begins_at_the_far_end() {
        for (peregrine, alone) in [(true, Gives::EverythingFromFarEnd), (false, Gives::Everything)]
        {
            let mut standby = server("b", Mode::HotStandby, None);
            standby.parameters.max_unacked_clients = 0;
            hear(&mut standby, 10, State::Ready, peregrine);
            standby.enter(at(10), Stage::Normal);
            assert_eq!(gives(&standby, 10), Gives::Everything, "the primary serves");
            lose(&mut standby, 80);
            assert_eq!(gives(&standby, 80), alone);
            standby.enter(at(90), Stage::Waiting);
            assert_eq!(gives(&standby, 90), Gives::Everything);
        }
    }

    #[test]
    fn who_was_not_heard_since_the_start_is_taken_for_a_peregrine() {
        let mut machine = primary(Mode::LoadBalancing, None);
        lose(&mut machine, 80);
        assert_eq!(machine.state(), State::PartnerDown);
        assert_eq!(gives(&machine, 80), Gives::OwnHalf { since_s: 5080 });
        let mut standby = server("b", Mode::HotStandby, None);
        lose(&mut standby, 80);
        assert_eq!(gives(&standby, 80), Gives::EverythingFromFarEnd);
    }
}
