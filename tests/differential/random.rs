//! Stories drawn at random from a seed, and a story that fails cut down to what is needed for that. Pure but for
//! the runs of the stories that are cut.

mod expressions;
mod more;
mod options;
mod twins;

use serde_json::{Map, Value, json};

use crate::lab::Lab;
use crate::run::{Failure, tell};
use crate::story::{Step, Story, Words};
use crate::support::dhcp::Random;

/// Steps of a story; some of them are two queries, and some are skipped.
const STEPS: usize = 90;
/// How often a failing story is told again to make it shorter.
const CUTS: usize = 60;

/// The story of `seed`.
pub(crate) fn draw(seed: u64) -> Story {
    let mut dice = Dice::new(seed, 1, 0x9E37_79B9_7F4A_7C15);
    // What came to be drawn later has dice of its own.
    let mut others = Dice::new(seed, 7, 0xD134_2543_DE82_EF95);
    let mut latest = Dice::new(seed, 13, 0xA076_1D64_78BD_642F);
    let (broad, twins) = (others.chance(60), latest.chance(30));
    let loose = dice.chance(20);
    let (wild, bootp) = (dice.chance(40), dice.chance(20));
    let mut plan =
        Plan { loose, wild, bootp, shared: false, links: Vec::new(), clients: Vec::new() };
    let mut config = plan.configuration(&mut dice);
    if broad {
        more::broaden(&mut others, &mut config, loose, wild);
    }
    let reserved = more::reserved(&config);
    let twins = twins && !loose;
    if twins {
        twins::add(&mut latest, &mut config);
    }
    let mut parts = [json!({}), json!({})];
    if bootp {
        parts = HOOKS.map(|folder| {
            let library = |name: &str| json!({"library": format!("{folder}{name}")});
            json!({"hooks-libraries": [library("libdhcp_lease_cmds.so"), library("libdhcp_bootp.so")]})
        });
    }
    let [kea, ours] = parts;
    let mut story = Story { title: format!("Seed {seed}"), config, kea, ours, steps: Vec::new() };
    plan.people(&mut dice, &mut story);
    if twins {
        twins::introduce(&mut latest, &mut story);
    }
    for _ in 0..STEPS {
        let before = story.steps.len();
        plan.step(&mut dice, &mut story);
        if broad {
            plan.broaden_steps(&mut others, &mut story, before);
        }
        let client = &plan.clients[latest.between(0, plan.clients.len() - 1)].name;
        let other = &plan.clients[latest.between(0, plan.clients.len() - 1)].name;
        more::seldom_met(&mut latest, &mut story, [client, other], &reserved);
    }
    story
}

/// Where hook libraries are: Kea's, and ours, which are built in.
const HOOKS: [&str; 2] = ["/usr/lib/x86_64-linux-gnu/kea/hooks/", ""];

struct Dice(Random);

impl Dice {
    /// Neighbouring seeds are far apart.
    fn new(seed: u64, offset: u64, factor: u64) -> Self {
        let mut dice = Self(Random::new(seed.wrapping_add(offset).wrapping_mul(factor)));
        for _ in 0..8 {
            dice.0.next();
        }
        dice
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.0.below(100) < percent
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.0.below(of.len())]
    }

    fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.0.below(most - least + 1)
    }
}

/// A link with a subnet, or several of a shared network.
struct Link {
    /// What the relay's address and the subnets start with.
    prefix: &'static str,
    relay: Option<&'static str>,
}

const LINKS: [Link; 4] = [
    Link { prefix: "192.0.2", relay: None },
    Link { prefix: "10.1.0", relay: Some("10.1.0.1") },
    Link { prefix: "10.2.0", relay: Some("10.2.0.1") },
    Link { prefix: "10.3.0", relay: Some("10.3.0.1") },
];

