//! `hooks-libraries`: a library is known by its file's name, wherever it lies.

use super::Builder;
use crate::classify::Template;
use crate::config::json::Node;
use crate::config::model::{Dhcp4, FlexId, HookKind, HookLibrary};
use crate::config::wire::{self, Depth, v4};
use crate::hosts::IdentifierKind;

/// What is built in.
const BUILT: &[(&str, HookKind)] = &[
    ("libdhcp_ha", HookKind::Ha),
    ("libdhcp_lease_cmds", HookKind::LeaseCmds),
    ("libdhcp_stat_cmds", HookKind::StatCmds),
    ("libdhcp_bootp", HookKind::Bootp),
    ("libdhcp_flex_id", HookKind::FlexId),
];

/// What Kea has besides.
const KEAS: &[&str] = &[
    "libddns_gss_tsig",
    "libddns_tuning",
    "libdhcp_cb_cmds",
    "libdhcp_class_cmds",
    "libdhcp_ddns_tuning",
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

    /// Those of High Availability its owner checks; few others have any.
    fn check_parameters(&mut self, hook: &HookLibrary) {
        let entries = hook.parameters.as_ref().and_then(Node::as_map).unwrap_or_default();
        match (hook.kind, &hook.parameters) {
            (HookKind::Ha, _) => return,
            (HookKind::FlexId, Some(parameters)) => {
                return wire::check(parameters, &v4::FLEX_ID, Depth::Built, &mut self.mistakes);
            }
            _ => {}
        }
        for entry in
            entries.iter().filter(|entry| !matches!(&*entry.key, "comment" | "user-context"))
        {
            let message = format!("not built yet: parameter \"{}\" of {}", entry.key, hook.library);
            self.mistake(&entry.at, message);
        }
    }

    /// Reservations by flex-id that nobody can have.
    pub(super) fn warn_of_flex_id(&mut self, dhcp4: &Dhcp4) {
        let Some(at) = self.first_flex_id.take() else { return };
        let kind = IdentifierKind::FlexId;
        let missing = match &dhcp4.flex_id {
            None => "an identifier-expression of libdhcp_flex_id",
            Some(_) if !dhcp4.host_identifiers.contains(&kind) => {
                "\"flex-id\" in host-reservation-identifiers"
            }
            Some(_) => return,
        };
        self.warning(&at, format!("reservations by flex-id match nobody, expected {missing}"));
    }

    /// What `libdhcp_flex_id` is told. Without an expression it does nothing.
    pub(super) fn flex_id(&mut self, hooks: &[HookLibrary]) -> Option<FlexId> {
        let hook = hooks.iter().find(|hook| hook.kind == HookKind::FlexId)?;
        let parameters = hook.parameters.as_ref()?;
        let node = parameters.get("identifier-expression")?;
        let text = node.as_str().filter(|text| !text.is_empty())?;
        let expression = match Template::compile(text, &self.definitions, &mut self.names) {
            Ok(expression) => expression,
            Err(error) => {
                let message = format!("bad identifier-expression: {}", error.message);
                self.mistake(&node.inside(error.offset), message);
                return None;
            }
        };
        Some(FlexId {
            expression,
            replace_client_id: parameters.flag("replace-client-id").unwrap_or(false),
            as_duid: parameters.flag("cid-as-rfc4361-duid").unwrap_or(false),
        })
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
                format!("not built yet: hook library {name} (of another maker), {expected}"),
            );
        }
        None
    }
}
