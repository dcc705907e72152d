//! `loggers`.

use super::{Builder, placed};
use crate::config::json::Node;
use crate::config::model::{LogOutput, LogTarget, Logger, Severity};

const SEVERITIES: &[(&str, Severity)] = &[
    ("DEBUG", Severity::Debug),
    ("INFO", Severity::Info),
    ("WARN", Severity::Warn),
    ("ERROR", Severity::Error),
    ("FATAL", Severity::Fatal),
    ("NONE", Severity::None),
];

impl Builder<'_> {
    pub(super) fn loggers(&mut self, part: &Node) -> Vec<Logger> {
        part.list("loggers").iter().map(|node| self.logger(node)).collect()
    }

    fn logger(&mut self, node: &Node) -> Logger {
        if let Some(name) = node.get("name")
            && name.as_str() == Some("")
        {
            self.mistake(
                &name.at,
                "got an empty logger name, expected kea-dhcp4 or kea-dhcp4.COMPONENT",
            );
        }
        if let (Some(_), Some(old)) = (node.get("output-options"), node.entry("output_options")) {
            let message = "got \"output_options\" beside \"output-options\", expected one of them";
            self.mistake(&old.at, message);
        }
        let outputs = node.list("output-options").iter().chain(node.list("output_options"));
        Logger {
            name: node.text("name").unwrap_or_default().to_owned(),
            severity: self.severity(node),
            debuglevel: node.int("debuglevel").unwrap_or(0),
            outputs: outputs.map(|node| self.output(node)).collect(),
        }
    }

    fn severity(&mut self, node: &Node) -> Severity {
        let Some(value) = node.get("severity") else { return Severity::Info };
        let Some(text) = value.as_str() else { return Severity::Info };
        match SEVERITIES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            Some((_, severity)) => *severity,
            None => {
                let names: Vec<&str> = SEVERITIES.iter().map(|(name, _)| *name).collect();
                let expected = format!("expected one of {}", names.join(", "));
                self.mistake(
                    &value.at,
                    format!("got {} for \"severity\", {expected}", value.describe()),
                );
                Severity::Info
            }
        }
    }

    fn output(&mut self, node: &Node) -> LogOutput {
        let to = match node.text("output").unwrap_or_default() {
            "stdout" => LogTarget::Stdout,
            "stderr" => LogTarget::Stderr,
            "syslog" => LogTarget::Syslog(String::new()),
            name => match name.strip_prefix("syslog:") {
                Some(facility) => LogTarget::Syslog(facility.to_owned()),
                None => LogTarget::File(placed(&self.directories.logs, name)),
            },
        };
        if let Some(output) = node.get("output")
            && output.as_str() == Some("")
        {
            let expected = "expected stdout, stderr, syslog, syslog:FACILITY or a file";
            self.mistake(&output.at, format!("got an empty output, {expected}"));
        }
        LogOutput {
            to,
            flush: node.flag("flush").unwrap_or(true),
            max_size: node.int("maxsize").unwrap_or(10_240_000),
            max_versions: node.int("maxver").unwrap_or(1),
            pattern: node.text("pattern").unwrap_or_default().to_owned(),
        }
    }
}
