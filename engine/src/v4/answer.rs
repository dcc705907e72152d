//! Puts a reply together: fixed fields, options, and where it goes (RFC 2131 sections 4.1 and 4.3.1). Pure.

use std::borrow::Cow;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::classes::Classes;
use super::names::{MAX_FQDN, Name};
use super::options::{Levels, OptionTable};
use super::snapshot::{PoolPlan, SubnetPlan};
use super::vendor::{write_vendor_classes, write_vendor_options};
use super::{Event, Exchange, Reply};
use crate::classify::ClassId;
use crate::codec::v4::{CodeSet, MessageType, Query, ReplyWriter, code, suboption};
use crate::config::model::Timer;
use crate::hosts::{GLOBAL, Host};
use crate::lease::ChangeNumber;
use crate::packet::{Arrival, Departure, Destination};

/// DHCP's ports (RFC 2131 section 4.1).
const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;
const BROADCAST_MAC: [u8; 6] = [0xff; 6];

/// Sent whenever configured, asked for or not; as Kea does.
const BASIC: [u8; 4] =
    [code::ROUTERS, code::DOMAIN_NAME_SERVERS, code::DOMAIN_NAME, code::SERVER_IDENTIFIER];
/// Never sent to a BOOTP client (RFC 1534, RFC 2132 section 9).
const DHCP_ONLY: [u8; 11] = [50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 61];
/// Never taken from the configuration's levels: the exchange decides about them.
const OWN: [u8; 7] = [
    code::PAD,
    code::LEASE_TIME,
    code::MESSAGE_TYPE,
    code::CLIENT_IDENTIFIER,
    code::RELAY_AGENT_INFORMATION,
    code::SUBNET_SELECTION,
    code::END,
];

/// A lease as an OFFER or ACK tells of it.
pub(super) struct Promise<'a> {
    pub(super) address: Ipv4Addr,
    pub(super) lifetime_s: u32,
    pub(super) subnet: &'a SubnetPlan,
    pub(super) pool: Option<&'a PoolPlan>,
    /// The client's reservation that counts there.
    pub(super) host: Option<&'a Host>,
    pub(super) name: Option<Name>,
}

/// The most options that an exchange decides about.
const MAX_OWN: usize = 8;

/// Options that the exchange itself decides about, by code.
#[derive(Default)]
struct OwnOptions<'a>([Option<(u8, Value<'a>)>; MAX_OWN]);

/// A value that needs no allocation of its own.
enum Value<'a> {
    Number([u8; 4]),
    Bytes(Cow<'a, [u8]>),
}

impl<'a> OwnOptions<'a> {
    /// Sets an option of four bytes: a number or an address.
    fn number(&mut self, code: u8, value: [u8; 4]) {
        self.put(code, Value::Number(value));
    }

    fn bytes(&mut self, code: u8, value: impl Into<Cow<'a, [u8]>>) {
        self.put(code, Value::Bytes(value.into()));
    }

    fn put(&mut self, code: u8, value: Value<'a>) {
        let free = self.0.iter_mut().find(|place| place.is_none());
        *free.expect("there are no more than MAX_OWN") = Some((code, value));
    }

    fn remove(&mut self, unwanted: u8) {
        let is_unwanted = |(code, _): &mut (u8, _)| *code == unwanted;
        self.0.iter_mut().for_each(|place| drop(place.take_if(is_unwanted)));
    }

    fn codes(&self) -> impl Iterator<Item = u8> {
        self.0.iter().flatten().map(|(code, _)| *code)
    }

    fn value(&self, code: u8) -> Option<&[u8]> {
        self.0.iter().flatten().find(|(known, _)| *known == code).map(|(_, value)| match value {
            Value::Number(bytes) => bytes.as_slice(),
            Value::Bytes(bytes) => bytes,
        })
    }
}

