//! Real clients on the server's link: ISC dhclient, udhcpc, dhcpcd and systemd-networkd each get a lease through the raw
//! socket, renew it by unicast, and give it back. They come up again with the address that they remember, go to another
//! server when theirs is gone, decline an address that somebody has, and say their name.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::net::{self, Lan};
use crate::support::server::{Kind, PATIENCE, Server};
use crate::support::wait::{until, wall_s};

#[derive(Clone, Copy, Debug)]
enum Program {
    Dhclient,
    Udhcpc,
    Dhcpcd,
    Networkd,
}

/// Puts the address on the interface, as each client's own script would, and touches nothing else.
const SCRIPT: &str = r#"#!/bin/sh
address=${new_ip_address:-$ip}
mask=${new_subnet_mask:-${subnet:-255.255.255.0}}
env >>"${0%/*}/told"
# dhclient leaves it to its script to find out that somebody has the address.
[ "$reason$new_ip_address" = BOUND192.0.2.100 ] && [ -e "${0%/*}/taken" ] && exit 1
[ -n "$address" ] && ip address replace "$address/$mask" dev eth0
case "$reason$1" in RELEASE|deconfig) ip address flush dev eth0 ;; esac
ip link set eth0 up
exit 0
"#;

/// A client host and the program on it.
struct Client<'a> {
    lan: &'a Lan,
    program: Program,
    folder: PathBuf,
    running: Child,
}

impl<'a> Client<'a> {
    fn start(lan: &'a Lan, program: Program, folder: &Path) -> Self {
        Self::start_with(lan, program, folder, "")
    }

    /// As [`Self::start`], with more arguments.
    fn start_with(lan: &'a Lan, program: Program, folder: &Path, more: &str) -> Self {
        let script = folder.join("script");
        fs::write(&script, SCRIPT).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = match program {
            Program::Dhclient => {
                let mut command = lan.on("client", "dhclient");
                command.args(["-4", "-d", "-v"]).args(more.split_whitespace());
                command.args(dhclient_files(folder)).arg("eth0");
                command
            }
            Program::Udhcpc => {
                let mut command = lan.on("client", "udhcpc");
                command.args(["-f", "-i", "eth0", "-t", "20", "-T", "1", "-s"]).arg(script);
                command.args(more.split_whitespace());
                command
            }
            Program::Dhcpcd => {
                let line = "dhcpcd -4 -B -d -f /dev/null -C resolv.conf";
                in_own_folders(lan, folder, &format!("{line} -c {} {more} eth0", script.display()))
            }
            Program::Networkd => networkd(lan, folder, more),
        };
        let log = fs::File::create(folder.join("client.log")).unwrap();
        let running = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { lan, program, folder: folder.to_owned(), running }
    }

    /// Asks for a renewal now, where the program cannot wait for T1 itself.
    fn renew(&self) {
        if let Program::Udhcpc = self.program {
            self.signal("-USR1");
        }
    }

    fn release(&self) {
        match self.program {
            Program::Udhcpc => self.signal("-USR2"),
            Program::Dhcpcd => self.signal("-ALRM"),
            // It gives its leases back when it ends.
            Program::Networkd => self.signal("-TERM"),
            Program::Dhclient => {
                let files = dhclient_files(&self.folder);
                let mut command = self.lan.on("client", "dhclient");
                let output = command.args(["-4", "-r"]).args(files).arg("eth0").output().unwrap();
                assert!(output.status.success(), "{output:?}");
            }
        }
    }

    /// Signals the program in the namespace (the child is `ip`, which becomes it).
    fn signal(&self, signal: &str) {
        // A program that has ended needs no signal any more.
        let _ = Command::new("kill").args([signal, &self.running.id().to_string()]).output();
    }
}

impl Drop for Client<'_> {
    fn drop(&mut self) {
        let _ = self.running.kill();
        let _ = self.running.wait();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.join("client.log")).unwrap_or_default();
            eprintln!("== {:?}:\n{log}", self.program);
        }
    }
}