/// Options that are drawn: name and values.
const OPTIONS: [(&str, &str, [&str; 2]); 9] = [
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

/// What is known of a story while it is drawn.
struct Plan {
    /// Whether both sides may come to give different addresses.
    loose: bool,
    /// Whether options of its own are defined, and classes have tests of any kind.
    wild: bool,
    /// Whether BOOTP requests are served.
    bootp: bool,
    /// Whether the subnet that is drawn is one of a shared network.
    shared: bool,
    links: Vec<&'static Link>,
    clients: Vec<Client>,
}

struct Client {
    name: String,
    link: &'static Link,
}

impl Plan {
    fn configuration(&mut self, dice: &mut Dice) -> Value {
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

    fn people(&mut self, dice: &mut Dice, story: &mut Story) {
        for number in 0..dice.between(3, 9) {
            let name = format!("c{number}");
            let link = dice.pick(&self.links);
            let mut words = Words::new();
            let mut say = |key: &str, value: String| words.push((key.into(), value));
            if let Some(relay) = link.relay {
                say("via", relay.into());
            }
            if dice.chance(40) {
                say("cid", format!("01aa{number:02x}"));
            }
            if dice.chance(40) {
                say("class", dice.pick(&["'x'", "'y'", "'z'"]).into());
            }
            if dice.chance(40) {
                let mut codes: Vec<_> = OPTIONS.iter().map(|(_, code, _)| *code).collect();
                if self.wild {
                    codes.extend(options::CODES);
                }
                let many = dice.between(1, 6);
                let list: Vec<_> = (0..many).map(|_| dice.pick(&codes)).collect();
                say("prl", list.join(","));
            }
            match dice.between(0, 5) {
                0 => say(
                    "host",
                    dice.pick(&["'Host-A'", "'b.example'", "'odd_name'", "'x y'"]).into(),
                ),
                1 => say(
                    "fqdn",
                    dice.pick(&["05:Pc.example.", "04:pc", "00:pc.example", "0c:q."]).into(),
                ),
                _ => {}
            }
            if link.relay.is_some() && dice.chance(30) {
                say("rai", dice.pick(&["1:0a0b", "1:'port',2:ff", "2:aabbcc"]).into());
            }
            if dice.chance(15) {
                say("broadcast", String::new());
            }
            story.steps.push(Step::Client { name: name.clone(), words });
            self.clients.push(Client { name, link });
        }
    }

    fn step(&self, dice: &mut Dice, story: &mut Story) {
        let client = &self.clients[dice.between(0, self.clients.len() - 1)];
        let mut query = |verb: &str, words: Words| {
            let client = client.name.clone();
            story.steps.push(Step::Query { client, verb: verb.into(), words, expected: None });
        };
        let mut words = noise(dice, client.link);
        if self.wild && dice.chance(25) {
            options::say(dice, &mut words);
        }
        match dice.between(0, 99) {
            0..=34 => {
                if !self.loose {
                    // A repeated offer is the same one here and another one there.
                    words.push(("fresh".into(), String::new()));
                    if dice.chance(15) {
                        words.push(("requested".into(), self.address(dice, client)));
                    }
                }
                query("discover", words);
                query("select", noise(dice, client.link));
            }
            35..=39 => query("select", words),
            40..=52 => query("renew", words),
            53..=60 => query("rebind", words),
            61..=69 => query("reboot", words),
            70..=75 => query("release", words),
            76..=77 => query("decline", words),
            78 if self.bootp => {
                words.push(("fresh".into(), String::new()));
                query("bootp", words);
            }
            78..=80 => {
                let verb = dice.pick(&["renew", "rebind", "reboot", "release", "discover"]);
                let client = client.name.clone();
                story.steps.push(Step::End { client: client.clone() });
                if verb == "discover" {
                    words.push(("fresh".into(), String::new()));
                }
                let mut query = |verb: &str, words: Words| {
                    let (client, verb) = (client.clone(), verb.into());
                    story.steps.push(Step::Query { client, verb, words, expected: None });
                };
                query(verb, words);
                if verb == "discover" {
                    query("select", Words::new());
                }
            }
            81..=84 => query("inform", words),
            85..=88 => {
                words.push(("fresh".into(), String::new()));
                query("request", words);
            }
            89..=96 => {
                words.push(("requested".into(), self.address(dice, client)));
                if dice.chance(60) {
                    words.push(("server".into(), "192.0.2.1".into()));
                }
                query("request", words);
            }
            97 => story.steps.push(Step::Restart),
            _ => {
                words.push(("ciaddr".into(), self.address(dice, client)));
                query(dice.pick(&["renew", "rebind", "release", "inform"]), words);
            }
        }
    }

    /// Lets the queries from `first` on say more, and adds a step now and then.
    fn broaden_steps(&self, dice: &mut Dice, story: &mut Story, first: usize) {
        for step in &mut story.steps[first..] {
            if let Step::Query { client, verb, words, .. } = step {
                more::say(dice, client, verb, words);
            }
        }
        if dice.chance(12) && !self.loose {
            let client = &self.clients[dice.between(0, self.clients.len() - 1)];
            story.steps.push(more::step(dice, &client.name, client.link.prefix));
        }
    }

    /// An address to ask for: of another client, of a pool, or of nowhere.
    fn address(&self, dice: &mut Dice, client: &Client) -> String {
        let other = &self.clients[dice.between(0, self.clients.len() - 1)];
        match dice.between(0, 9) {
            0..=3 => format!("bound:{}", other.name),
            4..=7 if !self.loose => format!("{}.{}", client.link.prefix, dice.between(18, 30)),
            8 => "10.99.0.9".into(),
            _ => format!("{}.{}", client.link.prefix, dice.between(240, 250)),
        }
    }
}

/// What a query says beside what it is for.
fn noise(dice: &mut Dice, link: &Link) -> Words {
    let mut words = Words::new();
    let mut say = |key: &str, value: &str| words.push((key.into(), value.into()));
    if dice.chance(15) {
        say("lifetime", dice.pick(&["0", "60", "700", "5000", "4294967295"]));
    }
    if dice.chance(5) {
        say("secs", dice.pick(&["1", "65535"]));
    }
    if dice.chance(5) {
        say("broadcast", "");
    }
    if dice.chance(4) {
        let (code, value) =
            dice.pick(&[("opt57", "05dc"), ("opt93", "0007"), ("opt200", "01"), ("opt60", "'x'")]);
        say(code, value);
    }
    if dice.chance(3) && link.relay.is_some() {
        say("rai", dice.pick(&["5:10.1.0.9", "5:10.2.0.9", "11:192.0.2.77", "1:00"]));
    }
    if dice.chance(2) {
        let (code, value) =
            dice.pick(&[("opt12", ""), ("opt3", "01"), ("opt26", "05"), ("server", "192.0.2.9")]);
        say(code, value);
    }
    words
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

/// Cuts steps out of a story that fails as long as it still does.
pub(crate) fn shrink(lab: &mut Lab, mut story: Story, failure: Failure) -> (Story, Failure) {
    let mut last = failure;
    story.steps.truncate(last.step + 1);
    let mut size = story.steps.len() / 2;
    let mut told = 0;
    while size > 0 && told < CUTS {
        let mut at = 0;
        while at < story.steps.len() && told < CUTS {
            let mut shorter = story.clone();
            let end = (at + size).min(shorter.steps.len());
            shorter.steps.drain(at..end);
            told += 1;
            match tell(lab, &shorter) {
                Err(failure) => {
                    shorter.steps.truncate(failure.step + 1);
                    (story, last) = (shorter, failure);
                }
                Ok(_) => at += size,
            }
        }
        size /= 2;
    }
    (story, last)
}
