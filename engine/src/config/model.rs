//! The checked configuration: what the engine works with. Every field is valid and every default filled in.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use super::json::{Mistake, Node, Position};
use crate::classify::{ClassId, ClassNames, Expression, Template};
use crate::codec::options::Definitions;
use crate::hosts::{Hosts, IdentifierKind};

pub use super::names::{NameRules, ReplaceClientName, Unwanted};
pub use super::secret::Secret;

/// What a configuration file holds.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The `Dhcp4` part, if any.
    pub dhcp4: Option<Dhcp4>,
    /// The `Dhcp6` part, if any: its keys were checked, serving it is not built yet.
    pub dhcp6: Option<Dhcp6>,
    /// The JSON as read, for config-get and tools: comments gone, includes resolved.
    pub source: Node,
    /// What is allowed but hardly meant, for the log.
    pub warnings: Vec<Mistake>,
}

/// `Dhcp6`, as far as it is looked into.
#[derive(Clone, Debug)]
pub struct Dhcp6 {
    /// Where it stands.
    pub at: Position,
    /// `hooks-libraries` in their order.
    pub hooks: Vec<HookLibrary>,
}

/// `Dhcp4`.
#[derive(Clone, Debug)]
pub struct Dhcp4 {
    /// `interfaces-config`.
    pub interfaces: Interfaces,
    /// `control-socket` and `control-sockets` of type unix.
    pub control_sockets: Vec<ControlSocket>,
    /// Those of type http and https.
    pub http_sockets: Vec<HttpSocket>,
    /// `multi-threading`.
    pub multi_threading: MultiThreading,
    /// `lease-database`.
    pub lease_database: LeaseDatabase,
    /// `expired-leases-processing`.
    pub expired_leases: ExpiredLeases,
    /// Every class name that the configuration mentions or defines, and its id.
    pub class_names: ClassNames,
    /// `client-classes` in their order.
    pub classes: Vec<ClientClass>,
    /// `hooks-libraries` in their order.
    pub hooks: Vec<HookLibrary>,
    /// `loggers`.
    pub loggers: Vec<Logger>,
    /// `echo-client-id`: option 61 is sent back.
    pub echo_client_id: bool,
    /// `stash-agent-options`: a renewal without option 82 is read as if it had the one that its lease keeps.
    pub stash_agent_options: bool,
    /// `decline-probation-period`, seconds.
    pub decline_probation_s: u32,
    /// `authoritative` of the global level: for clients without a subnet.
    pub authoritative: bool,
    /// `parked-packet-limit`; 0 is unlimited.
    pub parked_packet_limit: u32,
    /// How many samples statistics keep.
    pub samples: Samples,
    /// Global `option-data`.
    pub options: Vec<OptionData>,
    /// `option-def`.
    pub definitions: Definitions,
    /// Every reservation, global ones and those of subnets.
    pub hosts: Arc<Hosts>,
    /// `libdhcp_flex_id`, if it is to make identifiers.
    pub flex_id: Option<FlexId>,
    /// `host-reservation-identifiers`: what is looked for, in order.
    pub host_identifiers: Vec<IdentifierKind>,
    /// `early-global-reservations-lookup`: global reservations give their classes before a subnet is selected.
    pub early_global_reservations: bool,
    /// `compatibility`.
    pub compatibility: Compatibility,
    /// `sanity-checks`, `lease-checks`.
    pub lease_checks: LeaseChecks,
    /// `shared-networks` in their order.
    pub networks: Vec<Arc<Network4>>,
    /// Every subnet, by ascending id, those of shared networks too; inherited values filled in.
    pub subnets: Vec<Arc<Subnet4>>,
}

/// `interfaces-config`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interfaces {
    /// `interfaces`, in order.
    pub listen: Vec<InterfaceSpec>,
    /// `dhcp-socket-type`: raw sockets for direct clients as well as UDP, or UDP only.
    pub raw: bool,
    /// With UDP sockets only: replies through IP leave through the interface of their query, unless `outbound-interface`
    /// is `use-routing`. Beside raw sockets they are routed: who is not reached below IP is behind a router.
    pub same_as_inbound: bool,
    /// `service-sockets-require-all`.
    pub require_all: bool,
    /// `service-sockets-max-retries`.
    pub max_retries: u32,
    /// `service-sockets-retry-wait-time`, milliseconds.
    pub retry_wait_ms: u32,
}

