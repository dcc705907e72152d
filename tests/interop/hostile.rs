//! Attackers: whatever comes to the DHCP port, the HA port or the control socket is counted by its reason, and
//! nothing else happens: the process lives, its memory is bounded, and everybody else is served meanwhile.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, SocketAddrV4, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use perf::fleet::{BASE_MAC, Fleet};
use serde_json::{Value, json};

use crate::support::dhcp::{Random, discover, with};
use crate::support::loopback::Loopback;
use crate::support::net::{self, Lan};
use crate::support::server::{Kind, PATIENCE, Server};
use crate::support::wait::until;

/// Growth of memory, in KiB, that no attack may exceed.
const MEMORY_KIB: u64 = 48 << 10;
/// Messages of each kind of mistake.
const EACH: u64 = 40;

fn pools() -> Value {
    json!([{"pool": "10.16.0.0 - 10.17.255.255"}])
}

/// Pools of a load-balancing pair.
fn halves() -> Value {
    json!([
        {"pool": "10.16.0.0 - 10.17.255.255", "client-class": "HA_server1"},
        {"pool": "10.32.0.0 - 10.33.255.255", "client-class": "HA_server2"}
    ])
}

/// A server on loopback.
fn lone(place: &Loopback, folder: &std::path::Path) -> Server {
    let mut server = Server::new(Kind::Peregrine, "lone", folder);
    server.configure(&place.configuration(0, &pools()));
    server.start_here(place);
    server
}

/// Runs `attack` while clients come and go; every one of them must be served, and `server` stay small.
fn under(place: &Loopback, server: &Server, attack: impl FnOnce()) {
    let mut fleet = Fleet::new(BASE_MAC, 2000);
    place.join_all(&mut fleet);
    let before_kib = server.memory_kib();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut fleet = Fleet::new([2, 0, 1, 0, 0, 0], 10_000);
            let mut rounds = 0;
            while rounds == 0 || !over.load(Ordering::Acquire) {
                let some = (0..200).map(|n| (rounds * 200 + n) % fleet.size()).collect();
                let tally = place.rebind(&mut fleet, some, 4);
                assert_eq!(tally.completed, 200, "{tally:?}");
                assert_eq!(fleet.duplicate_addresses(), 0);
                rounds += 1;
            }
        });
        let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(attack));
        over.store(true, Ordering::Release);
        told.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    let grown_kib = server.memory_kib().saturating_sub(before_kib);
    assert!(grown_kib < MEMORY_KIB, "memory grew by {grown_kib} KiB from {before_kib}");
}

/// A socket that sends to the DHCP port, and how many it sent.
struct Sender<'a> {
    socket: UdpSocket,
    server: &'a Server,
    to: SocketAddrV4,
    sent: u64,
}

impl<'a> Sender<'a> {
    fn new(server: &'a Server, to: SocketAddrV4) -> Self {
        Self { socket: UdpSocket::bind("127.0.0.1:0").unwrap(), server, to, sent: 0 }
    }

    /// Sends, and now and then lets the server catch up, so that the kernel need drop nothing.
    fn send(&mut self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.to).unwrap();
        self.sent += 1;
        if self.sent.is_multiple_of(32) {
            self.server.statistics();
        }
    }
}

/// Bad messages by the counter of their mistake.
fn mistakes() -> Vec<(&'static str, Vec<u8>)> {
    let good = || discover(0x66, [10, 0, 0, 9]);
    let changed = |at: usize, byte: u8| {
        let mut bytes = good();
        bytes[at] = byte;
        bytes
    };
    let bare = good()[..240].to_vec();
    vec![
        ("peregrine-malformed-too-short", vec![]),
        ("peregrine-malformed-too-short", vec![1]),
        ("peregrine-malformed-too-short", good()[..100].to_vec()),
        ("peregrine-malformed-too-short", good()[..239].to_vec()),
        ("peregrine-packet-oversized", with(good(), &[0; 1300])),
        ("peregrine-packet-oversized", vec![1; 9000]),
        ("peregrine-packet-oversized", vec![0xff; 60_000]),
        ("peregrine-malformed-hardware-length", changed(2, 17)),
        ("peregrine-malformed-hardware-length", changed(2, 255)),
        ("peregrine-malformed-cookie", changed(239, 0)),
        ("peregrine-malformed-cookie", vec![0; 300]),
        ("peregrine-malformed-option-length", with(good(), &[50, 3, 10, 0, 0])),
        ("peregrine-malformed-option-length", with(good(), &[54, 0])),
        ("peregrine-malformed-option-length", with(good(), &[61, 1, 1])),
        ("peregrine-malformed-fqdn-flags", with(good(), &[81, 3, 9, 0, 0])),
        ("peregrine-malformed-no-message-type", with(bare.clone(), &[255])),
        ("peregrine-malformed-no-message-type", bare.clone()),
        ("pkt4-unknown-received", with(bare.clone(), &[53, 1, 0])),
        ("pkt4-unknown-received", with(bare.clone(), &[53, 1, 99])),
        ("pkt4-offer-received", with(bare.clone(), &[53, 1, 2])),
        ("pkt4-nak-received", with(bare, &[53, 1, 6])),
        ("pkt4-rfc-violation", with(discover(0x66, [10, 0, 0, 9]), &[54, 4, 0, 0, 0, 0, 255])),
    ]
}

