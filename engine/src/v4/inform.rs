//! INFORM: options for a client that has its address from elsewhere (RFC 2131 section 4.3.5).

use super::{Exchange, Outcome};

impl Exchange<'_> {
    pub(super) fn inform(&self) -> Outcome {
        Outcome::Reply(self.inform_ack())
    }
}
