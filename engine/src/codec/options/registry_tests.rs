//! The catalogue held against the registry of BOOTP vendor extensions and DHCP options: what the documents that assign
//! each code say of its length and of what it holds.

use super::*;

/// What an option's data are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Data {
    /// So many bytes.
    Fixed(usize),
    /// One or more values of so many bytes.
    Each(usize),
    /// Characters.
    Text,
    /// Bytes that nobody looks into.
    Bytes,
    /// One domain name, or several.
    Names,
    /// Several things, or options inside.
    Parts,
    /// Not defined: not assigned, or nothing that Kea's catalogue has.
    Nothing,
}

use Data::{Bytes, Each, Fixed, Names, Nothing, Parts, Text};

/// Codes from the one before to this one, and what they hold.
#[rustfmt::skip]
const REGISTRY: &[(u8, Data)] = &[
    // RFC 2132, sections 3 to 5
    (2, Fixed(4)), (11, Each(4)), (12, Text), (13, Fixed(2)), (15, Text), (16, Fixed(4)), (18, Text),
    (20, Fixed(1)), (21, Each(4)), (22, Fixed(2)), (23, Fixed(1)), (24, Fixed(4)), (25, Each(2)),
    (26, Fixed(2)), (27, Fixed(1)), (28, Fixed(4)), (31, Fixed(1)), (32, Fixed(4)), (33, Each(4)),
    (34, Fixed(1)), (35, Fixed(4)), (37, Fixed(1)), (38, Fixed(4)), (39, Fixed(1)),
    // Sections 8 and 9
    (40, Text), (42, Each(4)), (43, Parts), (45, Each(4)), (46, Fixed(1)), (47, Text), (49, Each(4)),
    (51, Fixed(4)), (53, Fixed(1)), (54, Fixed(4)), (55, Each(1)), (56, Text), (57, Fixed(2)),
    (59, Fixed(4)), (60, Text), (61, Bytes), (62, Text), (63, Bytes), (64, Text), (65, Each(4)),
    (67, Text), (76, Each(4)),
    // RFC 3004, 2610 (2 options), 4039, 4702, 3046, 4174
    (77, Bytes), (79, Parts), (80, Nothing), (82, Parts), (84, Nothing),
    // RFC 2241 (3), 4280 (2), 3118, 4388 (2), 4578 (2), 3679, 4578, 2485, 4776, 4833 (2)
    (85, Each(4)), (87, Text), (88, Names), (89, Each(4)), (90, Bytes), (91, Fixed(4)), (92, Each(4)),
    (93, Each(2)), (94, Fixed(3)), (96, Nothing), (97, Parts), (98, Text), (99, Bytes), (101, Text),
    // RFC 8925, 3679 (2), 8910, 2563, 2937, 3011, 3397, 3361, 3442, 3495, 6225, 3925 (2)
    (107, Nothing), (108, Fixed(4)), (111, Nothing), (112, Each(4)), (114, Text), (115, Nothing),
    (116, Fixed(1)), (117, Each(2)), (118, Fixed(4)), (119, Names), (120, Nothing), (122, Parts),
    (123, Nothing), (124, Parts),
    // RFC 3925: an enterprise, and options inside
    (125, Fixed(4)),
    // RFC 5192, 5223, 5417, 5678 (2), 6011, 6153, 8572, 6225, 6704, 6731
    (135, Nothing), (136, Each(4)), (137, Names), (138, Each(4)), (140, Nothing), (141, Names),
    (142, Nothing), (143, Parts), (145, Nothing), (146, Parts),
    // RFC 8973 (2), 5859, 6926 (7), 7291, 7618, 8520, 9463, 5071 (4), 5969, 5986
    (150, Nothing), (151, Parts), (155, Fixed(4)), (157, Fixed(1)), (158, Nothing), (159, Fixed(4)),
    (161, Nothing), (162, Parts), (211, Nothing), (212, Parts), (213, Names),
    // The last of them are the site's own.
    (254, Nothing),
];

/// Bytes of a value of a fixed length.
fn len_of(kind: Kind) -> Option<usize> {
    Some(match kind {
        Kind::Boolean | Kind::Int8 | Kind::Uint8 => 1,
        Kind::Int16 | Kind::Uint16 => 2,
        Kind::Psid => 3,
        Kind::Int32 | Kind::Uint32 | Kind::Ipv4Address => 4,
        _ => return None,
    })
}

/// What a definition says that the data are.
fn data_of(definition: &Definition) -> Data {
    let fields: Option<usize> = definition.record.iter().map(|kind| len_of(*kind)).sum();
    match (definition.kind, definition.array) {
        (Kind::Record, false) => fields.map_or(Parts, Fixed),
        (Kind::String, false) => Text,
        (Kind::Binary, false) => Bytes,
        (Kind::Fqdn, _) => Names,
        (Kind::Record | Kind::Empty | Kind::Internal | Kind::Tuple, _) => Parts,
        (kind, array) => {
            let len = len_of(kind).unwrap_or_else(|| panic!("{kind:?} of {}", definition.name));
            if array { Each(len) } else { Fixed(len) }
        }
    }
}

#[test]
fn every_standard_option_holds_what_the_registry_says() {
    let mut next = 1;
    for &(last, expected) in REGISTRY {
        assert!(next <= last, "{last} stands after {next}");
        for code in next..=last {
            let mut all = standard(space::DHCP4).iter();
            let found = all.find(|definition| definition.code == code);
            assert_eq!(found.map_or(Nothing, data_of), expected, "option {code}: {found:?}");
        }
        next = last + 1;
    }
    assert_eq!(next, 255);
}
