//! What a comparison is asked for at the command line. Pure.

use std::num::NonZero;
use std::path::PathBuf;

/// Which program makes the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Generator {
    /// This one.
    Own,
    /// Kea's perfdhcp, which knows no window: the rate is raised until the server no longer follows.
    Perfdhcp,
}

/// What is compared, and how long.
///
/// Servers are started in network namespaces of their own, which needs root. Exit status: 0 every target was reached,
/// 1 general error, 3 some were not.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Only this scenario (may be given several times); --list names them
    #[arg(long = "scenario", value_name = "NAME")]
    pub scenarios: Vec<String>,
    /// Names the scenarios
    #[arg(long)]
    pub list: bool,
    /// How often each is measured, in turn with the others
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
    /// Seconds of one measurement
    #[arg(long, value_name = "SECONDS", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub seconds: u32,
    /// Two rounds of one second, and tables of a tenth: to see that everything works
    #[arg(long)]
    pub quick: bool,
    /// Clients under way that are tried; the best counts
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "32,128,512,2048",
          value_parser = clap::value_parser!(u32).range(1..=8192))]
    pub windows: Vec<u32>,
    /// The server of ours; without it, the one beside this program, else that on the path
    #[arg(long, value_name = "FILE")]
    pub peregrine: Option<PathBuf>,
    /// A kea-dhcp4 (may be given several times); without it, each that is found in the usual places
    #[arg(long, value_name = "FILE")]
    pub kea: Vec<PathBuf>,
    /// Leaves every Kea out
    #[arg(long, conflicts_with = "kea")]
    pub without_kea: bool,
    /// Which program makes the load
    #[arg(long, value_enum, default_value_t = Generator::Own)]
    pub generator: Generator,
    /// The core of the generator; without it, the last one
    #[arg(long, value_name = "N")]
    pub generator_core: Option<usize>,
    /// Workers of Peregrine, and threads of the echo
    #[arg(long, value_name = "N", default_value_t = NonZero::<u16>::MIN)]
    pub workers: NonZero<u16>,
    /// Threads of Kea's pool (its guide recommends 4 for lease files)
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub kea_threads: u16,
    /// Where the results are written
    #[arg(long, value_name = "FOLDER", default_value = "compare")]
    pub output: PathBuf,
    /// Where the servers keep their files while they are measured; without it, the system's place for such
    #[arg(long, value_name = "FOLDER")]
    pub work: Option<PathBuf>,
}

impl Arguments {
    /// How often each is measured.
    pub(super) fn rounds(&self) -> u32 {
        if self.quick { self.rounds.min(2) } else { self.rounds }
    }

    /// How long one measurement takes, in seconds.
    pub(super) fn seconds(&self) -> u32 {
        if self.quick { 1 } else { self.seconds }
    }

    /// A size of a table, or a tenth of it.
    pub(super) fn scaled(&self, size: u32) -> u32 {
        if self.quick { size / 10 } else { size }
    }
}
