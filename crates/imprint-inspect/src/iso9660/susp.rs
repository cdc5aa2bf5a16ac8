//! Extensions of directory records: the sharing protocol (SUSP), and Rock Ridge's entries in it.

use imprint_disk::ReadAt;

use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::fields;
use crate::file_system::Kind;
use crate::source::read_exact;

/// How many areas one record may go on in.
const CONTINUATIONS_MAX: usize = 32;
/// The longest name, and the longest symlink.
const LINK_BYTES_MAX: usize = 4096;
/// The longest name.
const NAME_BYTES_MAX: usize = 1020;
/// "This goes on in the next entry."
const CONTINUES: u8 = 1;

/// What Rock Ridge says about a record.
#[derive(Debug, Default)]
pub(super) struct Extended {
    pub(super) name: Option<Vec<u8>>,
    pub(super) mode: Option<u32>,
    pub(super) link: Option<Vec<u8>>,
    /// The block of the directory that this record stands for: one that would have been too deep.
    pub(super) relocated_to: Option<u64>,
    /// Whether this record is such a directory, shown elsewhere.
    pub(super) is_relocated: bool,
}

/// How many bytes to skip in each record, when the first record's area begins with the protocol's mark.
pub(super) fn skip_of(system: &[u8]) -> Option<usize> {
    let is_mark = system.starts_with(b"SP\x07\x01\xbe\xef");
    is_mark.then(|| fields::byte(system, 6).ok().map(usize::from)).flatten()
}

/// What a mode says; records without one are files.
pub(super) fn kind(mode: Option<u32>) -> Kind {
    match mode.map(|mode| mode & 0xf000) {
        None | Some(0x8000) => Kind::File,
        Some(0x4000) => Kind::Directory,
        Some(0xa000) => Kind::Symlink,
        Some(_) => Kind::Other,
    }
}

/// Reads the entries of a record, where they go on elsewhere, too.
pub(super) fn read(system: &[u8], volume: &dyn ReadAt, block_bytes: u64, budget: &Budget) -> Result<Extended> {
    let mut extended = Extended::default();
    let mut link = Link::default();
    let mut area = system.to_vec();
    for _ in 0..CONTINUATIONS_MAX {
        let Some((block, offset, len)) = entries(&area, &mut extended, &mut link, budget)? else {
            extended.link = link.is_any.then_some(link.text);
            return Ok(extended);
        };
        let at = u64::from(block) * block_bytes + u64::from(offset);
        if u64::from(len) > block_bytes {
            return Err(Error::corrupt("a record that goes on for more than a block"));
        }
        area = read_exact(volume, at, usize::try_from(len).expect("at most a block"))?;
    }
    Err(Error::corrupt("a record that goes on for ever"))
}

/// Reads the entries of one area, and says where they go on: block, place in it, length.
fn entries(area: &[u8], extended: &mut Extended, link: &mut Link, budget: &Budget) -> Result<Option<(u32, u32, u32)>> {
    let mut next = None;
    let mut at = 0;
    while at + 4 <= area.len() {
        budget.step()?;
        let len = usize::from(area[at + 2]);
        let Some(entry) = area.get(at..at + len).filter(|entry| entry.len() >= 4) else { break };
        match &entry[..2] {
            b"CE" => next = Some((fields::le32(entry, 4)?, fields::le32(entry, 12)?, fields::le32(entry, 20)?)),
            b"NM" => name(entry, extended)?,
            b"PX" => extended.mode = Some(fields::le32(entry, 4)?),
            b"SL" => link.add(entry.get(5..).unwrap_or_default())?,
            b"CL" => extended.relocated_to = Some(u64::from(fields::le32(entry, 4)?)),
            b"RE" => extended.is_relocated = true,
            b"ST" => break,
            _ => {}
        }
        at += len;
    }
    Ok(next)
}

fn name(entry: &[u8], extended: &mut Extended) -> Result<()> {
    let name = extended.name.get_or_insert_default();
    name.extend_from_slice(fields::slice(entry, 5, entry.len().saturating_sub(5))?);
    if name.len() > NAME_BYTES_MAX { Err(Error::corrupt("a name beyond all bounds")) } else { Ok(()) }
}

/// A symlink put together from its components.
#[derive(Default)]
struct Link {
    text: Vec<u8>,
    is_any: bool,
    is_open: bool,
}

impl Link {
    fn add(&mut self, components: &[u8]) -> Result<()> {
        self.is_any = true;
        let mut at = 0;
        while at + 2 <= components.len() {
            let (flags, len) = (components[at], usize::from(components[at + 1]));
            let content = fields::slice(components, at + 2, len)?;
            if !self.is_open && !self.text.is_empty() && self.text.last() != Some(&b'/') {
                self.text.push(b'/');
            }
            match flags & !CONTINUES {
                0 => self.text.extend_from_slice(content),
                2 => self.text.extend_from_slice(b"."),
                4 => self.text.extend_from_slice(b".."),
                8 => self.text = b"/".to_vec(),
                _ => return Err(Error::corrupt("a symlink's component")),
            }
            self.is_open = flags & CONTINUES != 0;
            if self.text.len() > LINK_BYTES_MAX {
                return Err(Error::corrupt("a symlink beyond all bounds"));
            }
            at += 2 + len;
        }
        Ok(())
    }
}
