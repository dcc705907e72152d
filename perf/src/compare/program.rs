//! What is measured: the echo, Peregrine, and each Kea that is found. Shell.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::CompareError;
use super::options::Arguments;

/// A program that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// The ceiling: answers of so many octets.
    Echo { size: u16 },
    /// Ours.
    Peregrine(PathBuf),
    /// ISC's.
    Kea(Kea),
}

/// A Kea.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kea {
    /// `kea-dhcp4`.
    pub(super) file: PathBuf,
    /// As it tells it: `2.2.0`.
    pub(super) version: String,
}

impl Kea {
    /// Whether it is of the line 2.2, to which the targets refer.
    pub(super) fn is_2_2(&self) -> bool {
        self.version.starts_with("2.2.")
    }

    /// Where its hook libraries are, with a slash at the end.
    pub(super) fn hooks(&self) -> String {
        let prefix = self.file.parent().and_then(Path::parent).unwrap_or(Path::new("/usr"));
        let folders = ["lib/x86_64-linux-gnu/kea/hooks", "lib/aarch64-linux-gnu/kea/hooks"];
        let found = folders.iter().map(|folder| prefix.join(folder)).find(|folder| folder.is_dir());
        format!("{}/", found.unwrap_or_else(|| prefix.join("lib/kea/hooks")).display())
    }
}

impl Program {
    /// As it is called in the results.
    pub(super) fn label(&self) -> String {
        match self {
            Self::Echo { .. } => "echo".to_owned(),
            Self::Peregrine(_) => "Peregrine".to_owned(),
            Self::Kea(kea) => format!("Kea {}", kea.version),
        }
    }
}

/// The programs of a comparison.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    /// This program, which is the echo and the generator, too.
    pub(super) own: PathBuf,
    /// Ours.
    pub(super) peregrine: PathBuf,
    /// Each Kea.
    pub(super) keas: Vec<Kea>,
}

impl Programs {
    /// Looks for them where the arguments say, else in the usual places.
    pub(super) fn find(arguments: &Arguments) -> Result<Self, CompareError> {
        let own = std::env::current_exe().map_err(CompareError::machine(&"this program"))?;
        let beside = own.with_file_name("peregrine");
        let peregrine = match &arguments.peregrine {
            Some(file) => Some(file.clone()),
            None if beside.is_file() => Some(beside),
            None => on_path("peregrine"),
        };
        let missing = CompareError::Missing {
            what: "peregrine",
            expected: "beside this program, on the path, or named by --peregrine",
        };
        let files = match (arguments.without_kea, arguments.kea.is_empty()) {
            (true, _) => Vec::new(),
            (false, false) => arguments.kea.clone(),
            (false, true) => installed_keas(),
        };
        let mut keas = Vec::new();
        for file in files {
            let asked = Command::new(&file).arg("-v").output();
            let output = asked.map_err(CompareError::machine(&file.display()))?;
            let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            if !keas.iter().any(|kea: &Kea| kea.version == version) {
                keas.push(Kea { file, version });
            }
        }
        Ok(Self { own, peregrine: peregrine.ok_or(missing)?, keas })
    }

    /// Ours.
    pub(super) fn peregrine(&self) -> Program {
        Program::Peregrine(self.peregrine.clone())
    }

    /// The Kea to which the targets refer.
    pub(super) fn kea_2_2(&self) -> Option<Program> {
        self.keas.iter().find(|kea| kea.is_2_2()).cloned().map(Program::Kea)
    }

    /// Every Kea.
    pub(super) fn keas(&self) -> impl Iterator<Item = Program> {
        self.keas.iter().cloned().map(Program::Kea)
    }
}

/// A program on the path.
pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Each kea-dhcp4 on the path, in the system's folders and below /opt.
fn installed_keas() -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = on_path("kea-dhcp4").into_iter().collect();
    places.extend(["/usr/sbin/kea-dhcp4", "/usr/local/sbin/kea-dhcp4"].map(PathBuf::from));
    let below = std::fs::read_dir("/opt").into_iter().flatten().flatten();
    places.extend(below.map(|entry| entry.path().join("sbin/kea-dhcp4")));
    places.retain(|file| file.is_file());
    places.dedup();
    places
}