fn dhclient_files(folder: &Path) -> Vec<PathBuf> {
    let file = |name: &str| folder.join(name);
    vec!["-pf".into(), file("pid"), "-lf".into(), file("leases"), "-sf".into(), file("script")]
}

/// dhcpcd keeps its files at fixed places: give it ones of its own, of which those with leases stay.
fn in_own_folders(lan: &Lan, folder: &Path, line: &str) -> Command {
    let kept = folder.join("dhcpcd");
    fs::create_dir_all(&kept).unwrap();
    let script = format!(
        "mkdir -p /run/dhcpcd /var/lib/dhcpcd && mount -t tmpfs tmpfs /run/dhcpcd && \
         mount --bind {} /var/lib/dhcpcd && exec {line}",
        kept.display()
    );
    let mut command = lan.on("client", "sh");
    command.args(["-c", &script]);
    command
}

/// systemd's client without systemd: with folders of its own, and a read-only /sys, which tells it that no udev will
/// announce its interfaces.
fn networkd(lan: &Lan, folder: &Path, more: &str) -> Command {
    let file = folder.join("eth0.network");
    let text = format!(
        "[Match]\nName=eth0\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\n[DHCPv4]\n\
         ClientIdentifier=mac\n{more}"
    );
    fs::write(&file, text).unwrap();
    let script = format!(
        "mkdir -p /run/systemd && mount -t tmpfs tmpfs /run/systemd && \
         mkdir -p /run/systemd/network /run/systemd/netif/leases /run/systemd/netif/links && \
         cp {} /run/systemd/network/ && chmod 644 /run/systemd/network/* && \
         chown -R systemd-network /run/systemd/netif && mount -o remount,ro,bind /sys && \
         SYSTEMD_LOG_LEVEL=debug exec {NETWORKD}",
        file.display()
    );
    let mut command = lan.on("client", "sh");
    command.args(["-c", &script]);
    command
}

const NETWORKD: &str = "/lib/systemd/systemd-networkd";

fn configuration() -> Value {
    json!({
        "interfaces-config": {"interfaces": ["eth0"]},
        "multi-threading": {"enable-multi-threading": true, "thread-pool-size": 2},
        "valid-lifetime": 60, "renew-timer": 2, "rebind-timer": 40, "cache-threshold": 0.000001,
        "hooks-libraries": [
            {"library": "/usr/lib/x86_64-linux-gnu/kea/hooks/libdhcp_lease_cmds.so"}
        ],
        "subnet4": [{
            "id": 1, "subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.100 - 192.0.2.200"}],
            "option-data": [{"name": "routers", "data": "192.0.2.1"}]
        }]
    })
}

/// The one assigned lease of the server.
fn lease(server: &Server) -> Result<Value, Vec<Value>> {
    let leases = server.leases();
    match leases.as_slice() {
        [only] if only["state"] == 0 => Ok(only.clone()),
        _ => Err(leases),
    }
}

fn lease_renew_release(kind: Kind, program: Program) {
    if !net::is_possible("a DHCP client on a link") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let lan = Lan::new(&[("server", "192.0.2.1/24"), ("client", "")]);
    let mut server = Server::new(kind, "server", folder.path());
    server.configure(&configuration());
    server.start(&lan);
    let client = Client::start(&lan, program, folder.path());

    let given = until("lease", PATIENCE, || lease(&server));
    let address = given["ip-address"].as_str().unwrap().to_owned();
    until("address on the client", PATIENCE, || {
        let output = net::run("ip", &["-n", &lan.namespace("client"), "address", "show", "eth0"]);
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        if shown.contains(&address) { Ok(()) } else { Err(shown) }
    });
    // A renewal shows by its second: it has to be another one than the lease's.
    let given_s = given["cltt"].as_u64().unwrap();
    until("another second", PATIENCE, || if wall_s() > given_s { Ok(()) } else { Err(given_s) });
    client.renew();
    until("renewal", PATIENCE, || match lease(&server) {
        Ok(renewed) if renewed["cltt"].as_u64() > given["cltt"].as_u64() => {
            assert_eq!(renewed["ip-address"], given["ip-address"]);
            Ok(())
        }
        other => Err(other),
    });
    client.release();
    until("release", PATIENCE, || match lease(&server) {
        Ok(kept) => {
            // dhcpcd loses a signal that comes while it runs its hooks.
            if let Program::Dhcpcd = program {
                client.release();
            }
            Err(kept)
        }
        Err(_) => Ok(()),
    });
}

