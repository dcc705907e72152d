//! The configuration of a random story: subnets, networks, classes, reservations. Pure.

use serde_json::{Map, Value, json};

use super::{Dice, LINKS, Plan, expressions, options};

/// Options that are drawn: name and values.
pub(super) const OPTIONS: [(&str, &str, [&str; 2]); 9] = [
    ("routers", "3", ["192.0.2.254", "192.0.2.253, 192.0.2.252"]),
    ("domain-name-servers", "6", ["192.0.2.53", "192.0.2.53, 192.0.2.54"]),
    ("domain-name", "15", ["example.org", "a.example"]),
    ("ntp-servers", "42", ["192.0.2.123", "192.0.2.124, 192.0.2.125"]),
    ("log-servers", "7", ["192.0.2.8", "192.0.2.9"]),
    ("interface-mtu", "26", ["1400", "9000"]),
    ("domain-search", "119", ["example.org", "b.example, c.example"]),
    ("tftp-server-name", "66", ["tftp", "tftp.example"]),
    ("time-offset", "2", ["3600", "-7200"]),
];

impl Plan {
    pub(super) fn configuration(&mut self, dice: &mut Dice) -> Value {
        let mut all = Map::new();
        let classes = dice.chance(50) && !self.loose;
        if classes {
            all.insert("client-classes".into(), class_list(dice, self.wild));
        }
        if self.wild {
            all.insert("option-def".into(), options::definitions());
        }
        for key in ["authoritative", "match-client-id", "echo-client-id"] {
            if dice.chance(30) {
                all.insert(key.into(), dice.chance(50).into());
            }
        }
        lifetimes(dice, &mut all);
        boot_fields(dice, &mut all);
        options(dice, &mut all, 4);
        if self.wild {
            options::hold(dice, &mut all);
        }
        let (mut subnets, mut networks) = (Vec::new(), Vec::new());
        for (at, link) in LINKS.iter().enumerate() {
            if dice.chance(40) {
                continue;
            }
            self.links.push(link);
            let shared = dice.chance(25) && !self.loose;
            self.shared = shared;
            let first = self.subnet(dice, 10 * at + 1, link.prefix, classes);
            if !shared {
                subnets.push(first);
                continue;
            }
            let mut members = vec![first];
            for number in 1..=dice.between(1, 2) {
                let other = format!("172.{}.{at}", 15 + number);
                members.push(self.subnet(dice, 10 * at + 1 + number, &other, classes));
            }
            let mut network = Map::new();
            network.insert("name".into(), format!("n{at}").into());
            network.insert("subnet4".into(), members.into());
            options(dice, &mut network, 2);
            if dice.chance(30) {
                lifetimes(dice, &mut network);
            }
            networks.push(Value::Object(network));
        }
        if self.links.is_empty() {
            self.links.push(&LINKS[0]);
        }
        all.insert("subnet4".into(), subnets.into());
        all.insert("shared-networks".into(), networks.into());
        Value::Object(all)
    }

    fn subnet(&mut self, dice: &mut Dice, id: usize, prefix: &str, classes: bool) -> Value {
        let mut subnet = Map::new();
        subnet.insert("id".into(), id.into());
        subnet.insert("subnet".into(), format!("{prefix}.0/24").into());
        let many = if self.loose { 1 } else { dice.between(1, 3) };
        let pools: Vec<Value> = (0..many)
            .map(|at| {
                let first = 20 + 50 * at;
                let last = first + dice.between(1, 8);
                let mut pool = Map::new();
                pool.insert("pool".into(), format!("{prefix}.{first} - {prefix}.{last}").into());
                if classes && dice.chance(30) {
                    pool.insert("client-class".into(), dice.pick(&["x", "y", "not-x"]).into());
                }
                options(dice, &mut pool, 1);
                pool.into()
            })
            .collect();
        subnet.insert("pools".into(), pools.into());
        if classes && dice.chance(15) {
            subnet.insert("client-class".into(), dice.pick(&["x", "not-x"]).into());
        }
        if dice.chance(50) {
            lifetimes(dice, &mut subnet);
        }
        if dice.chance(30) {
            boot_fields(dice, &mut subnet);
        }
        if dice.chance(20) && !prefix.starts_with("172") {
            subnet.insert("match-client-id".into(), dice.chance(50).into());
        }
        options(dice, &mut subnet, 3);
        if self.wild && dice.chance(50) {
            options::hold(dice, &mut subnet);
        }
        if dice.chance(40) && !self.loose {
            subnet.insert("reservations".into(), reservations(dice, prefix, self.shared));
        }
        subnet.into()
    }
}

