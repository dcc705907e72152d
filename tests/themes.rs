//! One configuration for each theme of a DHCPv4 server: it is read, told by config-get and read again as the same one, and
//! serves a client through a server without sockets. One asks for what is not built yet, and is refused for all of that.

#![expect(clippy::unwrap_used, reason = "an unwrap of a test is an assertion")]

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use engine::config::json::Node;
use engine::config::model::{Configuration, HookLibrary};
use engine::config::{Directories, parse_text_with, render};
use engine::packet::stub;
use engine::packet::{Arrival, Packet, Ports};
use engine::seam::ServeAll;
use engine::server::{Options, Prepared};
use ha::config::Identity;

const PATIENCE: Duration = Duration::from_secs(20);
const LOCAL: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// What a theme shows: a client's DISCOVER and what of the offer depends on the theme.
struct Theme {
    name: &'static str,
    relay: [u8; 4],
    /// The last octet of its hardware address.
    client: u8,
    /// Options beyond the message type and a request for routers, servers, names and the domain.
    asks: &'static [u8],
    /// First and last address that it may be offered.
    offered: [[u8; 4]; 2],
    /// Options that the offer has, whole.
    has: &'static [&'static [u8]],
}

const OFFICE: [u8; 4] = [198, 51, 100, 1];

const fn theme(name: &'static str, offered: [[u8; 4]; 2]) -> Theme {
    Theme { name, relay: OFFICE, client: 1, asks: &[], offered, has: &[] }
}

const fn pool(first: u8, last: u8) -> [[u8; 4]; 2] {
    [[198, 51, 100, first], [198, 51, 100, last]]
}

fn themes() -> Vec<Theme> {
    let (one, ten) = (theme, pool(10, 19));
    vec![
        Theme {
            relay: [203, 0, 113, 1],
            has: &[b"\x03\x04\xcb\x00\x71\x01", b"\x06\x08\xc0\x00\x02\x35\xc0\x00\x02\x36"],
            ..one("several-subnets", [[203, 0, 113, 128], [203, 0, 113, 255]])
        },
        Theme {
            has: &[b"\x0f\x11cable.example.org", b"\x33\x04\x00\x00\x02\x58"],
            ..one("shared-network", [[203, 0, 113, 10], [203, 0, 113, 20]])
        },
        Theme {
            asks: b"\x3c\x07phone 9\x37\x01\x42",
            has: &[b"\x42\x11voice.example.org", b"\x33\x04\x00\x00\x04\xb0"],
            ..one("classes", ten)
        },
        Theme {
            asks: b"\x37\x02\x07\x0c",
            has: &[b"\x07\x04\xc6\x33\x64\x07", b"\x0c\x13printer.example.org"],
            ..one("reservations", pool(200, 200))
        },
        Theme { client: 5, asks: b"\x52\x08\x01\x06port 7", ..one("reservations", pool(201, 201)) },
        Theme { client: 6, ..one("reservations", ten) },
        Theme {
            has: &[
                b"\x03\x04\xc6\x33\x64\x02",
                b"\xe0\x0a\x00\x07\xc0\x00\x02\x09roof",
                b"\xe1\x0e\x01\x0c\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03",
                b"\x79\x06\x08\x0a\xc6\x33\x64\x01",
                b"\x2b\x04\x01\x02\xaa\xbb",
            ],
            ..one("options", ten)
        },
        Theme {
            asks: b"\x7c\x05\x00\x00\x11\x8b\x00",
            has: &[b"\x7d\x10\x00\x00\x11\x8b\x0b\x21\x09modem.bin"],
            ..one("vendors", ten)
        },
        Theme {
            asks: b"\x33\x04\x00\x00\x00\x01",
            has: &[
                b"\x33\x04\x00\x00\x02\x58",
                b"\x3a\x04\x00\x00\x00\x96",
                b"\x3b\x04\x00\x00\x01\xc2",
            ],
            ..one("lease-times", ten)
        },
        Theme { has: &[b"\x03\x04\xc6\x33\x64\x01"], ..one("comments", ten) },
        Theme {
            relay: [192, 0, 2, 200],
            asks: b"\x52\x06\x01\x04west",
            has: &[b"\x52\x06\x01\x04west"],
            ..one("relays", pool(1, 254))
        },
        Theme {
            asks: b"\x5d\x02\x00\x07",
            has: &[b"ipxe.efi", b"boot.example.org"],
            ..one("boot", ten)
        },
        Theme { has: &[b"guest-198-51-100-1"], ..one("names", ten) },
        Theme { asks: b"\x0c\x05a_b c", has: &[b"\x0c\x11axbxc.example.org"], ..one("names", ten) },
    ]
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/themes")
}