impl Exchange<'_> {
    /// OFFER or ACK of a lease.
    pub(super) fn promise(
        &self,
        message_type: MessageType,
        promise: &Promise<'_>,
        version: Option<ChangeNumber>,
        event: Event,
    ) -> Reply {
        let mut writer = self.writer(message_type, promise.address);
        writer.yiaddr(promise.address);
        if message_type == MessageType::Ack {
            writer.ciaddr(self.query.ciaddr());
        }
        let (options, listed) = match promise.pool {
            Some(pool) => (&pool.options, &pool.additional),
            None => (&promise.subnet.options, &promise.subnet.additional),
        };
        let classes = self.final_classes(promise.subnet, promise.host, listed);
        self.boot_fields(&mut writer, Some(promise.subnet), promise.host, &classes);
        let mut own = self.echoes();
        own.number(code::LEASE_TIME, promise.lifetime_s.to_be_bytes());
        own.number(code::SUBNET_MASK, promise.subnet.config.prefix.mask().octets());
        set_timers(&mut own, promise);
        let mut space = [0; MAX_FQDN];
        if let Some(name) = &promise.name {
            own.bytes(name.code(), name.option(&mut space));
        }
        self.write_options(&mut writer, own, Some(&self.levels(options, promise.host, &classes)));
        let reports = version.map(|version| (promise.address, version));
        let reply = self.finish(writer, message_type, promise.address, event);
        Reply { reports, last_change: version, ..reply }
    }

    /// OFFER or ACK of no address, and whether it carries option 108.
    pub(super) fn tell(&self, message_type: MessageType, subnet: &SubnetPlan) -> (Reply, bool) {
        let mut writer = self.writer(message_type, Ipv4Addr::UNSPECIFIED);
        if message_type == MessageType::Ack {
            writer.ciaddr(self.query.ciaddr());
        }
        let host = self.known.current(subnet);
        let classes = self.final_classes(subnet, host, &subnet.additional);
        self.boot_fields(&mut writer, Some(subnet), host, &classes);
        let levels = self.levels(&subnet.options, host, &classes);
        let wanted = code::V6_ONLY_PREFERRED;
        let carried = levels.chosen(None, CodeSet::of(&[wanted])).contains(wanted)
            && levels.value((None, wanted)).is_some();
        self.write_options(&mut writer, self.echoes(), Some(&levels));
        let nobody = Ipv4Addr::UNSPECIFIED;
        (self.finish(writer, message_type, nobody, Event::Ipv6Only), carried)
    }

    /// ACK of an INFORM: options, no lease. Only through a relay's address it is a relayed reply.
    pub(super) fn inform_ack(&self) -> Reply {
        let mut writer = self.writer(MessageType::Ack, Ipv4Addr::UNSPECIFIED);
        writer.ciaddr(self.query.ciaddr());
        let mut own = self.echoes();
        let through_relay = self.query.is_relayed() && self.query.ciaddr().is_unspecified();
        if through_relay {
            writer.broadcast();
        } else {
            writer.forget_relay();
            own.remove(code::RELAY_AGENT_INFORMATION);
        }
        let told = self.subnet.map(|subnet| {
            let host = self.known.current(subnet);
            (subnet, host, self.final_classes(subnet, host, &subnet.additional))
        });
        let levels = told.as_ref().map(|(subnet, host, classes)| {
            self.boot_fields(&mut writer, Some(subnet), *host, classes);
            self.levels(&subnet.options, *host, classes)
        });
        if levels.is_none() {
            self.boot_fields(&mut writer, None, None, &self.classes);
        }
        self.write_options(&mut writer, own, levels.as_ref());
        self.finish(writer, MessageType::Ack, Ipv4Addr::UNSPECIFIED, Event::Informed)
    }

    /// NAK: no options but those that say whose and from whom it is.
    pub(super) fn nak(&self, event: Event) -> Reply {
        let message_type = MessageType::Nak;
        let mut writer = self.writer(message_type, Ipv4Addr::UNSPECIFIED);
        if self.query.is_relayed() {
            writer.broadcast();
        }
        self.write_options(&mut writer, self.echoes(), None);
        self.finish(writer, message_type, Ipv4Addr::UNSPECIFIED, event)
    }

    fn writer(&self, message_type: MessageType, yiaddr: Ipv4Addr) -> ReplyWriter {
        let mut writer = ReplyWriter::new(self.query, message_type, self.context.buffers.take());
        if matches!(self.destination(message_type, yiaddr), Destination::Ip { to } if !to.ip().is_broadcast())
        {
            writer.may_be_fragmented();
        }
        writer
    }

    /// What every reply says back: client identifier (RFC 6842), relay information (RFC 3046), subnet selection
    /// (RFC 3011).
    fn echoes(&self) -> OwnOptions<'_> {
        let mut own = OwnOptions::default();
        let echo_client_id = self.context.snapshot.config.echo_client_id;
        let echoed = [code::RELAY_AGENT_INFORMATION, code::SUBNET_SELECTION];
        let echoed = echoed.into_iter().chain(echo_client_id.then_some(code::CLIENT_IDENTIFIER));
        let recalled = self.query.is_recalling().then_some(code::RELAY_AGENT_INFORMATION);
        for code in echoed.filter(|code| Some(*code) != recalled) {
            if let Some(value) = self.query.option(code).filter(|value| !value.is_empty()) {
                own.bytes(code, value);
            }
        }
        own
    }

    /// The query's classes, those that a reservation in a subnet of a shared network gives (it counts only once the
    /// subnet is known), and those of `listed` that it is found to be in.
    fn final_classes(
        &self,
        subnet: &SubnetPlan,
        host: Option<&Host>,
        listed: &[ClassId],
    ) -> Cow<'_, Classes> {
        let shared = self.context.snapshot.network_of(subnet).is_shared;
        let late = host.filter(|host| shared && host.subnet_id != GLOBAL);
        let late = late.map_or(&[][..], |host| host.classes());
        let mut classes = Cow::Borrowed(&self.classes);
        if !late.is_empty() || !listed.is_empty() {
            classes.to_mut().finish(late, listed, self.asked());
        }
        classes
    }

    fn levels<'s>(
        &'s self,
        options: &'s OptionTable,
        host: Option<&'s Host>,
        classes: &'s Classes,
    ) -> Levels<'s> {
        let snapshot = self.context.snapshot;
        let host = host.and_then(|host| snapshot.options_of(host));
        Levels { host, subnet: options, classes, snapshot }
    }

    /// next-server, server-hostname and boot-file-name: of the reservation, else of the first class that sets it, else
    /// of the subnet, if there is one.
    fn boot_fields(
        &self,
        writer: &mut ReplyWriter,
        subnet: Option<&SubnetPlan>,
        host: Option<&Host>,
        classes: &Classes,
    ) {
        let classes = || classes.definitions(self.context.snapshot).map(|(class, _)| class);
        let own = host.and_then(|host| host.details.as_deref());
        let subnet = subnet.map(|subnet| &subnet.config);
        let next_server = classes()
            .filter_map(|class| class.next_server)
            .find(|address| !address.is_unspecified());
        let next_server = own.and_then(|own| own.next_server).or(next_server);
        let next_server = next_server.or(subnet.map(|subnet| subnet.next_server));
        writer.siaddr(next_server.unwrap_or(Ipv4Addr::UNSPECIFIED));
        let own_server = own.map(|own| &*own.server_hostname);
        let servers = classes().filter_map(|class| class.server_hostname.as_deref());
        let server = own_server.into_iter().chain(servers).find(|name| !name.is_empty());
        let server = server.or(subnet.map(|subnet| &*subnet.server_hostname));
        writer.server_name(server.unwrap_or_default());
        let own_file = own.map(|own| &*own.boot_file_name);
        let files = classes().filter_map(|class| class.boot_file_name.as_deref());
        let file = own_file.into_iter().chain(files).find(|name| !name.is_empty());
        writer.boot_file(file.or(subnet.map(|it| &*it.boot_file_name)).unwrap_or_default());
    }

    /// Writes the exchange's own options and those of the configuration, ascending, option 82 last.
    fn write_options(
        &self,
        writer: &mut ReplyWriter,
        own: OwnOptions<'_>,
        levels: Option<&Levels<'_>>,
    ) {
        let mut codes = levels.map_or_else(CodeSet::default, |levels| {
            let mut asked = self.query.requested_options();
            BASIC.iter().for_each(|code| asked.insert(*code));
            let mut codes = levels.chosen(None, asked);
            OWN.iter().for_each(|code| codes.remove(*code));
            codes
        });
        own.codes().for_each(|code| codes.insert(code));
        codes.insert(code::SERVER_IDENTIFIER);
        codes.remove(code::RELAY_AGENT_INFORMATION);
        // A client that names its enterprise is answered there without asking.
        let vendor_options = codes.contains(code::VENDOR_OPTIONS);
        codes.insert(code::VENDOR_OPTIONS);
        if self.query.is_bootp() {
            DHCP_ONLY.iter().for_each(|code| codes.remove(*code));
        }
        let local = self.arrival.local.octets();
        self.keep_room(writer, &own, &codes);
        codes.for_each(|code| {
            match (code, levels) {
                (code::VENDOR_CLASS, Some(levels)) => write_vendor_classes(writer, levels),
                (code::VENDOR_OPTIONS, Some(levels)) => {
                    write_vendor_options(writer, self.query, levels, vendor_options);
                }
                _ => {}
            }
            if matches!(code, code::VENDOR_CLASS | code::VENDOR_OPTIONS) {
                return;
            }
            let configured = || levels.and_then(|levels| levels.value((None, code)));
            if let Some(value) = own.value(code) {
                writer.kept_option(code, value);
            } else if code == code::SERVER_IDENTIFIER {
                writer.kept_option(code, configured().unwrap_or(local.as_slice()));
            } else if let Some(value) = configured() {
                writer.option(code, value);
            }
        });
        if let Some(relay) = own.value(code::RELAY_AGENT_INFORMATION) {
            writer.kept_option(code::RELAY_AGENT_INFORMATION, relay);
        }
    }

    /// What the exchange itself says finds room, whatever the configuration fills the reply with.
    fn keep_room(&self, writer: &mut ReplyWriter, own: &OwnOptions<'_>, codes: &CodeSet) {
        let is_sent = |code| codes.contains(code) || code == code::RELAY_AGENT_INFORMATION;
        for value in own.codes().filter(|code| is_sent(*code)).filter_map(|code| own.value(code)) {
            writer.keep_room(value.len());
        }
        if codes.contains(code::SERVER_IDENTIFIER) {
            writer.keep_room(self.arrival.local.octets().len());
        }
    }

    /// The reply that `writer` has written, of no lease.
    fn finish(
        &self,
        writer: ReplyWriter,
        message_type: MessageType,
        yiaddr: Ipv4Addr,
        event: Event,
    ) -> Reply {
        let omitted = writer.omitted();
        let departure = Departure {
            interface: self.arrival.interface,
            source: self.arrival.local,
            destination: self.destination(message_type, yiaddr),
            message: writer.finish(),
        };
        Reply { departure, message_type, reports: None, last_change: None, event, omitted }
    }

    fn destination(&self, message_type: MessageType, yiaddr: Ipv4Addr) -> Destination {
        Route { query: self.query, arrival: self.arrival, port: self.context.reply_port }
            .destination(message_type, yiaddr)
    }
}

