//! Rows between whoever changed a lease and the journal's pen: trays with a lock each, taken in turn by the changes'
//! numbers, so that threads that record at the same time do not meet. Memory is used again. Pure but for its
//! locks. Must not know what a row says.

use std::cell::Cell;

use crate::limits::JOURNAL_TRAYS;
use crate::sync::Mutex;

thread_local! {
    /// Memory for the row that a thread writes.
    static ROW: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Rows that were recorded and not taken yet.
pub(super) struct Trays(Vec<Mutex<Tray>>);

/// Rows with their numbers, in one piece of memory.
#[derive(Debug, Default)]
pub(super) struct Tray {
    text: Vec<u8>,
    /// Each row's number and its end in `text`.
    ends: Vec<(u64, usize)>,
}

/// Rows that were taken, one tray's after the other's, and are put in order.
#[derive(Debug, Default)]
pub(super) struct Sheaf {
    trays: Vec<Tray>,
    /// Number, tray, and place of each row in its tray's text.
    rows: Vec<(u64, usize, usize, usize)>,
}

impl Trays {
    pub(super) fn new() -> Self {
        Self((0..JOURNAL_TRAYS).map(|_| Mutex::new(Tray::default())).collect())
    }

    /// Puts the row that `write` writes to its place. It is written before the tray is locked: that takes longest.
    pub(super) fn put(&self, number: u64, write: impl FnOnce(&mut Vec<u8>)) {
        let mut row = ROW.take();
        row.clear();
        write(&mut row);
        let mut tray = self.0[Self::tray_of(number)].lock();
        tray.text.extend_from_slice(&row);
        let end = tray.text.len();
        tray.ends.push((number, end));
        drop(tray);
        ROW.set(row);
    }

    /// Takes all rows in exchange for the empty memory in `sheaf`, and sorts them.
    pub(super) fn take(&self, sheaf: &mut Sheaf) {
        sheaf.trays.resize_with(self.0.len(), Tray::default);
        sheaf.rows.clear();
        for (place, (tray, taken)) in self.0.iter().zip(&mut sheaf.trays).enumerate() {
            taken.clear();
            std::mem::swap(&mut *tray.lock(), taken);
            let mut start = 0;
            for (number, end) in &taken.ends {
                sheaf.rows.push((*number, place, start, *end));
                start = *end;
            }
        }
        sheaf.rows.sort_unstable();
    }

    fn tray_of(number: u64) -> usize {
        usize::try_from(number % JOURNAL_TRAYS).expect("less than a u32")
    }
}

impl Tray {
    /// Empties it; memory that a flood of rows took is given back.
    fn clear(&mut self) {
        const USUAL: usize = 1 << 16;
        self.text.clear();
        self.text.shrink_to(USUAL);
        self.ends.clear();
        self.ends.shrink_to(USUAL);
    }
}

impl Sheaf {
    /// The rows, ascending by number.
    pub(super) fn rows(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.rows
            .iter()
            .map(|(number, tray, start, end)| (*number, &self.trays[*tray].text[*start..*end]))
    }
}

#[cfg(all(test, not(feature = "model")))]
mod tests {
    use super::*;

    #[test]
    fn rows_come_out_in_order_whole_and_once() {
        let trays = Trays::new();
        let mut sheaf = Sheaf::default();
        for first in [1_u64, 100] {
            let numbers = [7, 0, 1, 5, 40, 3, 2, 33].map(|n| first + n);
            for number in numbers {
                trays.put(number, |text| text.extend(format!("row {number}\n").bytes()));
            }
            trays.take(&mut sheaf);
            let mut expected = numbers;
            expected.sort_unstable();
            let rows: Vec<_> = sheaf.rows().map(|(n, row)| (n, row.to_vec())).collect();
            let expected = expected.map(|n| (n, format!("row {n}\n").into_bytes()));
            assert_eq!(rows, expected);
        }
        trays.take(&mut sheaf);
        assert_eq!(sheaf.rows().count(), 0);
    }
}
