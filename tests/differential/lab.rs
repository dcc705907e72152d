//! The place of a run: three namespaces that a test makes and removes, Kea's, Peregrine's, and the clients' with a
//! cable to each. Both servers have the same addresses. The test's program runs itself again among the clients.

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use engine::packet::link::LinkSocket;
use serde_json::Value;

use crate::message::{Kind, Query, Reply, Route, VendorOption, vendor_options};
use crate::support::net;
use crate::support::server::{self, Server};

/// The servers' address and hardware address.
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
pub(crate) const SERVER_MAC: [u8; 6] = [2, 0, 0, 0, 0xff, 1];
/// Names the namespaces to the program that runs among the clients.
const PLACE: &str = "PEREGRINE_DIFFERENTIAL_PLACE";
/// How long one look at a cable waits.
const LOOK: Duration = Duration::from_millis(2);
/// Looks at a cable until a reply is not expected any more without further signs.
const LOOKS: u32 = 2;
/// Looks that wait for a sentinel's answer: a server that serves answers it within this.
const SENTINEL_LOOKS: u32 = 1000;
/// Looks that a reply gets after all when the other side sent one.
const LATE_LOOKS: u32 = 150;
/// The client that asks only to learn that the server is done with what was before.
const SENTINEL_MAC: [u8; 6] = [2, 0xff, 0xff, 0xff, 0xff, 0xff];
const SENTINEL: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 250);
const SENTINEL_XIDS: u32 = 0xff00_0000;

/// Namespaces; gone with the value, processes in them included.
struct Namespaces(String);

impl Namespaces {
    const HOSTS: [&'static str; 3] = ["clients", "kea", "ours"];

    fn new(test: &str) -> Self {
        net::sweep();
        let this = Self(format!("pgd{}-{test}", std::process::id()));
        for host in Self::HOSTS {
            net::run("ip", &["netns", "add", &this.name(host)]);
            net::run("ip", &["-n", &this.name(host), "link", "set", "lo", "up"]);
        }
        for server in ["kea", "ours"] {
            this.connect(server);
        }
        this
    }

    /// A cable between the clients and a server. No ARP on it: every address is at its end.
    fn connect(&self, server: &str) {
        let (clients, namespace) = (self.name("clients"), self.name(server));
        let at = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            net::run("ip", &[&["-n", &namespace], &words[..]].concat());
        };
        let cable = ["-n", &clients, "link", "add", server, "type", "veth", "peer", "eth0"];
        net::run("ip", &[&cable[..], &["netns", &namespace]].concat());
        at("link set eth0 address 02:00:00:00:ff:01 arp off");
        at("address add 192.0.2.1/24 dev eth0");
        at("link set eth0 up");
        at("route add default dev eth0");
        net::run("ip", &["-n", &clients, "link", "set", server, "up"]);
    }

    fn name(&self, host: &str) -> String {
        format!("{}-{host}", self.0)
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for host in Self::HOSTS {
            net::remove(&self.name(host));
        }
    }
}

