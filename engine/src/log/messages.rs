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
    DHCP4_PACKET_SEND_FAIL Error "dhcp4" "A reply could not be sent; the client will ask again. The text says where it should have gone and why it could not: look at the interface and the routes.";
    DHCP4_STARTED Info "dhcp4" "The server serves DHCPv4 from now on.";
    DHCPSRV_OPEN_SOCKET_FAIL Warn "dhcpsrv" "Something that interfaces-config names cannot be listened on. It is tried again every few seconds; the text says what is missing.";
    PEREGRINE_CONTROL_SOCKET_FAILED Warn "commands" "A control socket or one of its connections failed; the server goes on. Commands may be unanswered until the cause is gone.";
    PEREGRINE_CONTROL_TOO_MANY Warn "commands" "A client of the control socket was turned away because too many are connected. Look for tools that do not close their connections.";
    PEREGRINE_RECEIVE_BUFFER_SMALL Warn "packets" "The kernel gave sockets a smaller receive buffer than asked for, so bursts of packets may be lost. Raise net.core.rmem_max to the size asked for.";
    PEREGRINE_RECEIVE_FAILED Warn "packets" "A socket reported an error; receiving goes on. An interface that went down is the usual cause.";
    PEREGRINE_SOCKET_CLOSED Info "packets" "The server stopped listening there: the interface, its address or its place in interfaces-config is gone.";
    PEREGRINE_SOCKET_OPEN Info "packets" "The server listens there from now on.";
    PEREGRINE_WORKERS_STARTED Info "packets" "The packet workers run; the text says how many, how long their queues are and whether they are pinned.";
    PEREGRINE_WORKER_PIN_FAILED Warn "packets" "A worker could not be pinned to its core; it runs on any. The system or a container may restrict which cores may be used.";
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
