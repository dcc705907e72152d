//! What random stories have beside the plain life of clients in subnets: rules for names, reservations of every kind and
//! scope, classes asked for late, relays that say more, clients that share identifiers, long options. It is drawn
//! from dice of its own and added to what stands. Pure.

use serde_json::{Map, Value, json};

use super::Dice;
use crate::story::{Step, Words};

/// A name, and text for an option that has to be sent in pieces.
const LONG: usize = 300;

/// Adds to a configuration; `loose` and `wild` as in the plan.
pub(super) fn broaden(dice: &mut Dice, config: &mut Value, loose: bool, wild: bool) {
    let Some(all) = config.as_object_mut() else { return };
    let classes = all.contains_key("client-classes");
    if classes {
        add_classes(dice, all);
    }
    names(dice, all, 25);
    // 2.2 puts up with less than 3.x in what wild clients say.
    if dice.chance(15) && !wild {
        all.insert("compatibility".into(), json!({"lenient-option-parsing": true}));
    }
    if dice.chance(20) {
        let order = dice.pick(&[
            ["circuit-id", "hw-address", "client-id"],
            ["client-id", "duid", "hw-address"],
        ]);
        all.insert("host-reservation-identifiers".into(), json!(order));
    }
    if dice.chance(20) && !loose {
        all.insert("reservations-global".into(), true.into());
        all.insert("reservations".into(), global_hosts(dice, classes));
    }
    options(dice, all);
    each_network(all, |network| {
        if classes && dice.chance(15) {
            network.insert("client-class".into(), dice.pick(&["x", "not-x", "relayed"]).into());
        }
        names(dice, network, 15);
        options(dice, network);
    });
    each_subnet(all, |subnet| self::subnet(dice, subnet, classes, loose));
}

fn subnet(dice: &mut Dice, subnet: &mut Map<String, Value>, classes: bool, loose: bool) {
    names(dice, subnet, 15);
    options(dice, subnet);
    if classes && dice.chance(20) {
        let list = dice.pick(&[&["late-a"][..], &["late-b", "late-a"], &["x"]]);
        subnet.insert("require-client-classes".into(), json!(list));
    }
    if dice.chance(10) {
        subnet.insert("calculate-tee-times".into(), true.into());
        subnet.insert("t1-percent".into(), dice.pick(&[0.25, 0.333]).into());
        subnet.insert("t2-percent".into(), dice.pick(&[0.5, 0.777]).into());
    }
    if dice.chance(4) {
        for key in ["valid-lifetime", "min-valid-lifetime", "max-valid-lifetime"] {
            subnet.insert(key.into(), u32::MAX.into());
        }
        subnet.remove("renew-timer");
        subnet.remove("rebind-timer");
    }
    if dice.chance(6) && !loose {
        subnet.insert("pools".into(), json!([]));
    }
    if loose {
        return;
    }
    if dice.chance(10) {
        subnet.insert("reservations-out-of-pool".into(), true.into());
    } else if dice.chance(8) {
        subnet.insert("reservations-in-subnet".into(), false.into());
    }
    let hosts = subnet.get_mut("reservations").and_then(Value::as_array_mut);
    for (at, host) in hosts.into_iter().flatten().enumerate() {
        let Some(host) = host.as_object_mut() else { continue };
        self::host(dice, host, at, classes);
    }
}

/// Another identifier, and classes.
fn host(dice: &mut Dice, host: &mut Map<String, Value>, at: usize, classes: bool) {
    if dice.chance(20) {
        for key in ["hw-address", "client-id"] {
            host.remove(key);
        }
        let (key, value) = match at {
            0 => ("circuit-id", "0a0b"),
            1 => ("circuit-id", "'port'"),
            2 => ("duid", "0003000102006330"),
            _ => ("duid", "0003000102006331"),
        };
        let value = if at < 4 { value.to_owned() } else { format!("00030001{at:08x}") };
        host.insert(key.into(), value.into());
    }
    if classes && dice.chance(25) {
        let list = dice.pick(&[&["given"][..], &["x"], &["given", "y"]]);
        host.insert("client-classes".into(), json!(list));
    }
}

fn global_hosts(dice: &mut Dice, classes: bool) -> Value {
    let mut list = Vec::new();
    for number in 0..6 {
        if !dice.chance(40) {
            continue;
        }
        let mut host = Map::new();
        let mac = format!("02:00:63:{:02x}:00:00", b'0' + number);
        host.insert("hw-address".into(), mac.into());
        let named = dice.chance(50);
        if named {
            host.insert("hostname".into(), format!("global{number}").into());
        }
        // One that gives nothing is refused.
        if !named || dice.chance(40) {
            let option = json!({"name": "root-path", "data": "/global", "always-send": true});
            host.insert("option-data".into(), json!([option]));
        }
        if dice.chance(30) {
            host.insert("next-server".into(), "192.0.2.19".into());
        }
        if classes && dice.chance(30) {
            host.insert("client-classes".into(), json!(["given"]));
        }
        list.push(Value::Object(host));
    }
    list.into()
}

