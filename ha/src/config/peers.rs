//! `peers`: names, roles, addresses and what a client must show.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use engine::config::json::{Mistake, Node};

use super::tls::tls;
use super::{Identity, Login, Secret, Server};
use crate::machine::{Mode, Peer, Peers, Role};

/// The peers of a relationship, once for the machine and once for those who reach them; `None` with a mistake.
pub(super) fn peers(
    node: &Node,
    mode: Option<Mode>,
    identity: &Identity,
    mistakes: &mut Vec<Mistake>,
) -> Option<(Peers, Vec<Server>)> {
    let known = mistakes.len();
    let list = node.get("peers")?;
    let mut seen = BTreeMap::new();
    let mut servers = BTreeMap::new();
    let mut all = Vec::new();
    for peer in list.as_list()?.iter().filter(|peer| peer.as_map().is_some()) {
        let name = name(peer, "name", mistakes);
        let role = role(peer);
        let url = url(peer, mistakes);
        let login = login(peer, mistakes);
        let tls = tls(peer, node, mistakes);
        let Some((name, place)) = name.zip(peer.get("name")) else { continue };
        if seen.insert(name.to_owned(), role).is_some() {
            let message = format!("got peer \"{name}\" a second time, expected it once");
            mistakes.push(Mistake::new(&place.at, message));
        }
        let Some(((role, (url, address)), (login, tls))) = role.zip(url).zip(login.zip(tls)) else {
            continue;
        };
        let name: Arc<str> = name.into();
        let auto_failover = peer.flag("auto-failover").unwrap_or(true);
        all.push(Peer { name: Arc::clone(&name), role, auto_failover });
        servers.insert(Arc::clone(&name), Server { name, url, address, login, tls });
    }
    let names: Vec<&str> = seen.keys().map(String::as_str).collect();
    let this = identity.name_in(node, &names, mistakes);
    let mode = mode?;
    if seen.values().all(Option::is_some) {
        check_roles(list, mode, &seen, mistakes);
    }
    // Who is missing here has a mistake that was reported with the shape: no others follow from that.
    if mistakes.len() > known || all.len() < list.as_list()?.len() {
        return None;
    }
    match Peers::new(mode, this?, all) {
        Ok(peers) => Some((peers, servers.into_values().collect())),
        Err(error) => {
            mistakes.push(Mistake::new(&list.at, error.to_string()));
            None
        }
    }
}

/// A name without the blanks around it.
fn name<'a>(node: &'a Node, key: &str, mistakes: &mut Vec<Mistake>) -> Option<&'a str> {
    let node = node.get(key)?;
    let name = node.as_str()?.trim();
    if name.is_empty() {
        mistakes.push(Mistake::new(&node.at, format!("got an empty \"{key}\", expected a name")));
        return None;
    }
    Some(name)
}

fn role(node: &Node) -> Option<Role> {
    let text = node.text("role")?;
    [Role::Primary, Role::Secondary, Role::Standby, Role::Backup]
        .into_iter()
        .find(|role| role.name() == text)
}

/// Each mode has its roles; backups are always allowed.
fn check_roles(
    list: &Node,
    mode: Mode,
    roles: &BTreeMap<String, Option<Role>>,
    mistakes: &mut Vec<Mistake>,
) {
    let expected = match mode {
        Mode::LoadBalancing => [(Role::Primary, 1), (Role::Secondary, 1), (Role::Standby, 0)],
        Mode::HotStandby => [(Role::Primary, 1), (Role::Secondary, 0), (Role::Standby, 1)],
        Mode::PassiveBackup => [(Role::Primary, 1), (Role::Secondary, 0), (Role::Standby, 0)],
    };
    for (role, expected) in expected {
        let found = roles.values().filter(|found| **found == Some(role)).count();
        if found != expected {
            let (role, mode) = (role.name(), mode.name());
            let message = format!("got {found} {role} peers in mode {mode}, expected {expected}");
            mistakes.push(Mistake::new(&list.at, message));
        }
    }
}

/// `http://ADDRESS:PORT/` or with `https`, as given and as an address.
fn url(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<(String, SocketAddr)> {
    let node = node.get("url")?;
    let text = node.as_str()?;
    let expected = "expected http(s)://ADDRESS:PORT/ with a literal address (IPv6 in brackets)";
    let (scheme, rest) = text.trim().split_once("://").unwrap_or_default();
    let authority = rest.split('/').next().unwrap_or_default();
    let address = match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => address(authority),
        _ => None,
    };
    let Some(address) = address else {
        mistakes.push(Mistake::new(&node.at, format!("got url {}, {expected}", node.describe())));
        return None;
    };
    Some((text.to_owned(), address))
}

fn address(authority: &str) -> Option<SocketAddr> {
    let (host, port) = authority.rsplit_once(':')?;
    let port: u16 = port.parse().ok().filter(|port| *port != 0)?;
    let ip = match host.strip_prefix('[') {
        Some(host) => IpAddr::V6(host.strip_suffix(']')?.parse().ok()?),
        None => IpAddr::V4(host.parse().ok()?),
    };
    Some(SocketAddr::new(ip, port))
}

/// The outer `None`: with a mistake; the inner one: without authentication.
fn login(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Option<Login>> {
    let user = secret(node, "basic-auth-user", mistakes);
    let password = secret(node, "basic-auth-password", mistakes);
    let (user, password) = user.zip(password)?;
    let user = user.filter(|user| *user != Secret::Text(String::new()));
    let password = password.unwrap_or_else(|| Secret::Text(String::new()));
    Some(user.map(|user| Login { user, password }))
}

fn secret(node: &Node, key: &str, mistakes: &mut Vec<Mistake>) -> Option<Option<Secret>> {
    let file_key = format!("{key}-file");
    let secret = either(node, key, &file_key, mistakes)?;
    let place = node.get(key).or_else(|| node.get(&file_key));
    let Some((found, place)) = secret.as_ref().zip(place) else { return Some(None) };
    let message = match found.text() {
        // RFC 7617: the first colon ends the user.
        Ok(text) if key == "basic-auth-user" && text.contains(':') => {
            "got a user with a colon, which basic authentication cannot carry".to_owned()
        }
        Ok(_) => return Some(secret),
        Err(error) => {
            format!("got {file_key} {}, but it cannot be read: {error}", place.describe())
        }
    };
    mistakes.push(Mistake::new(&place.at, message));
    None
}

/// The text, or the file that holds it.
fn either(
    node: &Node,
    key: &str,
    file_key: &str,
    mistakes: &mut Vec<Mistake>,
) -> Option<Option<Secret>> {
    match (node.get(key), node.entry(file_key)) {
        (Some(_), Some(file)) => {
            let message = format!("got \"{file_key}\" beside \"{key}\", expected one of them");
            mistakes.push(Mistake::new(&file.at, message));
            None
        }
        (Some(text), None) => Some(Some(Secret::Text(text.as_str()?.to_owned()))),
        (None, Some(file)) => Some(Some(Secret::File(file.node.as_str()?.into()))),
        (None, None) => Some(None),
    }
}
