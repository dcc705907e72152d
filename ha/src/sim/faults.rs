//! What goes wrong, and what administrators do. Pure.

use std::time::Duration;

use serde_json::{Value, json};

use super::plan::Setup;
use super::world::{Event, World};
use crate::family::DELETE;
use crate::machine::Mode;

/// Something that goes wrong, or is over.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// One of the kinds below.
    Any,
    Open {
        from: usize,
        to: usize,
    },
    Show {
        server: usize,
    },
    CalmLoss,
    CalmDuplication,
    CalmDelay,
    FreeDisk {
        server: usize,
    },
    SetUpRight {
        server: usize,
    },
    /// An administrator lets a server take over from its partner.
    Maintain {
        server: usize,
    },
    /// A server that was down starts as its partner, which served alone meanwhile, goes down.
    Swap {
        starts: usize,
    },
}

/// The kinds, with how often each is drawn.
pub(super) const KINDS: [(&str, u64); 27] = [
    ("crash", 10),
    ("crash in a write", 8),
    ("crash in a step", 8),
    ("loss of power", 8),
    ("partition", 10),
    ("one-way partition", 8),
    ("hidden from clients", 6),
    ("loss", 6),
    ("duplication", 4),
    ("delay and reordering", 6),
    ("clock set back", 5),
    ("clock set forward", 5),
    ("restart", 8),
    ("stopped process", 5),
    ("paused virtual machine", 4),
    ("full disk", 4),
    ("wrong configuration", 5),
    ("wrong mode during a partition", 4),
    ("clients restart", 3),
    ("ha-sync", 3),
    ("ha-scopes", 3),
    ("maintenance", 6),
    ("maintenance over a failing link", 4),
    ("ha-reset", 3),
    (DELETE, 2),
    ("other command", 4),
    ("down in turn", 2),
];

impl World {
    /// Draws when faults happen.
    pub(super) fn draw_faults(&mut self) {
        let trouble = u64::try_from(self.plan.trouble.as_millis()).expect("hours");
        for _ in 0..self.dice.between(4, 14) {
            let when = self.dice.span(90_000, trouble - 60_000);
            self.after(when, Event::Fault(Fault::Any));
        }
    }

    pub(super) fn suffer(&mut self, fault: Fault) {
        match fault {
            Fault::Any => self.suffer_any(),
            Fault::Open { from, to } => self.net.close(from, to, false),
            Fault::Show { server } => self.net.hide(server, false),
            Fault::CalmLoss => self.net.loss = 0,
            Fault::CalmDuplication => self.net.duplication = 0,
            Fault::CalmDelay => self.net.slow = false,
            Fault::FreeDisk { server } => self.sites[server].disk.fill(None),
            Fault::SetUpRight { server } => self.set_up(server, Setup::Right),
            Fault::Swap { starts } => self.swap(starts),
            Fault::Maintain { server } => self.order(server, "ha-maintenance-start", None),
        }
    }