/// One entry of `interfaces`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterfaceSpec {
    /// `*`: every interface that is up and no loopback.
    All,
    /// `eth0`: all of its addresses.
    Name(String),
    /// `eth0/192.0.2.1`: one address.
    Address(String, Ipv4Addr),
}

/// One control socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlSocket {
    /// `socket-type` unix.
    Unix {
        /// `socket-name`.
        path: PathBuf,
    },
}

/// A control socket over HTTP. It is not opened by the engine, which knows no HTTP.
#[derive(Clone, Debug)]
pub struct HttpSocket {
    /// Where it stands.
    pub at: Position,
    /// `socket-address` and `socket-port`.
    pub address: SocketAddr,
    /// `trust-anchor`, `cert-file` and `key-file`; `None`: without TLS.
    pub tls: Option<HttpTls>,
    /// `authentication`; `None`: whoever reaches it may send commands.
    pub login: Option<HttpLogin>,
    /// `http-headers` that every answer carries, by name and value.
    pub headers: Vec<(String, String)>,
}

/// Files for TLS.
#[derive(Clone, Debug)]
pub struct HttpTls {
    /// `trust-anchor`.
    pub anchor: PathBuf,
    /// `cert-file`.
    pub certificate: PathBuf,
    /// `key-file`.
    pub key: PathBuf,
    /// `cert-required`: clients have to show a certificate.
    pub client_certificates: bool,
}

/// `authentication`, of type basic.
#[derive(Clone, Debug)]
pub struct HttpLogin {
    /// `realm`.
    pub realm: String,
    /// `clients`, at least one.
    pub clients: Vec<HttpClient>,
}

/// Who may send commands.
#[derive(Clone, Debug)]
pub struct HttpClient {
    /// `user` or `user-file`; `None`: the file of the password has both, with a colon between.
    pub user: Option<Secret>,
    /// `password` or `password-file`.
    pub password: Secret,
}

/// `multi-threading`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultiThreading {
    /// `enable-multi-threading`; false means one worker.
    pub enabled: bool,
    /// `thread-pool-size`; 0: one per core.
    pub thread_pool_size: u16,
    /// `packet-queue-size`: packets per worker; 0: as many as `limits` allow.
    pub packet_queue_size: u32,
    /// Ours, in `user-context`, `"peregrine": {"pin-threads": ...}`: pin each worker to a core. Without it,
    /// when there are at least as many cores as threads.
    pub pin_threads: Option<bool>,
}

/// `lease-database` of type memfile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseDatabase {
    /// `persist`: write the lease file.
    pub persist: bool,
    /// `name`; default `kea-leases4.csv` in Kea's data directory.
    pub file: PathBuf,
    /// `lfc-interval`, seconds; 0 is off.
    pub lfc_interval_s: u32,
    /// `max-row-errors`; 0 is unlimited.
    pub max_row_errors: u32,
    /// Ours, in `user-context`, `"peregrine": {"durability": "kernel" | "disk"}`: whether a reply waits for
    /// the write or for the disk.
    pub sync_to_disk: bool,
}

/// `expired-leases-processing`; 0 switches a timer off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiredLeases {
    /// `reclaim-timer-wait-time`, seconds.
    pub reclaim_wait_s: u32,
    /// `flush-reclaimed-timer-wait-time`, seconds.
    pub flush_wait_s: u32,
    /// `hold-reclaimed-time`, seconds.
    pub hold_s: u32,
    /// `max-reclaim-leases`; 0: all.
    pub max_leases: u32,
    /// `max-reclaim-time`, milliseconds; 0: no limit.
    pub max_time_ms: u32,
    /// `unwarned-reclaim-cycles`.
    pub unwarned_cycles: u32,
}