fn read(text: &str, name: &str) -> Configuration {
    let mut check_hook = |library: &HookLibrary, part: &Node| {
        ha::config::check_hook(library, part, &Identity::default())
    };
    let read = parse_text_with(text, name, &Directories::default(), &mut check_hook);
    read.unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

fn discover(theme: &Theme) -> Packet {
    let mut message = vec![0; 236];
    message[..4].copy_from_slice(&[1, 1, 6, 1]);
    message[24..28].copy_from_slice(&theme.relay);
    message[28..34].copy_from_slice(&[2, 0, 0, 0, 0, theme.client]);
    message.extend_from_slice(&[99, 130, 83, 99, 53, 1, 1, 55, 4, 3, 6, 12, 15]);
    message.extend_from_slice(theme.asks);
    message.push(255);
    let source = SocketAddrV4::new(theme.relay.into(), 67);
    let arrival = Arrival { interface: 1, source, destination: LOCAL, local: LOCAL, raw: false };
    Packet { arrival, message }
}

/// The answer of a server by `text` that keeps its leases in memory.
fn served(text: &str, theme: &Theme) -> Vec<u8> {
    let mut dhcp4 = read(text, theme.name).dhcp4.unwrap();
    dhcp4.lease_database.persist = false;
    dhcp4.multi_threading.thread_pool_size = 1;
    let (sockets, stub) = stub::sockets(1).unwrap();
    let options = Options { ports: Ports::default(), pid_files: Vec::new(), own_name: "test" };
    let prepared =
        Prepared::with_sockets(Arc::new(dhcp4), serde_json::Value::Null, options, sockets).unwrap();
    let server = prepared.start(Arc::new(ServeAll)).unwrap();
    stub.deliver(0, vec![discover(theme)]);
    let reply = stub.sent(PATIENCE).unwrap_or_else(|| panic!("{}: no offer", theme.name)).message;
    drop(server);
    reply
}

#[test]
fn each_theme_is_told_again_and_served() {
    let mut shown = BTreeSet::from(["high-availability", "not-built"]);
    for theme in themes() {
        let text =
            std::fs::read_to_string(folder().join(theme.name).with_extension("json")).unwrap();
        let told = render(&read(&text, theme.name));
        assert_eq!(render(&read(&format!("{told:#}"), "config-get")), told, "{}", theme.name);
        for text in [text, told.to_string()] {
            let offer = served(&text, &theme);
            let address: [u8; 4] = offer[16..20].try_into().unwrap();
            let [first, last] = theme.offered;
            assert!((first..=last).contains(&address), "{}: {address:?}", theme.name);
            for option in theme.has {
                let found = offer.windows(option.len()).any(|window| window == *option);
                assert!(found, "{}: {option:02x?} is not in {offer:02x?}", theme.name);
            }
        }
        shown.insert(theme.name);
    }
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let files: BTreeSet<_> =
        files.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(files, shown.iter().map(|name| (*name).to_owned()).collect());
}

fn check(name: &str) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peregrine"));
    let output = command.arg("-t").arg(folder().join(name)).output().unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn the_program_takes_each_of_them_or_says_once_what_is_not_built() {
    for theme in themes().iter().map(|theme| theme.name).chain(["high-availability"]) {
        let (taken, said) = check(&format!("{theme}.json"));
        assert!(taken && said.is_empty(), "{theme}: {said}");
    }
    let (taken, said) = check("not-built.json");
    assert!(!taken && said.starts_with("not built yet, and asked for by this configuration:\n"));
    let parts = ["host databases", "configuration databases", "DNS updates", "libdhcp_mysql"];
    for part in parts.into_iter().chain(["hook library charging", "DHCPv4 over DHCPv6"]) {
        assert_eq!(said.matches(part).count(), 1, "{part}: {said}");
    }
    assert!(said.ends_with("nothing was started\n") && said.lines().count() == 8, "{said}");
}
