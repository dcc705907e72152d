//! The end of a run: everything is repaired, and the pair has to come back. Pure.

use std::time::Duration;

use super::net::Net;
use super::plan::Setup;
use super::world::{Event, World};
use crate::machine::{Role, State};

/// A stage of the end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Healing {
    /// A maintenance that is ended in the middle of a run.
    EndMaintenance(usize),
    Begin,
    /// Ends what waits for a command or a restart, until the time.
    Nurse(u64),
    /// Clients ask nothing more.
    Rest,
    /// Everything has arrived.
    Compare,
}

/// Nanoseconds after which nobody is nursed any more.
const LONGEST: u64 = 20_000_000_000_000;

impl World {
    pub(super) fn heal(&mut self, healing: Healing) {
        match healing {
            Healing::EndMaintenance(server) => self.order(server, "ha-maintenance-cancel", None),
            Healing::Begin => self.begin_healing(),
            Healing::Nurse(until) => self.nurse(until),
            Healing::Rest => {
                self.clients_rest = true;
                self.after(Duration::from_secs(45), Event::Heal(Healing::Compare));
            }
            Healing::Compare if !self.is_normal() => {
                // What clients did last has ended the relationship again: refused updates do.
                self.report.count("left normal operation again after healing");
                let until = self.now + self.patience();
                self.after(Duration::from_secs(5), Event::Heal(Healing::Nurse(until)));
            }
            Healing::Compare => {
                self.check_stores();
                self.ended = true;
            }
        }
    }

    fn begin_healing(&mut self) {
        self.tell(|_| "healing".into());
        self.net = Net::default();
        // The clocks are set to the slowest one: a clock that is set forward ends leases early.
        let ahead = self.sites.iter().map(|site| site.error.ahead_at(self.now));
        let slowest = ahead.min().unwrap_or(0);
        let clocks = (0..self.sites.len()).map(|server| self.wall_s(server));
        self.healed_at_s = clocks.max().unwrap_or(0);
        for server in 0..self.sites.len() {
            let error = &mut self.sites[server].error;
            error.ahead_s += slowest - error.ahead_at(self.now);
            self.thaw(server, self.now, false);
            self.sites[server].dies_after = None;
            self.sites[server].takes_over = false;
            self.sites[server].disk.live();
            self.sites[server].disk.fill(None);
            self.set_up(server, Setup::Right);
            self.order_scopes(server);
            self.order(server, "dhcp-enable", None);
            self.after(Duration::ZERO, Event::Start { server });
        }
        let until = self.now + self.patience();
        self.after(Duration::from_secs(5), Event::Heal(Healing::Nurse(until)));
    }

    /// Takes back what an administrator did to the scopes.
    fn order_scopes(&mut self, server: usize) {
        if self.sites[server].scopes_by_hand {
            self.order(server, "ha-reset", None);
        }
    }

    /// Terminated, maintenance and pauses end by a command or a restart; all else by itself.
    fn nurse(&mut self, until: u64) {
        let states = self.states();
        let is = |state| states.contains(&Some(state));
        if self.is_normal() {
            let on = self.dice.span(60_000, 90_000);
            return self.after(on, Event::Heal(Healing::Rest));
        }
        if self.now >= until || self.now > LONGEST {
            let shown: Vec<_> = states.iter().flatten().map(|state| state.name()).collect();
            return self.fail(|_| format!("healed, and not back in normal operation: {shown:?}"));
        }
        let mut nursed = false;
        for (server, state) in states.iter().enumerate() {
            if self.sites[server].server.as_ref().is_some_and(|server| server.is_paused()) {
                self.order(server, "ha-continue", None);
                nursed = true;
            }
            if *state == Some(State::PartnerInMaintenance) {
                self.order(server, "ha-maintenance-cancel", None);
                nursed = true;
            } else if *state == Some(State::InMaintenance) && !is(State::PartnerInMaintenance) {
                self.restart(server);
                nursed = true;
            }
        }
        if is(State::Terminated) {
            // Kea's own advice is to restart both; of two Peregrines it is enough to reset one.
            let one = self.dice.place(self.sites.len());
            match self.dice.chance(500) {
                true => self.order(one, "ha-reset", None),
                false => (0..self.sites.len()).for_each(|server| self.restart(server)),
            }
            nursed = true;
        }
        let until = if nursed { self.now + self.patience() } else { until };
        self.after(Duration::from_secs(5), Event::Heal(Healing::Nurse(until)));
    }

    /// Nanoseconds in which a healed pair is back in normal operation.
    fn patience(&self) -> u64 {
        u64::try_from(self.plan.patience().as_nanos()).expect("minutes")
    }

    fn restart(&mut self, server: usize) {
        self.crash(server, false);
        self.after(Duration::from_millis(100), Event::Start { server });
    }

    fn states(&self) -> Vec<Option<State>> {
        self.sites.iter().map(|site| site.server.as_ref().map(|server| server.state())).collect()
    }

    /// Whether everybody is in normal operation.
    pub(super) fn is_normal(&self) -> bool {
        let normal = self.plan.mode.normal();
        self.sites.iter().zip(&self.plan.servers).all(|(site, member)| {
            let expected = if member.role == Role::Backup { State::Backup } else { normal };
            site.server.as_ref().is_some_and(|server| server.state() == expected)
        })
    }

    /// Adds what the machines of all servers did.
    pub(super) fn count_rules(&mut self) {
        (0..self.sites.len()).for_each(|server| self.count_rules_of(server));
    }

    /// Adds what the machine of a server did, which is about to go.
    pub(super) fn count_rules_of(&mut self, server: usize) {
        let Some(server) = &self.sites[server].server else { return };
        server.half.look(|machine| {
            for (rule, count) in machine.applied_rules() {
                *self.report.rules.entry(rule).or_default() += count;
            }
        });
    }
}
