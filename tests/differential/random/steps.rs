//! Who the clients of a random story are, and what they send. Pure.

use super::configuration::OPTIONS;
use super::{Client, Dice, Link, Plan, more, options};
use crate::story::{Step, Story, Words};

impl Plan {
    pub(super) fn people(&mut self, dice: &mut Dice, story: &mut Story) {
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

    pub(super) fn step(&self, dice: &mut Dice, story: &mut Story) {
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
    pub(super) fn broaden_steps(&self, dice: &mut Dice, story: &mut Story, first: usize) {
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