    fn suffer_any(&mut self) {
        let all: u64 = KINDS.iter().map(|(_, weight)| weight).sum();
        let mut left = self.dice.below(all);
        let drawn = KINDS.iter().find(|(_, weight)| {
            let here = left < *weight;
            left = left.saturating_sub(*weight);
            here
        });
        let kind = drawn.expect("the weights add up").0;
        let kind = match kind {
            // Each of them makes a server serve the other's clients.
            "maintenance"
            | "maintenance over a failing link"
            | "ha-scopes"
            | "wrong configuration"
            | "wrong mode during a partition"
            | "down in turn"
                if self.plan.forgets() =>
            {
                "restart"
            }
            kind => kind,
        };
        let server = self.dice.place(self.sites.len());
        self.report.fault(kind);
        self.tell(|world| format!("fault: {kind}, {}", world.name(server)));
        match kind {
            "crash" => {
                self.crash(server, false);
                self.start_later(server);
            }
            "loss of power" => {
                self.crash(server, true);
                self.start_later(server);
            }
            "restart" => {
                self.crash(server, false);
                let soon = self.dice.span(10, 2_000);
                self.after(soon, Event::Start { server });
            }
            "crash in a write" => {
                let after = self.dice.place(200);
                self.sites[server].disk.die_in_next_write(after);
            }
            "crash in a step" => self.sites[server].dies_after = Some(self.dice.place(3)),
            "partition" => self.partition(true),
            "one-way partition" => self.partition(false),
            "hidden from clients" => {
                self.net.hide(server, true);
                let after = self.lasts();
                self.after(after, Event::Fault(Fault::Show { server }));
            }
            "clock set back" => self.step_clock(server, true),
            "clock set forward" => self.step_clock(server, false),
            "clients restart" => self.restart_clients(),
            "stopped process" | "paused virtual machine" => {
                let how_long = self.lasts();
                self.freeze(server, how_long, kind == "paused virtual machine");
            }
            "full disk" => {
                let room = self.dice.place(200);
                self.sites[server].disk.fill(Some(room));
                let after = self.lasts();
                self.after(after, Event::Fault(Fault::FreeDisk { server }));
            }
            "wrong configuration" => {
                let setup = self.dice.pick(&[Setup::OtherMode, Setup::Lone, Setup::OtherSubnet]);
                self.set_up(server, setup);
                let after = self.lasts();
                self.after(after, Event::Fault(Fault::SetUpRight { server }));
            }
            "wrong mode during a partition" => self.change_mode_apart(server % 2),
            "down in turn" => {
                self.crash(server % 2, false);
                let until = self.dice.span(100_000, 400_000);
                self.after(until, Event::Fault(Fault::Swap { starts: server % 2 }));
            }
            "maintenance over a failing link" => self.maintain_over_a_failing_link(server % 2),
            "loss" => {
                self.net.loss = self.dice.between(10, 400);
                let after = self.lasts();
                self.after(after, Event::Fault(Fault::CalmLoss));
            }
            "duplication" => {
                self.net.duplication = self.dice.between(50, 500);
                let after = self.lasts();
                self.after(after, Event::Fault(Fault::CalmDuplication));
            }
            "delay and reordering" => {
                self.net.slow = true;
                let after = self.lasts();
                self.after(after, Event::Fault(Fault::CalmDelay));
            }
            command => self.command(server, command),
        }
    }

    fn lasts(&mut self) -> Duration {
        match self.dice.below(3) {
            0 => self.dice.span(500, 15_000),
            1 => self.dice.span(15_000, 90_000),
            _ => self.dice.span(90_000, 500_000),
        }
    }

    fn partition(&mut self, both_ways: bool) {
        let servers = self.sites.len();
        let from = self.dice.place(servers);
        let to = (from + 1 + self.dice.place(servers - 1)) % servers;
        let after = self.lasts();
        self.net.close(from, to, true);
        self.after(after, Event::Fault(Fault::Open { from, to }));
        if both_ways {
            self.net.close(to, from, true);
            self.after(after, Event::Fault(Fault::Open { from: to, to: from }));
        }
    }

    /// The one that starts has older leases than what the other granted alone, and cannot ask it.
    fn swap(&mut self, starts: usize) {
        let other = 1 - starts;
        let is_over = u128::from(self.now) >= self.plan.trouble.as_nanos();
        let is_alone = self.plan.mode == Mode::PassiveBackup;
        if is_over || is_alone || self.sites[other].server.is_none() {
            return self.start(starts);
        }
        self.crash(other, false);
        self.start(starts);
        let until = self.dice.span(100_000, 400_000);
        self.after(until, Event::Start { server: other });
    }

    /// One of the pair is started anew with the other mode while it is cut off, and is alone with it by the time the other
    /// hears of it.
    fn change_mode_apart(&mut self, server: usize) {
        let other = 1 - server;
        let apart = self.dice.span(60_000, 250_000);
        for (from, to) in [(server, other), (other, server)] {
            self.net.close(from, to, true);
            self.after(apart, Event::Fault(Fault::Open { from, to }));
        }
        self.set_up(server, Setup::OtherMode);
        let after = apart + self.lasts();
        self.after(after, Event::Fault(Fault::SetUpRight { server }));
    }

