//! ISO 9660, with the names of Rock Ridge or, where there are none, of Joliet; and which firmware El Torito starts.

mod boot;
mod record;
mod susp;

use std::sync::Arc;

use imprint_disk::ReadAt;

use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::file_system::{self, Entry, FileSystem, Kind, Metadata, Node, is_name};
use crate::source::read_exact;
use crate::{fields, labels};
use record::Record;

pub(crate) use boot::platforms;

const DESCRIPTOR_BYTES: u64 = 2048;
/// Where the volume descriptors begin, and how many are looked at.
const DESCRIPTORS_AT: u64 = 16 * DESCRIPTOR_BYTES;
const DESCRIPTORS_MAX: u64 = 64;
const ID: &[u8] = b"CD001";
const PRIMARY: u8 = 1;
const SUPPLEMENTARY: u8 = 2;
const END: u8 = 255;
/// How Joliet declares its three levels.
const JOLIET: [&[u8]; 3] = [b"%/@", b"%/C", b"%/E"];
/// The longest directory that is read.
const DIRECTORY_BYTES_MAX: u64 = 16 << 20;
/// A file of more than 4 GiB has several records.
const EXTENTS_MAX: usize = 64;

/// Where names come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    Plain,
    Joliet,
    /// With how many bytes are skipped in each record's system area.
    RockRidge(usize),
}

/// An open file system. A node is the place of a directory record in bytes of the volume.
struct Iso {
    volume: Arc<dyn ReadAt>,
    budget: Arc<Budget>,
    names: Names,
    block_bytes: u64,
    blocks: u64,
    root: Node,
    label: Option<String>,
    uuid: Option<String>,
}

/// Opens the file system of a volume.
///
/// # Errors
/// [`Error::Corrupt`], and what reading answers.
pub(crate) fn open(volume: Arc<dyn ReadAt>, budget: Arc<Budget>) -> Result<Arc<dyn FileSystem>> {
    let mut primary = None;
    let mut joliet = None;
    for index in 0..DESCRIPTORS_MAX {
        let at = DESCRIPTORS_AT + index * DESCRIPTOR_BYTES;
        let descriptor = read_exact(&*volume, at, 2048)?;
        if &descriptor[1..6] != ID || descriptor[0] == END {
            break;
        }
        match descriptor[0] {
            PRIMARY if primary.is_none() => primary = Some((at, descriptor)),
            SUPPLEMENTARY if JOLIET.contains(&&descriptor[88..91]) => joliet = joliet.or(Some(at)),
            _ => {}
        }
    }
    let (at, primary) = primary.ok_or_else(|| Error::corrupt("no primary volume descriptor"))?;
    let block_bytes = u64::from(fields::le16(&primary, 128)?);
    if !matches!(block_bytes, 512 | 1024 | 2048) {
        return Err(Error::corrupt("the block size of an ISO 9660 volume"));
    }
    let mut iso = Iso {
        volume,
        budget,
        names: Names::Plain,
        block_bytes,
        blocks: u64::from(fields::le32(&primary, 80)?),
        root: Node(u128::from(at + 156)),
        label: labels::padded(&primary[40..72]),
        uuid: date(&primary[830..847]).or_else(|| date(&primary[813..830])),
    };
    if let Some(skip) = iso.rock_ridge()? {
        iso.names = Names::RockRidge(skip);
    } else if let Some(at) = joliet {
        iso.names = Names::Joliet;
        iso.root = Node(u128::from(at + 156));
    }
    Ok(Arc::new(iso))
}

/// A date of a descriptor in the form that `blkid` takes as the UUID; none when it is not set.
fn date(raw: &[u8]) -> Option<String> {
    let digits = raw.get(..16)?;
    if !digits.iter().all(u8::is_ascii_digit) || digits.iter().all(|digit| *digit == b'0') {
        return None;
    }
    let text = String::from_utf8_lossy(digits);
    let parts = [&text[..4], &text[4..6], &text[6..8], &text[8..10], &text[10..12], &text[12..14], &text[14..16]];
    Some(parts.join("-"))
}

impl Iso {
    /// Whether the first record of the top directory says that names are extended, and how many bytes that takes.
    fn rock_ridge(&self) -> Result<Option<usize>> {
        let root = self.record(self.root)?;
        let dot = self.record(Node(u128::from(root.start_block * self.block_bytes)));
        match dot {
            Ok(dot) => Ok(susp::skip_of(&dot.system)),
            Err(error) if error.ends_the_check() => Err(error),
            Err(_) => Ok(None),
        }
    }

    fn record(&self, node: Node) -> Result<Record> {
        self.budget.step()?;
        let at = u64::try_from(node.0).map_err(|_| Error::corrupt("no such record"))?;
        let mut len = [0; 1];
        self.volume.read_at(at, &mut len)?;
        Record::parse(&read_exact(&*self.volume, at, usize::from(len[0]))?)
    }

    /// The extended attributes of a record.
    fn extended(&self, record: &Record) -> Result<susp::Extended> {
        match self.names {
            Names::RockRidge(skip) => {
                let system = record.system.get(skip..).unwrap_or_default();
                susp::read(system, &*self.volume, self.block_bytes, &self.budget)
            }
            Names::Plain | Names::Joliet => Ok(susp::Extended::default()),
        }
    }

    fn kind(&self, record: &Record) -> Result<Kind> {
        if record.is_directory() {
            return Ok(Kind::Directory);
        }
        let extended = self.extended(record)?;
        Ok(if extended.relocated_to.is_some() { Kind::Directory } else { susp::kind(extended.mode) })
    }

