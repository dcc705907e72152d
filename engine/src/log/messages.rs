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
    ALLOC_ENGINE_V4_ALLOC_FAIL Warn "alloc-engine" "There is no address for a client: the pools that are open to it are full, or there are none. Look at the pools and classes of its subnet.";
    ALLOC_ENGINE_V4_LEASES_RECLAMATION_COMPLETE Info "alloc-engine" "Expired leases were reclaimed: their addresses are free again.";
    DHCP4_DECLINE_FAIL Info "dhcp4" "A client declined an address that is not its own; nothing was changed.";
    DHCP4_DECLINE_LEASE Info "leases" "A client found its address in use by somebody else; nobody gets it until the probation period is over. Look for a host with a fixed address in the pool.";
    DHCP4_LEASE_ALLOC Info "leases" "A lease was given or renewed.";
    DHCP4_LEASE_OFFER Info "leases" "An address was offered to a client.";
    DHCP4_PACKET_SEND_FAIL Error "dhcp4" "A reply could not be sent; the client will ask again. The text says where it should have gone and why it could not: look at the interface and the routes.";
    DHCP4_RELEASE Info "leases" "A client gave its lease back.";
    DHCP4_RELEASE_FAIL Info "leases" "A client gave back an address that is not its own; nothing was changed.";
    DHCP4_SHUTDOWN Info "dhcp4" "The server stops: it was told to by a signal or by the shutdown command.";
    DHCP4_STARTED Info "dhcp4" "The server serves DHCPv4 from now on.";
    DHCP4_SUBNET_SELECTION_FAILED Warn "dhcp4" "No subnet is configured for a client. If it should be served, look at the relay addresses and interfaces of the subnets.";
    DHCPSRV_MEMFILE_LEASE_LOAD_ROW_ERROR Error "dhcpsrv" "A row of the lease file cannot be read and was skipped; its lease is not known. Look at the file and line named.";
    DHCPSRV_MEMFILE_LFC_EXECUTE Info "dhcpsrv" "The lease file is being cleaned up: outdated rows are left out.";
    DHCPSRV_OPEN_SOCKET_FAIL Warn "dhcpsrv" "Something that interfaces-config names cannot be listened on. It is tried again every few seconds; the text says what is missing.";
    PEREGRINE_CONTROL_SOCKET_FAILED Warn "commands" "A control socket or one of its connections failed; the server goes on. Commands may be unanswered until the cause is gone.";
    PEREGRINE_CONTROL_TOO_MANY Warn "commands" "A client of the control socket was turned away because too many are connected. Look for tools that do not close their connections.";
    PEREGRINE_LEASES_LOADED Info "dhcpsrv" "The lease file was read at start; the numbers say how much was found.";
    PEREGRINE_LEASE_FILE_FAILED Error "dhcpsrv" "The lease file cannot be written: no lease is acknowledged until it can. Make room on the disk or mend what the text names; nothing was lost, and writing is tried again with every query.";
    PEREGRINE_LEASE_FILE_TORN Warn "dhcpsrv" "The last row of the lease file was not written whole, as after a power failure, and was cut off. It was never acknowledged.";
    PEREGRINE_LFC_DONE Info "dhcpsrv" "The cleanup of the lease file is done.";
    PEREGRINE_LFC_FAILED Error "dhcpsrv" "The cleanup of the lease file failed; the file stays whole and grows until a cleanup succeeds. The text names the reason.";
    PEREGRINE_NAK Info "leases" "A client asked for an address that it cannot have, and was told so; it will start over.";
    PEREGRINE_QUERY_DROPPED Debug "bad-packets" "A query was dropped; the text says why.";
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
