//! Option spaces: where a code is looked up. Pure.
//!
//! The message's own options are in [`DHCP4`]; an option that holds others says in which space those
//! are. A vendor's space is called after its enterprise number and goes into option 125.

/// Options of the message itself.
pub const DHCP4: &str = "dhcp4";
/// Sub-options of option 43, as far as no definition says otherwise.
pub const VENDOR_ENCAPSULATED: &str = "vendor-encapsulated-options-space";
/// Sub-options of option 82.
pub const AGENT: &str = "dhcp-agent-options-space";
/// Sub-options of option 122.
pub const CABLELABS: &str = "cablelabs-client-conf";
/// CableLabs' options in option 125.
pub const DOCSIS: &str = "vendor-4491";
/// The same options under the name of their document. No option of a message encapsulates this space.
pub const DOCSIS_BY_NAME: &str = "docsis3-v4";
/// CableLabs' enterprise number: the only one whose clients ask for options by code.
pub const CABLELABS_ENTERPRISE: u32 = 4491;

/// The enterprise whose options `space` holds: `vendor-` and its number.
pub fn enterprise(space: &str) -> Option<u32> {
    let number = space.strip_prefix("vendor-")?;
    let plain = number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse().ok().filter(|number| plain && *number != 0)
}

/// Whether `name` may be that of a space or of an option: letters, digits, and inside it hyphens and
/// underscores.
pub fn is_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let edges = [name.bytes().next(), name.bytes().next_back()];
    name.bytes().all(inner)
        && edges.into_iter().all(|byte| byte.is_some_and(|byte| byte.is_ascii_alphanumeric()))
}