    /// Names and nodes of a directory.
    fn names(&self, directory: Node) -> Result<Vec<Entry>> {
        let mut record = self.record(directory)?;
        if !record.is_directory() {
            let to = self.extended(&record)?.relocated_to.ok_or_else(|| Error::corrupt("not a directory"))?;
            record = self.record(Node(u128::from(to.saturating_mul(self.block_bytes))))?;
        }
        if !record.is_directory() || record.size_bytes > DIRECTORY_BYTES_MAX {
            return Err(Error::corrupt("a directory that makes no sense"));
        }
        let start = record.start_block * self.block_bytes;
        let mut names = file_system::Names::new(&self.budget)?;
        let mut at = start;
        let mut is_continued = false;
        while at < start + record.size_bytes {
            let mut len = [0; 1];
            self.volume.read_at(at, &mut len)?;
            if len[0] == 0 {
                // Records do not cross blocks; the rest of this one is empty.
                self.budget.step()?;
                at = (at / self.block_bytes + 1) * self.block_bytes;
                continue;
            }
            let node = Node(u128::from(at));
            let entry = self.record(node)?;
            at += u64::from(len[0]);
            let is_first = !std::mem::replace(&mut is_continued, entry.is_continued());
            if is_first
                && !entry.is_self_or_parent()
                && let Some(name) = self.name(&entry)?
            {
                names.add(&name, node)?;
            }
        }
        Ok(names.finish())
    }

    fn name(&self, entry: &Record) -> Result<Option<Vec<u8>>> {
        let name = match self.names {
            Names::RockRidge(_) => {
                // One record that makes no sense does not hide the others.
                let extended = match self.extended(entry) {
                    Err(error) if error.ends_the_check() => return Err(error),
                    extended => extended.unwrap_or_default(),
                };
                if extended.is_relocated {
                    return Ok(None);
                }
                extended.name.unwrap_or_else(|| record::plain_name(&entry.name).to_lowercase().into_bytes())
            }
            Names::Joliet => record::joliet_name(&entry.name).into_bytes(),
            Names::Plain => record::plain_name(&entry.name).into_bytes(),
        };
        Ok(is_name(&name).then_some(name))
    }

    /// Places and lengths of a file's parts.
    fn extents(&self, node: Node) -> Result<Vec<(u64, u64)>> {
        let mut at = u64::try_from(node.0).map_err(|_| Error::corrupt("no such record"))?;
        let mut extents = Vec::new();
        loop {
            let mut len = [0; 1];
            self.volume.read_at(at, &mut len)?;
            if len[0] == 0 {
                self.budget.step()?;
                at = (at / self.block_bytes + 1) * self.block_bytes;
                self.volume.read_at(at, &mut len)?;
            }
            let record = self.record(Node(u128::from(at)))?;
            extents.push((record.start_block * self.block_bytes, record.size_bytes));
            if !record.is_continued() {
                return Ok(extents);
            }
            if extents.len() >= EXTENTS_MAX {
                return Err(Error::corrupt("a file of too many parts"));
            }
            at += u64::from(len[0]);
        }
    }
}

impl FileSystem for Iso {
    fn type_name(&self) -> &'static str {
        "iso9660"
    }

    fn label(&self) -> Option<String> {
        self.label.clone()
    }

    fn uuid(&self) -> Option<String> {
        self.uuid.clone()
    }

    fn size_bytes(&self) -> u64 {
        self.blocks * self.block_bytes
    }

    fn is_clean(&self) -> bool {
        true
    }

    fn ignores_case(&self) -> bool {
        !matches!(self.names, Names::RockRidge(_))
    }

    fn root(&self) -> Node {
        self.root
    }

    fn metadata(&self, node: Node) -> Result<Metadata> {
        let record = self.record(node)?;
        let kind = self.kind(&record)?;
        let mode = self.extended(&record)?.mode;
        let size_bytes = match kind {
            Kind::File if record.is_continued() => {
                self.extents(node)?.iter().fold(0u64, |sum, (_, len)| sum.saturating_add(*len))
            }
            Kind::File => record.size_bytes,
            _ => 0,
        };
        Ok(Metadata { kind, size_bytes, mode: mode.map(|mode| mode & 0o7777) })
    }

    fn lookup(&self, directory: Node, name: &[u8]) -> Result<Option<Node>> {
        let names = self.names(directory)?;
        let is_wanted = |known: &[u8]| match self.names {
            Names::RockRidge(_) => known == name,
            Names::Plain | Names::Joliet => {
                String::from_utf8_lossy(known).to_lowercase() == String::from_utf8_lossy(name).to_lowercase()
            }
        };
        Ok(names.into_iter().find(|entry| is_wanted(&entry.name)).map(|entry| entry.node))
    }

    fn read_dir(&self, directory: Node) -> Result<Vec<Entry>> {
        self.names(directory)
    }

    fn read_link(&self, node: Node) -> Result<Vec<u8>> {
        let record = self.record(node)?;
        self.extended(&record)?.link.ok_or_else(|| Error::corrupt("not a symlink"))
    }

    fn read(&self, node: Node, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let (mut done, mut begins) = (0, 0u64);
        for (start, len) in self.extents(node)? {
            let at = (offset + done as u64).saturating_sub(begins);
            if at < len && done < buf.len() {
                let part = usize::try_from(len - at).unwrap_or(usize::MAX).min(buf.len() - done);
                self.volume.read_at(start + at, &mut buf[done..done + part])?;
                done += part;
            }
            begins = begins.saturating_add(len);
        }
        Ok(done)
    }
}