#[test]
fn each_mistake_of_a_packet_is_counted_by_its_reason() {
    let place = Loopback::new(1);
    let folder = tempfile::tempdir().unwrap();
    let server = lone(&place, folder.path());
    let mut expected = BTreeMap::<&str, u64>::new();
    under(&place, &server, || {
        let mut sender = Sender::new(&server, place.server());
        for (counter, mut bytes) in mistakes() {
            // A server identifier is looked at only if it is one's own.
            if counter == "pkt4-rfc-violation" {
                let at = bytes.len() - 5;
                bytes[at..at + 4].copy_from_slice(&place.server().ip().octets());
            }
            *expected.entry(counter).or_default() += EACH;
            (0..EACH).for_each(|_| sender.send(&bytes));
        }
        until("all counted", PATIENCE, || {
            let statistics = server.statistics();
            let found: BTreeMap<&str, u64> =
                expected.keys().map(|name| (*name, statistics[*name])).collect();
            if found == expected { Ok(()) } else { Err(found) }
        });
    });
    let statistics = server.statistics();
    assert_eq!(statistics["peregrine-kernel-drop"], 0);
    let malformed = |(name, count): (&&str, &u64)| {
        (name.contains("malformed") || name.contains("unknown")).then_some(*count)
    };
    let sum: u64 = expected.iter().filter_map(malformed).sum();
    assert_eq!(statistics["pkt4-parse-failed"], sum);
    assert_eq!(statistics["pkt4-receive-drop"], expected.values().sum::<u64>());
}

#[test]
fn random_packets_are_all_accounted_for() {
    let place = Loopback::new(1);
    let folder = tempfile::tempdir().unwrap();
    let server = lone(&place, folder.path());
    under(&place, &server, || {
        let mut sender = Sender::new(&server, place.server());
        let mut random = Random::new(0x70e5);
        for n in 0..4000 {
            let mut bytes = match n % 4 {
                0 => {
                    let length = random.below(1500);
                    random.bytes(length)
                }
                1 => with(discover(n, [10, 0, 0, 9])[..240].to_vec(), &random.bytes(60)),
                _ => with(discover(n, place.relay().octets()), &[55, 3, 1, 3, 6, 255]),
            };
            if n % 4 == 3 {
                for _ in 0..1 + random.below(8) {
                    let at = random.below(bytes.len());
                    bytes[at] = random.bytes(1)[0];
                }
            }
            sender.send(&bytes);
        }
    });
    until("all accounted for", PATIENCE, || {
        let statistics = server.statistics();
        let sum = |names: &[&str]| names.iter().map(|name| statistics[*name]).sum::<u64>();
        let types = sum(&[
            "pkt4-discover-received",
            "pkt4-offer-received",
            "pkt4-request-received",
            "pkt4-ack-received",
            "pkt4-nak-received",
            "pkt4-release-received",
            "pkt4-decline-received",
            "pkt4-inform-received",
        ]);
        let received = statistics["pkt4-received"];
        let known = types + statistics["pkt4-parse-failed"] == received;
        let malformed = statistics.iter().filter(|(name, _)| name.contains("malformed-"));
        let malformed: u64 = malformed.map(|(_, count)| count).sum();
        let told = malformed + statistics["pkt4-unknown-received"];
        let told = told == statistics["pkt4-parse-failed"] && malformed > 1000;
        if known && told { Ok(()) } else { Err(statistics) }
    });
}

