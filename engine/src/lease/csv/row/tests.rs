//! Rows: what Kea wrote, what is written here, and what is refused.

use proptest::prelude::*;

use super::*;
use crate::lease::INFINITE_LIFETIME;

const KEA_3: [&[u8]; 3] = [
    include_bytes!("../../../../tests/data/leases/kea-3-all-states.csv"),
    include_bytes!("../../../../tests/data/leases/kea-3-compacted.csv.2"),
    include_bytes!("../../../../tests/data/leases/kea-3-commands.csv"),
];
const KEA_2: [&[u8]; 3] = [
    include_bytes!("../../../../tests/data/leases/kea-2.2-all-states.csv"),
    include_bytes!("../../../../tests/data/leases/kea-2.2-compacted.csv.2"),
    include_bytes!("../../../../tests/data/leases/kea-2.2-commands.csv"),
];

/// The header and the rows of a file.
fn lines(file: &'static [u8]) -> (Schema, impl Iterator<Item = &'static [u8]>) {
    let mut lines = file.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n');
    (Schema::read(lines.next().unwrap()).unwrap(), lines)
}

fn written(lease: &Lease4) -> String {
    let mut out = Vec::new();
    write(lease, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn rows_of_kea_3_are_written_back_byte_for_byte() {
    let mut leases = 0;
    for file in KEA_3 {
        let (schema, rows) = lines(file);
        assert_eq!(schema, Schema::OURS);
        for line in rows {
            let text = str::from_utf8(line).unwrap();
            match schema.parse(line).unwrap() {
                // The one host name with a byte that is no UTF-8 becomes UTF-8.
                Row::Lease(lease) => {
                    assert_eq!(written(&lease), text.replace("&#xe9", "&#xc3&#xa9") + "\n");
                    leases += 1;
                }
                Row::Deleted(address) => assert!(text.starts_with(&address.to_string())),
            }
        }
    }
    assert!(leases > 15, "{leases}");
}

#[test]
fn rows_of_kea_2_get_a_pool_id_and_escaped_high_bytes() {
    for file in KEA_2 {
        let (schema, rows) = lines(file);
        assert_ne!(schema, Schema::OURS);
        for line in rows {
            let Row::Lease(lease) = schema.parse(line).unwrap() else { continue };
            let text = String::from_utf8_lossy(line).replace('\u{fffd}', "&#xc3&#xa9");
            assert_eq!(written(&lease), text + ",0\n");
        }
    }
}

#[test]
fn a_deletion_is_the_last_content_without_its_lifetime() {
    let row = b"192.0.2.105,02:00:00:00:01:05,ff:02,3600,1795175457,1,0,0,host5,0,,0";
    let Ok(Row::Lease(lease)) = Schema::OURS.parse(row) else { panic!("a lease") };
    let mut out = Vec::new();
    write_deletion(&lease, &mut out);
    let text = "192.0.2.105,02:00:00:00:01:05,ff:02,0,1795171857,1,0,0,host5,0,,0\n";
    assert_eq!(str::from_utf8(&out).unwrap(), text);
    let deleted = Schema::OURS.parse(out.trim_ascii_end()).unwrap();
    assert_eq!(deleted, Row::Deleted(lease.address));
}

#[test]
fn an_infinite_lease_keeps_when_its_client_was_last_seen() {
    let (schema, rows) = lines(KEA_3[1]);
    let infinite = rows
        .filter_map(|line| match schema.parse(line).unwrap() {
            Row::Lease(lease) => Some(lease),
            Row::Deleted(_) => None,
        })
        .find(|lease| lease.valid_lifetime_s == INFINITE_LIFETIME)
        .unwrap();
    assert_eq!(infinite.cltt_s, 6_090_139_204 - u64::from(u32::MAX));
}

#[test]
fn headers_agree_as_far_as_both_sides_know_them() {
    let ours = HEADER.trim_end();
    assert_eq!(Schema::read(ours.as_bytes()), Ok(Schema::OURS));
    assert_eq!(ours, COLUMNS.join(","));
    let oldest = COLUMNS[..LEAST_COLUMNS].join(",");
    assert_eq!(Schema::read(oldest.as_bytes()), Ok(Schema { columns: 9 }));
    let newer = format!("{ours},more,columns");
    let newer = Schema::read(newer.as_bytes()).unwrap();
    let row = b"192.0.2.1,01:02,,10,20,1,0,0,,0,,5,x,y";
    assert!(matches!(newer.parse(row), Ok(Row::Lease(lease)) if lease.pool_id == 5));
    let error = Schema::read(b"address,hwaddr,client-id").unwrap_err();
    assert_eq!((error.column, error.found.as_str(), error.expected), (3, "client-id", "client_id"));
    let error = Schema::read(COLUMNS[..8].join(",").as_bytes()).unwrap_err();
    assert_eq!((error.column, error.found.as_str(), error.expected), (9, "", "hostname"));
}

#[test]
fn rows_that_say_something_else_are_refused_with_the_reason() {
    let good = ["192.0.2.1", "01:02", "", "10", "20", "1", "0", "0", "", "0", "", "0"];
    let parse = |row: &[&str]| Schema::OURS.parse(row.join(",").as_bytes());
    assert!(parse(&good).is_ok());
    assert_eq!(parse(&good[..11]).unwrap_err(), BadRow::Columns { found: 11, least: 12, most: 12 });
    let long = "01:".repeat(20) + "01";
    let bad = [
        (0, "192.0.2.256", "address"),
        (1, &long, "hwaddr"),
        (2, "0z", "client_id"),
        (3, "-1", "valid_lifetime"),
        (3, "4294967296", "valid_lifetime"),
        (4, "", "expire"),
        (5, "one", "subnet_id"),
        (6, "2", "fqdn_fwd"),
        (7, "", "fqdn_rev"),
        (9, "5", "state"),
        (10, "[ ]", "user_context"),
        (10, "{ \"a\": ", "user_context"),
        (11, "x", "pool_id"),
    ];
    for (place, text, name) in bad {
        let mut row = good;
        row[place] = text;
        let Err(BadRow::Value { column, found, .. }) = parse(&row) else { panic!("{text}") };
        assert_eq!((column, found.as_str()), (name, text));
    }
    let mut nobody = good;
    nobody[1] = "";
    assert_eq!(parse(&nobody), Err(BadRow::NoClient));
    nobody[9] = "1";
    assert!(parse(&nobody).is_ok());
    assert!(Schema::OURS.parse(b"192.0.2.1,\xff,,10,20,1,0,0,,0,,0").is_err());
}

#[test]
fn escapes_are_read_in_either_case_and_what_is_none_stays() {
    assert_eq!(unescape(b"a&#x2Cb&#x26&#x2c"), "a,b&,");
    assert_eq!(unescape(b"&#x2&#xzz&#&#x"), "&#x2&#xzz&#&#x");
    assert_eq!(unescape("ä".as_bytes()), "ä");
    assert_eq!(unescape(b"\xe9"), "é");
}

fn leases() -> impl Strategy<Value = Lease4> {
    let ids = (
        proptest::collection::vec(any::<u8>(), 1..=20),
        proptest::option::of(proptest::collection::vec(any::<u8>(), 1..=255)),
    );
    let numbers = (any::<u32>(), 1_u32.., 0_u64..1 << 40, any::<u32>(), any::<u32>());
    let texts = (any::<String>(), proptest::option::of(any::<String>()));
    (ids, numbers, any::<(bool, bool)>(), texts, 0_u64..=4).prop_map(
        |((hw_address, client_id), numbers, flags, (hostname, context), state)| Lease4 {
            address: Ipv4Addr::from_bits(numbers.0),
            hw_address: HwAddress::new(&hw_address).unwrap(),
            client_id: client_id.map(|id| ClientId::new(&id).unwrap()),
            valid_lifetime_s: numbers.1,
            cltt_s: numbers.2,
            subnet_id: numbers.3,
            fqdn_fwd: flags.0,
            fqdn_rev: flags.1,
            hostname: hostname.to_ascii_lowercase().into(),
            state: state.try_into().unwrap(),
            user_context: context.map(|text| {
                format!("{{ \"t\": {} }}", serde_json::to_string(&text).unwrap()).into()
            }),
            pool_id: numbers.4,
        },
    )
}

proptest! {
    #[test]
    fn every_lease_is_read_as_it_was_written(lease in leases()) {
        let text = written(&lease);
        let line = text.strip_suffix('\n').unwrap();
        prop_assert!(line.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
        prop_assert_eq!(Schema::OURS.parse(line.as_bytes()), Ok(Row::Lease(lease)));
    }

    #[test]
    fn no_line_panics(line in proptest::collection::vec(any::<u8>(), 0..200), columns in 9_usize..14) {
        let _ = Schema { columns }.parse(&line);
        let _ = Schema::read(&line);
    }
}
