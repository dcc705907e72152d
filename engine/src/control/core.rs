//! The commands of the server itself (Kea guide, "Commands Supported by Both the DHCPv4 and DHCPv6 Servers"):
//! version-get, status-get, config-get, dhcp-disable, dhcp-enable, shutdown. Pure but for the
//! clock it is given.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::Sender;
use serde_json::{Map, Value, json};

use super::{Answer, Command, Registry};
use crate::clock::{Clock, Mono};
use crate::seam::service::{Origin, Service};
use crate::sync::Live;

/// The Kea version whose interface is meant.
pub const KEA_VERSION: &str = "3.0.0";

/// What the commands tell about.
#[derive(Clone)]
pub struct Core {
    /// Reads the time.
    pub clock: Arc<dyn Clock>,
    /// When the server started.
    pub started: Mono,
    /// The service's switch.
    pub service: Arc<Service>,
    /// The configuration that is served.
    pub served: Arc<Live<Served>>,
    /// Workers.
    pub threads: usize,
    /// Packets each worker's queue holds.
    pub packet_queue_size: usize,
    /// `enable-multi-threading`.
    pub multi_threading: bool,
    /// The lease file, if one is written.
    pub lease_file: Option<PathBuf>,
    /// Takes the exit status when the server is told to stop.
    pub shutdown: Sender<u8>,
}

/// A configuration as the commands tell of it.
#[derive(Debug)]
pub struct Served {
    /// config-get's arguments.
    pub json: Value,
    /// Since when it is served.
    pub since: Mono,
}

impl Served {
    /// `json`, which others may come in the place of, served since `since`.
    pub fn live(json: Value, since: Mono) -> Arc<Live<Self>> {
        Arc::new(Live::new(Arc::new(Self { json, since })))
    }
}

impl Core {
    /// Registers the commands.
    pub fn register(self, registry: &Registry, own_name: &'static str) {
        registry.register("version-get", move |_| {
            Answer::success(KEA_VERSION)
                .and(json!({ "extended": format!("{KEA_VERSION}\n{own_name}") }))
        });
        let served = Arc::clone(&self.served);
        registry.register("config-get", move |_| Answer::with(served.load().json.clone()));
        let core = self.clone();
        registry.register("dhcp-disable", move |command| core.disable(command));
        let core = self.clone();
        registry.register("dhcp-enable", move |command| core.enable(command));
        let stop = self.shutdown.clone();
        registry.register("shutdown", move |command| shutdown(command, &stop));
        registry.extend_status(move |map| self.status(map));
    }

    fn status(&self, map: &mut Map<String, Value>) {
        let now = self.clock.now().mono;
        let uptime = now.since(self.started).as_secs();
        let reload = now.since(self.served.load().since).as_secs();
        map.insert("pid".into(), json!(std::process::id()));
        map.insert("uptime".into(), json!(uptime));
        map.insert("reload".into(), json!(reload));
        map.insert("multi-threading-enabled".into(), json!(self.multi_threading));
        if self.multi_threading {
            map.insert("thread-pool-size".into(), json!(self.threads));
            map.insert("packet-queue-size".into(), json!(self.packet_queue_size));
        }
        if let Some(file) = &self.lease_file {
            map.insert("csv-lease-file".into(), json!(file));
        }
        map.insert("sockets".into(), json!({ "status": "ready" }));
        map.insert("dhcp-state".into(), self.dhcp_state());
    }

    /// Who holds the service off, sorted into Kea 3's groups of origins.
    fn dhcp_state(&self) -> Value {
        let off = self.service.disabled_by();
        let between = |low: u32| {
            off.iter().filter(|o| (low..low + 1000).contains(&o.0)).map(|o| o.0).collect::<Vec<_>>()
        };
        json!({
            "disabled-by-user": off.contains(&Origin::USER),
            "disabled-by-local-command": between(1000),
            "disabled-by-remote-command": between(2000),
            "disabled-by-db-connection": between(3000),
            "globally-disabled": !off.is_empty(),
        })
    }

    fn disable(&self, command: &Command<'_>) -> Answer {
        let origin = match origin(command) {
            Ok(origin) => origin,
            Err(why) => return Answer::error(why),
        };
        let period = match command.arguments.and_then(|a| a.get("max-period")) {
            None => None,
            Some(value) => match value.as_i64() {
                Some(seconds) if seconds > 0 => Some(seconds.unsigned_abs()),
                Some(_) => return Answer::error("'max-period' must be positive integer"),
                None => return Answer::error("'max-period' argument must be a number"),
            },
        };
        self.service.disable(origin, self.clock.now().mono, period.map(Duration::from_secs));
        if let Err(busy) = self.service.wait_until_quiet() {
            return Answer::error(format!("DHCPv4 service disabled, but {busy}: ask again"));
        }
        Answer::success(match period {
            Some(seconds) => format!("DHCPv4 service disabled for {seconds} seconds"),
            None => "DHCPv4 service disabled".to_owned(),
        })
    }