/// A DISCOVER flood of clients that one worker takes from the socket and another one serves.
#[test]
fn a_full_queue_drops_and_counts_and_the_rest_is_served() {
    let place = Loopback::new(1);
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::new(Kind::Peregrine, "lone", folder.path());
    let mut configuration = place.configuration(0, &pools());
    configuration["multi-threading"]["packet-queue-size"] = json!(2);
    configuration["multi-threading"]["thread-pool-size"] = json!(4);
    server.configure(&configuration);
    server.start_here(&place);
    let attacker = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut sent = 0_u64;
    until("queue that is full", PATIENCE, || {
        for _ in 0..2000 {
            let mac = u32::try_from(sent).unwrap();
            let query = with(discover(mac, place.relay().octets()), &[255]);
            sent += u64::from(attacker.send_to(&query, place.server()).is_ok());
        }
        let dropped = server.statistics()["pkt4-queue-full"];
        if dropped > 0 { Ok(()) } else { Err(sent) }
    });
    until("every packet accounted for", PATIENCE, || {
        let statistics = server.statistics();
        let of = |name: &str| statistics[name];
        let agree = of("pkt4-received") == of("pkt4-discover-received")
            && of("pkt4-receive-drop") == of("pkt4-queue-full");
        let arrived = of("pkt4-received") + of("peregrine-kernel-drop");
        let decided = of("pkt4-offer-sent") + of("pkt4-queue-full");
        // The kernel tells of what it dropped only with the next packet that it kept.
        let counted = arrived <= sent && decided == of("pkt4-received");
        if agree && counted { Ok(()) } else { Err(statistics) }
    });
    let mut fleet = Fleet::new(BASE_MAC, 500);
    let tally = place.join(&mut fleet, (0..500).collect(), 1);
    assert_eq!((tally.completed, fleet.duplicate_addresses()), (500, 0), "{tally:?}");
}

const ATTACK: &str = "PEREGRINE_TEST_ATTACKS";

/// The attacker's part of the test below, in a namespace of its own: this very program again.
fn broadcast_garbage() {
    let socket = UdpSocket::bind("192.0.2.66:0").unwrap();
    socket.set_broadcast(true).unwrap();
    let mut random = Random::new(0xf00d);
    let send = |bytes: &[u8]| socket.send_to(bytes, "192.0.2.255:67").unwrap();
    for (_, bytes) in mistakes() {
        send(&bytes);
    }
    for n in 0..3000 {
        let length = random.below(1400);
        send(&random.bytes(length));
        if n % 100 == 0 {
            // More than a frame holds: fragments.
            send(&random.bytes(4000));
            std::thread::yield_now();
        }
    }
}

#[test]
fn broadcast_garbage_does_not_keep_a_client_from_its_lease() {
    if std::env::var_os(ATTACK).is_some() {
        return broadcast_garbage();
    }
    if !net::is_possible("garbage on a raw socket") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let lan = Lan::new(&[
        ("server", "192.0.2.1/24 brd +"),
        ("attacker", "192.0.2.66/24 brd +"),
        ("client", ""),
    ]);
    let mut server = Server::new(Kind::Peregrine, "server", folder.path());
    server.configure(&json!({
        "interfaces-config": {"interfaces": ["eth0"]},
        "subnet4": [{"id": 1, "subnet": "192.0.2.0/24",
                     "pools": [{"pool": "192.0.2.100 - 192.0.2.200"}]}]
    }));
    server.start(&lan);
    let this = std::env::current_exe().unwrap();
    let mut attacker = lan
        .on("attacker", this.to_str().unwrap())
        .args(["--exact", "hostile::broadcast_garbage_does_not_keep_a_client_from_its_lease"])
        .env(ATTACK, "1")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let client = ["-f", "-n", "-q", "-i", "eth0", "-t", "20", "-T", "1", "-s", "/bin/true"];
    let client = lan.on("client", "udhcpc").args(client).output().unwrap();
    assert!(client.status.success(), "{client:?}");
    assert!(attacker.wait().unwrap().success());
    assert_eq!(server.leases().len(), 1);
    let statistics = server.statistics();
    for name in ["peregrine-malformed-too-short", "peregrine-malformed-cookie"] {
        assert!(statistics[name] > 100, "{name}: {statistics:?}");
    }
    assert!(statistics["peregrine-frame-fragment"] >= 30, "{statistics:?}");
}

/// The HA port that `server` listens on.
pub(crate) fn ha_port(server: &Server) -> SocketAddr {
    let answer = server.command(&json!({"command": "config-get"}));
    let text = answer.to_string();
    let (_, rest) = text.split_once("\"name\":\"server1\"").unwrap();
    let (_, rest) = rest.split_once("http://").unwrap();
    rest.split('/').next().unwrap().parse().unwrap()
}