/// One client class.
#[derive(Clone, Debug)]
pub struct ClientClass {
    /// `name`, interned in [`Dhcp4::class_names`].
    pub id: ClassId,
    /// `test`, compiled; without one the class is only given by others.
    pub test: Option<Expression>,
    /// `template-test`, compiled, instead: its value makes a class of the query's own.
    pub template: Option<Template>,
    /// `only-in-additional-list` (or `only-if-required`).
    pub only_in_additional_list: bool,
    /// `option-data`.
    pub options: Vec<OptionData>,
    /// `option-def`: what options 43 and 224 to 254 mean for its members.
    pub definitions: Definitions,
    /// `valid-lifetime` and its bounds, if the class has any.
    pub lifetime: Option<Lifetime>,
    /// `offer-lifetime`, seconds.
    pub offer_lifetime_s: Option<u32>,
    /// `next-server`.
    pub next_server: Option<Ipv4Addr>,
    /// `server-hostname`.
    pub server_hostname: Option<String>,
    /// `boot-file-name`.
    pub boot_file_name: Option<String>,
}

/// A lifetime and its bounds, seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Given without a wish.
    pub default_s: u32,
    /// Least a client can ask for.
    pub min_s: u32,
    /// Most a client can ask for.
    pub max_s: u32,
}

/// An entry of `hooks-libraries`.
#[derive(Clone, Debug)]
pub struct HookLibrary {
    /// `library` as given.
    pub library: String,
    /// Which built-in part it means.
    pub kind: HookKind,
    /// `parameters`, positions kept; `None` if absent.
    pub parameters: Option<Node>,
    /// Where the entry stands.
    pub at: Position,
}

/// How many samples statistics keep unless a command says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Samples {
    /// `statistic-default-sample-count`; with 0 it is the age that counts.
    pub count: u32,
    /// `statistic-default-sample-age`, seconds.
    pub age_s: u32,
}

/// The hook libraries that are built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookKind {
    /// `libdhcp_lease_cmds`
    LeaseCmds,
    /// `libdhcp_ha`
    Ha,
    /// `libdhcp_stat_cmds`
    StatCmds,
    /// `libdhcp_bootp`
    Bootp,
    /// `libdhcp_flex_id`
    FlexId,
}

/// The parameters of `libdhcp_flex_id`.
#[derive(Clone, Debug)]
pub struct FlexId {
    /// `identifier-expression`, compiled.
    pub expression: Template,
    /// `replace-client-id`: the identifier takes the place of option 61.
    pub replace_client_id: bool,
    /// `cid-as-rfc4361-duid`: there it is a DUID with an IAID of 0.
    pub as_duid: bool,
}

/// An entry of `loggers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logger {
    /// `name`: `kea-dhcp4` or `kea-dhcp4.COMPONENT`.
    pub name: String,
    /// `severity`.
    pub severity: Severity,
    /// `debuglevel`.
    pub debuglevel: u8,
    /// `output-options` (or `output_options`).
    pub outputs: Vec<LogOutput>,
}

/// Severities, ascending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are Kea's")]
pub enum Severity {
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
    None,
}

/// An entry of `output-options`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogOutput {
    /// `output`.
    pub to: LogTarget,
    /// `flush`.
    pub flush: bool,
    /// `maxsize`, bytes; rotation is off below 204800.
    pub max_size: u64,
    /// `maxver`.
    pub max_versions: u32,
    /// `pattern`; empty is Kea's default.
    pub pattern: String,
}

/// Where log lines go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogTarget {
    Stdout,
    Stderr,
    /// `syslog` or `syslog:FACILITY`.
    Syslog(String),
    File(PathBuf),
}

/// One option to be sent, its value in wire form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionData {
    /// The enterprise in whose space (`vendor-NUMBER`) it stands, and so in option 125; none: the message's own.
    pub enterprise: Option<u32>,
    /// `code`.
    pub code: u8,
    /// The option's payload, options inside it included.
    pub data: Arc<[u8]>,
    /// `always-send`.
    pub always_send: bool,
    /// `never-send`.
    pub never_send: bool,
    /// `client-classes`: only for members of any of them; empty is everybody.
    pub classes: Vec<ClassId>,
}

