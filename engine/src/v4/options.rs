//! Configured options by level, and which of them a reply carries (Kea guide, "Standard DHCPv4 Options"). Pure.

use crate::codec::v4::CodeSet;
use crate::config::model::OptionData;

/// The options of one level, or of several merged, in a form that is looked up by code.
#[derive(Clone, Debug, Default)]
pub(super) struct OptionTable {
    /// Ascending by code, one entry each.
    entries: Vec<OptionData>,
    /// Codes that are sent without being asked for.
    always: CodeSet,
    /// Codes that are not sent whatever else says.
    never: CodeSet,
}

impl OptionTable {
    /// Merges levels; for each code the first level that has it counts. `always-send` and `never-send` count at any.
    pub(super) fn merge(levels: &[&[OptionData]]) -> Self {
        let mut table = Self::default();
        for option in levels.iter().copied().flatten() {
            if option.always_send {
                table.always.insert(option.code);
            }
            if option.never_send {
                table.never.insert(option.code);
            }
            match table.entries.binary_search_by_key(&option.code, |entry| entry.code) {
                Ok(_) => {}
                Err(place) => table.entries.insert(place, option.clone()),
            }
        }
        table
    }

    /// The value of `code`.
    pub(super) fn value(&self, code: u8) -> Option<&[u8]> {
        let place = self.entries.binary_search_by_key(&code, |entry| entry.code).ok()?;
        Some(&self.entries[place].data)
    }
}

/// The levels that a reply takes its options from, the strongest first.
pub(super) struct Levels<'a> {
    /// The client's reservation.
    pub(super) host: Option<&'a OptionTable>,
    /// Pool merged over its subnet over its shared network, or the last two alone.
    pub(super) subnet: &'a OptionTable,
    /// The query's classes in the order in which it got them.
    pub(super) classes: Vec<&'a OptionTable>,
    /// Global.
    pub(super) global: &'a OptionTable,
}

impl<'a> Levels<'a> {
    /// The value of `code` at the strongest level that has it.
    pub(super) fn value(&self, code: u8) -> Option<&'a [u8]> {
        self.all().find_map(|table| table.value(code))
    }

    /// What a reply carries of them: what was `asked` for, what is always sent, but nothing that is never sent.
    pub(super) fn chosen(&self, asked: CodeSet) -> CodeSet {
        let mut chosen = asked;
        self.all().for_each(|table| chosen.add_all(&table.always));
        self.all().for_each(|table| chosen.remove_all(&table.never));
        chosen
    }

    fn all(&self) -> impl Iterator<Item = &'a OptionTable> + '_ {
        self.host
            .into_iter()
            .chain([self.subnet])
            .chain(self.classes.iter().copied())
            .chain([self.global])
    }
}