fn knock(port: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(port).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // The listener may have answered and closed before everything was written.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

fn attack_ha_port(port: SocketAddr) {
    let mut random = Random::new(7);
    for _ in 0..100 {
        let length = 1 + random.below(3000);
        knock(port, &random.bytes(length));
    }
    let head = |more: &str| format!("POST / HTTP/1.1\r\nContent-Type: application/json\r\n{more}");
    for request in [
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        head("Content-Length: 5\r\n\r\n{bad}"),
        head("\r\n"),
        head("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        head("Content-Length: 99999999999\r\n\r\n") + &"x".repeat(5 << 20),
    ] {
        let answer = String::from_utf8_lossy(&knock(port, request.as_bytes())).into_owned();
        assert!(answer.ends_with(r#"{ "result": 400, "text": "Bad Request" }"#), "{answer}");
    }
    for body in ["[]", "17", "\"x\"", "{}", r#"{"command": 7}"#, r#"{"command": "lease4-update"}"#]
    {
        let length = body.len();
        let answer =
            knock(port, head(&format!("Content-Length: {length}\r\n\r\n{body}")).as_bytes());
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"result\": 1"), "{answer}");
    }
    for half in ["P", "POST / HT", &head("Content-Le"), &head("Content-Length: 100\r\n\r\n{\"comm")]
    {
        knock(port, half.as_bytes());
    }
    knock(port, head(&format!("X: {}\r\n\r\n", "y".repeat(1 << 20))).as_bytes());
}

#[test]
fn the_ha_port_is_attacked_and_the_pair_works_on() {
    let place = Loopback::new(2);
    let folder = tempfile::tempdir().unwrap();
    let servers = place.pair("load-balancing", &halves(), folder.path());
    let port = ha_port(&servers[0]);
    under(&place, &servers[0], || {
        attack_ha_port(port);
        let mut slow: Vec<TcpStream> =
            (0..300).map(|_| TcpStream::connect(port).unwrap()).collect();
        let refused = until("refusals", PATIENCE, || {
            for stream in &mut slow {
                // Slow writers; some of them were closed long since.
                let _ = stream.write(b"P");
            }
            let statistics = servers[0].statistics();
            let refused = statistics["peregrine-ha-connections-refused"];
            if refused >= 200 { Ok(refused) } else { Err(statistics) }
        });
        assert!(refused < 300, "nobody was let in");
        until("end of the slow ones", PATIENCE, || {
            let ended = servers[0].statistics()["peregrine-ha-connections-timed-out"];
            if ended + refused >= 300 { Ok(()) } else { Err(ended) }
        });
    });
    let statistics = servers[0].statistics();
    let [bad, broken] = ["peregrine-ha-requests-bad", "peregrine-ha-connections-broken"];
    assert!(statistics[bad] >= 50 && statistics[broken] >= 4, "{statistics:?}");
    assert!(statistics[bad] + statistics[broken] >= 108, "{statistics:?}");
    for server in &servers {
        server.wait_for_state(&["load-balancing"]);
        let log = server.log();
        assert!(!log.contains("PARTNER-DOWN") && !log.contains("partner-down"), "{log}");
    }
    until("equal lease databases", PATIENCE, || {
        let addresses = |server: &Server| -> Vec<String> {
            server.leases().iter().map(|lease| lease["ip-address"].to_string()).collect()
        };
        let [one, two] = [addresses(&servers[0]), addresses(&servers[1])];
        if one == two && one.len() >= 2200 { Ok(()) } else { Err((one.len(), two.len())) }
    });
}

#[test]
fn garbage_on_the_control_socket_is_answered_and_counted() {
    let place = Loopback::new(1);
    let folder = tempfile::tempdir().unwrap();
    let server = lone(&place, folder.path());
    let ask = |bytes: &[u8]| {
        let mut stream = UnixStream::connect(server.socket()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = String::new();
        // A server that has answered before everything was read resets the connection.
        let _ = stream.read_to_string(&mut answer);
        answer
    };
    let before = server.statistics();
    under(&place, &server, || {
        let mut random = Random::new(3);
        for _ in 0..100 {
            let length = 1 + random.below(3000);
            // A digit alone would be JSON.
            ask(&with(vec![b'x'], &random.bytes(length)));
        }
        ask(&vec![b'['; 5 << 20]);
        for half in ["{", "{\"command\"", "{\"command\": \"status-get\""] {
            assert!(ask(half.as_bytes()).contains("\"result\":1"));
        }
        for odd in ["[]", "17", "null", "{}", r#"{"command": {}}"#, r#"{"command": "no-such"}"#] {
            let answer = ask(odd.as_bytes());
            assert!(answer.contains("\"result\":1") || answer.contains("\"result\":2"), "{answer}");
        }
        let many: Vec<_> = (0..90).map(|_| UnixStream::connect(server.socket()).unwrap()).collect();
        // Those that found no room are closed at once.
        let closed = |mut stream: &UnixStream| {
            stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
            matches!(stream.read(&mut [0]), Ok(0))
        };
        until("closed connections", PATIENCE, || {
            let closed = many.iter().filter(|stream| closed(stream)).count();
            if closed >= 26 { Ok(()) } else { Err(closed) }
        });
    });
    let grown = |name: &str| server.statistics()[name] - before[name];
    assert_eq!(grown("peregrine-control-requests-malformed"), 104);
    assert!(grown("peregrine-control-connections-refused") >= 26);
}

/// The log's reader hangs: a pipe is full, and then the queue.
#[test]
fn a_log_that_nobody_reads_delays_nobody() {
    let place = Loopback::new(1);
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::new(Kind::Peregrine, "lone", folder.path());
    server.configure(&place.configuration(0, &pools()));
    server.start_unread(&place);
    let mut fleet = Fleet::new(BASE_MAC, 2000);
    place.join_all(&mut fleet);
    let dropped = || server.statistics()["peregrine-log-lines-dropped"];
    // Workers wait for a log that gets on, and once for a second for one that does not.
    until("lines dropped", PATIENCE, || {
        place.rebind(&mut fleet, (0..2000).collect(), 32);
        if dropped() > 0 { Ok(()) } else { Err(dropped()) }
    });
    until("more lines dropped", PATIENCE, || {
        let tally = place.rebind(&mut fleet, (0..2000).collect(), 32);
        assert!(tally.is_clean(), "{tally:?}");
        if dropped() > 1000 { Ok(()) } else { Err(dropped()) }
    });
    assert!(server.command(&json!({"command": "shutdown"}))["result"] == 0);
    assert_eq!(server.wait_for_end().code(), Some(0));
}

/// Names and identifiers that would break out of a row of the lease file, or of a line of the log.
#[test]
fn nasty_names_stay_inside_their_row_of_the_lease_file() {
    let place = Loopback::new(1);
    let folder = tempfile::tempdir().unwrap();
    let mut server = lone(&place, folder.path());
    let mut sender = Sender::new(&server, place.server());
    let forged = "x,1\n10.16.0.77,02:02:02:02:02:02,,3600,4000000000,1,0,0,forged,0,,0\n";
    let names: [&[u8]; 6] =
        [forged.as_bytes(), b"a\rb", b"&#x2c,\"'", b"\0\0", &[0xff; 255], b"\x1b[2J"];
    for (n, name) in (1_u8..).zip(names) {
        let mut query = discover(n.into(), place.relay().octets());
        query[242] = 3; // REQUEST
        query = with(query, &[54, 4]);
        query = with(query, &place.server().ip().octets());
        query = with(query, &[50, 4, 10, 16, 0, n, 61, 255]);
        query = with(query, &[n; 255]);
        query = with(query, &[12, u8::try_from(name.len()).unwrap()]);
        sender.send(&with(with(query, name), &[255]));
    }
    let leases = until("six leases", PATIENCE, || {
        let leases = server.leases();
        if leases.len() == 6 { Ok(leases) } else { Err(leases) }
    });
    server.kill();
    server.start_here(&place);
    assert_eq!(server.leases(), leases);
    let log = server.log();
    assert!(!log.contains('\x1b') && !log.lines().any(|line| line.starts_with("10.16")), "{log}");
    assert!(log.contains(", 0 bad rows skipped"), "{log}");
}

/// What an operator types when something is wrong: the counters are there for `peregrine ctl`.
#[test]
fn ctl_shows_the_counters() {
    let place = Loopback::new(1);
    let folder = tempfile::tempdir().unwrap();
    let server = lone(&place, folder.path());
    let mut sender = Sender::new(&server, place.server());
    sender.send(b"short");
    until("counter", PATIENCE, || {
        let output = Command::new(env!("CARGO_BIN_EXE_peregrine"))
            .args(["ctl", "--socket"])
            .arg(server.socket())
            .arg("statistic-get-all")
            .output()
            .unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let count = &answer["arguments"]["peregrine-malformed-too-short"][0][0];
        if *count == json!(1) { Ok(()) } else { Err(answer) }
    });
}
