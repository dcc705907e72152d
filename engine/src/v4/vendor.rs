//! Vendor-identifying options in a reply: 124 and 125, once for each enterprise (RFC 3925). Pure.

use super::options::Levels;
use crate::codec::options::space::CABLELABS_ENTERPRISE;
use crate::codec::options::sub_options;
use crate::codec::v4::{CodeSet, Query, ReplyWriter, code};
use crate::limits::MAX_ENTERPRISES;

/// Sub-option of CableLabs' option 125 in which a client asks for others by their codes.
const OPTION_REQUEST: u8 = 1;
/// Bytes of sub-options that go into one option 125: with the enterprise and their length it has 255.
const MAX_PART: usize = 250;
/// Bytes of a sub-option that is not split.
const MAX_PIECE: usize = MAX_PART - 2;

/// Writes the configured options 124: of each enterprise the strongest.
pub(super) fn write_vendor_classes(writer: &mut ReplyWriter, levels: &Levels<'_>) {
    let mut written = Enterprises::default();
    for option in levels.all((None, code::VENDOR_CLASS)) {
        if enterprise_of(&option.data).is_some_and(|enterprise| written.add(enterprise)) {
            writer.option(code::VENDOR_CLASS, &option.data);
        }
    }
}

/// Writes options 125: of the enterprises that are configured, if 125 itself is wanted, and of those that the query
/// names in its options 125 and 124.
pub(super) fn write_vendor_options(
    writer: &mut ReplyWriter,
    query: &Query<'_>,
    levels: &Levels<'_>,
    wanted: bool,
) {
    let mut named = Enterprises::default();
    let mut asked = CodeSet::default();
    if wanted {
        for option in levels.all((None, code::VENDOR_OPTIONS)) {
            enterprise_of(&option.data).map(|enterprise| named.add(enterprise));
        }
    }
    let configured = named.len;
    for code in [code::VENDOR_OPTIONS, code::VENDOR_CLASS] {
        let Some(data) = query.option(code) else { continue };
        for (enterprise, data) in enterprises(&data) {
            named.add(enterprise);
            if code == code::VENDOR_OPTIONS && enterprise == CABLELABS_ENTERPRISE {
                let request = sub_options(data).find(|(code, _)| *code == OPTION_REQUEST);
                asked = request.map_or(asked, |(_, codes)| CodeSet::of(codes));
            }
        }
    }
    named.known[configured..named.len].sort_unstable();
    for (at, enterprise) in named.iter().enumerate() {
        write_enterprise(writer, levels, enterprise, asked, at < configured);
    }
}

/// Writes the options of one enterprise; of one that is `configured` also if there are none.
fn write_enterprise(
    writer: &mut ReplyWriter,
    levels: &Levels<'_>,
    enterprise: u32,
    asked: CodeSet,
    configured: bool,
) {
    let asked = if enterprise == CABLELABS_ENTERPRISE { asked } else { CodeSet::default() };
    let chosen = levels.chosen(Some(enterprise), asked);
    let given: &[u8] = if configured { configured_data(levels, enterprise) } else { &[] };
    let mut codes = chosen;
    sub_options(given).for_each(|(code, _)| codes.insert(code));
    let mut part = Part::new(enterprise);
    for code in codes.iter() {
        let given = sub_options(given).find(|(known, _)| *known == code).map(|(_, data)| data);
        let Some(data) = given.or_else(|| levels.value((Some(enterprise), code))) else { continue };
        let mut rest = data;
        loop {
            let (piece, later) = rest.split_at(rest.len().min(MAX_PIECE));
            if !part.fits(piece) {
                part.write(writer);
                part = Part::new(enterprise);
            }
            part.push(code, piece);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
    }
    if configured || !part.is_empty() {
        part.write(writer);
    }
}

/// The sub-options that an option 125 in the configuration holds itself.
fn configured_data<'a>(levels: &Levels<'a>, enterprise: u32) -> &'a [u8] {
    let mut options = levels.all((None, code::VENDOR_OPTIONS));
    let option = options.find(|option| enterprise_of(&option.data) == Some(enterprise));
    option.and_then(|option| enterprises(&option.data).next()).map_or(&[], |(_, data)| data)
}

/// One option 125 under way: an enterprise, the length of its sub-options, and they.
struct Part {
    bytes: [u8; MAX_PART + 5],
    len: usize,
}

impl Part {
    fn new(enterprise: u32) -> Self {
        let mut bytes = [0; MAX_PART + 5];
        bytes[..4].copy_from_slice(&enterprise.to_be_bytes());
        Self { bytes, len: 5 }
    }

    fn is_empty(&self) -> bool {
        self.len == 5
    }

    fn fits(&self, piece: &[u8]) -> bool {
        self.len + 2 + piece.len() <= self.bytes.len()
    }

    fn push(&mut self, code: u8, piece: &[u8]) {
        self.bytes[self.len..self.len + 2].copy_from_slice(&[code, piece.len() as u8]);
        self.bytes[self.len + 2..self.len + 2 + piece.len()].copy_from_slice(piece);
        self.len += 2 + piece.len();
        self.bytes[4] = (self.len - 5) as u8;
    }

    fn write(&self, writer: &mut ReplyWriter) {
        writer.option(code::VENDOR_OPTIONS, &self.bytes[..self.len]);
    }
}

/// Enterprise numbers, each once; no more than there is room for.
#[derive(Default)]
struct Enterprises {
    known: [u32; MAX_ENTERPRISES],
    len: usize,
}

impl Enterprises {
    /// Whether it was new and there was room.
    fn add(&mut self, enterprise: u32) -> bool {
        let new = !self.known[..self.len].contains(&enterprise) && self.len < MAX_ENTERPRISES;
        if new {
            self.known[self.len] = enterprise;
            self.len += 1;
        }
        new
    }

    fn iter(&self) -> impl Iterator<Item = u32> {
        self.known[..self.len].iter().copied()
    }
}

fn enterprise_of(data: &[u8]) -> Option<u32> {
    data.first_chunk().map(|number| u32::from_be_bytes(*number))
}

/// The enterprises in the data of an option 124 or 125 and what belongs to each (RFC 3925 sections 3 and 4); what
/// comes after one that reaches beyond the end is not looked at. The last one may be its number alone.
fn enterprises(data: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (number, after) = rest.split_first_chunk()?;
        let (len, after) = after.split_first().unwrap_or((&0, &[]));
        let (data, later) = after.split_at_checked(usize::from(*len))?;
        rest = later;
        Some((u32::from_be_bytes(*number), data))
    })
}