/// Classes that only reservations give, that are evaluated late, and now and then one that nobody is answered in.
fn add_classes(dice: &mut Dice, all: &mut Map<String, Value>) {
    let Some(list) = all.get_mut("client-classes").and_then(Value::as_array_mut) else { return };
    let data = |value: &str| json!([{"name": "root-path", "data": value, "always-send": true}]);
    list.push(json!({"name": "given", "option-data": data("/given")}));
    list.push(json!({"name": "after", "test": "member('given')", "option-data": data("/after")}));
    for (name, test) in
        [("late-a", "option[55].exists"), ("late-b", "member('KNOWN') or member('x')")]
    {
        let file = format!("/{name}");
        list.push(json!({
            "name": name, "only-if-required": true, "test": test, "boot-file-name": file,
            "option-data": data(&file),
        }));
    }
    if dice.chance(10) {
        let test = dice.pick(&["option[60].hex == 'y'", "member('UNKNOWN') and option[12].exists"]);
        list.push(json!({"name": "DROP", "test": test}));
    }
    if dice.chance(20) {
        let option = json!({"name": "dhcp-server-identifier", "data": "192.0.2.33"});
        list.push(json!({"name": "named", "test": "option[12].exists", "option-data": [option]}));
    }
}

/// Rules for names. What they leave of a name is a name: 2.2 differs from 3.x in others.
fn names(dice: &mut Dice, level: &mut Map<String, Value>, percent: usize) {
    if !dice.chance(percent) {
        return;
    }
    let mode = dice.pick(&["never", "always", "when-present", "when-not-present"]);
    level.insert("ddns-replace-client-name".into(), mode.into());
    if dice.chance(50) {
        level.insert("ddns-qualifying-suffix".into(), dice.pick(&["a.test", "b.test.", ""]).into());
    }
    if dice.chance(50) {
        level.insert("ddns-generated-prefix".into(), dice.pick(&["pc", "my-host"]).into());
    }
    if dice.chance(50) {
        let characters = dice.pick(&["[^A-Za-z0-9.-]", "[a-c]", ""]);
        level.insert("hostname-char-set".into(), characters.into());
        let replacement = dice.pick(&["x", "", "-"]);
        let replacement = if characters == "[a-c]" { "x" } else { replacement };
        level.insert("hostname-char-replacement".into(), replacement.into());
    }
}

/// Long options, options given as bytes, and a server identifier of one's own.
fn options(dice: &mut Dice, level: &mut Map<String, Value>) {
    let list = level.entry("option-data").or_insert_with(|| json!([]));
    let Some(list) = list.as_array_mut() else { return };
    if dice.chance(6) {
        let data = "a long path/".repeat(LONG / 12);
        list.push(json!({"name": "root-path", "data": data, "always-send": dice.chance(30)}));
    }
    if dice.chance(6) {
        list.push(json!({"code": 40, "csv-format": false, "data": "6e6973", "always-send": true}));
    }
    if dice.chance(6) {
        let data = dice.pick(&["10.0.0.0/8 - 192.0.2.254", "a01c0a00"]);
        let text = data.contains('/');
        if !text {
            list.push(json!({"name": "static-routes", "data": "10.9.0.1,10.9.0.2"}));
        }
    }
    if dice.chance(4) {
        list.push(json!({"name": "dhcp-server-identifier", "data": "192.0.2.34"}));
    }
    if dice.chance(4) {
        list.push(json!({"name": "subnet-mask", "data": "255.255.0.0"}));
    }
    if dice.chance(4) {
        list.push(json!({"name": "broadcast-address", "data": "192.0.2.255", "always-send": true}));
    }
}

pub(super) fn each_network(
    all: &mut Map<String, Value>,
    mut change: impl FnMut(&mut Map<String, Value>),
) {
    let networks = all.get_mut("shared-networks").and_then(Value::as_array_mut);
    networks.into_iter().flatten().filter_map(Value::as_object_mut).for_each(&mut change);
}

