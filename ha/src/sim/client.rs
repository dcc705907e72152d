//! A DHCP client (RFC 2131 section 4.4): what it says and when, and what it believes to hold. Pure.

use std::time::Duration;

use engine::codec::v4::MessageType;

use super::dice::Dice;
use super::message::{Heard, Saying};
use crate::family::Address;

/// What a client is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    Selecting,
    Requesting { address: Address, server: Address },
    Rebooting(Address),
    Bound,
    Renewing,
    Rebinding,
}

/// An address that a client believes to hold. Times are true ones, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) address: Address,
    pub(super) server: Address,
    pub(super) from: u64,
    pub(super) until: u64,
}

/// Where a message goes.
#[derive(Clone, Debug)]
pub(super) enum To {
    Everybody(Saying),
    One(Address, Saying),
}

/// What a reply meant to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    Nothing,
    /// It has something to say at once.
    More,
    /// It holds an address now, or holds it longer.
    Bound,
    /// It found its address in use and declined it.
    Declined,
    /// It has lost what it held.
    Lost,
}

/// One client.
#[derive(Debug)]
pub(super) struct Client {
    hw_address: [u8; 6],
    client_id: Option<[u8; 7]>,
    phase: Phase,
    held: Option<Held>,
    xid: u32,
    /// When it began to ask for what it asks, and when it last did.
    asking_since: u64,
    asked_at: u64,
    tries: u32,
}

const SECOND: u64 = 1_000_000_000;

impl Client {
    pub(super) fn new(number: u8, dice: &mut Dice) -> Self {
        let hw_address = [2, 0, 0, 0, 1, number];
        let client_id = dice.chance(500).then_some([1, 2, 0, 0, 0, 2, number]);
        Self {
            hw_address,
            client_id,
            phase: Phase::Idle,
            held: None,
            xid: 0,
            asking_since: 0,
            asked_at: 0,
            tries: 0,
        }
    }

    /// What it believes to hold at `now`.
    pub(super) fn held(&self, now: u64) -> Option<Held> {
        self.held.filter(|held| held.until > now)
    }

    /// Something is due: perhaps it says something. Gives when it is to be asked again.
    pub(super) fn act(&mut self, now: u64, xid: u32, dice: &mut Dice) -> (Option<To>, Duration) {
        if self.held.is_some_and(|held| held.until <= now) {
            self.held = None;
            self.turn(Phase::Idle, now);
        }
        match (self.phase, self.held) {
            (Phase::Idle, _) => self.turn(Phase::Selecting, now),
            (Phase::Bound, Some(held)) => return self.live_on(now, held, xid, dice),
            (Phase::Renewing, Some(held)) if now >= rebinds_at(&held) => {
                self.phase = Phase::Rebinding;
                self.tries = 0;
            }
            (Phase::Requesting { .. } | Phase::Rebooting(_), _) if self.tries >= 4 => {
                self.turn(Phase::Selecting, now);
            }
            // It asks for another address than the one it has, if that is still its own.
            (Phase::Requesting { address, .. }, Some(held)) if held.address != address => {
                self.held = None;
            }
            _ => {}
        }
        let to = self.say(now, xid);
        self.tries += 1;
        let wait = 2_000 << self.tries.min(4);
        (to, dice.span(wait, wait + 1000))
    }

    /// Half of the lease is over: it renews, or does something else.
    fn live_on(
        &mut self,
        now: u64,
        held: Held,
        xid: u32,
        dice: &mut Dice,
    ) -> (Option<To>, Duration) {
        match dice.below(100) {
            0..8 => self.release(now, held, xid, dice),
            8..13 => {
                // Gone without a word: nobody uses the address any more.
                self.held = None;
                self.turn(Phase::Idle, now);
                (None, dice.span(1_000, 300_000))
            }
            13..20 => {
                self.turn(Phase::Rebooting(held.address), now);
                (None, dice.span(100, 5_000))
            }
            _ => {
                self.turn(Phase::Renewing, now);
                (None, Duration::ZERO)
            }
        }
    }

    /// It gives its address back; gives when it is to be asked again.
    fn release(
        &mut self,
        now: u64,
        held: Held,
        xid: u32,
        dice: &mut Dice,
    ) -> (Option<To>, Duration) {
        let saying = Saying {
            ciaddr: held.address,
            server: Some(held.server),
            ..self.saying(MessageType::Release, xid, now)
        };
        self.held = None;
        self.turn(Phase::Idle, now);
        // Until the release has arrived: no server can tell it from one of the next lease.
        (Some(To::One(held.server, saying)), dice.span(13_000, 60_000))
    }