#[test]
fn dhclient() {
    lease_renew_release(Kind::Peregrine, Program::Dhclient);
}

#[test]
fn udhcpc() {
    lease_renew_release(Kind::Peregrine, Program::Udhcpc);
}

#[test]
fn dhcpcd() {
    lease_renew_release(Kind::Peregrine, Program::Dhcpcd);
}

#[test]
fn networkd_of_systemd() {
    if net::is_installed_at(NETWORKD) {
        lease_renew_release(Kind::Peregrine, Program::Networkd);
    }
}

#[test]
fn networkd_of_systemd_comes_up_again_with_its_address() {
    if net::is_installed_at(NETWORKD) {
        keeps_its_address(Program::Networkd);
    }
}

#[test]
fn networkd_of_systemd_rebinds_to_another_server() {
    if net::is_installed_at(NETWORKD) {
        rebind_to_another(Program::Networkd);
    }
}

#[test]
fn networkd_of_systemd_says_its_name_and_gets_the_options_that_it_asks_for() {
    if !net::is_installed_at(NETWORKD) || !net::is_possible("systemd-networkd with a name") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let lan = Lan::new(&[("server", "192.0.2.1/24"), ("client", "")]);
    let mut server = Server::new(Kind::Peregrine, "server", folder.path());
    let mut configuration = configuration();
    configuration["option-data"] = json!([
        {"name": "ntp-servers", "data": "192.0.2.123"},
        {"code": 224, "csv-format": false, "data": "0a0b"},
        {"code": 225, "csv-format": false, "data": "0c0d"}
    ]);
    server.configure(&configuration);
    server.start(&lan);
    // A name with dots goes as option 81.
    let more = "SendHostname=yes\nHostname=pc.example\nRequestOptions=224\n";
    let client = Client::start_with(&lan, Program::Networkd, folder.path(), more);
    let given = until("lease", PATIENCE, || lease(&server));
    assert_eq!(given["hostname"], "pc.example.");
    // It writes what it was told to a file in a mount namespace of its own.
    let leases = format!("/proc/{}/root/run/systemd/netif/leases", client.running.id());
    let told = until("options at the client", PATIENCE, || {
        let files = fs::read_dir(&leases).into_iter().flatten().flatten();
        let told: String = files.filter_map(|file| fs::read_to_string(file.path()).ok()).collect();
        if told.contains("NTP=192.0.2.123") { Ok(told) } else { Err(told) }
    });
    assert!(told.contains("OPTION_224=0a0b") && !told.contains("OPTION_225"), "{told}");
}

/// The scenario itself is true of the original.
#[test]
fn all_clients_of_kea() {
    for program in [Program::Dhclient, Program::Udhcpc, Program::Dhcpcd] {
        lease_renew_release(Kind::Kea, program);
    }
}

const ALL: [Program; 3] = [Program::Dhclient, Program::Udhcpc, Program::Dhcpcd];

/// Arguments for a client that looks whether anybody has its address.
fn careful(program: Program) -> &'static str {
    match program {
        Program::Udhcpc => "-a",
        Program::Dhclient | Program::Dhcpcd => "",
        // Version 252 sends its DECLINE from the very address that it does not take, before it has any other: the kernel
        // refuses that (`Network is unreachable`) unless routes make the address one of its own and show the way.
        Program::Networkd => {
            "SendDecline=yes\n[Route]\nDestination=192.0.2.1/32\nScope=link\n\
             [Route]\nDestination=192.0.2.100/32\nType=local\nTable=local\n"
        }
    }
}

