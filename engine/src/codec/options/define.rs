//! Definitions of a configuration's own (`option-def`) beside the standard ones. Pure.

use std::collections::BTreeMap;

use super::space::{self, DHCP4};
use super::{Definition, Kind, code, standard_by_code, standard_by_name};

/// The definitions that a configuration or a class adds, by space and code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definitions {
    spaces: BTreeMap<String, BTreeMap<u8, Definition>>,
}

/// Why something is no definition, or cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDefinition {
    /// The name has characters that none has.
    #[error("got the name \"{0}\", expected letters and digits, hyphens and underscores inside")]
    Name(String),
    /// A record of one field is none.
    #[error("got a record of {0} fields, expected at least 2")]
    ShortRecord(usize),
    /// Only a record has fields.
    #[error("got \"record-types\" with the type {}, expected it with records only", .0.name())]
    NoRecord(Kind),
    /// A field whose length nobody could tell stands before another one.
    #[error("got a field of type {} before others, expected it as the last one", .0.name())]
    OpenField(Kind),
    /// A field that a record cannot have.
    #[error("got a field of type {}, expected one that holds a value", .0.name())]
    NoField(Kind),
    /// Nobody could tell where one value ends.
    #[error("got an array of type {}, expected a type whose values show their length", .0.name())]
    Array(Kind),
    /// The length of an array is not told, so that nothing can follow it.
    #[error("got an array that encapsulates \"{0}\", expected one or the other")]
    ArrayAndSpace(String),
    /// It would hold itself.
    #[error("got a definition in the space \"{0}\" that it encapsulates, expected another space")]
    OwnSpace(String),
    /// The space has an option with this code or name.
    #[error(
        "got option {code} \"{name}\" of the space \"{space}\" a second time, expected it once"
    )]
    Twice {
        /// Its space.
        space: String,
        /// Its code.
        code: u8,
        /// Its name.
        name: String,
    },
    /// A standard option keeps its definition.
    #[error(
        "got a definition of the standard option {code} \"{name}\", expected another code and name"
    )]
    Standard {
        /// Its code.
        code: u8,
        /// Its name.
        name: String,
    },
}

impl Definition {
    /// Checks what a configuration may define.
    ///
    /// # Errors
    /// [`BadDefinition`].
    pub fn validate(&self) -> Result<(), BadDefinition> {
        if !space::is_name(&self.name) {
            return Err(BadDefinition::Name(self.name.clone().into_owned()));
        }
        if self.kind != Kind::Record && !self.record.is_empty() {
            return Err(BadDefinition::NoRecord(self.kind));
        }
        let last = match self.kind {
            Kind::Record => self.validate_record()?,
            kind => kind,
        };
        let open = matches!(last, Kind::String | Kind::Binary | Kind::Empty | Kind::Internal);
        if self.array && open {
            return Err(BadDefinition::Array(last));
        }
        let inside = &*self.encapsulate;
        if self.array && !inside.is_empty() {
            return Err(BadDefinition::ArrayAndSpace(inside.to_owned()));
        }
        if inside == self.space {
            return Err(BadDefinition::OwnSpace(inside.to_owned()));
        }
        Ok(())
    }

    /// Checks the fields and gives the last one.
    fn validate_record(&self) -> Result<Kind, BadDefinition> {
        let Some((last, others)) = self.record.split_last().filter(|(_, rest)| !rest.is_empty())
        else {
            return Err(BadDefinition::ShortRecord(self.record.len()));
        };
        let hollow = |kind: &Kind| matches!(kind, Kind::Empty | Kind::Internal | Kind::Record);
        if let Some(kind) = self.record.iter().find(|kind| hollow(kind)) {
            return Err(BadDefinition::NoField(*kind));
        }
        match others.iter().find(|kind| matches!(kind, Kind::String | Kind::Binary)) {
            Some(kind) => Err(BadDefinition::OpenField(*kind)),
            None => Ok(*last),
        }
    }
}

impl Definitions {
    /// Adds a definition.
    ///
    /// # Errors
    /// [`BadDefinition`] if it is none, is there already, or is a standard one's. Option 43 may be
    /// defined anew: its standard definition only holds where there is no other.
    pub fn add(&mut self, definition: Definition) -> Result<(), BadDefinition> {
        definition.validate()?;
        let Definition { space, code, name, .. } = &definition;
        if self.own(space, *code).is_some() || self.own_named(space, name).is_some() {
            let (space, name) = (space.clone().into_owned(), name.clone().into_owned());
            return Err(BadDefinition::Twice { space, code: *code, name });
        }
        let by_code = standard_by_code(space, *code);
        if let Some(known) = by_code.or_else(|| standard_by_name(space, name))
            && !known.is_standard(code::VENDOR_ENCAPSULATED_OPTIONS)
            // Kea knows these, but does not mind.
            && space::enterprise(space).is_none()
        {
            return Err(BadDefinition::Standard {
                code: known.code,
                name: known.name.clone().into_owned(),
            });
        }
        self.spaces.entry(space.clone().into_owned()).or_default().insert(*code, definition);
        Ok(())
    }

    /// The definition of `code` in `space`, a standard one before one of the configuration's.
    pub fn by_code(&self, space: &str, code: u8) -> Option<&Definition> {
        let standard = || standard_by_code(space, code);
        match is_deferred(space, code) {
            true => self.own(space, code).or_else(standard),
            false => standard().or_else(|| self.own(space, code)),
        }
    }

    /// The definition of the option called `name` in `space`.
    pub fn by_name(&self, space: &str, name: &str) -> Option<&Definition> {
        let standard = standard_by_name(space, name);
        match standard {
            Some(known) if !is_deferred(space, known.code) => standard,
            _ => self.own_named(space, name).or(standard),
        }
    }

    /// Codes of the message's own options whose contents a query must be right about: those that the configuration
    /// defines and that are read before its classes are known.
    pub fn checked_codes(&self) -> impl Iterator<Item = u8> + '_ {
        let own = self.spaces.get(DHCP4).into_iter().flat_map(BTreeMap::keys).copied();
        own.filter(|code| !is_deferred(DHCP4, *code) && standard_by_code(DHCP4, *code).is_none())
    }

    /// What the configuration itself says about `code` in `space`.
    pub fn own(&self, space: &str, code: u8) -> Option<&Definition> {
        self.spaces.get(space)?.get(&code)
    }

    /// What the configuration itself says about the option called `name` in `space`.
    pub fn own_named(&self, space: &str, name: &str) -> Option<&Definition> {
        self.spaces.get(space)?.values().find(|definition| definition.name == name)
    }
}

/// Whether an option is only read once the query's classes are known, since they may define it.
pub fn is_deferred(space: &str, code: u8) -> bool {
    space == DHCP4 && matches!(code, code::VENDOR_ENCAPSULATED_OPTIONS | 224..=254)
}
