//! The texts of the differences that are meant, each as it is: what Kea said or was asked, and what we say. Another text of
//! ours, or one that is met no more, fails the test.

/// A text of Kea's or a command, and a text of ours.
pub(super) type Pair = (&'static str, &'static str);

/// Each table.
pub(super) const ALL: [&[Pair]; 5] = [WORDS, UNANSWERED, SERVER_NAMES, UNBUILT, SERVICES];

/// The same error in the words of 2.2 and in those of 3.x, which are ours.
pub(super) const WORDS: &[Pair] = &[
    (
        "Failed to convert 'bogus' to address: Failed to convert string to address 'bogus': Invalid argument(<string>:1:93)",
        "Failed to convert 'bogus' to address: Failed to convert string to address 'bogus': Invalid argument",
    ),
    ("missing parameter 'hw-address' (<string>:1:44)", "missing parameter 'hw-address'"),
    ("missing parameter 'hw-address' (<wire>:0:40)", "missing parameter 'hw-address'"),
    (
        "Error during command processing: Invalid command Element specified, expected map",
        "Error during command processing: invalid command: expected toplevel entry to be a map, got list instead",
    ),
    (
        "Error during command processing: Invalid command Element specified, expected map",
        "Error during command processing: invalid command: expected toplevel entry to be a map, got integer instead",
    ),
    (
        "Error during command processing: Invalid answer specified, does not contain mandatory 'command'",
        "Error during command processing: invalid command: does not contain mandatory 'command'",
    ),
    (
        "Error during command processing: 'command' element in command message is not a string",
        "Error during command processing: invalid command: expected 'command' to be a string, got map instead",
    ),
    (
        "Error during command processing: Received command contains unsupported parameter 'foo'",
        "Error during command processing: invalid command: unsupported parameter 'foo'",
    ),
    ("page size of retrieved leases must not be 0", "'limit' parameter must not be 0."),
    (
        "Incorrect identifier type: foo, the only supported values are: address, hw-address, duid",
        "Incorrect identifier type: foo, the only supported values are: hw-address, duid, client-id",
    ),
];

/// Commands that 2.2 does not answer.
pub(super) const UNANSWERED: &[Pair] = &[
    ("ha-sync", "nope matches no configured 'server-name'"),
    ("ha-maintenance-notify", "invalid command 'ha-maintenance-notify': no arguments specified"),
    ("ha-maintenance-notify", "invalid command 'ha-maintenance-notify': 'arguments' is empty"),
    ("ha-maintenance-notify", "'cancel' must be a boolean in the 'ha-maintenance-notify' command"),
];

/// Commands in which 2.2 does not look at whom they name.
pub(super) const SERVER_NAMES: &[Pair] = &[
    ("ha-heartbeat", "nope matches no configured 'server-name'"),
    ("ha-sync", "'server1' points to local server but should point to a partner"),
    ("ha-sync", "'server2' points to local server but should point to a partner"),
];

/// Commands that are not built.
pub(super) const UNBUILT: &[Pair] = &[
    ("lease4-get-by-client-id", "'lease4-get-by-client-id' command not supported."),
    ("lease4-get-by-hostname", "'lease4-get-by-hostname' command not supported."),
    ("lease4-get-by-hw-address", "'lease4-get-by-hw-address' command not supported."),
    ("lease4-get-by-state", "'lease4-get-by-state' command not supported."),
    ("lease4-resend-ddns", "'lease4-resend-ddns' command not supported."),
    ("lease4-wipe", "'lease4-wipe' command not supported."),
    ("lease4-write", "'lease4-write' command not supported."),
];

/// What a control socket of HTTP says of `service`, at which our listener does not look.
pub(super) const SERVICES: &[Pair] =
    &[("unsupported service 'dhcp6', expected 'dhcp4'", "HA peer status returned.")];