fn shows(lan: &Lan, address: &str) {
    until("address on the client", PATIENCE, || {
        let output = net::run("ip", &["-n", &lan.namespace("client"), "address", "show", "eth0"]);
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        if shown.contains(address) { Ok(()) } else { Err(shown) }
    });
}

/// udhcpc keeps no lease; the others ask for the address that they had, without a DISCOVER.
#[test]
fn a_client_that_comes_up_again_keeps_its_address() {
    [Program::Dhclient, Program::Dhcpcd].into_iter().for_each(keeps_its_address);
}

fn keeps_its_address(program: Program) {
    if !net::is_possible("a DHCP client that reboots") {
        return;
    }
    // systemd's takes the address that it finds on its interface for the one that it had.
    let more = match program {
        Program::Networkd => "[Network]\nKeepConfiguration=dhcp\n",
        _ => "",
    };
    let folder = tempfile::tempdir().unwrap();
    let lan = Lan::new(&[("server", "192.0.2.1/24"), ("client", "")]);
    let mut server = Server::new(Kind::Peregrine, "server", folder.path());
    let mut configuration = configuration();
    configuration["renew-timer"] = json!(30);
    server.configure(&configuration);
    server.start(&lan);
    let client = Client::start_with(&lan, program, folder.path(), more);
    let given = until("lease", PATIENCE, || lease(&server));
    let address = given["ip-address"].as_str().unwrap().to_owned();
    shows(&lan, &address);
    until("file of the client", PATIENCE, || {
        let files = fs::read_dir(folder.path().join("dhcpcd"));
        let kept = files.is_ok_and(|mut files| files.next().is_some());
        let own = fs::read_to_string(folder.path().join("leases")).unwrap_or_default();
        let on_link = matches!(program, Program::Networkd);
        if kept || on_link || own.contains(&address) { Ok(()) } else { Err(own) }
    });
    // Killed on the spot: it gives nothing back.
    drop(client);
    let before = server.statistics();
    let _again = Client::start_with(&lan, program, folder.path(), more);
    until("REQUEST after the reboot", PATIENCE, || {
        let now = server.statistics();
        let more = |name: &str| now[name] - before[name];
        match (more("pkt4-discover-received"), more("pkt4-ack-sent")) {
            (0, 1..) => Ok(()),
            other => Err((program, other)),
        }
    });
    assert_eq!(lease(&server).unwrap()["ip-address"], given["ip-address"]);
}

/// What version 252 sends is no DECLINE of RFC 2131 (table 5): it lacks option 50, so that no server can know which address
/// is meant. It is counted as a violation, and changes nothing.
#[test]
fn networkd_of_systemd_declines_without_naming_the_address() {
    if !net::is_installed_at(NETWORKD) || !net::is_possible("systemd's client with a stranger") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let hosts = [("server", "192.0.2.1/24"), ("client", ""), ("other", "192.0.2.100/24")];
    let lan = Lan::new(&hosts);
    let mut server = Server::new(Kind::Peregrine, "server", folder.path());
    server.configure(&configuration());
    server.start(&lan);
    let more = careful(Program::Networkd);
    let _client = Client::start_with(&lan, Program::Networkd, folder.path(), more);
    until("a DECLINE that is refused", PATIENCE, || {
        let now = server.statistics();
        match (now["pkt4-decline-received"], now["pkt4-rfc-violation"]) {
            (1.., 1..) => Ok(()),
            other => Err(other),
        }
    });
    assert!(server.leases().iter().all(|lease| lease["state"] != 1), "{:?}", server.leases());
}

#[test]
fn an_address_that_somebody_has_is_declined() {
    ALL.into_iter().for_each(decline_of_a_taken_address);
}

