//! Why two clients may hold one address. Whatever is not listed here fails a run. Pure data.
//!
//! These are the duplicates that the task of the pair allows, and no others. What an acknowledgement never promised is no
//! duplicate, and is known by who compares ([`super::ledger`]).

/// Why a duplicate is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excuse {
    /// E1: both servers were in partner-down, or served one scope at once, and have not synchronised since.
    BothServe,
    /// E2: the second server began to serve alone, from leases older than what the first had granted alone: it could not
    /// reach the first since, or that one went before its leases had been fetched. Whether the second was started or ran on
    /// makes no difference: it cannot know what it was never told, and a server that did not serve then would be none that
    /// takes over.
    LoneStart,
    /// E3: a command set the scopes, or changed the lease.
    ByHand,
    /// E4: power was lost, and what the durability mode does not promise to keep.
    Lost,
}

impl Excuse {
    /// All of them.
    pub(super) const ALL: [Excuse; 4] =
        [Excuse::BothServe, Excuse::LoneStart, Excuse::ByHand, Excuse::Lost];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Excuse::BothServe => "E1 both serve",
            Excuse::LoneStart => "E2 lone start",
            Excuse::ByHand => "E3 by hand",
            Excuse::Lost => "E4 lost",
        }
    }
}
