//! Another configuration for the server that runs: config-reload and SIGHUP, config-set, config-test, config-write (Kea
//! guide, "Commands Supported by Both the DHCPv4 and DHCPv6 Servers"). A mistake changes nothing and is told with its
//! place.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::config::json::Mistake;
use engine::config::model::Dhcp4;
use engine::control::{Answer, Channel, Command, Registry};
use ha::Hub;
use ha::wire::digest::sha256;
use serde_json::{Value, json};

use crate::check::{self, Checked};
use crate::http::HttpDoors;

/// Mistakes that an answer lists; the log has no more either.
const MOST_TOLD: usize = 20;

/// How a command is answered.
type Run = fn(&Reload, &Command<'_>) -> Answer;

/// Changes the configuration of the running server.
pub(crate) struct Reload {
    file: PathBuf,
    server: Arc<engine::server::Reload>,
    hub: Option<Arc<Hub>>,
    http: Arc<HttpDoors>,
}

impl Reload {
    /// For the server that was started by `file`, with the relationships of `hub`.
    pub(crate) fn new(
        file: &Path,
        server: Arc<engine::server::Reload>,
        hub: Option<Arc<Hub>>,
        http: Arc<HttpDoors>,
    ) -> Arc<Self> {
        Arc::new(Self { file: file.to_owned(), server, hub, http })
    }

    /// Adds the commands.
    pub(crate) fn register(self: &Arc<Self>, registry: &Registry) {
        let commands: [(&'static str, Run); 5] = [
            ("config-hash-get", |reload, _| Answer::with(reload.hash())),
            ("config-reload", |reload, _| reload.read_again("config-reload")),
            ("config-set", Self::set),
            ("config-test", |_, command| test(command)),
            ("config-write", Self::write),
        ];
        for (name, run) in commands {
            let reload = Arc::clone(self);
            registry.register(name, move |command| match command.channel {
                Channel::Control => run(&reload, command),
                Channel::Partner(_) => Answer::error(format!(
                    "'{name}' came from a partner, expected it on a control socket of this server"
                )),
            });
        }
    }

    /// Reads the file again. `why` is told in the log.
    pub(crate) fn read_again(&self, why: &str) -> Answer {
        let read = check::read(&self.file).map_err(|mistakes| listed(&mistakes));
        self.answer(why, read.and_then(|checked| self.apply(&checked)))
    }

    fn set(&self, command: &Command<'_>) -> Answer {
        let read = match given(command) {
            Ok(read) => read,
            Err(answer) => return answer,
        };
        self.answer("config-set", read.and_then(|checked| self.apply(&checked)))
    }

    fn apply(&self, checked: &Checked) -> Result<(), String> {
        let configuration = &checked.configuration;
        let new = dhcp4(checked)?;
        let mut refused = self.server.refusals(new, &configuration.source);
        let old = self.server.current();
        refused.extend(ha::config::refusals(&old.hooks, &new.hooks, &configuration.source));
        if !refused.is_empty() {
            return Err(listed(&refused));
        }
        let opened = self.http.open_new(&checked.http).map_err(|error| error.to_string())?;
        let json = engine::config::render(configuration);
        let apply = |follow: &dyn Fn(&Dhcp4)| {
            let applied = self.server.apply(new.clone(), json, follow);
            applied.map_err(|error| error.to_string())
        };
        match &self.hub {
            None => apply(&|_| ())?,
            Some(hub) => {
                let apply = || apply(&|new| hub.follow(new));
                let changed = hub.change(&checked.relationships, new, apply);
                changed.map_err(|error| error.to_string())?;
                hub.agree(&self.server.served().json);
            }
        }
        self.http.settle(opened, &checked.http);
        for warning in &configuration.warnings {
            engine::log!(PEREGRINE_CONFIG_WARNING, "{warning}");
        }
        Ok(())
    }

    fn answer(&self, why: &str, outcome: Result<(), String>) -> Answer {
        match outcome {
            Ok(()) => {
                let subnets = self.server.current().subnets.len();
                engine::log!(DHCP4_CONFIG_COMPLETE, "{why}: {subnets} subnets are served");
                Answer::success("Configuration successful.").and(self.hash())
            }
            Err(mistakes) => {
                engine::log!(DHCP4_DYNAMIC_RECONFIGURATION_FAIL, "{why}: {mistakes}");
                Answer::error(format!("{mistakes}; the configuration in use is kept"))
            }
        }
    }

    /// A digest of what config-get tells: it changes with the configuration and with nothing else.
    fn hash(&self) -> Value {
        json!({"hash": sha256(self.server.served().json.to_string().as_bytes())})
    }

    fn write(&self, command: &Command<'_>) -> Answer {
        let file = match command.arguments.map(|arguments| arguments.get("filename")) {
            None | Some(None) => self.file.clone(),
            Some(Some(Value::String(name))) => match self.beside(name) {
                Ok(file) => file,
                Err(why) => return Answer::error(why),
            },
            Some(Some(_)) => return Answer::error("parameter 'filename' is not a string"),
        };
        let text = format!("{:#}\n", self.server.served().json);
        match replace(&file, &text) {
            Ok(()) => {
                Answer::success(format!("Configuration written to {} successful", file.display()))
                    .and(json!({"filename": file, "size": text.len()}))
            }
            Err(error) => Answer::error(format!("cannot write {}: {error}", file.display())),
        }
    }

    /// Where `name` lies: only beside the file that the server was started by, since commands may come from people who
    /// may not write elsewhere.
    fn beside(&self, name: &str) -> Result<PathBuf, String> {
        let folder = self.file.parent().unwrap_or_else(|| Path::new(""));
        let path = Path::new(name);
        let leads = path.parent().unwrap_or_else(|| Path::new(""));
        match path.file_name() {
            Some(file) if leads.as_os_str().is_empty() || leads == folder => Ok(folder.join(file)),
            _ => Err(format!("got filename \"{name}\", expected one in {}", folder.display())),
        }
    }
}

fn test(command: &Command<'_>) -> Answer {
    match given(command) {
        Err(answer) => answer,
        Ok(read) => match read.and_then(|checked| dhcp4(&checked).map(drop)) {
            Ok(()) => Answer::success(
                "Configuration seems sane. Control-sockets, hook-libraries, and D2 configuration \
                 were sanity checked, but not applied.",
            ),
            Err(mistakes) => Answer::error(mistakes),
        },
    }
}

/// The configuration that a command carries, checked; an answer if it carries none.
fn given(command: &Command<'_>) -> Result<Result<Checked, String>, Answer> {
    let Some(arguments) = command.arguments else {
        return Err(Answer::error("Missing mandatory 'arguments' parameter."));
    };
    match arguments.get("Dhcp4") {
        None => return Err(Answer::error("Missing mandatory 'Dhcp4' parameter.")),
        Some(part) if !part.is_object() => {
            return Err(Answer::error("'Dhcp4' parameter expected to be a map."));
        }
        Some(_) => {}
    }
    // Laid out as config-write would, so that a place in it can be found.
    let text = format!("{arguments:#}");
    Ok(check::read_text(&text, "<wire>").map_err(|mistakes| listed(&mistakes)))
}

fn dhcp4(checked: &Checked) -> Result<&Dhcp4, String> {
    if checked.configuration.dhcp6.is_some() {
        return Err("found Dhcp6, expected Dhcp4 only".into());
    }
    checked.configuration.dhcp4.as_ref().ok_or_else(|| "found no Dhcp4, expected it".into())
}

/// One after the other, each with its place.
fn listed(mistakes: &[Mistake]) -> String {
    let told: Vec<_> = mistakes.iter().take(MOST_TOLD).map(ToString::to_string).collect();
    match mistakes.len().saturating_sub(MOST_TOLD) {
        0 => told.join("; "),
        more => format!("{}; and {more} more", told.join("; ")),
    }
}

/// Writes all of `text` or leaves what was there.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let mut aside = file.as_os_str().to_owned();
    aside.push(".new");
    let aside = PathBuf::from(aside);
    // One that an earlier attempt left behind.
    let _ = fs::remove_file(&aside);
    let written = write_as(file, &aside, text).and_then(|()| fs::rename(&aside, file));
    if written.is_err() {
        // Nothing is there, or it could not be written: there is nothing more to be done.
        let _ = fs::remove_file(&aside);
    }
    written
}

/// It may hold passwords: it is as readable as what it replaces, and to nobody else if there is nothing.
fn write_as(file: &Path, aside: &Path, text: &str) -> io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let mode = fs::metadata(file).map_or(0o640, |known| known.permissions().mode());
    let mut open = fs::OpenOptions::new();
    let mut out = open.write(true).create_new(true).mode(mode & 0o777).open(aside)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()
}
