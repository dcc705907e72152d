//! The transitions as one table: the first row that fits a [`Situation`] says what to do; without
//! one the machine stays where it is. Pure data (Kea guide, "Server States", and what was seen at
//! running Keas).

use super::parameters::{Mode, Role};
use super::state::State::{
    Backup, CommunicationRecovery, HotStandby, InMaintenance, LoadBalancing, PartnerDown,
    PartnerInMaintenance, PassiveBackup, Ready, Syncing, Terminated, Waiting,
};
use super::state::{Seen, SeenSet, State, StateSet};

/// Something that is so or not so when the machine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Fact {
    /// The machine is paused.
    Paused = 1 << 0,
    /// The clocks are more than 60 s apart.
    Skewed = 1 << 1,
    /// `max-rejected-lease-updates` is reached.
    Rejected = 1 << 2,
    /// `sync-leases`.
    SyncsLeases = 1 << 3,
    /// `delayed-updates-limit` is not 0.
    DelaysUpdates = 1 << 4,
    /// Nothing was heard for more than `max-response-delay`.
    Interrupted = 1 << 5,
    /// The partner is considered down: interrupted and, where it is asked for, enough unacked
    /// clients.
    Failed = 1 << 6,
    /// More updates were delayed than `delayed-updates-limit`.
    Overflowed = 1 << 7,
    /// The partner made changes of which it did not tell.
    NewUnsent = 1 << 8,
    /// The partner has been terminated for ten minutes.
    StuckTerminated = 1 << 9,
    /// In partner-down: the service is closed because the partner said that it is synchronised.
    Closed = 1 << 10,
    /// Leases ended of which the partner was not told; of a partner that is followed, more changed than is handed over at once.
    Owing = 1 << 11,
    /// An administrator ended a termination here by ha-reset, and the partner is a Peregrine: it is to begin anew, too.
    Leads = 1 << 12,
    /// Both are Peregrines that serve while the other returns.
    Able = 1 << 13,
    /// All is kept for the partner's present run that changed since it began to fetch the leases.
    Follows = 1 << 14,
    /// In partner-down: replies wait for the partner, which is told the last of what it lacks.
    Handing = 1 << 15,
}

impl Fact {
    /// All of them.
    pub const ALL: [Fact; 16] = [
        Fact::Paused,
        Fact::Skewed,
        Fact::Rejected,
        Fact::SyncsLeases,
        Fact::DelaysUpdates,
        Fact::Interrupted,
        Fact::Failed,
        Fact::Overflowed,
        Fact::NewUnsent,
        Fact::StuckTerminated,
        Fact::Closed,
        Fact::Owing,
        Fact::Leads,
        Fact::Able,
        Fact::Follows,
        Fact::Handing,
    ];
}

/// A set of facts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Facts(u16);

impl Facts {
    /// The set of `facts`.
    pub const fn of(facts: &[Fact]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < facts.len() {
            bits |= facts[i] as u16;
            i += 1;
        }
        Self(bits)
    }

    /// The facts of `known` that are so.
    pub fn so(known: &[(Fact, bool)]) -> Self {
        let so = known.iter().filter(|(_, so)| *so);
        Self(so.fold(0, |bits, (fact, _)| bits | *fact as u16))
    }

    /// Whether all of `other` are in it.
    pub const fn has_all(self, other: Facts) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is in it.
    pub const fn has_any(self, other: Facts) -> bool {
        self.0 & other.0 != 0
    }
}

/// What the table is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Situation {
    /// The mode of the relationship.
    pub mode: Mode,
    /// This server's role.
    pub role: Role,
    /// This server's state.
    pub own: State,
    /// The partner's state.
    pub partner: Seen,
    /// What else is so.
    pub facts: Facts,
}

/// What a row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Stay, whatever the rows below say.
    Stay,
    /// Enter a state.
    Enter(State),
    /// Enter the state of normal operation in this mode.
    EnterNormal,
    /// End the relationship.
    Terminate(Why),
    /// The partner says it is in a state that this mode does not have: wait until it is configured
    /// like us.
    Distrust,
    /// Synchronise, if that is not under way.
    Synchronise,
    /// Send the delayed updates (or ha-reset if they overflowed), if that is not under way.
    SendBacklog,
    /// Tell the partner what it cannot see in our leases, if that is not under way: what ended while it was away; if it
    /// fetched them while we served, all that changed since.
    SendDeletions,
    /// Let replies wait for the partner, tell it the last of what it lacks, and enter normal operation then.
    HandOver,
    /// Let the partner begin anew (ha-reset).
    ResetPartner,
    /// Open the service again: the partner that said it was synchronised is gone.
    Reopen,
}

