//! The load generator: clients, a relay in front of them, and what the answers say. It depends on
//! no other crate of this workspace, so that the measuring tool cannot share the server's faults.
