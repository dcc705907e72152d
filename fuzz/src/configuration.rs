//! Configurations: read, and if they are in order rendered for config-get and read again.

use std::hash::{DefaultHasher, Hash, Hasher};

use engine::config::{parse_text, render};
use engine::v4::Snapshot;

use crate::Target;
use crate::expression::shape;
use crate::packet::CONFIG;

/// Text of a configuration file.
pub(crate) struct Configurations;

impl Target for Configurations {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let texts = [
            CONFIG,
            include_str!("../../examples/single-server.json"),
            include_str!("../../examples/relay-only.json"),
            include_str!("../../examples/ha-hot-standby-server1.json"),
            "// a comment\n{ \"Dhcp4\": { # another\n \"subnet4\": [ ], /* and */ \"valid-lifetime\": 1, } }",
        ];
        texts.iter().map(|text| text.as_bytes().to_vec()).collect()
    }

    fn words(&self) -> Vec<Vec<u8>> {
        let words = r#"{ } [ ] : , " \u0041 \ true false null -1 0 1.5e9 4294967296 "x" "10.0.0.0/8" "10.0.0.1"
            "Dhcp4" "Dhcp6" "subnet4" "shared-networks" "pools" "pool" "id" "option-def" "option-data" "name" "code" "type"
            "space" "data" "csv-format" "encapsulate" "array" "record-types" "record" "uint8" "string" "empty"
            "client-classes" "test" "template-test" "member('x')" "option[60].hex=='a'" "reservations" "hw-address"
            "always-send" "never-send" "vendor-4491" "hostname-char-set" "[^a" "ddns-replace-client-name" "always"
            "evaluate-additional-classes" "require-client-classes" "user-context" "comment" "relay" "ip-addresses"
            "loggers" "hooks-libraries" "library" "libdhcp_ha.so" "parameters" "interfaces-config" // # /* */"#;
        let mut words: Vec<Vec<u8>> =
            words.split_whitespace().map(|word| word.as_bytes().to_vec()).collect();
        words.push(b"\n".to_vec());
        words
    }

    fn run(&mut self, input: &[u8]) -> u64 {
        let Ok(text) = std::str::from_utf8(input) else { return 0 };
        let mut hasher = DefaultHasher::new();
        match parse_text(text, "f") {
            Ok(configuration) => {
                let rendered = render(&configuration);
                let again = parse_text(&rendered.to_string(), "again");
                let again = again.unwrap_or_else(|mistakes| panic!("{mistakes:#?}\n{rendered:#}"));
                assert_eq!(render(&again), rendered, "config-get of a configuration fed back");
                for warning in &configuration.warnings {
                    shape(&warning.message).hash(&mut hasher);
                }
                if let Some(dhcp4) = configuration.dhcp4 {
                    let counts = [dhcp4.subnets.len(), dhcp4.classes.len(), dhcp4.options.len()];
                    counts.hash(&mut hasher);
                    Snapshot::build(dhcp4.into(), &[]);
                }
            }
            Err(mistakes) => {
                assert!(!mistakes.is_empty(), "refused without a reason");
                for mistake in mistakes.iter().take(4) {
                    shape(&mistake.message).hash(&mut hasher);
                }
            }
        }
        hasher.finish()
    }
}
