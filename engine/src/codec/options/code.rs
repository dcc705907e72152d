//! Codes of the DHCPv4 options that the engine itself reads or writes (RFC 2132 and as noted).
//! Pure.

/// Padding, no length (RFC 2132 section 3.1).
pub const PAD: u8 = 0;
/// Netmask (RFC 2132 section 3.3).
pub const SUBNET_MASK: u8 = 1;
/// Routers (RFC 2132 section 3.5).
pub const ROUTERS: u8 = 3;
/// Domain name servers (RFC 2132 section 3.8).
pub const DOMAIN_NAME_SERVERS: u8 = 6;
/// The client's name (RFC 2132 section 3.14).
pub const HOST_NAME: u8 = 12;
/// Domain name (RFC 2132 section 3.17).
pub const DOMAIN_NAME: u8 = 15;
/// Broadcast address (RFC 2132 section 5.3).
pub const BROADCAST_ADDRESS: u8 = 28;
/// Vendor-specific information (RFC 2132 section 8.4).
pub const VENDOR_ENCAPSULATED_OPTIONS: u8 = 43;
/// Requested IP address (RFC 2132 section 9.1).
pub const DHCP_REQUESTED_ADDRESS: u8 = 50;
/// Lease time, seconds (RFC 2132 section 9.2).
pub const DHCP_LEASE_TIME: u8 = 51;
/// `file` and `sname` hold options (RFC 2132 section 9.3).
pub const DHCP_OPTION_OVERLOAD: u8 = 52;
/// Message type (RFC 2132 section 9.6).
pub const DHCP_MESSAGE_TYPE: u8 = 53;
/// Server identifier (RFC 2132 section 9.7).
pub const DHCP_SERVER_IDENTIFIER: u8 = 54;
/// Options that the client asks for (RFC 2132 section 9.8).
pub const DHCP_PARAMETER_REQUEST_LIST: u8 = 55;
/// Error text (RFC 2132 section 9.9).
pub const DHCP_MESSAGE: u8 = 56;
/// Largest message the client takes (RFC 2132 section 9.10).
pub const DHCP_MAX_MESSAGE_SIZE: u8 = 57;
/// T1, seconds (RFC 2132 section 9.11).
pub const DHCP_RENEWAL_TIME: u8 = 58;
/// T2, seconds (RFC 2132 section 9.12).
pub const DHCP_REBINDING_TIME: u8 = 59;
/// Vendor class identifier (RFC 2132 section 9.13).
pub const VENDOR_CLASS_IDENTIFIER: u8 = 60;
/// Client identifier (RFC 2132 section 9.14).
pub const DHCP_CLIENT_IDENTIFIER: u8 = 61;
/// TFTP server name (RFC 2132 section 9.4).
pub const TFTP_SERVER_NAME: u8 = 66;
/// Boot file name (RFC 2132 section 9.5).
pub const BOOT_FILE_NAME: u8 = 67;
/// User class (RFC 3004).
pub const USER_CLASS: u8 = 77;
/// Rapid commit (RFC 4039).
pub const RAPID_COMMIT: u8 = 80;
/// Client FQDN (RFC 4702).
pub const FQDN: u8 = 81;
/// Relay agent information (RFC 3046).
pub const DHCP_AGENT_OPTIONS: u8 = 82;
/// Authentication (RFC 3118).
pub const AUTHENTICATE: u8 = 90;
/// IPv6-only preferred (RFC 8925).
pub const V6_ONLY_PREFERRED: u8 = 108;
/// Subnet selection (RFC 3011).
pub const SUBNET_SELECTION: u8 = 118;
/// Domain search list (RFC 3397).
pub const DOMAIN_SEARCH: u8 = 119;
/// Classless static routes (RFC 3442).
pub const CLASSLESS_STATIC_ROUTE: u8 = 121;
/// Vendor-identifying vendor class (RFC 3925 section 3).
pub const VIVCO_SUBOPTIONS: u8 = 124;
/// Vendor-identifying vendor-specific information (RFC 3925 section 4).
pub const VIVSO_SUBOPTIONS: u8 = 125;
/// SZTP redirect (RFC 8572 section 8.3).
pub const V4_SZTP_REDIRECT: u8 = 143;
/// Encrypted DNS servers (RFC 9463 section 5).
pub const V4_DNR: u8 = 162;
/// End of options, no length (RFC 2132 section 3.2).
pub const END: u8 = 255;

/// Relay agent sub-option: link selection (RFC 3527).
pub const RAI_LINK_SELECTION: u8 = 5;
/// Relay agent sub-option: server identifier override (RFC 5107).
pub const RAI_SERVER_ID_OVERRIDE: u8 = 11;