/// Options 58 and 59: T2 only before the lease's end, T1 only before T2.
fn set_timers(own: &mut OwnOptions<'_>, promise: &Promise<'_>) {
    let subnet = &promise.subnet.config;
    let mut end_s = promise.lifetime_s;
    for (code, timer) in [(code::REBINDING_TIME, subnet.rebind), (code::RENEWAL_TIME, subnet.renew)]
    {
        let at_s = timer_s(timer, promise.lifetime_s);
        if at_s > 0 && at_s < end_s {
            own.number(code, at_s.to_be_bytes());
            end_s = at_s;
        }
    }
}

fn timer_s(timer: Timer, lifetime_s: u32) -> u32 {
    match timer {
        Timer::Unset => 0,
        Timer::Fixed(seconds) => seconds,
        // A share of at most 1 of a u32 is a u32.
        Timer::Share(share) => (share * f64::from(lifetime_s)).round() as u32,
    }
}

/// Where replies to a query go.
struct Route<'a> {
    query: &'a Query<'a>,
    arrival: &'a Arrival,
    /// The port that is forced.
    port: Option<u16>,
}

impl Route<'_> {
    fn destination(&self, message_type: MessageType, yiaddr: Ipv4Addr) -> Destination {
        let ciaddr = self.query.ciaddr();
        let inform = self.query.message_type() == MessageType::Inform;
        if inform && self.query.is_relayed() && !ciaddr.is_unspecified() {
            return Destination::Ip { to: self.to(ciaddr, CLIENT_PORT) };
        }
        if self.query.is_relayed() {
            return Destination::Ip { to: self.to(self.query.giaddr(), self.relay_port()) };
        }
        // RFC 2131 section 4.1: on the link every NAK is a broadcast, also to a client that names its address.
        if !ciaddr.is_unspecified() && message_type != MessageType::Nak {
            return self.to_holder(ciaddr);
        }
        let source = *self.arrival.source.ip();
        let told_nothing = yiaddr.is_unspecified() && message_type != MessageType::Nak;
        // Nobody has the address 0.0.0.0: a client without one is reached by broadcast.
        if inform || (told_nothing && !source.is_unspecified()) {
            return self.to_holder(source);
        }
        let receiver =
            if yiaddr.is_unspecified() || self.query.wants_broadcast() || !self.arrival.raw {
                Ipv4Addr::BROADCAST
            } else {
                yiaddr
            };
        self.on_link(self.to(receiver, CLIENT_PORT))
    }

    /// To a client that has `address`: through IP if its query came that way, since it may be behind a router.
    fn to_holder(&self, address: Ipv4Addr) -> Destination {
        let to = self.to(address, CLIENT_PORT);
        let came_by_ip = self.arrival.destination == self.arrival.local;
        if came_by_ip { Destination::Ip { to } } else { self.on_link(to) }
    }

    /// To a client on the link: below IP if that can be done there.
    fn on_link(&self, to: SocketAddrV4) -> Destination {
        if !self.arrival.raw {
            return Destination::Ip { to };
        }
        let mac = <[u8; 6]>::try_from(self.query.chaddr()).ok();
        let mac = mac.filter(|_| !self.query.wants_broadcast()).unwrap_or(BROADCAST_MAC);
        Destination::Link { mac, to }
    }

    fn to(&self, address: Ipv4Addr, port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(address, self.port.unwrap_or(port))
    }

    /// The relay's own port if it says that it has one (RFC 8357).
    fn relay_port(&self) -> u16 {
        match self.query.relay_suboption(suboption::RELAY_SOURCE_PORT) {
            Some(_) => self.arrival.source.port(),
            None => SERVER_PORT,
        }
    }
}
