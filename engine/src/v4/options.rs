//! Configured options by level, and which of them a reply carries (Kea guide, "Standard DHCPv4 Options"). Pure.

use super::Snapshot;
use super::classes::Classes;
use crate::classify::ClassId;
use crate::codec::v4::{CodeSet, code};
use crate::config::model::OptionData;

/// Where an option is looked up: its enterprise, if it stands in a vendor's space, and its code.
pub(super) type OptionKey = (Option<u32>, u8);

/// The options of one level, or of several merged, in a form that is looked up by code.
#[derive(Clone, Debug, Default)]
pub(super) struct OptionTable {
    /// Ascending by key; of one key the strongest level first.
    entries: Vec<OptionData>,
    /// The codes of those that stand in no vendor's space.
    codes: CodeSet,
    /// What the message's own options say of themselves.
    own: Wishes,
    /// The same for each enterprise's, ascending.
    vendors: Vec<(u32, Wishes)>,
}

/// Codes for which a level has a wish, whatever the client asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wishes {
    /// Sent without being asked for.
    always: CodeSet,
    /// Not sent whatever else says.
    never: CodeSet,
}

impl OptionTable {
    /// Merges levels; for each code the first level that has it for the client counts. `always-send` and
    /// `never-send` count at any, for everybody.
    pub(super) fn merge(levels: &[&[OptionData]]) -> Self {
        let mut table = Self::default();
        for level in levels {
            level.iter().for_each(|option| table.wish(option));
            // Within a level an option for the client's classes goes before one for everybody.
            let (everybody, some): (Vec<_>, Vec<_>) =
                level.iter().partition(|option| option.classes.is_empty());
            some.into_iter().chain(everybody).for_each(|option| table.insert(option));
        }
        table
    }

    fn insert(&mut self, option: &OptionData) {
        let run = self.run(key_of(option));
        // What stands behind an option for everybody is never reached, but where each enterprise counts.
        let settled = self.entries[run.clone()].last().is_some_and(|last| last.classes.is_empty());
        if !settled || is_by_enterprise(key_of(option)) {
            if option.enterprise.is_none() {
                self.codes.insert(option.code);
            }
            self.entries.insert(run.end, option.clone());
        }
    }

    fn wish(&mut self, option: &OptionData) {
        let wishes = match option.enterprise {
            None => &mut self.own,
            Some(enterprise) => {
                let place = self.vendors.binary_search_by_key(&enterprise, |(known, _)| *known);
                let place = place.unwrap_or_else(|place| {
                    self.vendors.insert(place, (enterprise, Wishes::default()));
                    place
                });
                &mut self.vendors[place].1
            }
        };
        if option.always_send {
            wishes.always.insert(option.code);
        }
        if option.never_send {
            wishes.never.insert(option.code);
        }
    }

    /// All that it has for `key`, the strongest first.
    pub(super) fn all(&self, key: OptionKey) -> &[OptionData] {
        // Most codes are found nowhere, or at one level only.
        match key {
            (None, code) if !self.codes.contains(code) => &[],
            _ => &self.entries[self.run(key)],
        }
    }

    fn run(&self, key: OptionKey) -> std::ops::Range<usize> {
        let start = self.entries.partition_point(|entry| key_of(entry) < key);
        let len = self.entries[start..].partition_point(|entry| key_of(entry) == key);
        start..start + len
    }

    fn wishes(&self, enterprise: Option<u32>) -> Option<&Wishes> {
        let Some(enterprise) = enterprise else { return Some(&self.own) };
        let place = self.vendors.binary_search_by_key(&enterprise, |(known, _)| *known).ok()?;
        Some(&self.vendors[place].1)
    }
}

fn key_of(option: &OptionData) -> OptionKey {
    (option.enterprise, option.code)
}

/// Options that a reply may carry several times, once for each enterprise.
fn is_by_enterprise(key: OptionKey) -> bool {
    matches!(key, (None, code::VENDOR_CLASS | code::VENDOR_OPTIONS))
}

/// Whether `option` is for a client of these classes.
pub(super) fn is_for(option: &OptionData, is_member: &dyn Fn(ClassId) -> bool) -> bool {
    option.classes.is_empty() || option.classes.iter().any(|class| is_member(*class))
}

/// The levels that a reply takes its options from, the strongest first.
pub(super) struct Levels<'a> {
    /// The client's reservation.
    pub(super) host: Option<&'a OptionTable>,
    /// Pool merged over its subnet over its shared network, or the last two alone.
    pub(super) subnet: &'a OptionTable,
    /// The query's classes in the order in which it got them.
    pub(super) classes: &'a Classes,
    /// Knows the options of the classes, and the global ones.
    pub(super) snapshot: &'a Snapshot,
}

impl<'a> Levels<'a> {
    /// The value at `key` of the strongest level that has it for the client.
    pub(super) fn value(&self, key: OptionKey) -> Option<&'a [u8]> {
        // As `all` does, in plain steps: this is asked for each code of each reply.
        let is_member = |class| self.classes.contains(class);
        let of = |table: &'a OptionTable| {
            let option = table.all(key).iter().find(|option| is_for(option, &is_member))?;
            Some(&*option.data)
        };
        let of_classes = || self.classes.definitions(self.snapshot).find_map(|(_, it)| of(it));
        self.host
            .and_then(of)
            .or_else(|| of(self.subnet))
            .or_else(of_classes)
            .or_else(|| of(&self.snapshot.global))
    }

    /// What a reply carries of one space: what was `asked` for, what is always sent, but nothing that is never sent.
    pub(super) fn chosen(&self, enterprise: Option<u32>, asked: CodeSet) -> CodeSet {
        let mut chosen = asked;
        let wishes = || self.tables().filter_map(|table| table.wishes(enterprise));
        wishes().for_each(|wishes| chosen.add_all(&wishes.always));
        wishes().for_each(|wishes| chosen.remove_all(&wishes.never));
        chosen
    }

    /// Every option at `key`, the strongest first, that is for the client.
    pub(super) fn all(&self, key: OptionKey) -> impl Iterator<Item = &'a OptionData> {
        let classes = self.classes;
        let is_member = move |class| classes.contains(class);
        self.tables()
            .flat_map(move |table| table.all(key))
            .filter(move |option| is_for(option, &is_member))
    }

    fn tables(&self) -> impl Iterator<Item = &'a OptionTable> + use<'a> {
        let classes = self.classes.definitions(self.snapshot);
        let classes = classes.map(|(_, options)| options);
        self.host.into_iter().chain([self.subnet]).chain(classes).chain([&self.snapshot.global])
    }
}
