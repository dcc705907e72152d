//! `control-socket` and `control-sockets` (Kea guide, "Management API"): UNIX sockets, and HTTP with or without TLS. Files
//! that an HTTP socket names are read by whoever opens it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::{Builder, placed};
use crate::config::json::Node;
use crate::config::model::{ControlSocket, HttpClient, HttpLogin, HttpSocket, HttpTls, Secret};

/// Bytes of a UNIX socket's path (unix(7): `sun_path`, less the final NUL).
const MAX_SOCKET_PATH: usize = 107;
/// The keys of TLS: all of them or none.
const TLS: [&str; 3] = ["trust-anchor", "cert-file", "key-file"];

/// Where commands come in.
#[derive(Default)]
pub(super) struct Sockets {
    pub(super) unix: Vec<ControlSocket>,
    pub(super) http: Vec<HttpSocket>,
}

impl Builder<'_> {
    /// Every control socket, of either spelling.
    pub(super) fn control_sockets(&mut self, dhcp4: &Node) -> Sockets {
        let nodes = dhcp4.get("control-socket").into_iter().chain(dhcp4.list("control-sockets"));
        let mut sockets = Sockets::default();
        for node in nodes {
            match node.text("socket-type") {
                Some("unix") => sockets.unix.extend(self.unix_socket(node)),
                Some(kind @ ("http" | "https")) => {
                    let Some(socket) = self.http_socket(node, kind == "https") else { continue };
                    if sockets.http.iter().any(|other| other.address == socket.address) {
                        let message = format!(
                            "got {} for a second control socket, expected another address or port",
                            socket.address
                        );
                        self.mistake(&node.at, message);
                    }
                    sockets.http.push(socket);
                }
                _ => {}
            }
        }
        sockets
    }

    fn unix_socket(&mut self, node: &Node) -> Option<ControlSocket> {
        let Some(name) = node.get("socket-name").filter(|name| name.as_str() != Some("")) else {
            let message =
                "got a control socket of type \"unix\" without \"socket-name\", expected one";
            self.mistake(&node.at, message);
            return None;
        };
        let path = placed(&self.directories.sockets, name.as_str()?);
        let length = path.as_os_str().len();
        if length > MAX_SOCKET_PATH {
            let expected = format!("expected at most {MAX_SOCKET_PATH}");
            let message = format!("got a socket path of {length} bytes, {expected}");
            self.mistake(&name.at, message);
        }
        Some(ControlSocket::Unix { path })
    }

    fn http_socket(&mut self, node: &Node, must_be_secure: bool) -> Option<HttpSocket> {
        if let Some(name) = node.entry("socket-name") {
            let message = "got \"socket-name\" for a control socket over HTTP, expected \
                           \"socket-address\" and \"socket-port\"";
            self.mistake(&name.at, message);
        }
        let address = node.text("socket-address").map(str::parse);
        let address = address.and_then(Result::ok).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let tls = self.http_tls(node, must_be_secure)?;
        let login = match node.get("authentication") {
            Some(authentication) => self.http_login(authentication)?,
            None => None,
        };
        if tls.is_none() && login.is_none() {
            let message = "a control socket over HTTP without TLS and without \"authentication\": \
                           whoever reaches it commands this server";
            self.warning(&node.at, message);
        }
        let header = |header: &Node| {
            Some((header.text("name")?.to_owned(), header.text("value")?.to_owned()))
        };
        for header in node.list("http-headers") {
            if !(header.text("name").is_some_and(is_token)
                && header.text("value").is_some_and(is_header_value))
            {
                let message = "got an HTTP header that cannot be sent, expected a name of letters, \
                               digits and dashes, and a value of printable ASCII";
                self.mistake(&header.at, message);
            }
        }
        Some(HttpSocket {
            at: node.at.clone(),
            address: SocketAddr::new(address, node.int("socket-port").unwrap_or(8000)),
            tls,
            login,
            headers: node.list("http-headers").iter().filter_map(header).collect(),
        })
    }

    /// The outer `None`: with a mistake, the inner one: without TLS.
    fn http_tls(&mut self, node: &Node, must_be_secure: bool) -> Option<Option<HttpTls>> {
        let given = TLS.map(|key| node.text(key).filter(|path| !path.is_empty()));
        match given {
            [Some(anchor), Some(certificate), Some(key)] => Some(Some(HttpTls {
                anchor: anchor.into(),
                certificate: certificate.into(),
                key: key.into(),
                client_certificates: node.flag("cert-required").unwrap_or(true),
            })),
            [None, None, None] if !must_be_secure => Some(None),
            _ => {
                let missing = TLS.iter().zip(given).filter(|(_, given)| given.is_none());
                let missing: Vec<_> = missing.map(|(key, _)| format!("\"{key}\"")).collect();
                let message = format!(
                    "got a control socket with TLS without {}, expected \"trust-anchor\", \
                     \"cert-file\" and \"key-file\"",
                    missing.join(" and ")
                );
                self.mistake(&node.at, message);
                None
            }
        }
    }

    /// As [`Self::http_tls`]: no clients, no authentication.
    fn http_login(&mut self, node: &Node) -> Option<Option<HttpLogin>> {
        let directory = node.text("directory").unwrap_or_default();
        let mut clients = Vec::new();
        for client in node.list("clients") {
            let secret = |text: &str, file: &str| match (client.text(text), client.text(file)) {
                (Some(text), None) => Ok(Some(Secret::Text(text.to_owned()))),
                (None, Some(name)) => Ok(Some(Secret::File(in_folder(directory, name)))),
                (None, None) => Ok(None),
                (Some(_), Some(_)) => Err(()),
            };
            let both = (secret("user", "user-file"), secret("password", "password-file"));
            clients.push(match both {
                (Ok(Some(user)), Ok(password)) if user.is_user() => HttpClient {
                    user: Some(user),
                    password: password.unwrap_or_else(|| Secret::Text(String::new())),
                },
                // The file has both, with a colon between.
                (Ok(None), Ok(Some(Secret::File(file)))) => {
                    HttpClient { user: None, password: Secret::File(file) }
                }
                _ => {
                    self.mistake(&client.at, NO_USER);
                    return None;
                }
            });
        }
        let realm = node.text("realm").unwrap_or_default();
        if !is_header_value(realm) || realm.contains(['"', '\\']) {
            let message =
                "got a realm that cannot be sent, expected printable ASCII without quotes";
            self.mistake(&node.at, message);
        }
        Some((!clients.is_empty()).then(|| HttpLogin { realm: realm.to_owned(), clients }))
    }
}

const NO_USER: &str = "got a client of \"authentication\" that is not clear, expected either \"user\" \
                       (without a colon) or \"user-file\", and either \"password\" or \"password-file\"";

fn in_folder(folder: &str, name: &str) -> PathBuf {
    Path::new(folder).join(name)
}

fn is_token(name: &str) -> bool {
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !name.is_empty() && name.bytes().all(is_usual)
}

fn is_header_value(text: &str) -> bool {
    text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}