fn class_list(dice: &mut Dice, wild: bool) -> Value {
    let mut list = Vec::new();
    let drawn: Vec<String> =
        (0..if wild { 4 } else { 0 }).map(|_| expressions::test(dice, 2)).collect();
    let wild = ["w0", "w1", "w2", "w3"].into_iter().zip(drawn.iter().map(String::as_str));
    let plain = [
        ("x", "option[60].hex == 'x'"),
        ("y", "substring(option[60].text, 0, 1) == 'y'"),
        ("not-x", "not member('x')"),
        ("relayed", "not (pkt4.giaddr == 0.0.0.0)"),
        ("known-x", "member('KNOWN') and option[60].exists"),
        ("VENDOR_CLASS_z", ""),
    ];
    for (name, test) in plain.into_iter().chain(wild) {
        let mut class = Map::new();
        class.insert("name".into(), name.into());
        if !test.is_empty() {
            class.insert("test".into(), test.into());
        }
        options(dice, &mut class, 2);
        if dice.chance(20) {
            lifetimes(dice, &mut class);
        }
        if dice.chance(20) {
            boot_fields(dice, &mut class);
        }
        list.push(Value::Object(class));
    }
    list.into()
}

fn options(dice: &mut Dice, level: &mut Map<String, Value>, most: usize) {
    let mut list = Vec::new();
    for (name, _, values) in OPTIONS {
        if list.len() < most && dice.chance(20) {
            let always = dice.chance(15);
            list.push(json!({"name": name, "data": dice.pick(&values), "always-send": always}));
        }
    }
    level.insert("option-data".into(), list.into());
}

fn lifetimes(dice: &mut Dice, level: &mut Map<String, Value>) {
    let valid = dice.pick(&[600, 3600, 86_400]);
    level.insert("valid-lifetime".into(), valid.into());
    level.insert("min-valid-lifetime".into(), (valid / dice.pick(&[1, 2])).into());
    level.insert("max-valid-lifetime".into(), (valid * dice.pick(&[1, 3])).into());
    // A class has no timers.
    if level.contains_key("test") || level.contains_key("name") && !level.contains_key("subnet4") {
        return;
    }
    if dice.chance(40) {
        level.insert("renew-timer".into(), (valid / 2).into());
        level.insert("rebind-timer".into(), (valid / 4 * 3).into());
    } else if dice.chance(30) {
        level.insert("calculate-tee-times".into(), true.into());
    }
}

fn boot_fields(dice: &mut Dice, level: &mut Map<String, Value>) {
    if dice.chance(50) {
        level.insert("next-server".into(), dice.pick(&["192.0.2.7", "0.0.0.0"]).into());
    }
    if dice.chance(50) {
        level.insert("boot-file-name".into(), dice.pick(&["/boot", ""]).into());
    }
    if dice.chance(30) {
        level.insert("server-hostname".into(), dice.pick(&["boot.example", ""]).into());
    }
}

fn reservations(dice: &mut Dice, prefix: &str, shared: bool) -> Value {
    let mut list = Vec::new();
    for number in 0..9 {
        if !dice.chance(25) {
            continue;
        }
        let mut host = Map::new();
        let (key, value) = match dice.chance(70) {
            true => ("hw-address", format!("02:00:63:{:02x}:00:00", b'0' + number)),
            false => ("client-id", format!("01aa{number:02x}")),
        };
        host.insert(key.into(), value.into());
        // 2.2 and 3.x differ about a reservation without address in another subnet of the network.
        if dice.chance(70) || shared {
            let base = dice.pick(&[20, 200]);
            host.insert("ip-address".into(), format!("{prefix}.{}", base + number).into());
        }
        if dice.chance(30) || !host.contains_key("ip-address") {
            host.insert("hostname".into(), format!("reserved{number}").into());
        }
        if dice.chance(30) {
            boot_fields(dice, &mut host);
        }
        options(dice, &mut host, 2);
        list.push(Value::Object(host));
    }
    list.into()
}
