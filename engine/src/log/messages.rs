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
    ALLOC_ENGINE_V4_DISCOVER_ADDRESS_CONFLICT Warn "alloc-engine" "The address that is reserved for a client is held by another one, so the client was offered a dynamic one for now. The holder loses the address when it next asks for it; the text names the address.";
    ALLOC_ENGINE_V4_LEASES_RECLAMATION_COMPLETE Info "alloc-engine" "Expired leases were reclaimed: their addresses are free again.";
    ALLOC_ENGINE_V4_LEASES_RECLAMATION_SLOW Warn "alloc-engine" "Expired leases come faster than they are reclaimed. Raise max-reclaim-leases and max-reclaim-time, or lower reclaim-timer-wait-time, in expired-leases-processing.";
    DHCP4_CONFIG_COMPLETE Info "dhcp4" "Another configuration is served from now on; the text says who brought it.";
    DHCP4_DECLINE_FAIL Info "dhcp4" "A client declined an address that is not its own; nothing was changed.";
    DHCP4_DECLINE_LEASE Info "leases" "A client found its address in use by somebody else; nobody gets it until the probation period is over. Look for a host with a fixed address in the pool.";
    DHCP4_DYNAMIC_RECONFIGURATION_FAIL Error "dhcp4" "A new configuration was not taken, and the old one is served as before. The text says what is wrong and where: mend it and reload again, or restart the server if the text asks for it.";
    DHCP4_INIT_FAIL Error "dhcp4" "The server did not start, and nothing is served. The text says what stands in its way; mend it and start again.";
    DHCP4_LEASE_ALLOC Info "leases" "A lease was given or renewed.";
    DHCP4_LEASE_OFFER Info "leases" "An address was offered to a client.";
    DHCP4_LEASE_REUSE Info "leases" "A client asked again soon after it got its lease, and was told of it as it stands: nothing was written (cache-threshold, cache-max-age).";
    DHCP4_PACKET_SEND_FAIL Error "dhcp4" "A reply could not be sent; the client will ask again. The text says where it should have gone and why it could not: look at the interface and the routes.";
    DHCP4_RELEASE Info "leases" "A client gave its lease back.";
    DHCP4_RELEASE_FAIL Info "leases" "A client gave back an address that is not its own; nothing was changed.";
    DHCP4_SHUTDOWN Info "dhcp4" "The server stops: it was told to by a signal or by the shutdown command.";
    DHCP4_STARTED Info "dhcp4" "The server serves DHCPv4 from now on.";
    DHCP4_SUBNET_SELECTION_FAILED Warn "dhcp4" "No subnet is configured for a client. If it should be served, look at the relay addresses and interfaces of the subnets.";
    DHCPSRV_EVAL_ERROR Error "dhcpsrv" "The test of a class could not be evaluated for a query, which was treated as not being in the class. The text names the class and the value that did not fit; guard the test with exists or a substring.";
    DHCPSRV_LEASE_SANITY_FAIL Warn "dhcpsrv" "A lease of the lease file names a subnet that its address is not in, as after a change of subnets or their ids. sanity-checks says what is done about it; the text says what was.";
    DHCPSRV_MEMFILE_LEASE_LOAD_ROW_ERROR Error "dhcpsrv" "A row of the lease file cannot be read and was skipped; its lease is not known. Look at the file and line named.";
    DHCPSRV_MEMFILE_LFC_EXECUTE Info "dhcpsrv" "The lease file is being cleaned up: outdated rows are left out.";
    DHCPSRV_OPEN_SOCKET_FAIL Warn "dhcpsrv" "Something that interfaces-config names cannot be listened on. It is tried again every few seconds; the text says what is missing.";
    HA_COMMUNICATION_INTERRUPTED Warn "ha-hooks" "Nothing was heard from the partner for longer than max-response-delay. Check whether it runs and can be reached.";
    HA_COMMUNICATION_INTERRUPTED_CLIENT4_UNACKED Info "ha-hooks" "While the partner is silent one more of its clients waits for longer than max-ack-delay; enough of them mean that it is down.";
    HA_DEINIT_OK Info "ha-hooks" "High Availability was stopped: no peer is talked to any more.";
    HA_HEARTBEAT_COMMUNICATIONS_FAILED Warn "ha-hooks" "A heartbeat had no answer. Check whether the partner runs and listens at its url.";
    HA_HEARTBEAT_FAILED Warn "ha-hooks" "The partner answered a heartbeat with an error. Check its log and the credentials of its peer entry.";
    HA_HIGH_CLOCK_SKEW Warn "ha-hooks" "The clocks of the servers differ by more than 30 seconds; at 60 the relationship ends. Synchronise them.";
    HA_HIGH_CLOCK_SKEW_CAUSED_TERMINATION Error "ha-hooks" "The clocks of the servers differ by more than 60 seconds: each serves its own clients only. Synchronise the clocks and restart both.";
    HA_INVALID_PARTNER_STATE_COMMUNICATION_RECOVERY Warn "ha-hooks" "The partner is in a state that this mode does not have. Configure both servers with the same mode.";
    HA_INVALID_PARTNER_STATE_HOT_STANDBY Warn "ha-hooks" "The partner runs hot-standby and this server does not. Configure both servers with the same mode.";
    HA_INVALID_PARTNER_STATE_LOAD_BALANCING Warn "ha-hooks" "The partner runs load-balancing and this server does not. Configure both servers with the same mode.";
    HA_LEASES_BACKLOG_COMMUNICATIONS_FAILED Error "ha-hooks" "The partner fell silent while updates were sent that had waited for it; both servers will synchronise.";
    HA_LEASES_BACKLOG_FAILED Error "ha-hooks" "The partner refused an update that had waited for it; both servers will synchronise.";
    HA_LEASES_BACKLOG_START Info "ha-hooks" "The partner is back: updates that waited for it are sent.";
    HA_LEASES_BACKLOG_SUCCESS Info "ha-hooks" "The partner has all updates that waited for it.";
    HA_LEASES_SYNC_APPLIED_LEASES Info "ha-hooks" "Leases of a page of the partner's were newer than ours and were taken over.";
    HA_LEASES_SYNC_LEASE_PAGE_RECEIVED Info "ha-hooks" "A page of the partner's leases has arrived.";
    HA_LEASE_SYNC_FAILED Warn "ha-hooks" "A lease of the partner's was not understood or not written; the others are taken over. Compare the servers' configurations.";
    HA_LEASE_UPDATES_DISABLED Info "ha-hooks" "In this state the partner is not told of leases as they are given.";
    HA_LEASE_UPDATES_ENABLED Info "ha-hooks" "In this state the partner is told of each lease before its client.";
    HA_LEASE_UPDATE_COMMUNICATIONS_FAILED Warn "ha-hooks" "A peer did not answer a lease update; the client's reply was dropped if it waited for it. Check whether the peer runs.";
    HA_LEASE_UPDATE_CONFLICT Warn "ha-hooks" "A peer refused a lease update because its own leases or subnets disagree. Compare the servers' configurations.";
    HA_LEASE_UPDATE_FAILED Warn "ha-hooks" "A peer answered a lease update with an error. Check its log.";
    HA_LEASE_UPDATE_REJECTS_CAUSED_TERMINATION Error "ha-hooks" "The partner refused updates of too many clients: each server serves its own clients only. Make the configurations agree and restart both.";
    HA_LOCAL_DHCP_DISABLE Info "ha-hooks" "DHCP is not served in this state of High Availability.";
    HA_LOCAL_DHCP_ENABLE Info "ha-hooks" "DHCP is served in this state of High Availability.";
    HA_MAINTENANCE_NOTIFY_CANCEL_COMMUNICATIONS_FAILED Error "ha-hooks" "The partner could not be told that the maintenance is cancelled. Check whether it runs.";
    HA_MAINTENANCE_NOTIFY_CANCEL_FAILED Error "ha-hooks" "The partner refused to cancel the maintenance. Its answer says why.";
    HA_MAINTENANCE_NOTIFY_COMMUNICATIONS_FAILED Error "ha-hooks" "The partner could not be told of the maintenance; it is taken for stopped.";
    HA_MAINTENANCE_NOTIFY_FAILED Error "ha-hooks" "The partner refused the maintenance. Its answer says why.";
    HA_MAINTENANCE_SHUTDOWN_SAFE Info "ha-hooks" "The partner serves all clients: this server may be stopped.";
    HA_MAINTENANCE_STARTED Info "ha-hooks" "This server serves all clients: the partner may be stopped.";
    HA_MAINTENANCE_STARTED_IN_PARTNER_DOWN Info "ha-hooks" "A maintenance began and the partner is stopped already: this server serves all clients.";
    HA_RESET_COMMUNICATIONS_FAILED Warn "ha-hooks" "The partner could not be asked to begin again and synchronise; it is asked again later.";
    HA_RESET_FAILED Warn "ha-hooks" "The partner refused to begin again and synchronise; it is asked again later.";
    HA_SERVICE_STARTED Info "ha-hooks" "High Availability runs: heartbeats are sent and the partner's commands are taken.";
    HA_STATE_MACHINE_CONTINUED Info "ha-hooks" "The paused server goes on after ha-continue.";
    HA_STATE_MACHINE_PAUSED Info "ha-hooks" "The server stays in this state until ha-continue, as configured.";
    HA_STATE_TRANSITION Info "ha-hooks" "The server enters another state of High Availability.";
    HA_STATE_TRANSITION_PASSIVE_BACKUP Info "ha-hooks" "The server without a partner enters another state of High Availability.";
    HA_SYNC_FAILED Error "ha-hooks" "The partner's leases could not be fetched. It is tried again; check whether the partner runs.";
    HA_SYNC_START Info "ha-hooks" "The partner's leases are being fetched.";
    HA_SYNC_SUCCESSFUL Info "ha-hooks" "All of the partner's leases are here.";
    HA_TERMINATED Error "ha-hooks" "The servers no longer work together: each serves its own clients. Correct the cause and restart both.";
    HA_TERMINATED_PARTNER_DID_NOT_RESTART Warn "ha-hooks" "This server was restarted after a termination, but the partner was not. Restart the partner.";
    HA_TERMINATED_RESTART_PARTNER Info "ha-hooks" "This server was restarted after a termination and waits for the partner to be restarted, too.";
    HTTP_CONNECTION_HANDSHAKE_FAILED Info "http" "A connection to the listener of High Availability ended before TLS was agreed on; the text says who it was and why. If it is a peer, compare the trust-anchor, cert-file and key-file of both servers and their clocks.";
    PEREGRINE_CONFIG_WARNING Warn "dhcp4" "The configuration is served, but something in it is probably not what was meant; the text says where and what.";
    PEREGRINE_CONTROL_SOCKET_FAILED Warn "commands" "A control socket or one of its connections failed; the server goes on. Commands may be unanswered until the cause is gone.";
    PEREGRINE_CONTROL_TOO_MANY Warn "commands" "A client of the control socket was turned away because too many are connected. Look for tools that do not close their connections.";
    PEREGRINE_HA_BACKUP_BEHIND Warn "ha-hooks" "A backup does not keep up, does not answer or refuses what it is sent (HA_LEASE_UPDATE_FAILED says why): it misses lease updates, and no client waits for it. Look at the backup. A Peregrine is told what it missed once it answers (PEREGRINE_HA_BACKUP_RETURNED); without that line, or if it is a Kea, send it ha-sync with the name of the server that has the leases.";
    PEREGRINE_HA_BACKUP_RETURNED Info "ha-hooks" "A backup that had missed lease updates answers again, and is told the newest change of each address. Nothing is to be done, unless PEREGRINE_HA_BACKUP_BEHIND follows again.";
    PEREGRINE_HA_BATCHES_REFUSED Info "ha-hooks" "The partner had announced that it takes lease updates in batches, and does not: it was restarted, or replaced by a Kea. The updates go to it one by one until it announces it again; nothing was lost.";
    PEREGRINE_HA_CERTIFICATES_RENEWED Info "ha-hooks" "With the configuration the certificates of the servers that the text names were read again, and others than before were found. They are shown and believed from the next connection on; connections that are open go on.";
    PEREGRINE_HA_CERTIFICATE_DOUBTFUL Warn "ha-hooks" "A certificate that this server shows will be refused by a peer that trusts the same trust-anchor, for example because it has expired. Replace the files and let the server read its configuration again (config-reload).";
    PEREGRINE_HA_CLOCKS_APART Warn "ha-hooks" "The clocks of the two servers are more than 5 seconds apart, as measured with the time on the way taken out (status-get shows it). Nothing is wrong yet; beyond 60 seconds the pair ends unless clock-skew is tolerate at both. Look at the time synchronisation of both machines.";
    PEREGRINE_HA_CONFIG_AGREES Info "ha-hooks" "The configurations of the two servers of a pair differed, and agree again.";
    PEREGRINE_HA_CONFIG_DRIFT Warn "ha-hooks" "The configurations of the two servers of a pair differ in the keys that the text names, in which they have to agree: clients may be given different answers by the two, and lease updates may be refused. Make both the same; one file may serve both servers (see docs/ha-peregrine.md).";
    PEREGRINE_HA_CUT_OFF Warn "ha-hooks" "In communication-recovery no client of this server was heard for longer than max-ack-delay, as of a server whose cable was pulled: the partner may have taken over. It is asked now, and clients are served again once it answers, or after three seconds. If it comes often, look at the network between this server and its clients; in a quiet network it means nothing else than that few clients ask.";
    PEREGRINE_HA_LEASE_DISPUTED Warn "ha-hooks" "The partner does not take a lease of this server, mostly since its configuration is another: the text says why, and in which keys the two differ. The client was told nothing and asks again; with conflict-resolution at repair the pair goes on. Make the configurations the same.";
    PEREGRINE_HA_LEASE_REPAIRED Warn "ha-hooks" "Both servers had given an address to different clients, as they may have while neither heard the other. The partner's promise was the later one, and its lease took the place of the one here (conflict-resolution is repair); the text names both clients. The one that lost it is told so when it asks for it again.";
    PEREGRINE_HA_LISTENER_FAILED Warn "ha-hooks" "The listener of High Availability, or a control socket over HTTP, cannot take a connection now, for example because too many files are open; it goes on trying. Raise the limit or look for what holds them.";
    PEREGRINE_HA_LISTENER_FULL Warn "ha-hooks" "Connections to the listener of High Availability, or to a control socket over HTTP, were refused because too many are open. Peers have room of their own; look for others that connect.";
    PEREGRINE_HA_MEMORY_FAILED Error "ha-hooks" "Whether the partner knows all leases of this server is kept in a file beside the lease file, which cannot be written or removed. If the server is restarted before it serves with its partner again, it takes the partner's leases for the truth and forgets what it gave alone: mend what the text names.";
    PEREGRINE_HA_POOLS_SHARED Warn "ha-hooks" "In load-balancing there are pools that are open to the clients of both servers (no class such as HA_server1 guards them), and the partner is a Kea, which does not share pools by halves as Peregrines do: both servers may give one address to different clients. Divide the pools by classes.";
    PEREGRINE_HA_REBUILT Warn "ha-hooks" "A new configuration gave a relationship other parameters: it was stopped and begins anew in waiting, as after a restart. It fetches what the partner has before it serves; its leases stayed. Replies that waited for the partner were dropped, and their clients ask again.";
    PEREGRINE_HA_STOOD_STILL Warn "ha-hooks" "This server did nothing for longer than max-response-delay, as a process that was stopped or a virtual machine that was paused, or its clock was set forward by as much: the partner may have taken over since. It begins again in waiting, fetches the partner's leases and serves nobody before that.";
    PEREGRINE_HA_UPDATE_REFUSED Warn "ha-hooks" "A partner's lease update was refused: it would have given the address of a client that was promised it here, and later, to another client, or it came late, behind the update by which the partner gave the address to another client since. The text names both. The former happens when both servers served at once; if it goes on, look for hosts or leases that only one of the servers knows.";
    PEREGRINE_LEASES_FLUSHED Info "dhcpsrv" "Reclaimed leases that were held for their clients were deleted: hold-reclaimed-time is over.";
    PEREGRINE_LEASES_LOADED Info "dhcpsrv" "The lease file was read at start; the numbers say how much was found.";
    PEREGRINE_LEASE_FILE_FAILED Error "dhcpsrv" "The lease file cannot be written: no lease is acknowledged until it can. Make room on the disk or mend what the text names; nothing was lost, and writing is tried again with every query.";
    PEREGRINE_LEASE_FILE_TORN Warn "dhcpsrv" "The last row of the lease file was not written whole, as after a power failure, and was cut off. It was never acknowledged.";
    PEREGRINE_LFC_DONE Info "dhcpsrv" "The cleanup of the lease file is done.";
    PEREGRINE_LFC_FAILED Error "dhcpsrv" "The cleanup of the lease file failed; the file stays whole and grows until a cleanup succeeds. The text names the reason.";
    PEREGRINE_LOG_LINES_LOST Error "dhcp4" "Log lines could not be written: the output takes none, or less than is logged by others than the packet workers, who wait. Look at the disk and at the log's target; the counter peregrine-log-lines-dropped goes on counting.";
    PEREGRINE_NAK Info "leases" "A client asked for an address that it cannot have, and was told so; it will start over.";
    PEREGRINE_OPTIONS_OMITTED Warn "options" "A reply has no room for all options that the configuration gives it: 1472 bytes to a client on the link, 6000 through a relay. What the server itself says (address mask, lifetime, identifiers, option 82) is always in it. Give the client less, or let it ask for less.";
    PEREGRINE_QUERY_DROPPED Debug "bad-packets" "A query was dropped; the text says why.";
    PEREGRINE_RECEIVE_BUFFER_SMALL Warn "packets" "The kernel gave sockets a smaller receive buffer than asked for, so bursts of packets may be lost. Raise net.core.rmem_max to the size asked for.";
    PEREGRINE_RECEIVE_FAILED Warn "packets" "A socket reported an error; receiving goes on. An interface that went down is the usual cause.";
    PEREGRINE_RUSH Warn "dhcp4" "More DISCOVERs come than can be answered. Those that waited for too long were thrown away unread, and until the rush is over the kernel drops what is too much; clients ask again, and what was promised to clients is served first. If it happens outside of a restart of the network, give the server more workers or processor time. peregrine-discover-discarded and peregrine-kernel-drop count.";
    PEREGRINE_RUSH_OVER Info "dhcp4" "The rush is over: DISCOVERs are answered as fast as they come again.";
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
