//! Whether what a query says in an option can be read as the option's type, as strictly as Kea takes it. Pure; takes
//! no memory.

use super::{Definition, Kind, sub_options};

/// Finds the definition of a code in a space.
pub type LookUp<'a> = dyn Fn(&str, u8) -> Option<&'a Definition> + 'a;

impl Definition {
    /// Whether `data` is a value of this type and what follows it are options of the space inside, each of its type.
    pub fn admits(&self, data: &[u8], look_up: &LookUp<'_>) -> bool {
        let Some(rest) = self.behind_value(data) else { return false };
        let Some(space) = self.inside() else { return true };
        let mut options = sub_options(rest);
        options.all(|(code, data)| look_up(space, code).is_none_or(|it| it.admits(data, look_up)))
    }

    /// What follows the value in `data`; none if that is no value.
    fn behind_value<'a>(&self, data: &'a [u8]) -> Option<&'a [u8]> {
        match self.kind {
            Kind::Empty => Some(data),
            Kind::Binary | Kind::String | Kind::Internal => Some(&[]),
            Kind::Record => {
                let mut rest = data;
                for kind in self.record.iter() {
                    rest = self.behind_field(*kind, rest)?;
                }
                let last = *self.record.last()?;
                if self.array { self.behind_more(last, rest) } else { Some(rest) }
            }
            kind if self.array => self.behind_list(kind, data),
            kind => self.behind_field(kind, data),
        }
    }

    /// What follows a list; of numbers and of addresses nothing does.
    fn behind_list<'a>(&self, kind: Kind, data: &'a [u8]) -> Option<&'a [u8]> {
        let each = self.field_len(kind, data).unwrap_or(usize::MAX);
        match kind {
            Kind::Ipv4Address | Kind::Ipv6Address => data.len().is_multiple_of(each),
            Kind::Int8 | Kind::Uint8 | Kind::Int16 | Kind::Uint16 | Kind::Int32 | Kind::Uint32 => {
                !data.is_empty() && data.len().is_multiple_of(each)
            }
            Kind::Fqdn if data.is_empty() => false,
            Kind::Tuple if data.is_empty() => true,
            Kind::Fqdn | Kind::Tuple => self.behind_more(kind, data).is_some(),
            _ => self.behind_field(kind, data).is_some(),
        }
        .then_some(&[])
    }

    /// What follows further values of `kind`. What is too short for one of a fixed length is not looked at.
    fn behind_more<'a>(&self, kind: Kind, mut data: &'a [u8]) -> Option<&'a [u8]> {
        let open = matches!(kind, Kind::Fqdn | Kind::Tuple | Kind::Ipv6Prefix);
        while !data.is_empty() {
            match self.behind_field(kind, data) {
                Some(rest) => data = rest,
                None if open => return None,
                None => break,
            }
        }
        Some(&[])
    }

    fn behind_field<'a>(&self, kind: Kind, data: &'a [u8]) -> Option<&'a [u8]> {
        data.get(self.field_len(kind, data)?..)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn definition(kind: Kind, array: bool, record: &'static [Kind]) -> Definition {
        Definition {
            space: Cow::Borrowed("dhcp4"),
            name: Cow::Borrowed("it"),
            code: 200,
            kind,
            array,
            record: Cow::Borrowed(record),
            encapsulate: Cow::Borrowed(""),
        }
    }

    #[test]
    fn lengths_are_those_that_kea_takes() {
        const NONE: &[Kind] = &[];
        const FIELDS: &[Kind] = &[Kind::Uint8, Kind::Ipv4Address];
        let rows = [
            (Kind::Uint16, false, NONE, &[2, 3][..], &[0, 1][..]),
            (Kind::Uint16, true, NONE, &[2, 4], &[0, 1, 3]),
            (Kind::Ipv4Address, true, NONE, &[0, 4, 8], &[1, 5]),
            (Kind::Boolean, true, NONE, &[1, 3], &[0]),
            (Kind::String, false, NONE, &[0, 1], &[]),
            (Kind::Empty, false, NONE, &[0, 3], &[]),
            (Kind::Record, false, FIELDS, &[5, 6], &[0, 4]),
            (Kind::Record, true, FIELDS, &[5, 6, 9], &[0, 4]),
        ];
        for (kind, array, record, good, bad) in rows {
            let definition = definition(kind, array, record);
            let admits = |len: &usize| definition.admits(&[1; 9][..*len], &|_, _| None);
            assert!(good.iter().all(admits), "{kind:?} {array}");
            assert!(!bad.iter().any(admits), "{kind:?} {array}");
        }
    }

    #[test]
    fn options_inside_are_of_their_types() {
        let inner = definition(Kind::Uint32, false, &[]);
        let outer = Definition {
            encapsulate: Cow::Borrowed("inner"),
            ..definition(Kind::Empty, false, &[])
        };
        let look_up = |space: &str, code: u8| (space == "inner" && code == 1).then_some(&inner);
        assert!(outer.admits(&[1, 4, 0, 0, 0, 9], &look_up));
        assert!(outer.admits(&[2, 1, 0], &look_up));
        assert!(!outer.admits(&[1, 2, 0, 0], &look_up));
        // What reaches beyond the end is not looked at.
        assert!(outer.admits(&[1, 2, 0], &look_up));
    }
}
