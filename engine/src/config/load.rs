//! A configuration from a file, its included files too (*shell*: reads files).

#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::json::{Mistake, Position, parse};
use super::model::Configuration;
use super::{CheckHook, Directories, build};

/// Reads and checks the configuration file `path`.
///
/// # Errors
/// All mistakes of the file; a file that cannot be read is one.
pub fn load(path: &Path) -> Result<Configuration, Vec<Mistake>> {
    load_with(path, &Directories::default(), &mut |_, _| Ok(Vec::new()))
}

/// [`load`], with other directories for the files that it names, and a check of the hook libraries' parameters.
///
/// # Errors
/// As those of [`load`], and those of `check_hook`.
pub fn load_with(
    path: &Path,
    directories: &Directories,
    check_hook: CheckHook<'_>,
) -> Result<Configuration, Vec<Mistake>> {
    let name = path.display().to_string();
    match std::fs::read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => parse_text_with(&text, &name, directories, check_hook),
            Err(error) => {
                let at = after(&name, &error.as_bytes()[..error.utf8_error().valid_up_to()]);
                Err(vec![Mistake::new(&at, "got bytes that are no UTF-8, expected text")])
            }
        },
        Err(error) => {
            let at = after(&name, b"");
            Err(vec![Mistake::new(&at, format!("cannot read the file: {error}"))])
        }
    }
}

/// Checks the configuration `text`; `name` stands for its file in positions. Included files are read relative to the
/// working directory, as Kea does.
///
/// # Errors
/// All mistakes of the text.
pub fn parse_text(text: &str, name: &str) -> Result<Configuration, Vec<Mistake>> {
    parse_text_with(text, name, &Directories::default(), &mut |_, _| Ok(Vec::new()))
}

/// [`parse_text`] with what [`load_with`] takes.
///
/// # Errors
/// As those of [`load_with`].
pub fn parse_text_with(
    text: &str,
    name: &str,
    directories: &Directories,
    check_hook: CheckHook<'_>,
) -> Result<Configuration, Vec<Mistake>> {
    let mut include = |file: &str| -> io::Result<String> { std::fs::read_to_string(file) };
    build(parse(text, name, &mut include)?, directories, check_hook)
}

/// Where `file` goes on after `bytes`, which are UTF-8.
fn after(file: &str, bytes: &[u8]) -> Position {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
    let line = bytes.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let characters = line.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
    let number = |count: usize| u32::try_from(count + 1).unwrap_or(u32::MAX);
    Position { file: Arc::from(file), line: number(lines), column: number(characters) }
}
