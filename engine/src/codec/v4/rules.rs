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
}

impl Rule {
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

/// Codes by their rule.
const TABLE: &[(Rule, &[u8])] = &[
    (Rule::AtLeast(1), &[19, 20, 23, 27, 29, 30, 31, 34, 36, 37, 39, 46, 52, 55, 79, 97, 116]),
    (Rule::AtLeast(2), &[13, 22, 26, 57, 61]),
    (Rule::AtLeast(3), &[81, 94]),
    (Rule::AtLeast(4), &[1, 2, 16, 24, 28, 32, 35, 38, 50, 51, 54, 58, 59, 91, 108, 118, 159]),
    (Rule::AtLeast(5), &[78]),
    (
        Rule::Values(4),
        &[
            3, 4, 5, 6, 7, 8, 9, 10, 11, 21, 33, 41, 42, 44, 45, 48, 49, 65, 68, 69, 70, 71, 72,
            73, 74, 75, 76, 85, 89, 92, 112, 136, 138,
        ],
    ),
    (Rule::SomeValues(2), &[25, 93, 117]),
    (Rule::Names, &[88, 119, 141]),
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