pub(super) fn each_subnet(
    all: &mut Map<String, Value>,
    mut change: impl FnMut(&mut Map<String, Value>),
) {
    let mut subnets = |level: &mut Map<String, Value>| {
        let subnets = level.get_mut("subnet4").and_then(Value::as_array_mut);
        subnets.into_iter().flatten().filter_map(Value::as_object_mut).for_each(&mut change);
    };
    subnets(all);
    each_network(all, subnets);
}

/// What any query may say, as words. No name with a NUL, after which Kea's lease file has nothing; none with a last dot, and none of which rules leave nothing: 2.2 differs
/// from 3.x there.
const SAID: [(&str, &str); 31] = [
    ("opt118", "c0000209"),
    ("opt118", "0a010009"),
    ("opt118", "ac100009"),
    ("rai", "1:0a0b"),
    ("rai", "1:'port',5:10.2.0.9"),
    ("rai", "1:0a0b,11:192.0.2.1"),
    ("rai", "2:ff,5:172.16.1.1"),
    ("rai", "6:'sub',9:0000000901"),
    ("rai", "19:"),
    ("fqdn", "00:"),
    ("fqdn", "04:"),
    ("fqdn", "01:Some.Name.example"),
    ("fqdn", "05:some.name.example."),
    ("fqdn", "04:Partial"),
    ("fqdn", "0c:no.updates."),
    ("fqdn", "08:quiet"),
    ("fqdn", "05:bad_name.example."),
    ("fqdn", "02:server.said"),
    ("host", "'UPPER.Case.Org'"),
    ("host", "'abd'"),
    ("host", "'a..b'"),
    ("host", "'with blank'"),
    ("flags", "8001"),
    ("flags", "0001"),
    ("hops", "9"),
    ("siaddr", "192.0.2.99"),
    ("yiaddr", "192.0.2.98"),
    ("file", "'ignored'"),
    ("sname", "'ignored'"),
    ("opt55", "011c0311290f77"),
    ("opt57", "0240"),
];

/// The identity that a client may have beside its own: with another client identifier, or with another card. Nobody else has it: whose
/// a lease is that two clients share is for neither server to know. Who was offered an address asks for it by the same.
fn disguise(dice: &mut Dice, client: &str) -> (String, String) {
    let name: String = client.bytes().map(|byte| format!("{byte:02x}")).collect();
    match dice.chance(60) {
        true => ("cid".into(), format!("ff00000001000300010200{name}")),
        false => ("mac".into(), format!("020077{name}00")),
    }
}

/// Lets a query say some of it.
pub(super) fn say(dice: &mut Dice, client: &str, verb: &str, words: &mut Words) {
    let discovers = matches!(verb, "discover" | "select" | "request" | "bootp");
    if !discovers && dice.chance(6) {
        words.push(disguise(dice, client));
    }
    while dice.chance(22) {
        let (key, value) = dice.pick(&SAID);
        words.push((key.into(), value.into()));
    }
    if dice.chance(2) {
        let code = dice.pick(&["opt60", "opt77", "opt43", "opt12"]);
        words.push((code.into(), format!("'{}'", "long".repeat(LONG / 4))));
    }
    if dice.chance(4) {
        words.push(("prl".into(), "1,3,6,12,15,17,28,33,40,51,54,58,59,67,121,249".into()));
    }
}

/// A step between the queries: a REQUEST that mixes what it names, or a command.
pub(super) fn step(dice: &mut Dice, client: &str, prefix: &str) -> Step {
    let query = |verb: &str, words: &[(&str, &str)]| {
        let words = words.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Step::Query { client: client.into(), verb: verb.into(), words, expected: None }
    };
    let address = format!("{prefix}.{}", dice.pick(&[20, 21, 22, 70, 71, 200, 203]));
    match dice.between(0, 11) {
        0 => query("request", &[("requested", "bound"), ("ciaddr", "bound")]),
        1 => query("request", &[("requested", "offered"), ("ciaddr", "bound"), ("server", "own")]),
        2 => query("request", &[("ciaddr", "bound"), ("server", "own")]),
        3 => query("discover", &[("ciaddr", "bound"), ("fresh", "")]),
        4 => query("discover", &[("ciaddr", "bound"), ("requested", &address), ("fresh", "")]),
        5 => query("release", &[("requested", "bound"), ("server", "none")]),
        6 => query("decline", &[("requested", &address)]),
        7 => query("decline", &[("requested", "bound"), ("ciaddr", "bound"), ("server", "none")]),
        8 => query("inform", &[("ciaddr", "bound"), ("server", "own")]),
        9 => query("inform", &[("ciaddr", &address), ("requested", &address)]),
        10 => query("renew", &[("from", "10.77.0.7")]),
        _ => Step::Command(json!({"command": "lease4-del", "arguments": {"ip-address": address}})),
    }
}
