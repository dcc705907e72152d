//! Every message of the server, in alphabetical order: `severity logger "explanation"`. Each id is unique; the
//! explanation says what it means and what an operator does about it.

use super::Message;
use crate::config::model::Severity;

macro_rules! messages {
    ($($id:ident $severity:ident $logger:literal $explanation:literal;)*) => {
        $(
            #[doc = $explanation]
            pub static $id: Message = Message {
                id: stringify!($id),
                severity: Severity::$severity,
                debuglevel: 0,
                logger: $logger,
                explanation: $explanation,
            };
        )*

        /// All of them.
        pub static ALL: &[&Message] = &[$(&$id,)*];
    };
}

messages! {
    DHCP4_STARTED Info "dhcp4" "The server serves DHCPv4 from now on.";
}
