//! Counters under Kea's names (Kea guide, "Statistics in the DHCPv4 Server"). Pure but for its atomics.

mod places;

use std::sync::atomic::AtomicUsize;

pub use places::{LOCAL, Place};

use crate::limits::STATS_PARTS;
use crate::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($variant:ident = $name:literal,)*) => {
        /// What is counted; the docs of each are in the Kea guide under its name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "the names are Kea's")]
        pub enum Counter { $($variant,)* }

        impl Counter {
            /// Every counter.
            pub const ALL: &'static [Counter] = &[$(Counter::$variant,)*];

            /// Kea's name, or ours where Kea has none.
            pub const fn name(self) -> &'static str {
                match self { $(Counter::$variant => $name,)* }
            }
        }
    };
}

counters! {
    Received = "pkt4-received",
    DiscoverReceived = "pkt4-discover-received",
    OfferReceived = "pkt4-offer-received",
    RequestReceived = "pkt4-request-received",
    AckReceived = "pkt4-ack-received",
    NakReceived = "pkt4-nak-received",
    ReleaseReceived = "pkt4-release-received",
    DeclineReceived = "pkt4-decline-received",
    InformReceived = "pkt4-inform-received",
    UnknownReceived = "pkt4-unknown-received",
    Sent = "pkt4-sent",
    OfferSent = "pkt4-offer-sent",
    AckSent = "pkt4-ack-sent",
    NakSent = "pkt4-nak-sent",
    ParseFailed = "pkt4-parse-failed",
    ReceiveDrop = "pkt4-receive-drop",
    ServiceDisabled = "pkt4-service-disabled",
    QueueFull = "pkt4-queue-full",
    Duplicate = "pkt4-duplicate",
    RfcViolation = "pkt4-rfc-violation",
    AdminFiltered = "pkt4-admin-filtered",
    NotForUs = "pkt4-not-for-us",
    ProcessingFailed = "pkt4-processing-failed",
    AllocationFail = "v4-allocation-fail",
    AllocationFailNetwork = "v4-allocation-fail-shared-network",
    AllocationFailSubnet = "v4-allocation-fail-subnet",
    AllocationFailNoPools = "v4-allocation-fail-no-pools",
    AllocationFailClasses = "v4-allocation-fail-classes",
    LeaseReuses = "v4-lease-reuses",
    ReservationConflicts = "v4-reservation-conflicts",
    ClassEvaluationFailed = "peregrine-class-evaluation-failed",
    MalformedTooShort = "peregrine-malformed-too-short",
    MalformedTooLong = "peregrine-malformed-too-long",
    MalformedHardwareLength = "peregrine-malformed-hardware-length",
    MalformedCookie = "peregrine-malformed-cookie",
    MalformedOptionLength = "peregrine-malformed-option-length",
    MalformedFqdnFlags = "peregrine-malformed-fqdn-flags",
    MalformedNoMessageType = "peregrine-malformed-no-message-type",
    Oversized = "peregrine-packet-oversized",
    FrameTruncated = "peregrine-frame-truncated",
    FrameFragment = "peregrine-frame-fragment",
    FrameChecksum = "peregrine-frame-checksum",
    OtherVlan = "peregrine-frame-other-vlan",
    NotOurAddress = "peregrine-frame-not-our-address",
    KernelDrop = "peregrine-kernel-drop",
    DiscoverDiscarded = "peregrine-discover-discarded",
    ReceiveFailed = "peregrine-receive-failed",
    SendFailed = "peregrine-send-failed",
    PendingFull = "peregrine-pending-full",
    CumulativeAssigned = "cumulative-assigned-addresses",
    ReclaimedLeases = "reclaimed-leases",
    ReclaimedDeclined = "reclaimed-declined-addresses",
    OptionsOmitted = "peregrine-options-omitted",
    ReplyOutdated = "peregrine-reply-outdated",
    ReplyUnacknowledged = "peregrine-reply-unacknowledged",
    ReplyReplaced = "peregrine-reply-replaced",
    LogLinesDropped = "peregrine-log-lines-dropped",
    JournalFailed = "peregrine-journal-failed",
    ControlBroken = "peregrine-control-connections-broken",
    ControlMalformed = "peregrine-control-requests-malformed",
    ControlRefused = "peregrine-control-connections-refused",
    HaAccepted = "peregrine-ha-connections-accepted",
    HaAcceptFailed = "peregrine-ha-accept-failed",
    HaBackupMissed = "peregrine-ha-backup-updates-missed",
    HaBatches = "peregrine-ha-batches-sent",
    HaBatchedUpdates = "peregrine-ha-batched-updates-sent",
    HaBroken = "peregrine-ha-connections-broken",
    HaHandshakeFailed = "peregrine-ha-handshakes-failed",
    HaRefused = "peregrine-ha-connections-refused",
    HaResent = "peregrine-ha-changes-resent",
    HaTimedOut = "peregrine-ha-connections-timed-out",
    HaBadRequest = "peregrine-ha-requests-bad",
    HaForbidden = "peregrine-ha-requests-forbidden",
    HaDeletionsForgotten = "peregrine-ha-deletions-forgotten",
    HaLeasesDisputed = "peregrine-ha-leases-disputed",
    HaLeasesRepaired = "peregrine-ha-leases-repaired",
    HaUpdatesRefused = "peregrine-ha-updates-refused",
    HaUnauthorized = "peregrine-ha-requests-unauthorized",
}