fn decline_of_a_taken_address(program: Program) {
    if !net::is_possible("a DHCP client on a link with a stranger") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let hosts = [("server", "192.0.2.1/24"), ("client", ""), ("other", "192.0.2.100/24")];
    let lan = Lan::new(&hosts);
    fs::write(folder.path().join("taken"), "").unwrap();
    let mut server = Server::new(Kind::Peregrine, "server", folder.path());
    server.configure(&configuration());
    server.start(&lan);
    let _client = Client::start_with(&lan, program, folder.path(), careful(program));
    until("declined and another lease", PATIENCE, || {
        let leases = server.leases();
        let state = |address: &str| {
            let found = leases.iter().find(|lease| lease["ip-address"] == address);
            found.map(|lease| lease["state"].clone())
        };
        let declined = state("192.0.2.100") == Some(json!(1));
        let other = leases.iter().any(|lease| lease["state"] == 0);
        if declined && other { Ok(()) } else { Err((program, leases)) }
    });
}

#[test]
fn a_client_whose_server_is_gone_rebinds_to_another() {
    ALL.into_iter().for_each(rebind_to_another);
}

fn rebind_to_another(program: Program) {
    if !net::is_possible("a DHCP client between two servers") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let hosts = [("server", "192.0.2.1/24"), ("client", ""), ("second", "192.0.2.2/24")];
    let lan = Lan::new(&hosts);
    let mut configuration = configuration();
    configuration["valid-lifetime"] = json!(16);
    configuration["renew-timer"] = json!(3);
    configuration["rebind-timer"] = json!(6);
    let mut first = Server::new(Kind::Peregrine, "server", folder.path());
    first.configure(&configuration);
    first.start(&lan);
    let _client = Client::start(&lan, program, folder.path());
    let given = until("lease", PATIENCE, || lease(&first));
    first.kill();
    let mut second = Server::new(Kind::Peregrine, "second", folder.path());
    fs::copy(first.lease_file(), second.lease_file()).unwrap();
    second.configure(&configuration);
    second.start(&lan);
    until("rebinding", PATIENCE, || match lease(&second) {
        Ok(kept) if kept["cltt"].as_u64() > given["cltt"].as_u64() => {
            assert_eq!(kept["ip-address"], given["ip-address"], "{program:?}");
            Ok(())
        }
        other => Err((program, other)),
    });
    assert_eq!(second.statistics()["pkt4-discover-received"], 0, "{program:?} began anew");
}

#[test]
fn names_and_options_are_told_both_ways() {
    if !net::is_possible("a DHCP client with a name") {
        return;
    }
    for program in ALL {
        let folder = tempfile::tempdir().unwrap();
        let lan = Lan::new(&[("server", "192.0.2.1/24"), ("client", "")]);
        let mut server = Server::new(Kind::Peregrine, "server", folder.path());
        let mut configuration = configuration();
        configuration["option-data"] = json!([
            {"name": "ntp-servers", "data": "192.0.2.123"},
            {"name": "domain-search", "data": "a.example, b.example"}
        ]);
        server.configure(&configuration);
        server.start(&lan);
        let file = folder.path().join("dhclient.conf");
        let text = "send fqdn.fqdn \"pc.example.\"; send fqdn.encoded on;\n\
                    request subnet-mask, routers, ntp-servers, domain-search;\n";
        fs::write(&file, text).unwrap();
        let more = match program {
            Program::Dhclient => format!("-cf {}", file.display()),
            Program::Udhcpc => "-F pc.example. -O ntpsrv -O search".to_owned(),
            Program::Dhcpcd => "-h pc.example -F both -o ntp_servers -o domain_search".to_owned(),
            Program::Networkd => unreachable!("its options are not told to a script"),
        };
        let _client = Client::start_with(&lan, program, folder.path(), &more);
        let given = until("lease", PATIENCE, || lease(&server));
        assert_eq!(given["hostname"], "pc.example.", "{program:?}");
        until("options at the client", PATIENCE, || {
            let told = fs::read_to_string(folder.path().join("told")).unwrap_or_default();
            let all = ["192.0.2.123", "a.example", "b.example"].iter().all(|it| told.contains(it));
            if all { Ok(()) } else { Err((program, told)) }
        });
    }
}