    fn enable(&self, command: &Command<'_>) -> Answer {
        match origin(command) {
            Ok(origin) => {
                self.service.enable(origin);
                Answer::success("DHCP service successfully enabled")
            }
            Err(why) => Answer::error(why),
        }
    }
}

/// Whom the command means.
fn origin(command: &Command<'_>) -> Result<Origin, String> {
    named_origin(command).map(|origin| command.channel.origin(origin))
}

/// `origin-id`, else `origin` as a number or as "user" or "ha-partner" (Kea 3 takes all of them).
fn named_origin(command: &Command<'_>) -> Result<Origin, String> {
    let Some(arguments) = command.arguments else { return Ok(Origin::USER) };
    if !arguments.is_object() {
        return Err(format!("arguments for the '{}' command must be a map", command.name));
    }
    let number = |value: &Value| value.as_u64().and_then(|n| u32::try_from(n).ok()).map(Origin);
    if let Some(id) = arguments.get("origin-id") {
        return number(id).ok_or_else(|| "'origin-id' argument must be a number".to_owned());
    }
    match arguments.get("origin") {
        None => Ok(Origin::USER),
        Some(Value::String(name)) if name == "user" => Ok(Origin::USER),
        Some(Value::String(name)) if name == "ha-partner" => Ok(Origin::ha_remote(0)),
        Some(Value::String(other)) => {
            let shown = if other.is_empty() { "(empty string)" } else { other };
            Err(format!("invalid value used for 'origin' parameter: {shown}"))
        }
        Some(value) => {
            number(value).ok_or_else(|| "'origin' argument must be a string or a number".to_owned())
        }
    }
}

