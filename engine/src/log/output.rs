//! Where log lines end: streams, files that are rotated by size, and syslog (*shell*).

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use crate::config::model::{LogOutput, LogTarget, Severity};
use crate::sync::before_io;

/// Files are not rotated below this `maxsize` (Kea guide, "The maxsize Option"), bytes.
const LEAST_ROTATED_SIZE: u64 = 204_800;

/// An open output.
#[derive(Debug)]
pub(super) enum Output {
    Stdout,
    Stderr,
    Syslog { socket: UnixDatagram, facility: u8, tag: String },
    File { file: File, path: PathBuf, size: u64, max_size: u64, max_versions: u32 },
}

impl Output {
    /// Opens what the configuration names.
    pub(super) fn open(config: &LogOutput, program: &str) -> io::Result<Self> {
        Ok(match &config.to {
            LogTarget::Stdout => Self::Stdout,
            LogTarget::Stderr => Self::Stderr,
            LogTarget::Syslog(facility) => {
                let socket = UnixDatagram::unbound()?;
                socket.connect("/dev/log")?;
                socket.set_nonblocking(true)?;
                let tag = format!("{program}[{}]", std::process::id());
                Self::Syslog { socket, facility: facility_number(facility), tag }
            }
            LogTarget::File(path) => {
                let file = append_to(path)?;
                let size = file.metadata()?.len();
                let (max_size, max_versions) = (config.max_size, config.max_versions);
                Self::File { file, path: path.clone(), size, max_size, max_versions }
            }
        })
    }

    /// Writes whole lines; `severity` is that of the gravest, for syslog's priority.
    pub(super) fn write(&mut self, lines: &str, severity: Severity) -> io::Result<()> {
        before_io();
        match self {
            Self::Stdout => io::stdout().lock().write_all(lines.as_bytes()),
            Self::Stderr => io::stderr().lock().write_all(lines.as_bytes()),
            Self::Syslog { socket, facility, tag } => {
                let priority = *facility * 8 + syslog_severity(severity);
                for line in lines.lines() {
                    socket.send(format!("<{priority}>{tag}: {line}").as_bytes())?;
                }
                Ok(())
            }
            Self::File { file, path, size, max_size, max_versions } => {
                if *max_size >= LEAST_ROTATED_SIZE && *size + lines.len() as u64 > *max_size {
                    rotate(path, *max_versions)?;
                    *file = append_to(path)?;
                    *size = 0;
                }
                *size += lines.len() as u64;
                file.write_all(lines.as_bytes())
            }
        }
    }

    /// Whether every line needs a datagram of its own.
    pub(super) fn is_syslog(&self) -> bool {
        matches!(self, Self::Syslog { .. })
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// `file` -> `file.1` -> `file.2` ...; the oldest goes.
fn rotate(path: &Path, versions: u32) -> io::Result<()> {
    let numbered = |n: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{n}"));
        PathBuf::from(name)
    };
    for n in (1..versions).rev() {
        if numbered(n).exists() {
            std::fs::rename(numbered(n), numbered(n + 1))?;
        }
    }
    if versions == 0 { std::fs::remove_file(path) } else { std::fs::rename(path, numbered(1)) }
}

/// Syslog's number of a facility (RFC 5424 section 6.2.1); an unknown or empty name is local0, Kea's default.
fn facility_number(name: &str) -> u8 {
    const NAMES: [&str; 12] = [
        "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron",
        "authpriv", "ftp",
    ];
    let local = name.strip_prefix("local").and_then(|n| n.parse::<u8>().ok()).filter(|n| *n < 8);
    match local {
        Some(n) => 16 + n,
        None => NAMES.iter().zip(0..).find(|(known, _)| **known == name).map_or(16, |(_, n)| n),
    }
}

fn syslog_severity(severity: Severity) -> u8 {
    match severity {
        Severity::Fatal => 2,
        Severity::Error => 3,
        Severity::Warn => 4,
        Severity::Info => 6,
        Severity::Debug | Severity::None => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_rotated_by_size_and_keeps_so_many_versions() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kea.log");
        let config = LogOutput {
            to: LogTarget::File(path.clone()),
            flush: true,
            max_size: LEAST_ROTATED_SIZE,
            max_versions: 2,
            pattern: String::new(),
        };
        let mut output = Output::open(&config, "kea-dhcp4").unwrap();
        for letter in ["a", "b", "c", "d"] {
            output.write(&letter.repeat(150_000), Severity::Info).unwrap();
        }
        let first =
            |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap()[..1].to_owned();
        assert_eq!(
            (first("kea.log"), first("kea.log.1"), first("kea.log.2")),
            ("d".into(), "c".into(), "b".into())
        );
        assert!(!dir.path().join("kea.log.3").exists());
    }

    #[test]
    fn facilities_have_syslogs_numbers() {
        assert_eq!(
            [facility_number("daemon"), facility_number("local7"), facility_number("")],
            [3, 23, 16]
        );
    }
}
