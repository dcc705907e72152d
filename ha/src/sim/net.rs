//! The network: which ways are open, how much is lost, how long it takes. Pure.

use std::time::Duration;

use super::dice::Dice;

/// Most servers in a run.
const MOST: usize = 3;

/// The state of the network.
#[derive(Debug, Default)]
pub(super) struct Net {
    /// From a server to a server.
    closed: [[bool; MOST]; MOST],
    /// Between a server and all clients.
    hidden: [bool; MOST],
    /// In a thousand messages.
    pub(super) loss: u64,
    pub(super) duplication: u64,
    /// Messages take so long that they overtake each other.
    pub(super) slow: bool,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    Lost,
    Arrives(Duration),
}

impl Net {
    /// Closes or opens the way from one server to another.
    pub(super) fn close(&mut self, from: usize, to: usize, closed: bool) {
        self.closed[from][to] = closed;
    }

    /// Hides a server from the clients, or shows it again.
    pub(super) fn hide(&mut self, server: usize, hidden: bool) {
        self.hidden[server] = hidden;
    }

    /// A message between servers.
    pub(super) fn between(&self, from: usize, to: usize, dice: &mut Dice) -> Fate {
        if self.closed[from][to] || dice.chance(self.loss) {
            return Fate::Lost;
        }
        Fate::Arrives(self.delay(dice))
    }

    /// A message between a server and a client.
    pub(super) fn to_client(&self, server: usize, dice: &mut Dice) -> Fate {
        if self.hidden[server] || dice.chance(self.loss) {
            return Fate::Lost;
        }
        Fate::Arrives(self.delay(dice))
    }

    fn delay(&self, dice: &mut Dice) -> Duration {
        if self.slow && dice.chance(300) { dice.span(10, 12_000) } else { dice.span(1, 4) }
    }
}
