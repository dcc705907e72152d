//! The exchanges under way, found by transaction identifier without hashing: identifiers count up, so their last bits
//! are the place. Pure.

use super::UnderWay;
use crate::limits::{SLOTS, UNDER_WAY};
use crate::pace::Pace;

const _: () = assert!(SLOTS.is_power_of_two() && SLOTS > UNDER_WAY, "a free slot can be found");

/// As many slots as a run needs.
#[derive(Debug)]
pub(super) struct Slots {
    slots: Vec<Option<(u32, UnderWay)>>,
    taken: usize,
}

impl Slots {
    /// For a run at this pace: a small window needs few, which stay in the processor's cache.
    pub(super) fn new(pace: Pace, preload: u64) -> Self {
        let wanted = match pace {
            Pace::Window(size) => usize::try_from(preload.max(size.into())).unwrap_or(UNDER_WAY),
            Pace::Rate(_) => UNDER_WAY,
        };
        let count = (4 * wanted.clamp(64, UNDER_WAY)).next_power_of_two().min(SLOTS);
        Self { slots: vec![None; count], taken: 0 }
    }

    /// How many are under way.
    pub(super) fn len(&self) -> usize {
        self.taken
    }

    /// Whether none is.
    pub(super) fn is_empty(&self) -> bool {
        self.taken == 0
    }

    /// The first identifier from `from` on whose slot is free; `None` if too many are under way.
    pub(super) fn free_from(&self, from: u32) -> Option<u32> {
        if self.taken >= UNDER_WAY.min(self.slots.len() - 1) {
            return None;
        }
        (0..self.slots.len() as u32)
            .map(|more| from.wrapping_add(more))
            .find(|xid| self.slots[self.place(*xid)].is_none())
    }

    /// Puts one into its slot, which is free.
    pub(super) fn insert(&mut self, xid: u32, exchange: UnderWay) {
        let place = self.place(xid);
        self.slots[place] = Some((xid, exchange));
        self.taken += 1;
    }

    pub(super) fn of(&self, xid: u32) -> Option<&UnderWay> {
        let (own, exchange) = self.slots[self.place(xid)].as_ref()?;
        (*own == xid).then_some(exchange)
    }

    pub(super) fn of_mut(&mut self, xid: u32) -> Option<&mut UnderWay> {
        let place = self.place(xid);
        let (own, exchange) = self.slots[place].as_mut()?;
        (*own == xid).then_some(exchange)
    }

    pub(super) fn remove(&mut self, xid: u32) -> Option<UnderWay> {
        self.of(xid)?;
        let place = self.place(xid);
        self.taken -= 1;
        self.slots[place].take().map(|(_, exchange)| exchange)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &UnderWay> {
        self.slots.iter().flatten().map(|(_, exchange)| exchange)
    }

    fn place(&self, xid: u32) -> usize {
        xid as usize & (self.slots.len() - 1)
    }
}
