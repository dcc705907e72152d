//! Lease JSON against what was captured from Kea 3.3 and 2.2.

use super::*;

const NOW: Now = Now { mono: crate::clock::Mono::from_ns(0), wall_s: 1_795_170_947 };

fn subnets(key: SubnetKey) -> Option<LeaseSubnet> {
    let subnet = LeaseSubnet {
        id: 1,
        network: Ipv4Addr::new(192, 0, 2, 0),
        prefix_len: 24,
        valid_lifetime_s: 4000,
    };
    let found = match key {
        SubnetKey::Id(id) => id == subnet.id,
        SubnetKey::Address(address) => subnet.contains(address),
    };
    found.then_some(subnet)
}

fn read(arguments: Value) -> Result<Lease4, BadLease> {
    lease_from_json(&arguments, NOW, &subnets)
}

/// The update of the captures with `changes` on top; a null takes the key away.
fn update(changes: Value) -> Value {
    let mut arguments = json!({
        "hw-address": "02:00:00:00:09:01", "ip-address": "192.0.2.120", "state": 0, "subnet-id": 1,
        "valid-lft": 4000, "expire": 1_795_174_947_u64, "force-create": true, "fqdn-fwd": false,
        "fqdn-rev": false, "hostname": "",
    });
    let map = arguments.as_object_mut().unwrap();
    for (key, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(map.remove(key)),
            value => drop(map.insert(key.clone(), value.clone())),
        }
    }
    arguments
}

#[test]
fn a_lease_is_read_and_written_as_kea_lists_it() {
    let listed = json!({
        "client-id": "01:02", "cltt": 4_102_444_700_u64, "fqdn-fwd": true, "fqdn-rev": true,
        "hostname": "myhost", "hw-address": "1a:1b:1c:1d:1e:20", "ip-address": "192.0.2.61",
        "pool-id": 7, "state": 3, "subnet-id": 1, "user-context": {"comment": "x"}, "valid-lft": 100,
    });
    let lease = lease_from_page(&listed).unwrap();
    assert_eq!(lease.user_context.as_deref(), Some(r#"{ "comment": "x" }"#));
    assert_eq!(lease_to_json(&lease), listed);
    assert_eq!(read(listed).unwrap(), lease);
}

#[test]
fn what_is_missing_is_filled_in() {
    let lease =
        read(json!({"ip-address": "192.0.2.60", "hw-address": "1a:1b:1c:1d:1e:1f"})).unwrap();
    assert_eq!((lease.subnet_id, lease.valid_lifetime_s, lease.cltt_s), (1, 4000, NOW.wall_s));
    assert_eq!(lease.state, LeaseState::Assigned);

    let by_address =
        read(update(json!({"subnet-id": 0, "foo": 1, "origin": "ha-partner"}))).unwrap();
    assert_eq!((by_address.subnet_id, by_address.cltt_s), (1, 1_795_170_947));
    let declined = read(update(json!({"hw-address": "", "state": 1}))).unwrap();
    assert!(declined.hw_address.is_empty());
}

#[test]
fn lifetimes_may_be_nothing_or_infinite() {
    let infinite =
        read(update(json!({"valid-lft": u32::MAX, "expire": 6_090_138_244_u64}))).unwrap();
    assert_eq!(infinite.cltt_s, 6_090_138_244 - u64::from(INFINITE_LIFETIME));
    assert_eq!(infinite.valid_lifetime_s, INFINITE_LIFETIME);
    let released = read(update(json!({"valid-lft": 0, "state": 3}))).unwrap();
    assert_eq!((released.cltt_s, released.state), (1_795_174_947, LeaseState::Released));
}

#[test]
fn context_and_comment_become_one() {
    let lease = read(update(json!({"user-context": {"b": [1, {}], "a": null}, "comment": "q\"x"})));
    let text = r#"{ "a": null, "b": [ 1, {  } ], "comment": "q\"x" }"#;
    assert_eq!(lease.unwrap().user_context.as_deref(), Some(text));
    assert!(read(update(json!({"user-context": {"comment": "y"}, "comment": "x"}))).is_err());
}

#[test]
fn mistakes_are_told_in_keas_words() {
    let states = "Invalid state value: 7, supported values are: 0 (default), 1 (declined), \
                  2 (expired-reclaimed), 3 (released) and 4 (registered)";
    let cases = [
        (
            json!({"subnet-id": 99}),
            4,
            "Invalid subnet-id: No IPv4 subnet with subnet-id=99 currently configured.",
        ),
        (
            json!({"ip-address": "203.0.113.5"}),
            4,
            "The address 203.0.113.5 does not belong to subnet 192.0.2.0/24, subnet-id=1",
        ),
        (
            json!({"ip-address": "203.0.113.1", "subnet-id": null}),
            4,
            "subnet-id not specified and failed to find a subnet for address 203.0.113.1",
        ),
        (json!({"ip-address": "2001:db8::1"}), 1, "Non-IPv4 address specified: 2001:db8::1"),
        (
            json!({"ip-address": "bogus"}),
            1,
            "Failed to convert 'bogus' to address: Failed to convert string to address 'bogus': Invalid argument",
        ),
        (json!({"hw-address": null}), 1, "missing parameter 'hw-address'"),
        (
            json!({"hw-address": "zz"}),
            1,
            "'z' is not a valid hexadecimal digit in decoded string 'zz'",
        ),
        (json!({"state": 7}), 1, states),
        (
            json!({"expire": 10}),
            1,
            "expiration time must be greater than valid lifetime for address 192.0.2.120",
        ),
        (json!({"expire": -1}), 1, "expiration time must be positive for address 192.0.2.120"),
        (
            json!({"fqdn-fwd": true}),
            1,
            "No hostname specified and either forward or reverse fqdn was set to true.",
        ),
    ];
    for (changes, result, text) in cases {
        let why = read(update(changes)).unwrap_err();
        assert_eq!((why.result(), why.to_string().as_str()), (result, text));
    }
}

#[test]
fn numbers_out_of_range_are_refused() {
    for (key, value) in [
        ("valid-lft", json!(-1)),
        ("valid-lft", json!(1_u64 << 32)),
        ("subnet-id", json!("1")),
        ("expire", json!(u64::MAX)),
        ("expire", json!(1.5)),
        ("state", json!(4)),
    ] {
        assert!(read(update(json!({key: value}))).is_err(), "{key}");
    }
    assert!(read(update(json!({"expire": null, "cltt": i64::MAX}))).is_err());
    assert!(read(json!([])).is_err());
    assert!(lease_from_page(&update(json!({"valid-lft": null}))).is_err());
}