    /// It gives its address back before it would renew it, if it has one and is about nothing else.
    pub(super) fn leave(&mut self, now: u64, xid: u32, dice: &mut Dice) -> Option<(To, Duration)> {
        let held = self.held(now).filter(|_| self.phase == Phase::Bound)?;
        let (to, wait) = self.release(now, held, xid, dice);
        to.map(|to| (to, wait))
    }

    /// It is switched off and on: it asks for the address that it had.
    pub(super) fn reboot(&mut self, now: u64) {
        let held = self.held(now);
        self.turn(held.map_or(Phase::Idle, |held| Phase::Rebooting(held.address)), now);
    }

    fn turn(&mut self, phase: Phase, now: u64) {
        self.phase = phase;
        self.asking_since = now;
        self.tries = 0;
    }

    fn say(&mut self, now: u64, xid: u32) -> Option<To> {
        self.xid = xid;
        self.asked_at = now;
        let discover = self.saying(MessageType::Discover, xid, now);
        let request = Saying { message_type: MessageType::Request, ..discover.clone() };
        Some(match (self.phase, self.held) {
            (Phase::Selecting, _) => To::Everybody(discover),
            (Phase::Requesting { address, server }, _) => {
                To::Everybody(Saying { requested: Some(address), server: Some(server), ..request })
            }
            (Phase::Rebooting(address), _) => {
                To::Everybody(Saying { requested: Some(address), ..request })
            }
            (Phase::Renewing, Some(held)) => {
                To::One(held.server, Saying { ciaddr: held.address, ..request })
            }
            (Phase::Rebinding, Some(held)) => {
                To::Everybody(Saying { ciaddr: held.address, ..request })
            }
            _ => return None,
        })
    }

    fn saying(&self, message_type: MessageType, xid: u32, now: u64) -> Saying {
        let waited = (now - self.asking_since) / SECOND;
        Saying {
            message_type,
            hw_address: self.hw_address,
            client_id: self.client_id,
            xid,
            secs: u16::try_from(waited).unwrap_or(u16::MAX),
            ciaddr: Address::UNSPECIFIED,
            requested: None,
            server: None,
        }
    }

    /// A reply arrives.
    pub(super) fn hear(&mut self, now: u64, heard: &Heard, dice: &mut Dice) -> Meant {
        if heard.xid != self.xid {
            return Meant::Nothing;
        }
        match (heard.message_type, self.phase) {
            (MessageType::Offer, Phase::Selecting) => {
                let (address, server) = (heard.yiaddr, heard.server);
                self.phase = Phase::Requesting { address, server };
                self.tries = 0;
                Meant::More
            }
            (MessageType::Ack, Phase::Idle | Phase::Selecting | Phase::Bound) => Meant::Nothing,
            (MessageType::Ack, phase) => {
                let fresh = matches!(phase, Phase::Requesting { .. });
                let until = self.asked_at + u64::from(heard.lifetime_s) * SECOND;
                let (address, server) = (heard.yiaddr, heard.server);
                self.held = Some(Held { address, server, from: now, until });
                if fresh && dice.chance(20) {
                    return Meant::Declined;
                }
                self.turn(Phase::Bound, now);
                Meant::Bound
            }
            (MessageType::Nak, Phase::Requesting { .. }) => {
                self.turn(Phase::Idle, now);
                Meant::More
            }
            (MessageType::Nak, Phase::Rebooting(_) | Phase::Renewing | Phase::Rebinding) => {
                self.held = None;
                self.turn(Phase::Idle, now);
                Meant::Lost
            }
            _ => Meant::Nothing,
        }
    }

    /// The DECLINE of what it was just given.
    pub(super) fn decline(&mut self, now: u64, xid: u32) -> Option<To> {
        let held = self.held.take()?;
        self.turn(Phase::Idle, now);
        let saying = self.saying(MessageType::Decline, xid, now);
        let (requested, server) = (Some(held.address), Some(held.server));
        Some(To::Everybody(Saying { requested, server, ..saying }))
    }

    /// In how long half of its lease is over.
    pub(super) fn renews_in(&self, now: u64, dice: &mut Dice) -> Duration {
        let left = self.held.map_or(0, |held| held.until.saturating_sub(now));
        Duration::from_nanos(left * dice.between(400, 550) / 1000)
    }
}

/// Seven eighths of the lease are over.
const fn rebinds_at(held: &Held) -> u64 {
    held.from + (held.until - held.from) / 8 * 7
}
