//! The load generator: clients, a relay in front of them, and what the answers say. It depends on
//! no other crate of this workspace, so that the measuring tool cannot share the server's faults.
//!
//! A [`plan::Plan`] says what is asked for, a [`fleet::Fleet`] is the clients and what they hold.
//! The [`session`] between them is pure: datagrams and moments in, datagrams out. [`pace`] says
//! when an exchange may begin, [`wire`] is the little of DHCPv4 that a client and its relay need,
//! [`tally`] what was counted. Around it, the shell: [`run`] owns the socket and the loop,
//! [`syscall`] the batches (the only unsafe code), [`clock`] the time. [`report`] and [`cli`] make
//! it perfdhcp's equal at the command line; [`avalanche`] is the other of its scenarios.
//!
//! [`echo`] is the least that a server can do, and [`compare`] measures it beside Peregrine and Kea.

pub mod avalanche;
pub mod cli;
pub mod clock;
pub mod compare;
pub mod echo;
pub mod fleet;
pub mod limits;
pub mod pace;
pub mod plan;
pub mod report;
pub mod run;
pub mod session;
pub mod syscall;
pub mod tally;
pub mod wire;
