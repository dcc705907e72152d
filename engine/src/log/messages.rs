//! Every message of the server, in alphabetical order: `severity logger "explanation"`. Each id is unique; the
//! explanation says what it means and what an operator does about it.

use std::sync::atomic::AtomicBool;

use super::Message;
use crate::config::model::Severity;

macro_rules! messages {
    ($($id:ident $severity:ident $logger:literal $explanation:literal;)*) => {
        $(
            #[doc = $explanation]
            pub static $id: Message = Message {
                id: stringify!($id),
                severity: Severity::$severity,
                debuglevel: 0,
                logger: $logger,
                explanation: $explanation,
                wanted: AtomicBool::new(!matches!(Severity::$severity, Severity::Debug)),
            };
        )*

        /// All of them.
        pub static ALL: &[&Message] = &[$(&$id,)*];
    };
}

messages! {
    DHCP4_STARTED Info "dhcp4" "The server serves DHCPv4 from now on.";
    PEREGRINE_CONTROL_SOCKET_FAILED Warn "commands" "A control socket or one of its connections failed; the server goes on. Commands may be unanswered until the cause is gone.";
    PEREGRINE_CONTROL_TOO_MANY Warn "commands" "A client of the control socket was turned away because too many are connected. Look for tools that do not close their connections.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_sorted_and_unique_and_explained() {
        for pair in ALL.windows(2) {
            assert!(pair[0].id < pair[1].id, "{} must stand before {}", pair[1].id, pair[0].id);
        }
        for message in ALL {
            assert!(message.explanation.len() > 20, "{} needs an explanation", message.id);
        }
    }
}
