//! The command line: Kea's flags, and words of our own.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// What was asked for on the command line.
#[derive(Debug, Parser)]
#[command(
    name = "peregrine",
    about = "A DHCP server that takes over from ISC Kea",
    disable_version_flag = true,
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true
)]
pub(crate) struct Arguments {
    /// Serve by this configuration file.
    #[arg(short = 'c', value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Check this configuration file and exit.
    #[arg(short = 't', value_name = "FILE", conflicts_with = "config")]
    pub(crate) check: Option<PathBuf>,
    /// As -t, and look whether this machine has its interfaces and can read its lease file.
    #[arg(short = 'T', value_name = "FILE", conflicts_with_all = ["config", "check"])]
    pub(crate) check_more: Option<PathBuf>,
    /// Log everything, on standard output as well.
    #[arg(short = 'd')]
    pub(crate) debug: bool,
    /// Print the Kea version whose interface is meant.
    #[arg(short = 'v')]
    pub(crate) version: bool,
    /// Print this program's name and version.
    #[arg(short = 'V')]
    pub(crate) full_version: bool,
    /// Print how this program was built.
    #[arg(short = 'W')]
    pub(crate) build_report: bool,
    /// UDP port to listen on, instead of 67.
    #[arg(short = 'p', value_name = "PORT")]
    pub(crate) server_port: Option<u16>,
    /// UDP port that every reply goes to, whatever the query says.
    #[arg(short = 'P', value_name = "PORT")]
    pub(crate) client_port: Option<u16>,
    /// Which of the peers of High Availability this server is, whatever this-server-name says.
    #[arg(long = "server-name", value_name = "NAME")]
    pub(crate) server_name: Option<String>,
    #[command(subcommand)]
    pub(crate) word: Option<Word>,
}

/// Words of our own.
#[derive(Debug, Subcommand)]
pub(crate) enum Word {
    /// Show a High Availability pair at work, on this machine, without root.
    Demo(crate::demo::Arguments),
    /// Send a command to a running server.
    Ctl(crate::ctl::Arguments),
    /// Check a configuration file.
    Check {
        /// The file.
        #[arg(short = 'c', value_name = "FILE")]
        config: PathBuf,
    },
}