/// A shared network: subnets of one link. What its subnets inherit is filled in there.
#[derive(Clone, Debug)]
pub struct Network4 {
    /// `name`.
    pub name: String,
    /// `client-class` / `client-classes`: any of them; empty is everybody. Stands before each subnet's own guard.
    pub guard: Vec<ClassId>,
    /// `evaluate-additional-classes` (or `require-client-classes`), evaluated once the address is known.
    pub additional: Vec<ClassId>,
    /// `option-data` of the network, after its subnets' own.
    pub options: Vec<OptionData>,
    /// `user-context`, if any.
    pub user_context: Option<serde_json::Value>,
}

/// One subnet; what it inherits is filled in.
#[derive(Clone, Debug)]
pub struct Subnet4 {
    /// `id`.
    pub id: u32,
    /// `subnet`: network address and length.
    pub prefix: Prefix4,
    /// The shared network that it belongs to.
    pub network: Option<Arc<Network4>>,
    /// `relay`, else its network's.
    pub relays: Vec<Ipv4Addr>,
    /// `interface`, else its network's.
    pub interface: Option<String>,
    /// `client-class` / `client-classes`: any of them; empty is everybody.
    pub guard: Vec<ClassId>,
    /// `pools` in their order.
    pub pools: Vec<Pool4>,
    /// `evaluate-additional-classes` (or `require-client-classes`), evaluated once the address is known.
    pub additional: Vec<ClassId>,
    /// `option-data` of the subnet.
    pub options: Vec<OptionData>,
    /// `valid-lifetime` and its bounds.
    pub lifetime: Lifetime,
    /// T1 to be sent, seconds.
    pub renew: Timer,
    /// T2 to be sent, seconds.
    pub rebind: Timer,
    /// `match-client-id`.
    pub match_client_id: bool,
    /// `authoritative`.
    pub authoritative: bool,
    /// `allocator`.
    pub allocator: Allocator,
    /// `adaptive-lease-time-threshold` below 1, with the allocator `flq`: from this share of held addresses on leases are
    /// as short as they may be.
    pub adaptive_threshold: Option<f64>,
    /// `cache-threshold` and `cache-max-age`.
    pub cache: LeaseCache,
    /// `offer-lifetime`, seconds: an offered address is leased that long; 0: it is not.
    pub offer_lifetime_s: u32,
    /// `store-extended-info`: leases keep what their relay said.
    pub store_extended_info: bool,
    /// Which reservations are looked for.
    pub reservations: ReservationScope,
    /// `next-server`.
    pub next_server: Ipv4Addr,
    /// `server-hostname`.
    pub server_hostname: String,
    /// `boot-file-name`.
    pub boot_file_name: String,
    /// How clients' names are shaped.
    pub names: Arc<NameRules>,
    /// `user-context`, if any.
    pub user_context: Option<serde_json::Value>,
}

impl Subnet4 {
    /// A subnet of which nothing but this is configured.
    pub fn plain(id: u32, prefix: Prefix4) -> Self {
        Self {
            id,
            prefix,
            network: None,
            relays: Vec::new(),
            interface: None,
            guard: Vec::new(),
            additional: Vec::new(),
            pools: Vec::new(),
            options: Vec::new(),
            lifetime: Lifetime { default_s: 7200, min_s: 7200, max_s: 7200 },
            renew: Timer::Unset,
            rebind: Timer::Unset,
            match_client_id: true,
            authoritative: false,
            allocator: Allocator::default(),
            adaptive_threshold: None,
            cache: LeaseCache { threshold: None, max_age_s: None },
            offer_lifetime_s: 0,
            store_extended_info: false,
            reservations: ReservationScope::default(),
            next_server: Ipv4Addr::UNSPECIFIED,
            server_hostname: String::new(),
            boot_file_name: String::new(),
            names: Arc::default(),
            user_context: None,
        }
    }

