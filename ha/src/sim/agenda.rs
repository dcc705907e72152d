//! What is still to happen, in the order of its times; of one time, in the order in which it was planned. Pure.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::world::Event;

/// Events to come. Only their times are moved about.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    /// Time, number, place.
    order: BinaryHeap<Reverse<(u64, u64, usize)>>,
    events: Vec<Option<Event>>,
    free: Vec<usize>,
    added: u64,
}

impl Agenda {
    pub(super) fn add(&mut self, when: u64, event: Event) {
        let place = self.free.pop().unwrap_or(self.events.len());
        match self.events.get_mut(place) {
            Some(free) => *free = Some(event),
            None => self.events.push(Some(event)),
        }
        self.added += 1;
        self.order.push(Reverse((when, self.added, place)));
    }

    /// The next event, and its time.
    pub(super) fn next(&mut self) -> Option<(u64, Event)> {
        let Reverse((when, _, place)) = self.order.pop()?;
        self.free.push(place);
        Some((when, self.events[place].take()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_their_times_and_of_one_time_in_order() {
        let mut agenda = Agenda::default();
        let times = [5, 3, 5, 1, 3];
        for (server, when) in times.into_iter().enumerate() {
            agenda.add(when, Event::Start { server });
        }
        let taken = |agenda: &mut Agenda| match agenda.next() {
            Some((when, Event::Start { server })) => Some((when, server)),
            _ => None,
        };
        assert_eq!(taken(&mut agenda), Some((1, 3)));
        agenda.add(3, Event::Start { server: 9 });
        let rest: Vec<_> = std::iter::from_fn(|| taken(&mut agenda)).collect();
        assert_eq!(rest, [(3, 1), (3, 4), (3, 9), (5, 0), (5, 2)]);
    }
}
