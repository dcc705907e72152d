//! What the standard options of a query must look like to be read at all: their sizes by the types that the option
//! catalogue gives them. A query with one that cannot be read is dropped whole, as Kea does. Pure data.

/// The shape of an option's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Anything, nothing included.
    Any,
    /// One value of this many bytes; what comes after it is not looked at.
    AtLeast(u8),
    /// Any number of values of this many bytes each.
    Values(u8),
    /// One or more values of this many bytes each.
    SomeValues(u8),
    /// One or more domain names (RFC 1035 section 3.1).
    Names,
    /// A domain name; what comes after it is not looked at.
    Name,
    /// This many bytes and then one or more domain names.
    NamesBehind(u8),
    /// A byte that is 0 or 1, and anything behind it.
    Flag,
    /// What an option 124 holds (RFC 3925 section 3).
    VendorClasses,
}

/// What becomes of an option that cannot be read, if the configuration is lenient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lenience {
    /// It counts as not sent.
    LeftOut,
    /// It is taken for as much as is there.
    AsItIs,
}

impl Rule {
    /// Whether a lenient server puts up with a payload of another shape.
    pub(super) fn lenience(self) -> Option<Lenience> {
        match self {
            Self::Names | Self::Name | Self::NamesBehind(_) => Some(Lenience::LeftOut),
            Self::VendorClasses => Some(Lenience::AsItIs),
            Self::Any | Self::AtLeast(_) | Self::Values(_) | Self::SomeValues(_) | Self::Flag => {
                None
            }
        }
    }

    /// The rule for the option with `code`.
    pub(super) fn of(code: u8) -> Self {
        RULES[usize::from(code)]
    }

    /// Whether `payload` is of this shape.
    pub(super) fn admits(self, payload: &[u8]) -> bool {
        let size = payload.len();
        match self {
            Self::Any => true,
            Self::AtLeast(least) => size >= usize::from(least),
            Self::Values(each) => size.is_multiple_of(usize::from(each)),
            Self::SomeValues(each) => size > 0 && size.is_multiple_of(usize::from(each)),
            Self::Names => are_names(payload),
            Self::Name => behind_name(payload).is_some(),
            Self::NamesBehind(before) => {
                payload.split_at_checked(usize::from(before)).is_some_and(|(_, it)| are_names(it))
            }
            Self::Flag => payload.first().is_some_and(|flag| *flag < 2),
            Self::VendorClasses => are_vendor_classes(payload),
        }
    }
}

/// Whether `payload` holds whole names, each with its root label or a pointer at its end.
fn are_names(payload: &[u8]) -> bool {
    let mut rest = payload;
    let mut whole = false;
    while let [length, after @ ..] = rest {
        let (skipped, ends) = match length {
            0 => (0, true),
            1..=63 => (usize::from(*length), false),
            0xc0.. => (1, true),
            _ => return false,
        };
        let Some((_, left)) = after.split_at_checked(skipped) else { return false };
        (rest, whole) = (left, ends);
    }
    whole
}

/// What follows the name that `payload` begins with. As Kea reads it, the root alone is none.
fn behind_name(payload: &[u8]) -> Option<&[u8]> {
    let mut rest = payload;
    loop {
        let (length, after) = rest.split_first()?;
        rest = match length {
            0 => return (payload.len() > 1).then_some(after),
            1..=63 => after.get(usize::from(*length)..)?,
            _ => return None,
        };
    }
}

/// Whether `payload` holds enterprises, each with the length of its data and the data. Kea does not mind if that is
/// all missing behind the first, and wants some data behind the others.
fn are_vendor_classes(payload: &[u8]) -> bool {
    let mut rest = payload;
    loop {
        let Some(data) = rest.get(4..) else { return false };
        let is_first = rest.len() == payload.len();
        let Some((len, after)) = data.split_first() else { return is_first };
        match after.get(usize::from(*len)..) {
            Some(_) if after.is_empty() && !is_first => return false,
            Some([]) => return true,
            Some(behind) => rest = behind,
            None => return false,
        }
    }
}

/// Whether `payload` is an enterprise and then, if there is anything, its options, whose length comes first (RFC 3925
/// section 4). Further enterprises are not looked at.
pub(super) fn are_vendor_options(payload: &[u8]) -> bool {
    let Some(rest) = payload.get(4..) else { return false };
    let Some((len, after)) = rest.split_first() else { return true };
    let Some(mut options) = after.get(..usize::from(*len)) else { return false };
    while !options.is_empty() {
        let [_, len, after @ ..] = options else { return false };
        let Some(rest) = after.get(usize::from(*len)..) else { return false };
        options = rest;
    }
    true
}

/// Codes by their rule.
const TABLE: &[(Rule, &[u8])] = &[
    (Rule::AtLeast(1), &[19, 20, 23, 27, 29, 30, 31, 34, 36, 37, 39, 46, 52, 55, 97, 116]),
    (Rule::AtLeast(2), &[13, 22, 26, 57, 61]),
    (Rule::AtLeast(3), &[81, 94]),
    (Rule::AtLeast(4), &[1, 2, 16, 24, 28, 32, 35, 38, 50, 51, 54, 58, 59, 91, 108, 118, 159]),
    (Rule::AtLeast(5), &[78]),
    (Rule::AtLeast(22), &[212]),
    (
        Rule::Values(4),
        &[
            3, 4, 5, 6, 7, 8, 9, 10, 11, 21, 33, 41, 42, 44, 45, 48, 49, 65, 68, 69, 70, 71, 72,
            73, 74, 75, 76, 85, 89, 92, 112, 136, 138,
        ],
    ),
    (Rule::SomeValues(2), &[25, 93, 117]),
    (Rule::Names, &[88, 119, 141]),
    (Rule::Flag, &[79]),
    (Rule::Name, &[137, 213]),
    (Rule::NamesBehind(9), &[146]),
    (Rule::VendorClasses, &[124]),
];

const RULES: [Rule; 256] = {
    let mut rules = [Rule::Any; 256];
    let mut row = 0;
    while row < TABLE.len() {
        let (rule, codes) = TABLE[row];
        let mut at = 0;
        while at < codes.len() {
            rules[codes[at] as usize] = rule;
            at += 1;
        }
        row += 1;
    }
    rules
};