    /// The guard of its shared network; empty if it has none.
    pub fn network_guard(&self) -> &[ClassId] {
        self.network.as_ref().map_or(&[], |network| &network.guard)
    }

    /// The options of its shared network; empty if it has none.
    pub fn network_options(&self) -> &[OptionData] {
        self.network.as_ref().map_or(&[], |network| &network.options)
    }
}

/// Which address of a pool a client gets that has no other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Allocator {
    /// `iterative`: the next one.
    #[default]
    Iterative,
    /// `random`, and `flq` (free lease queue), whose order is as random: any one.
    Random,
}

/// How long after a lease was given the client is told of it again instead of getting it anew.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeaseCache {
    /// `cache-threshold`: up to this share of its lifetime.
    pub threshold: Option<f64>,
    /// `cache-max-age`: up to this age, seconds.
    pub max_age_s: Option<u32>,
}

impl LeaseCache {
    /// Whether any lease is ever told of again.
    pub fn is_on(&self) -> bool {
        let off = self.threshold == Some(0.0) || self.max_age_s == Some(0);
        !off && (self.threshold.is_some() || self.max_age_s.is_some())
    }
}

/// `reservations-global`, `reservations-in-subnet` and `reservations-out-of-pool`, or `reservation-mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservationScope {
    /// Global ones count.
    pub global: bool,
    /// Those of the subnet count.
    pub in_subnet: bool,
    /// Those of the subnet are never for addresses of its pools.
    pub out_of_pool: bool,
}

impl Default for ReservationScope {
    fn default() -> Self {
        Self { global: false, in_subnet: true, out_of_pool: false }
    }
}

/// What is done at start with a lease whose subnet is not that of its address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LeaseChecks {
    /// `none`: nothing.
    None,
    /// `warn`: it is told of.
    #[default]
    Warn,
    /// `fix`: it gets the subnet of its address, if there is one.
    Fix,
    /// `fix-del`: as `fix`; without such a subnet it is forgotten.
    FixOrDelete,
    /// `del`: it is forgotten.
    Delete,
}

/// `compatibility`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compatibility {
    /// `exclude-first-last-24`: the first and last addresses of each /24 are not given in subnets of that size or
    /// larger.
    pub exclude_first_last_24: bool,
    /// `ignore-dhcp-server-identifier`: queries that name another server are taken as if they named this one.
    pub ignore_server_identifier: bool,
    /// `ignore-rai-link-selection`: option 82's sub-option 5 does not select the subnet.
    pub ignore_link_selection: bool,
    /// `lenient-option-parsing`: queries with certain malformed options are served, not dropped.
    pub lenient: bool,
}

/// How a renewal or rebinding timer is found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Timer {
    /// Not sent.
    Unset,
    /// Fixed seconds.
    Fixed(u32),
    /// This share of the valid lifetime (`calculate-tee-times`).
    Share(f64),
}

/// An IPv4 prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix4 {
    /// Network address; host bits are zero.
    pub network: Ipv4Addr,
    /// Length, 0 to 32.
    pub len: u8,
}

impl Prefix4 {
    /// The netmask (option 1).
    pub fn mask(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::MAX.checked_shl(32 - u32::from(self.len)).unwrap_or(0))
    }

    /// Whether `address` lies inside.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        u32::from(address) & u32::from(self.mask()) == u32::from(self.network)
    }
}

/// One pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool4 {
    /// First address.
    pub first: Ipv4Addr,
    /// Last address.
    pub last: Ipv4Addr,
    /// `client-class` / `client-classes`: any of them; empty is everybody.
    pub guard: Vec<ClassId>,
    /// `evaluate-additional-classes` (or `require-client-classes`), evaluated once the address is known.
    pub additional: Vec<ClassId>,
    /// `option-data` of the pool.
    pub options: Vec<OptionData>,
    /// `pool-id`; 0 if none.
    pub id: u32,
    /// How clients' names are shaped, if the pool says so itself.
    pub names: Option<Arc<NameRules>>,
}