/// Why a relationship ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The clocks are too far apart.
    Skew,
    /// The partner refused too many updates.
    Rejects,
    /// The partner ended it.
    Partner,
    /// The partner ended it and is not restarted.
    NotRestarted,
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its name, unique, for tests and diagrams.
    pub name: &'static str,
    /// Modes in which it holds; none for all.
    pub mode: Option<Mode>,
    /// Roles for which it holds; none for all.
    pub role: Option<Role>,
    /// States of this server.
    pub own: StateSet,
    /// States of the partner.
    pub partner: SeenSet,
    /// Facts that must all be so.
    pub with: Facts,
    /// Facts of which none may be so.
    pub without: Facts,
    /// What to do.
    pub then: Then,
}

impl Rule {
    const fn new(name: &'static str, own: StateSet, partner: SeenSet, then: Then) -> Self {
        let none = Facts(0);
        Self { name, mode: None, role: None, own, partner, with: none, without: none, then }
    }

    const fn mode(self, mode: Mode) -> Self {
        Self { mode: Some(mode), ..self }
    }

    const fn role(self, role: Role) -> Self {
        Self { role: Some(role), ..self }
    }

    const fn with(self, facts: &[Fact]) -> Self {
        Self { with: Facts::of(facts), ..self }
    }

    const fn without(self, facts: &[Fact]) -> Self {
        Self { without: Facts::of(facts), ..self }
    }

    /// Whether it says something about `situation`.
    pub fn fits(&self, situation: &Situation) -> bool {
        self.own.contains(situation.own)
            && self.partner.contains(situation.partner)
            && self.mode.is_none_or(|mode| mode == situation.mode)
            && self.role.is_none_or(|role| role == situation.role)
            && situation.facts.has_all(self.with)
            && !situation.facts.has_any(self.without)
    }
}

/// The first row that fits.
pub fn decide(situation: &Situation) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.fits(situation))
}

const fn own(states: &[State]) -> StateSet {
    StateSet::of(states)
}

const fn partner(states: &[State]) -> SeenSet {
    SeenSet::of(states)
}

/// States that a partner of another mode sends back to waiting, and that follow one that is
/// terminated.
const RETREATING: StateSet =
    own(&[CommunicationRecovery, HotStandby, LoadBalancing, PartnerDown, Ready, Syncing]);
/// States in which a pause holds and skew and rejects are looked for.
const WATCHFUL: StateSet = own(&[
    CommunicationRecovery,
    HotStandby,
    LoadBalancing,
    PartnerDown,
    PartnerInMaintenance,
    Ready,
    Syncing,
    Waiting,
]);
/// States in which a server may lack what its partner granted alone, and serves or is about to.
const UNTOLD: StateSet = own(&[CommunicationRecovery, HotStandby, LoadBalancing, Ready]);
const NORMAL: StateSet = own(&[HotStandby, LoadBalancing]);
const NORMAL_OR_READY: StateSet = own(&[HotStandby, LoadBalancing, Ready]);
/// States that give a silent partner up.
const PATIENT: StateSet =
    own(&[CommunicationRecovery, HotStandby, LoadBalancing, Ready, Syncing, Waiting]);
/// A partner that was heard, in whatever state that has leases.
const SOMEWHERE: SeenSet = partner(&[
    Waiting,
    Syncing,
    Ready,
    HotStandby,
    LoadBalancing,
    CommunicationRecovery,
    PartnerDown,
    InMaintenance,
    PartnerInMaintenance,
    Terminated,
]);
/// A partner that is not ready, or not there.
const ELSEWHERE: SeenSet = partner(&[
    Waiting,
    Syncing,
    HotStandby,
    LoadBalancing,
    CommunicationRecovery,
    PartnerDown,
    InMaintenance,
    PartnerInMaintenance,
    Backup,
    PassiveBackup,
])
.or_unavailable();
/// A partner whose leases are complete. One that fetches leases itself is waited for: both would take over what the other
/// one has just given up.
const AWAKE: SeenSet = partner(&[
    Ready,
    HotStandby,
    LoadBalancing,
    CommunicationRecovery,
    PartnerDown,
    InMaintenance,
    PartnerInMaintenance,
]);

