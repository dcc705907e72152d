//! The world's clients: when they speak, what arrives where, what they make of a reply. Pure.

use std::time::Duration;

use engine::codec::v4::MessageType;
use engine::packet::{Departure, Packet};

use super::client::{Meant, To};
use super::ledger::Promise;
use super::message::{Heard, Saying};
use super::net::Fate;
use super::world::{Event, World};
use crate::family::Address;

impl World {
    pub(super) fn wake(&mut self, client: usize, after: Duration) {
        self.turns[client] += 1;
        let turn = self.turns[client];
        self.after(after, Event::Client { client, turn });
    }

    pub(super) fn let_act(&mut self, client: usize) {
        if self.clients_rest {
            return;
        }
        self.xid += 1;
        let held = self.clients[client].held(self.now);
        let (to, wait) = self.clients[client].act(self.now, self.xid, &mut self.dice);
        if let (Some(held), None) = (held, self.clients[client].held(self.now)) {
            self.ledger.release(held.address, client);
        }
        if let Some(to) = to {
            self.say(to);
        }
        self.wake(client, wait);
    }

    /// A client gives its address back, at a moment of our choice.
    pub(super) fn let_leave(&mut self, client: usize) {
        if self.clients_rest {
            return;
        }
        self.xid += 1;
        let held = self.clients[client].held(self.now);
        let left = self.clients[client].leave(self.now, self.xid, &mut self.dice);
        if let (Some(held), Some((to, wait))) = (held, left) {
            self.report.count("released while a server returns");
            self.ledger.release(held.address, client);
            self.say(to);
            self.wake(client, wait);
        }
    }

    fn say(&mut self, to: To) {
        match to {
            To::Everybody(saying) => {
                for server in 0..self.sites.len() {
                    self.say_to(server, &saying, true);
                }
            }
            To::One(address, saying) => {
                let named = self.plan.servers.iter().position(|member| member.address == address);
                if let Some(server) = named {
                    self.say_to(server, &saying, false);
                }
            }
        }
    }

    fn say_to(&mut self, server: usize, saying: &Saying, broadcast: bool) {
        let copies = 1 + usize::from(self.dice.chance(self.net.duplication));
        for _ in 0..copies {
            if let Fate::Arrives(delay) = self.net.to_client(server, &mut self.dice) {
                let packet = saying.packet(self.plan.servers[server].address, broadcast);
                let is_request = saying.message_type == MessageType::Request;
                let wanted = saying.requested.unwrap_or(saying.ciaddr);
                let wants = is_request.then_some((usize::from(saying.hw_address[5]), wanted));
                self.after(delay, Event::Query { server, packet, wants });
            }
        }
        if saying.message_type == MessageType::Release {
            self.report.exchanges += 1;
        }
    }

    /// `wants`: who asks for which address. However late it comes, by this he gives up another one that he has.
    pub(super) fn query(&mut self, server: usize, packet: Packet, wants: Option<(usize, Address)>) {
        if let Some((client, address)) = wants
            && let Some(held) = self.clients.get(client).and_then(|it| it.held(self.now))
            && held.address != address
        {
            self.ledger.forget(held.address, client);
        }
        let xid = u32::from_be_bytes([4, 5, 6, 7].map(|at| packet.message[at]));
        let site = &mut self.sites[server];
        if site.server.is_some() {
            *site.expected.entry(xid).or_default() += 1;
            if site.expected.len() > 4096 {
                site.expected.pop_first();
            }
        }
        let site = &mut self.sites[server];
        site.arrived.push(packet);
        if self.plan.gathers.is_zero() {
            self.receive(server);
        } else if site.arrived.len() == 1 {
            let process = site.process;
            self.after(self.plan.gathers, Event::Receive { server, process });
        }
    }

    /// A server takes what has arrived.
    pub(super) fn receive(&mut self, server: usize) {
        let packets = std::mem::take(&mut self.sites[server].arrived);
        if packets.len() > 1 {
            self.report.count("batches of several queries");
        }
        self.touch(server, |server| server.receive(packets));
    }

    /// A reply leaves a server.
    pub(super) fn reply(&mut self, from: usize, departure: Departure) {
        let Some(heard) = Heard::read(&departure.message) else {
            return self.fail(|_| "a reply that no client understands".into());
        };
        self.tell(|world| {
            let Heard { message_type, yiaddr, hw_address, .. } = heard;
            format!("{}: {} {yiaddr} for {}", world.name(from), message_type.name(), hw_address[5])
        });
        self.check_reply(from, &heard);
        let promise = self.promise(from, heard.yiaddr);
        let client = usize::from(heard.hw_address[5]);
        let copies = 1 + usize::from(self.dice.chance(self.net.duplication));
        for _ in 0..copies {
            if let Fate::Arrives(delay) = self.net.to_client(from, &mut self.dice) {
                let message = departure.message.clone();
                self.after(delay, Event::Reply { client, from, message, promise });
            }
        }
    }

    pub(super) fn hear(
        &mut self,
        client: usize,
        from: usize,
        promise: Option<Promise>,
        message: &[u8],
    ) {
        let Some(heard) = Heard::read(message) else { return };
        let held = self.clients[client].held(self.now).map(|held| held.address);
        let meant = self.clients[client].hear(self.now, &heard, &mut self.dice);
        if let (Meant::Lost, Some(held)) = (meant, held) {
            self.check_refusal(client, from, held);
        }
        if let (Some(held), now_held) = (held, self.clients[client].held(self.now))
            && now_held.is_none_or(|now_held| now_held.address != held)
        {
            self.ledger.release(held, client);
        }
        if meant != Meant::Nothing {
            self.report.exchanges += u64::from(meant != Meant::More);
        }
        match meant {
            Meant::Nothing => {}
            Meant::More => self.wake(client, Duration::from_millis(1)),
            Meant::Lost => self.wake(client, Duration::from_millis(500)),
            Meant::Bound => {
                if let Some(promise) = promise {
                    self.check_hold(client, promise, heard.yiaddr);
                }
                let wait = self.clients[client].renews_in(self.now, &mut self.dice);
                self.wake(client, wait);
            }
            Meant::Declined => {
                // For a moment it held the address; perhaps since before it asked for it anew.
                if let Some(promise) = promise {
                    self.check_hold(client, promise, heard.yiaddr);
                }
                self.ledger.release(heard.yiaddr, client);
                self.xid += 1;
                if let Some(to) = self.clients[client].decline(self.now, self.xid) {
                    self.say(to);
                }
                self.wake(client, Duration::from_secs(14));
            }
        }
    }

    /// All clients are switched on again at once, as after a loss of power in a building.
    pub(super) fn restart_clients(&mut self) {
        for client in 0..self.clients.len() {
            self.clients[client].reboot(self.now);
            let after = self.dice.span(0, 50);
            self.wake(client, after);
        }
    }
}