/// Runs `body` among the clients: this very test again, in a process of its own.
pub(crate) fn among_clients(test: &str, body: impl FnOnce(&mut Lab)) {
    if let Ok(place) = std::env::var(PLACE) {
        return body(&mut Lab::open(&place));
    }
    if !net::is_possible(test) {
        return;
    }
    let namespaces = Namespaces::new(test);
    let status = Command::new("ip")
        .args(["netns", "exec", &namespaces.name("clients")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(PLACE, &namespaces.0)
        .status()
        .unwrap();
    assert!(status.success(), "{test} failed: see above");
}

/// One of the two servers and the cable to it.
pub(crate) struct Side {
    pub(crate) server: Server,
    namespace: String,
    link: LinkSocket,
    sentinels: u32,
    /// How many of them there were when it was started.
    sentinels_before: u32,
    /// What its options 125 said since it started.
    pub(crate) vendor_options: BTreeSet<VendorOption>,
}

impl Side {
    fn open(place: &str, kind: server::Kind, folder: &Path) -> Self {
        let host = match kind {
            server::Kind::Kea => "kea",
            server::Kind::Peregrine => "ours",
        };
        let index = fs::read_to_string(format!("/sys/class/net/{host}/ifindex")).unwrap();
        Self {
            server: Server::new(kind, host, folder),
            namespace: format!("{place}-{host}"),
            link: LinkSocket::open(index.trim().parse().unwrap(), LOOK).unwrap(),
            sentinels: 0,
            sentinels_before: 0,
            vendor_options: BTreeSet::new(),
        }
    }

    /// Starts the program, or starts it again, with what it has in its files.
    pub(crate) fn start(&mut self) {
        self.server.kill();
        self.vendor_options.clear();
        self.sentinels_before = self.sentinels;
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace, self.server.program()]);
        self.server.start_by(command);
    }

    /// Starts it without any leases.
    pub(crate) fn start_anew(&mut self, dhcp4: &Value) {
        self.server.kill();
        let folder = self.server.folder().to_owned();
        fs::remove_dir_all(&folder).unwrap();
        fs::create_dir_all(&folder).unwrap();
        self.server.configure(dhcp4);
        self.start();
        while self.look().is_some() {}
    }

    /// How many sentinels were sent to it since it was started.
    pub(crate) fn sentinels_since_start(&self) -> u32 {
        self.sentinels - self.sentinels_before
    }

    fn send(&self, query: &Query, route: &Route) {
        self.link.send(&query.frame(route)).unwrap();
    }

    /// The next reply of the server, if there is one now.
    fn look(&mut self) -> Option<Reply> {
        while let Some(frame) = self.link.receive().unwrap() {
            if let Some(reply) = Reply::read(&frame) {
                let said = reply.options.get(&125);
                self.vendor_options.extend(said.into_iter().flat_map(|data| vendor_options(data)));
                return Some(reply);
            }
        }
        None
    }

    /// The reply to `xid`. The answer to the sentinel that is sent after a while says that there is none.
    fn reply_to(&mut self, xid: u32, route: &Route) -> Result<Option<Reply>, String> {
        if let Some(reply) = self.wait_for(xid, LOOKS)? {
            return Ok(Some(reply));
        }
        self.sentinels += 1;
        let sentinel = SENTINEL_XIDS + self.sentinels;
        self.send_sentinel(sentinel, route);
        let mut found = None;
        for _ in 0..SENTINEL_LOOKS {
            match self.look() {
                Some(reply) if reply.xid == sentinel => {
                    // The replies of one batch need not come in order.
                    return Ok(found.or(self.wait_for(xid, 1)?));
                }
                Some(reply) if reply.xid == xid => found = Some(reply),
                Some(reply) => self.check_stray(&reply)?,
                None => {}
            }
        }
        Ok(found)
    }

    fn wait_for(&mut self, xid: u32, looks: u32) -> Result<Option<Reply>, String> {
        for _ in 0..looks {
            match self.look() {
                Some(reply) if reply.xid == xid => return Ok(Some(reply)),
                Some(reply) => self.check_stray(&reply)?,
                None => {}
            }
        }
        Ok(None)
    }

    /// Nothing comes unasked or twice, but late answers to sentinels.
    fn check_stray(&self, reply: &Reply) -> Result<(), String> {
        if reply.xid > SENTINEL_XIDS {
            return Ok(());
        }
        Err(format!("{:?} sent a second or a late reply: {reply:?}", self.server.kind))
    }

    /// An INFORM that changes nothing, on the way that the query took. It names a relay: Kea 2.2 answers those on a link
    /// without a subnet, too.
    fn send_sentinel(&self, xid: u32, route: &Route) {
        let query = Query {
            op: 1,
            htype: 1,
            hlen: 6,
            xid,
            ciaddr: SENTINEL.octets(),
            giaddr: SENTINEL.octets(),
            chaddr: SENTINEL_MAC.into(),
            options: vec![(53, vec![8])],
            ..Query::default()
        };
        let from = (SENTINEL, 68);
        self.send(&query, &Route { from, from_mac: SENTINEL_MAC, ..*route });
    }
}

/// Both sides.
pub(crate) struct Lab {
    pub(crate) kea: Side,
    pub(crate) ours: Side,
    _folder: tempfile::TempDir,
}

/// A query as each side gets it: each client goes on with what its server gave it.
pub(crate) struct Queries {
    pub(crate) kea: (Query, Route),
    pub(crate) ours: (Query, Route),
}

/// What came of a query.
#[derive(Clone, Debug)]
pub(crate) struct Replies {
    pub(crate) kea: Option<Reply>,
    pub(crate) ours: Option<Reply>,
}

impl std::fmt::Display for Replies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (side, reply) in [("Kea", &self.kea), ("Peregrine", &self.ours)] {
            let said = reply.as_ref().map_or("nothing".into(), Reply::describe);
            writeln!(f, "  {side}: {said}")?;
        }
        Ok(())
    }
}

impl Lab {
    fn open(place: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            kea: Side::open(place, server::Kind::Kea, folder.path()),
            ours: Side::open(place, server::Kind::Peregrine, folder.path()),
            _folder: folder,
        }
    }

    /// Sends a query to both and waits for what they answer.
    ///
    /// # Errors
    /// A side that answers twice, or an earlier query late.
    pub(crate) fn exchange(&mut self, queries: &Queries) -> Result<Replies, String> {
        let (kea, ours) = (&queries.kea, &queries.ours);
        self.kea.send(&kea.0, &kea.1);
        self.ours.send(&ours.0, &ours.1);
        let mut replies = Replies {
            kea: self.kea.reply_to(kea.0.xid, &kea.1)?,
            ours: self.ours.reply_to(ours.0.xid, &ours.1)?,
        };
        if replies.kea.is_none() && replies.ours.is_some() {
            replies.kea = self.kea.wait_for(kea.0.xid, LATE_LOOKS)?;
        } else if replies.ours.is_none() && replies.kea.is_some() {
            replies.ours = self.ours.wait_for(ours.0.xid, LATE_LOOKS)?;
        }
        Ok(replies)
    }
}

/// The type of what may have come.
pub(crate) fn kind_of(reply: Option<&Reply>) -> Kind {
    reply.map_or(Kind::Nothing, Reply::kind)
}