    /// The answers of the partner are lost until an administrator, who sees this server in communication-recovery, lets it
    /// take over.
    fn maintain_over_a_failing_link(&mut self, server: usize) {
        let (from, to) = (1 - server, server);
        self.net.close(from, to, true);
        let after = self.dice.span(10_000, 60_000);
        self.after(after, Event::Fault(Fault::Open { from, to }));
        self.sites[server].takes_over = true;
    }

    /// See [`Self::maintain_over_a_failing_link`].
    pub(super) fn notice_recovery(&mut self, server: usize) {
        if std::mem::take(&mut self.sites[server].takes_over) {
            self.after(Duration::from_millis(1), Event::Fault(Fault::Maintain { server }));
            let after = self.dice.span(50, 4_000);
            self.after(after, Event::Fault(Fault::Open { from: 1 - server, to: server }));
        }
    }

    fn step_clock(&mut self, server: usize, back: bool) {
        let step = match self.dice.below(6) {
            // Beyond what a pair works with.
            0 => self.dice.between(61, 300),
            _ => self.dice.between(1, 15),
        };
        let step = i64::try_from(step).expect("small");
        let now = self.now;
        let site = &mut self.sites[server];
        site.error.ahead_s += if back { -step } else { step };
        let ahead_s = site.error.ahead_at(now);
        site.ahead_s = (site.ahead_s.0.min(ahead_s), site.ahead_s.1.max(ahead_s));
        if self.sites[server].inbox.is_none() {
            self.wake_up(server);
        }
    }

    /// A server is restarted with another configuration.
    pub(super) fn set_up(&mut self, server: usize, setup: Setup) {
        if self.sites[server].setup == setup {
            return;
        }
        self.sites[server].setup = setup;
        self.crash(server, false);
        let soon = self.dice.span(10, 30_000);
        self.after(soon, Event::Start { server });
    }

    fn command(&mut self, server: usize, command: &'static str) {
        let other = (server + 1) % self.sites.len();
        let name = self.name(other).to_owned();
        match command {
            "ha-sync" => self.order(server, "ha-sync", Some(json!({"server-name": name}))),
            "ha-reset" => self.order(server, "ha-reset", None),
            "ha-scopes" => {
                let own = self.name(server).to_owned();
                let scopes = [json!([]), json!([own]), json!([own, name])];
                let scopes = scopes[self.dice.place(3)].clone();
                self.order(server, "ha-scopes", Some(json!({ "scopes": scopes })));
                self.sites[server].scopes_by_hand = true;
                self.look_at_scopes();
            }
            "maintenance" => {
                self.order(server, "ha-maintenance-start", None);
                if self.dice.chance(500) {
                    let after = self.lasts();
                    self.after(after, Event::Heal(super::healing::Healing::EndMaintenance(server)));
                }
            }
            DELETE => self.delete_lease(server),
            _ => match self.dice.below(3) {
                0 => {
                    let period = self.dice.between(1, 120);
                    self.order(server, "dhcp-disable", Some(json!({"max-period": period})));
                }
                1 => self.order(server, "dhcp-enable", None),
                _ => self.order(server, "ha-continue", None),
            },
        }
    }

    fn delete_lease(&mut self, server: usize) {
        let leases = self.sites[server].server.as_ref().map_or_else(Vec::new, |it| it.leases());
        if leases.is_empty() || self.plan.mode == Mode::PassiveBackup {
            return;
        }
        let address = leases[self.dice.place(leases.len())].address;
        self.ledger.leases_by_hand(self.now, address);
        self.order(server, DELETE, Some(json!({"ip-address": address.to_string()})));
    }

    /// An administrator's command to one server.
    pub(super) fn order(&mut self, server: usize, name: &str, arguments: Option<Value>) {
        if self.sites[server].inbox.is_some() {
            return self.tell(|world| format!("{name} at {}: nobody answers", world.name(server)));
        }
        let answer = self.touch(server, |server| server.command(name, arguments));
        self.tell(|world| format!("{name} at {}: {answer:?}", world.name(server)));
    }
}
