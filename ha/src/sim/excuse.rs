//! Why two clients may hold one address. Whatever is not listed here fails a run. Pure data.
//!
//! E1 to E4 are the duplicates that the task of the pair allows. The others are no failures of a pair that does what it
//! promises: in each of them an acknowledgement was given that promised less, by the protocol or by a configuration that
//! an administrator chose. They are counted apart, and a run that meets one goes on.

/// Why a duplicate is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excuse {
    /// E1: both servers were in partner-down, or served one scope at once, and have not synchronised since.
    BothServe,
    /// E2: the second server began to serve alone without having fetched what the first had granted alone: it could not
    /// be reached, or went before the leases had been fetched.
    LoneStart,
    /// E3: a command set the scopes, or changed the lease.
    ByHand,
    /// E4: power was lost, and what the durability mode does not promise to keep.
    Lost,
    /// The server acknowledged the lease in communication-recovery and died before it told its partner. Kea's protocol
    /// answers clients at once there, and tells the partner later: `delayed-updates-limit` above 0 asks for that. With 0
    /// there is no such state, and no such excuse.
    Recovery,
    /// `send-lease-updates` or `sync-leases` is false: the partner is never told, or never asks. Each server still has to
    /// keep its own promises, which is checked.
    Configured,
    /// The lease ended by a clock that is more than 60 s ahead of the one by which it began, and no process has seen both:
    /// set while the server was down, or a backup's, which is told no time. A pair that talks notices and ends
    /// (`terminated`); a process that runs notices the step, and ends no lease early. Or the partner was not told of the
    /// lease while the clocks were that far apart: when the pair comes out of `terminated`, the versions of an address have
    /// times of two clocks, and none says which is the newer.
    Clocks,
}

impl Excuse {
    /// All of them.
    pub(super) const ALL: [Excuse; 7] = [
        Excuse::BothServe,
        Excuse::LoneStart,
        Excuse::ByHand,
        Excuse::Lost,
        Excuse::Recovery,
        Excuse::Configured,
        Excuse::Clocks,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Excuse::BothServe => "E1 both serve",
            Excuse::LoneStart => "E2 lone start",
            Excuse::ByHand => "E3 by hand",
            Excuse::Lost => "E4 lost",
            Excuse::Recovery => "died in communication-recovery",
            Excuse::Configured => "leases not sent or not fetched, as configured",
            Excuse::Clocks => "clocks over 60 s apart",
        }
    }

    /// Whether it is one of E1 to E4, which many runs have to meet; else nothing was promised.
    pub(super) const fn is_of_the_task(self) -> bool {
        matches!(self, Excuse::BothServe | Excuse::LoneStart | Excuse::ByHand | Excuse::Lost)
    }
}