use Fact::{
    Able, Closed, DelaysUpdates, Failed, Follows, Handing, Interrupted, Leads, NewUnsent,
    Overflowed, Owing, Paused, Rejected, Skewed, StuckTerminated, SyncsLeases,
};
use Then::{
    Distrust, Enter, EnterNormal, HandOver, Reopen, ResetPartner, SendBacklog, SendDeletions, Stay,
    Synchronise, Terminate,
};

/// The table.
#[rustfmt::skip]
pub static RULES: &[Rule] = &[
    // Checks that come first in most states.
    Rule::new("paused", WATCHFUL, SeenSet::ANY, Stay).with(&[Paused]),
    Rule::new("backup", own(&[Waiting]), SeenSet::ANY, Enter(Backup)).role(Role::Backup),
    Rule::new("passive-backup", own(&[Waiting]), SeenSet::ANY, Enter(PassiveBackup))
        .mode(Mode::PassiveBackup),
    // Whoever has not yet fetched what the partner granted alone must not serve before, terminated or not.
    Rule::new("skewed-untold", own(&[Waiting]), SOMEWHERE, Enter(Syncing))
        .with(&[Skewed, NewUnsent, SyncsLeases]),
    Rule::new("skewed-untold-works", UNTOLD, SOMEWHERE, Enter(Syncing))
        .with(&[Skewed, NewUnsent, SyncsLeases]),
    Rule::new("skewed-sync", own(&[Syncing]), SOMEWHERE, Synchronise)
        .with(&[Skewed, NewUnsent]),
    Rule::new("skewed", WATCHFUL, SeenSet::ANY, Terminate(Why::Skew)).with(&[Skewed]),
    Rule::new("rejected", WATCHFUL, SeenSet::ANY, Terminate(Why::Rejects)).with(&[Rejected]),
    Rule::new("foreign-recovery-stay", own(&[Waiting]), partner(&[CommunicationRecovery]), Stay)
        .mode(Mode::HotStandby),
    Rule::new("foreign-load-balancing-stay", own(&[Waiting]), partner(&[LoadBalancing]), Stay)
        .mode(Mode::HotStandby),
    Rule::new("foreign-hot-standby-stay", own(&[Waiting]), partner(&[HotStandby]), Stay)
        .mode(Mode::LoadBalancing),
    Rule::new("foreign-recovery", RETREATING, partner(&[CommunicationRecovery]), Distrust)
        .mode(Mode::HotStandby),
    Rule::new("foreign-load-balancing", RETREATING, partner(&[LoadBalancing]), Distrust)
        .mode(Mode::HotStandby),
    Rule::new("foreign-hot-standby", RETREATING, partner(&[HotStandby]), Distrust)
        .mode(Mode::LoadBalancing),

    // A partner that ended the relationship; one that is given up.
    Rule::new("follow-untold", UNTOLD, partner(&[Terminated]), Enter(Syncing))
        .with(&[NewUnsent, SyncsLeases]),
    Rule::new("follow-sync", own(&[Syncing]), partner(&[Terminated]), Synchronise)
        .with(&[NewUnsent]),
    Rule::new("follow", RETREATING, partner(&[Terminated]), Terminate(Why::Partner)),
    Rule::new("reset-partner", own(&[Waiting]), partner(&[Terminated]), ResetPartner)
        .with(&[Leads]),
    Rule::new("not-restarted", own(&[Waiting]),
        partner(&[Terminated]), Terminate(Why::NotRestarted))
        .with(&[StuckTerminated]),
    Rule::new("down", PATIENT, SeenSet::UNAVAILABLE, Enter(PartnerDown)).with(&[Failed]),

    // waiting: one of the pair goes first. A Peregrine in normal operation takes over first, and serves meanwhile.
    Rule::new("wait-for-take-over", own(&[Waiting]),
        partner(&[HotStandby, LoadBalancing, CommunicationRecovery]), Stay)
        .with(&[Able]),
    Rule::new("wait-over", own(&[Waiting]), AWAKE, Enter(Syncing)).with(&[SyncsLeases]),
    Rule::new("wait-over-no-sync", own(&[Waiting]), AWAKE, Enter(Ready)),
    Rule::new("go-first", own(&[Waiting]), partner(&[Waiting]), Enter(Syncing))
        .role(Role::Primary).with(&[SyncsLeases]),
    Rule::new("go-first-no-sync", own(&[Waiting]), partner(&[Waiting]), Enter(Ready))
        .role(Role::Primary),

    // syncing: not with a partner that does not answer.
    Rule::new("sync-later", own(&[Syncing]), SeenSet::UNAVAILABLE, Stay),
    Rule::new("sync", own(&[Syncing]), SeenSet::ANY, Synchronise),

    // ready
    Rule::new("ready-first", own(&[Ready]), partner(&[Ready]), EnterNormal).role(Role::Primary),
    // It served after it was fetched from: its silence made it open its service again.
    Rule::new("ready-untold", own(&[Ready]),
        partner(&[HotStandby, LoadBalancing, CommunicationRecovery]), Enter(Syncing))
        .with(&[NewUnsent, SyncsLeases]),
    Rule::new("ready-second", own(&[Ready]),
        partner(&[HotStandby, LoadBalancing, CommunicationRecovery]), EnterNormal),

    // ready and normal
    Rule::new("partner-leaves", NORMAL_OR_READY,
        partner(&[InMaintenance]), Enter(PartnerInMaintenance)),
    Rule::new("asked-to-leave", NORMAL_OR_READY,
        partner(&[PartnerInMaintenance]), Enter(InMaintenance)),
    Rule::new("given-up", NORMAL, partner(&[PartnerDown]), Enter(Waiting)),
    Rule::new("interrupted", own(&[LoadBalancing]),
        SeenSet::UNAVAILABLE, Enter(CommunicationRecovery))
        .with(&[DelaysUpdates]),

    // What it granted alone is to be known before anybody serves in its place.
    Rule::new("begins-anew-untold", own(&[CommunicationRecovery, HotStandby, LoadBalancing]),
        partner(&[Waiting]), Enter(Waiting))
        .with(&[Able, NewUnsent]),
    Rule::new("begins-anew", own(&[CommunicationRecovery, HotStandby, LoadBalancing]),
        partner(&[Waiting]), Enter(PartnerDown))
        .with(&[Able]),

    // communication-recovery
    Rule::new("recovery-overflowed", own(&[CommunicationRecovery]),
        partner(&[Waiting, Syncing, Ready]), Enter(Waiting))
        .with(&[Overflowed]).without(&[Interrupted]),
    Rule::new("recovered", own(&[CommunicationRecovery]),
        partner(&[LoadBalancing, CommunicationRecovery]), SendBacklog)
        .without(&[Interrupted]),
    Rule::new("recovery-given-up", own(&[CommunicationRecovery]),
        partner(&[PartnerDown]), Enter(Waiting)),
    Rule::new("recovery-partner-leaves", own(&[CommunicationRecovery]),
        partner(&[InMaintenance]), Enter(PartnerInMaintenance)),
    Rule::new("recovery-asked-to-leave", own(&[CommunicationRecovery]),
        partner(&[PartnerInMaintenance]), Enter(InMaintenance)),
    Rule::new("recovery-lost", own(&[CommunicationRecovery]),
        partner(&[Backup, PassiveBackup]), Enter(Waiting))
        .without(&[Interrupted]),

    // partner-down
    Rule::new("hand-over-ends", own(&[PartnerDown]), ELSEWHERE, Reopen).with(&[Handing]),
    Rule::new("resync", own(&[PartnerDown]), partner(&[Ready]), Enter(Waiting)).with(&[NewUnsent]),
    // What it fetched does not show it what is gone.
    Rule::new("returned-owed", own(&[PartnerDown]), partner(&[Ready]), SendDeletions).with(&[Owing]),
    Rule::new("hand-over", own(&[PartnerDown]), partner(&[Ready]), HandOver).with(&[Follows]),
    Rule::new("returned", own(&[PartnerDown]), partner(&[Ready]), EnterNormal),
    // One of them goes on serving while the other fetches its leases.
    Rule::new("alone-first", own(&[PartnerDown]), partner(&[PartnerDown]), Stay)
        .role(Role::Primary).with(&[Able]),
    Rule::new("alone-longer", own(&[PartnerDown]), partner(&[CommunicationRecovery]), Stay)
        .with(&[Able]),
    Rule::new("both-alone", own(&[PartnerDown]),
        partner(&[CommunicationRecovery, PartnerDown, PartnerInMaintenance]), Enter(Waiting)),
    Rule::new("reopen", own(&[PartnerDown]), partner(&[Waiting]).or_unavailable(), Reopen)
        .with(&[Closed]),

    // partner-in-maintenance: its silence needs no proof.
    Rule::new("shut-down", own(&[PartnerInMaintenance]), SeenSet::UNAVAILABLE, Enter(PartnerDown)),
];
