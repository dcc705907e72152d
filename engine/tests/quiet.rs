//! dhcp-disable is answered when no query that was taken before can still change a lease: in a server whose sockets
//! are stubs, and whose partner's queue holds a worker up in the middle of an exchange.

#![expect(clippy::unwrap_used, reason = "an unwrap of a test is an assertion")]

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::thread::park_timeout;
use std::time::Duration;

use crossbeam::channel::{Receiver, Sender, bounded};
use engine::config::parse_text;
use engine::lease::Change;
use engine::packet::{Arrival, Packet, Ports, stub};
use engine::seam::{Replication, ServeAll};
use engine::server::{Options, Prepared};
use engine::stats::Counter;
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(20);
const LOCAL: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// Says that a lease is being changed, and holds the change up until it is told to go on.
struct Slow {
    entered: Sender<()>,
    go_on: Receiver<()>,
}

impl Replication for Slow {
    fn queue(&self, _change: &Change<'_>) {
        self.entered.send(()).unwrap();
        self.go_on.recv_timeout(PATIENCE).unwrap();
    }
}

/// A client that renews the address of its number.
fn renewal(client: u8) -> Packet {
    let mut message = vec![0; 236];
    message[..3].copy_from_slice(&[1, 1, 6]);
    message[12..16].copy_from_slice(&[192, 0, 2, client]);
    message[24..28].copy_from_slice(&[192, 0, 2, 3]);
    message[28..34].copy_from_slice(&[2, 0, 0, 0, 0, client]);
    message.extend_from_slice(&[99, 130, 83, 99, 53, 1, 3, 255]);
    let relay = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 3), 67);
    let arrival =
        Arrival { interface: 1, source: relay, destination: LOCAL, local: LOCAL, raw: false };
    Packet { arrival, message }
}

#[test]
fn no_lease_changes_after_the_answer_to_dhcp_disable() {
    let text = r#"{ "Dhcp4": {
        "interfaces-config": { "interfaces": [] },
        "multi-threading": { "thread-pool-size": 1 },
        "lease-database": { "type": "memfile", "persist": false },
        "valid-lifetime": 4000,
        "subnet4": [ { "id": 1, "subnet": "192.0.2.0/24",
                       "pools": [ { "pool": "192.0.2.10 - 192.0.2.200" } ] } ] } }"#;
    let config = Arc::new(parse_text(text, "test").unwrap().dhcp4.unwrap());
    let (sockets, stub) = stub::sockets(1).unwrap();
    let options = Options { ports: Ports::default(), pid_files: Vec::new(), own_name: "test" };
    let prepared =
        Prepared::with_sockets(config, serde_json::Value::Null, options, sockets).unwrap();
    let (entered, is_in) = bounded(4);
    let (go_on, wait) = bounded(4);
    prepared.replicate_to(Arc::new(Slow { entered, go_on: wait }));
    let parts = prepared.parts().clone();
    let _server = prepared.start(Arc::new(ServeAll)).unwrap();

    stub.deliver(0, vec![renewal(20)]);
    is_in.recv_timeout(PATIENCE).unwrap();
    // This one is admitted while the worker is held up, or comes when the service is off: either way it is dropped.
    stub.deliver(0, vec![renewal(21)]);
    let registry = Arc::clone(&parts.registry);
    let disable = std::thread::spawn(move || registry.execute(&json!({"command": "dhcp-disable"})));
    for _ in 0..100 {
        assert!(!disable.is_finished(), "the first client's lease is still to be written");
        park_timeout(Duration::from_millis(1));
    }
    assert!(!parts.service.is_enabled());
    go_on.send(()).unwrap();
    assert_eq!(disable.join().unwrap().result, 0);
    assert!(parts.storage.store.find(Ipv4Addr::new(192, 0, 2, 20)).is_some());
    let dropped = || parts.stats.value(Counter::ServiceDisabled);
    for _ in 0..PATIENCE.as_millis() {
        if dropped() == 1 {
            break;
        }
        park_timeout(Duration::from_millis(1));
    }
    assert_eq!(dropped(), 1, "the second query came too late");
    assert!(parts.storage.store.find(Ipv4Addr::new(192, 0, 2, 21)).is_none());
}