fn shutdown(command: &Command<'_>, stop: &Sender<u8>) -> Answer {
    let status = match command.arguments.and_then(|a| a.get("exit-value")) {
        None => Some(0),
        Some(value) => value.as_u64().and_then(|n| u8::try_from(n).ok()),
    };
    match status {
        Some(status) => {
            // A second shutdown finds the first one's message still there, which says the same.
            let _ = stop.try_send(status);
            Answer::success("Shutting down.")
        }
        None => Answer::error("parameter 'exit-value' is not an integer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Now;
    use crate::control::Channel;
    use crossbeam::channel::{Receiver, bounded};

    struct Stopped;
    impl Clock for Stopped {
        fn now(&self) -> Now {
            Now { mono: Mono::from_ns(7_000_000_000), wall_s: 0 }
        }
    }

    fn registered() -> (Registry, Arc<Service>, Receiver<u8>) {
        let (shutdown, stopped) = bounded(1);
        let service = Arc::new(Service::default());
        let registry = Registry::default();
        let core = Core {
            clock: Arc::new(Stopped),
            started: Mono::from_ns(0),
            service: Arc::clone(&service),
            served: Served::live(json!({"Dhcp4": {}}), Mono::from_ns(2_000_000_000)),
            threads: 2,
            packet_queue_size: 64,
            multi_threading: true,
            lease_file: Some("/tmp/leases.csv".into()),
            shutdown,
        };
        core.register(&registry, "peregrine 0");
        (registry, service, stopped)
    }

    #[test]
    fn status_shows_who_holds_the_service_off() {
        let (registry, _, _) = registered();
        let disable = json!({"command": "dhcp-disable",
            "arguments": {"max-period": 60, "origin": "ha-partner", "origin-id": 2001}});
        let answer = registry.execute(&disable);
        assert_eq!(answer.text.unwrap(), "DHCPv4 service disabled for 60 seconds");
        let status = registry.execute(&json!({"command": "status-get"})).arguments.unwrap();
        assert_eq!((&status["uptime"], &status["reload"]), (&json!(7), &json!(5)));
        assert_eq!(status["dhcp-state"]["disabled-by-remote-command"], json!([2001]));
        assert_eq!(status["dhcp-state"]["globally-disabled"], true);
    }

    #[test]
    fn a_query_under_way_is_no_success() {
        let (registry, service, _) = registered();
        let disable = json!({"command": "dhcp-disable"});
        let turn = service.begin_turn();
        assert_eq!(registry.execute(&disable).result, 1);
        drop(turn);
        assert_eq!(registry.execute(&disable).result, 0);
    }

    #[test]
    fn origins_are_kept_apart() {
        let (registry, service, _) = registered();
        for origin in [json!("user"), json!("ha-partner"), json!(2001)] {
            let request = json!({"command": "dhcp-disable", "arguments": {"origin": origin}});
            assert_eq!(registry.execute(&request).result, 0);
        }
        assert_eq!(service.disabled_by(), [Origin(1), Origin(2000), Origin(2001)]);
        registry.execute(&json!({"command": "dhcp-enable"}));
        assert_eq!(service.disabled_by(), [Origin(2000), Origin(2001)]);
    }

    /// Each request with Kea 3's answer; what is wrong changes nothing.
    #[test]
    fn every_answer_of_the_switch() {
        let off = "DHCPv4 service disabled";
        let on = "DHCP service successfully enabled";
        let period = "'max-period' must be positive integer";
        let rows = [
            ("dhcp-disable", Value::Null, 0, off),
            (
                "dhcp-disable",
                json!({"max-period": 60}),
                0,
                "DHCPv4 service disabled for 60 seconds",
            ),
            ("dhcp-disable", json!({"origin": "user"}), 0, off),
            ("dhcp-disable", json!({"origin": "ha-partner", "origin-id": 2001}), 0, off),
            ("dhcp-disable", json!({"origin": 2001}), 0, off),
            ("dhcp-disable", json!({"max-period": 0}), 1, period),
            ("dhcp-disable", json!({"max-period": -1}), 1, period),
            (
                "dhcp-disable",
                json!({"max-period": "a"}),
                1,
                "'max-period' argument must be a number",
            ),
            (
                "dhcp-disable",
                json!([]),
                1,
                "arguments for the 'dhcp-disable' command must be a map",
            ),
            ("dhcp-enable", json!("x"), 1, "arguments for the 'dhcp-enable' command must be a map"),
            (
                "dhcp-disable",
                json!({"origin": "xyz"}),
                1,
                "invalid value used for 'origin' parameter: xyz",
            ),
            (
                "dhcp-enable",
                json!({"origin": ""}),
                1,
                "invalid value used for 'origin' parameter: (empty string)",
            ),
            (
                "dhcp-enable",
                json!({"origin": true}),
                1,
                "'origin' argument must be a string or a number",
            ),
            ("dhcp-enable", json!({"origin-id": "x"}), 1, "'origin-id' argument must be a number"),
            ("dhcp-enable", json!({"origin": "ha-partner"}), 0, on),
            ("dhcp-enable", Value::Null, 0, on),
        ];
        for (command, arguments, result, text) in rows {
            let (registry, service, _) = registered();
            let mut request =
                json!({"command": command, "arguments": arguments, "service": ["dhcp4 "]});
            if arguments.is_null() {
                request.as_object_mut().unwrap().remove("arguments");
            }
            let answer = registry.execute(&request);
            assert_eq!((answer.result, answer.text.as_deref()), (result, Some(text)), "{request}");
            let switched = result == 0 && command == "dhcp-disable";
            assert_eq!(service.is_enabled(), !switched, "{request}");
        }
    }

    /// Each partner calls itself the first: over listeners of their own they are two all the same.
    #[test]
    fn partners_of_two_relationships_are_two_origins() {
        let (registry, service, _) = registered();
        let [one, two] = [0, 1].map(|index| registry.over(Channel::Partner(index)));
        let request = |command: &str, origin: Value| json!({"command": command, "arguments": {"origin": origin}});
        one.execute(&request("dhcp-disable", json!(2000)));
        two.execute(&request("dhcp-disable", json!("ha-partner")));
        assert_eq!(service.disabled_by(), [Origin(2000), Origin(2001)]);
        one.execute(&request("dhcp-enable", json!(2005)));
        assert_eq!(service.disabled_by(), [Origin(2001)]);
        two.execute(&request("dhcp-disable", json!("user")));
        assert_eq!(service.disabled_by(), [Origin::USER, Origin(2001)]);
    }

    #[test]
    fn shutdown_hands_over_the_exit_status() {
        let (registry, _, stopped) = registered();
        let with =
            |value: Value| json!({"command": "shutdown", "arguments": {"exit-value": value}});
        assert_eq!(registry.execute(&with(json!("x"))).result, 1);
        assert!(stopped.try_recv().is_err());
        assert_eq!(registry.execute(&with(json!(3))).result, 0);
        assert_eq!(stopped.try_recv(), Ok(3));
    }
}
