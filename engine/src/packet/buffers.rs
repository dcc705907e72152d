//! Memory of messages that are done, for later ones: a worker's own. Pure.

use std::cell::RefCell;

use crate::limits::MAX_SPARE_BUFFERS;

/// Spare buffers of one thread.
#[derive(Debug, Default)]
pub struct Buffers(RefCell<Vec<Vec<u8>>>);

impl Buffers {
    /// An empty buffer, with memory if there is any to spare.
    pub fn take(&self) -> Vec<u8> {
        self.0.borrow_mut().pop().unwrap_or_default()
    }

    /// Keeps the memory of a message that is done.
    pub fn give(&self, mut buffer: Vec<u8>) {
        let mut spare = self.0.borrow_mut();
        if spare.len() < MAX_SPARE_BUFFERS && buffer.capacity() > 0 {
            buffer.clear();
            spare.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_and_no_more_is_kept_than_may_be() {
        let buffers = Buffers::default();
        let mut buffer = buffers.take();
        buffer.extend_from_slice(&[1; 300]);
        buffers.give(buffer);
        let again = buffers.take();
        assert!(again.is_empty() && again.capacity() >= 300);
        (0..2 * MAX_SPARE_BUFFERS).for_each(|_| buffers.give(vec![1]));
        assert_eq!(buffers.0.borrow().len(), MAX_SPARE_BUFFERS);
    }
}
