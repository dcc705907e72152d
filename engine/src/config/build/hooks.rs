//! `hooks-libraries`: a library is known by its file's name, wherever it lies.

use super::Builder;
use crate::config::json::Node;
use crate::config::model::{HookKind, HookLibrary};

/// What is built in.
const BUILT: &[(&str, HookKind)] = &[
    ("libdhcp_ha", HookKind::Ha),
    ("libdhcp_lease_cmds", HookKind::LeaseCmds),
    ("libdhcp_bootp", HookKind::Bootp),
];

/// What Kea has besides.
const KEAS: &[&str] = &[
    "libddns_gss_tsig",
    "libddns_tuning",
    "libdhcp_cb_cmds",
    "libdhcp_class_cmds",
    "libdhcp_ddns_tuning",
    "libdhcp_flex_id",
    "libdhcp_flex_option",
    "libdhcp_host_cache",
    "libdhcp_host_cmds",
    "libdhcp_lease_query",
    "libdhcp_legal_log",
    "libdhcp_forensic_log",
    "libdhcp_limits",
    "libdhcp_mysql",
    "libdhcp_mysql_cb",
    "libdhcp_perfmon",
    "libdhcp_pgsql",
    "libdhcp_pgsql_cb",
    "libdhcp_ping_check",
    "libdhcp_radius",
    "libdhcp_rbac",
    "libdhcp_run_script",
    "libdhcp_stat_cmds",
    "libdhcp_subnet_cmds",
    "libdhcp_user_chk",
    "libca_rbac",
];

impl Builder<'_> {
    /// `hooks-libraries`, in their order.
    pub(super) fn hooks(&mut self, part: &Node) -> Vec<HookLibrary> {
        let mut hooks: Vec<HookLibrary> = Vec::new();
        for entry in part.list("hooks-libraries") {
            let Some(library) = entry.get("library") else { continue };
            let Some(kind) = self.hook_kind(library) else { continue };
            if hooks.iter().any(|hook| hook.kind == kind) {
                let message = format!("got {} a second time, expected it once", library.describe());
                self.mistake(&library.at, message);
            }
            let hook = HookLibrary {
                library: library.as_str().unwrap_or_default().to_owned(),
                kind,
                parameters: entry.get("parameters").cloned(),
                at: entry.at.clone(),
            };
            self.check_parameters(&hook);
            match (self.check_hook)(&hook, part) {
                Ok(warnings) => self.warnings.extend(warnings),
                Err(mistakes) => self.mistakes.extend(mistakes),
            }
            hooks.push(hook);
        }
        let ha = hooks.iter().find(|hook| hook.kind == HookKind::Ha);
        if let Some(ha) = ha
            && !hooks.iter().any(|hook| hook.kind == HookKind::LeaseCmds)
        {
            let message = "got libdhcp_ha without libdhcp_lease_cmds, expected both: partners send its commands";
            self.mistake(&ha.at, message);
        }
        hooks
    }

    /// Only High Availability has parameters here, and its owner checks them.
    fn check_parameters(&mut self, hook: &HookLibrary) {
        let entries = hook.parameters.as_ref().and_then(Node::as_map).unwrap_or_default();
        if hook.kind == HookKind::Ha {
            return;
        }
        for entry in
            entries.iter().filter(|entry| !matches!(&*entry.key, "comment" | "user-context"))
        {
            let message = format!("not built yet: parameter \"{}\" of {}", entry.key, hook.library);
            self.mistake(&entry.at, message);
        }
    }

    fn hook_kind(&mut self, library: &Node) -> Option<HookKind> {
        let path = library.as_str()?;
        let file = path.rsplit('/').next().unwrap_or(path);
        let name = file.strip_suffix(".so").unwrap_or(file);
        if let Some((_, kind)) = BUILT.iter().find(|(built, _)| *built == name) {
            return Some(*kind);
        }
        if KEAS.contains(&name) {
            self.mistake(&library.at, format!("not built yet: hook library {name}"));
        } else {
            let built: Vec<&str> = BUILT.iter().map(|(built, _)| *built).collect();
            let expected = format!("expected one that is built in: {}", built.join(", "));
            self.mistake(
                &library.at,
                format!("got hook library {}, {expected}", library.describe()),
            );
        }
        None
    }
}