/// All counters of a server. Cheap to add to from any thread: each adds to a part of its own.
#[derive(Debug)]
pub struct Stats {
    parts: Vec<Part>,
    places: places::Places,
}

/// What some threads counted, in cache lines that no others write to.
#[derive(Debug)]
#[repr(align(128))]
struct Part([AtomicU64; Counter::ALL.len()]);

impl Default for Stats {
    fn default() -> Self {
        let part = |_| Part(std::array::from_fn(|_| AtomicU64::new(0)));
        Self { parts: (0..STATS_PARTS).map(part).collect(), places: Default::default() }
    }
}

impl Stats {
    /// Adds one.
    pub fn count(&self, counter: Counter) {
        self.add(counter, 1);
    }

    /// Adds `amount`.
    pub fn add(&self, counter: Counter, amount: u64) {
        let part = &self.parts[part_of_thread()];
        part.0[counter as usize].fetch_add(amount, Ordering::Relaxed);
    }

    /// Adds one, also for the subnet and, if one is named, the pool.
    pub fn count_at(&self, counter: Counter, place: Place) {
        self.count(counter);
        self.places.count(counter, place);
    }

    /// Lets these be the subnets and pools that are counted for. What stays keeps its counts.
    pub fn set_places(&self, places: &[Place]) {
        self.places.set(places);
    }

    /// The sum of a place since it came to be.
    pub fn value_at(&self, counter: Counter, place: Place) -> u64 {
        self.places.value(counter, place)
    }

    /// The sum since start.
    pub fn value(&self, counter: Counter) -> u64 {
        self.parts.iter().map(|part| part.0[counter as usize].load(Ordering::Relaxed)).sum()
    }
}

/// Threads take the parts in turn.
fn part_of_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static PART: usize = NEXT.fetch_add(1, Ordering::Relaxed) % STATS_PARTS;
    }
    PART.with(|part| *part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_each_counter_counts_alone() {
        let names: std::collections::BTreeSet<_> = Counter::ALL.iter().map(|c| c.name()).collect();
        assert_eq!(names.len(), Counter::ALL.len());
        let stats = Stats::default();
        stats.count(Counter::OfferSent);
        stats.add(Counter::OfferSent, 2);
        for counter in Counter::ALL {
            assert_eq!(stats.value(*counter), if *counter == Counter::OfferSent { 3 } else { 0 });
        }
    }
}
