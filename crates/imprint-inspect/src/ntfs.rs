//! NTFS. Compressed and encrypted files are recognised, not read; hives and logs of a system are neither.

mod index;
mod record;
mod reparse;
mod runs;

use std::collections::HashSet;
use std::sync::Arc;

use imprint_disk::ReadAt;

use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::file_system::{Entry, FileSystem, Kind, Metadata, Names, Node, is_name};
use crate::source::read_exact;
use crate::{fields, labels};
use record::{Attribute, Attributes, Record};
use runs::Runs;

/// Records with a fixed meaning.
const MFT: u64 = 0;
const VOLUME: u64 = 3;
const ROOT: u64 = 5;
const UPCASE: u64 = 10;
/// The records below are the file system's own.
const FIRST_FILE: u64 = 16;

/// Types of attributes.
mod types {
    pub(super) const ATTRIBUTE_LIST: u32 = 0x20;
    pub(super) const VOLUME_NAME: u32 = 0x60;
    pub(super) const VOLUME_INFORMATION: u32 = 0x70;
    pub(super) const DATA: u32 = 0x80;
    pub(super) const INDEX_ROOT: u32 = 0x90;
    pub(super) const INDEX_ALLOCATION: u32 = 0xa0;
    pub(super) const BITMAP: u32 = 0xb0;
    pub(super) const REPARSE_POINT: u32 = 0xc0;
}

/// The name of a directory's index.
const DIRECTORY_INDEX: &str = "$I30";
/// The longest list of attributes, and how many records one file may have.
const LIST_BYTES_MAX: u64 = 256 << 10;
const RECORDS_MAX: usize = 4096;
/// The longest value that is held whole: reparse points, small streams.
const VALUE_BYTES_MAX: u64 = 128 << 10;

/// The table of upper case: two bytes for every UTF-16 unit.
const UPCASE_BYTES: u64 = 65536 * 2;

/// An open file system. A node is the number of a file record.
struct Ntfs {
    volume: Arc<dyn ReadAt>,
    budget: Arc<Budget>,
    cluster_bytes: u64,
    record_bytes: usize,
    size_bytes: u64,
    serial: u64,
    mft: Stream,
    /// The upper case of every UTF-16 unit.
    upcase: Vec<u16>,
    label: Option<String>,
    is_clean: bool,
}

/// The bytes of an attribute, wherever they are.
enum Stream {
    Resident(Vec<u8>),
    Runs {
        runs: Runs,
        size_bytes: u64,
        /// What is beyond was never written.
        written_bytes: u64,
        /// Why it cannot be read, if so.
        other: Option<&'static str>,
    },
}

/// Opens the file system of a volume.
///
/// # Errors
/// [`Error::Corrupt`], and what reading answers.
pub(crate) fn open(volume: Arc<dyn ReadAt>, budget: Arc<Budget>) -> Result<Arc<dyn FileSystem>> {
    let boot = read_exact(&*volume, 0, 512)?;
    if fields::slice(&boot, 3, 8)? != b"NTFS    " {
        return Err(Error::corrupt("no NTFS boot sector"));
    }
    let sector_bytes = u64::from(fields::le16(&boot, 11)?);
    let cluster_sectors = match fields::byte(&boot, 13)? {
        few @ ..=0x80 => u64::from(few),
        shift => 1u64.checked_shl(256 - u32::from(shift)).unwrap_or(0),
    };
    let cluster_bytes = sector_bytes.saturating_mul(cluster_sectors);
    let record_bytes = unit_bytes(fields::byte(&boot, 64)?, cluster_bytes);
    let is_sane = matches!(sector_bytes, 512 | 1024 | 2048 | 4096)
        && cluster_bytes.is_power_of_two()
        && cluster_bytes <= 2 << 20
        && record_bytes.is_some_and(|bytes| (512..=65536).contains(&bytes));
    let (Some(record_bytes), true) = (record_bytes, is_sane) else {
        return Err(Error::corrupt("an NTFS boot sector that makes no sense"));
    };
    budget.keep(UPCASE_BYTES)?;
    let mut ntfs = Ntfs {
        cluster_bytes,
        record_bytes: usize::try_from(record_bytes).expect("at most 64 KiB"),
        size_bytes: fields::le64(&boot, 40)?.saturating_mul(sector_bytes),
        serial: fields::le64(&boot, 72)?,
        mft: Stream::Resident(Vec::new()),
        upcase: usual_upcase(),
        label: None,
        is_clean: true,
        volume,
        budget,
    };
    ntfs.find_mft(fields::le64(&boot, 48)?)?;
    ntfs.read_upcase()?;
    ntfs.read_volume()?;
    if !ntfs.record(ROOT)?.is_directory() {
        return Err(Error::corrupt("the top directory is none"));
    }
    Ok(Arc::new(ntfs))
}

/// A size given in clusters, or as a negative power of two in bytes.
fn unit_bytes(raw: u8, cluster_bytes: u64) -> Option<u64> {
    match raw.cast_signed() {
        clusters @ 1.. => {
            cluster_bytes.checked_mul(u64::from(clusters.unsigned_abs())).filter(|len| len.is_power_of_two())
        }
        shift => 1u64.checked_shl(u32::from(shift.unsigned_abs())),
    }
}

/// Upper case where the volume's own table cannot be read.
fn usual_upcase() -> Vec<u16> {
    let upper = |unit: u16| {
        let mut upper = char::from_u32(u32::from(unit)).into_iter().flat_map(char::to_uppercase);
        match (upper.next(), upper.next()) {
            (Some(char), None) => u16::try_from(u32::from(char)).unwrap_or(unit),
            _ => unit,
        }
    };
    (0..=u16::MAX).map(upper).collect()
}

impl Ntfs {
    /// Finds the table of all records by its own first record.
    fn find_mft(&mut self, cluster: u64) -> Result<()> {
        let at = cluster.checked_mul(self.cluster_bytes).ok_or_else(|| Error::corrupt("the MFT outside the volume"))?;
        let raw = read_exact(&*self.volume, at, self.record_bytes)?;
        let first = Record::parse(raw, MFT)?;
        // What the first record says itself must be enough to find the records that say the rest.
        let mut own = Attributes::new(&self.budget)?;
        own.add(&first, &self.budget)?;
        self.mft = self.stream(&own, types::DATA, "")?.ok_or_else(|| Error::corrupt("an MFT without data"))?;
        if let Some(whole) = self.stream(&self.attributes(MFT)?, types::DATA, "")? {
            self.mft = whole;
        }
        Ok(())
    }

    fn read_upcase(&mut self) -> Result<()> {
        let mut raw = vec![0; usize::try_from(UPCASE_BYTES).expect("128 KiB")];
        let read = match self.attributes(UPCASE).and_then(|attributes| self.stream(&attributes, types::DATA, "")) {
            Ok(Some(stream)) => self.read_stream(&stream, 0, &mut raw),
            Ok(None) => Ok(0),
            Err(error) => Err(error),
        };
        match read {
            Ok(read) if read == raw.len() => {
                self.upcase = raw.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
                Ok(())
            }
            Err(error) if error.ends_the_check() => Err(error),
            _ => Ok(()),
        }
    }

    /// Label and state.
    fn read_volume(&mut self) -> Result<()> {
        const DIRTY: u16 = 1;
        let attributes = self.attributes(VOLUME)?;
        if let Some(Stream::Resident(name)) = self.stream(&attributes, types::VOLUME_NAME, "")? {
            self.label = labels::utf16le(&name);
        }
        if let Some(Stream::Resident(information)) = self.stream(&attributes, types::VOLUME_INFORMATION, "")? {
            self.is_clean = fields::le16(&information, 10)? & DIRTY == 0;
        }
        Ok(())
    }

    fn record(&self, number: u64) -> Result<Record> {
        self.budget.step()?;
        let at = number.checked_mul(self.record_bytes as u64).ok_or_else(|| Error::corrupt("no such record"))?;
        let mut raw = vec![0; self.record_bytes];
        if self.read_stream(&self.mft, at, &mut raw)? != raw.len() {
            return Err(Error::corrupt(format!("file record {number} outside the MFT")));
        }
        Record::parse(raw, number)
    }

    fn record_in_use(&self, number: u64) -> Result<Record> {
        let record = self.record(number)?;
        if record.is_in_use() { Ok(record) } else { Err(Error::corrupt(format!("file record {number} is not used"))) }
    }

    /// All attributes of a file, those in other records too.
    fn attributes(&self, number: u64) -> Result<Attributes> {
        let mut attributes = Attributes::new(&self.budget)?;
        attributes.add(&self.record_in_use(number)?, &self.budget)?;
        let Some(list) = self.stream(&attributes, types::ATTRIBUTE_LIST, "")? else { return Ok(attributes) };
        let list = self.whole(&list, LIST_BYTES_MAX)?;
        let mut seen = HashSet::from([number]);
        let mut at = 0;
        while at + 26 <= list.len() {
            self.budget.step()?;
            let len = usize::from(fields::le16(&list, at + 4)?);
            let other = fields::le64(&list, at + 16)? & record::NUMBER;
            if len < 26 {
                return Err(Error::corrupt("a list of attributes that makes no sense"));
            }
            at += len;
            if !seen.insert(other) {
                continue;
            }
            if seen.len() > RECORDS_MAX {
                return Err(Error::corrupt("a file of too many records"));
            }
            let record = self.record_in_use(other)?;
            if record.base() == number {
                attributes.add(&record, &self.budget)?;
            }
        }
        Ok(attributes)
    }

    /// The attribute of a type and name, put together from its parts.
    fn stream(&self, attributes: &[Attribute], kind: u32, name: &str) -> Result<Option<Stream>> {
        let mut parts: Vec<&Attribute> =
            attributes.iter().filter(|attribute| attribute.kind == kind && attribute.name == name).collect();
        parts.sort_by_key(|part| part.first_cluster());
        let Some(first) = parts.first() else { return Ok(None) };
        let Some(sizes) = first.sizes() else { return Ok(Some(Stream::Resident(first.value.clone()))) };
        let mut runs = Runs::new(&self.budget)?;
        for part in &parts {
            runs.add(&part.value, part.first_cluster(), &self.budget)?;
        }
        let other = first.other();
        Ok(Some(Stream::Runs { runs, size_bytes: sizes.size, written_bytes: sizes.written, other }))
    }

    fn read_stream(&self, stream: &Stream, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let wanted = usize::try_from(stream.size_bytes().saturating_sub(offset)).unwrap_or(usize::MAX).min(buf.len());
        let buf = &mut buf[..wanted];
        let (runs, written) = match stream {
            Stream::Resident(value) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(value.len());
                buf.copy_from_slice(&value[start..start + wanted]);
                return Ok(wanted);
            }
            Stream::Runs { other: Some(other), .. } => return Err(Error::Unsupported((*other).to_owned())),
            Stream::Runs { runs, written_bytes, .. } => (runs, *written_bytes),
        };
        let mut done = 0;
        while done < wanted {
            self.budget.step()?;
            let at = offset + done as u64;
            let rest = &mut buf[done..];
            if at >= written {
                rest.fill(0);
                break;
            }
            let run = runs.at(at / self.cluster_bytes).ok_or_else(|| Error::corrupt("a file with clusters missing"))?;
            let within = at % self.cluster_bytes;
            let left = run.clusters.saturating_mul(self.cluster_bytes).saturating_sub(within).min(written - at);
            let len = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
            match run.cluster {
                Some(cluster) => {
                    let place = cluster.checked_mul(self.cluster_bytes).and_then(|place| place.checked_add(within));
                    let place = place.ok_or_else(|| Error::corrupt("a cluster outside the volume"))?;
                    self.volume.read_at(place, &mut rest[..len])?;
                }
                None => rest[..len].fill(0),
            }
            done += len;
        }
        Ok(wanted)
    }

    /// All bytes of a small attribute.
    fn whole(&self, stream: &Stream, max_bytes: u64) -> Result<Vec<u8>> {
        let len = stream.size_bytes();
        if len > max_bytes {
            return Err(Error::corrupt("an attribute beyond all bounds"));
        }
        let mut bytes = vec![0; usize::try_from(len).expect("bounded above")];
        self.read_stream(stream, 0, &mut bytes)?;
        Ok(bytes)
    }

    fn reparse(&self, attributes: &[Attribute]) -> Result<Option<reparse::Point>> {
        match self.stream(attributes, types::REPARSE_POINT, "")? {
            Some(stream) => reparse::Point::parse(&self.whole(&stream, VALUE_BYTES_MAX)?).map(Some),
            None => Ok(None),
        }
    }

    fn number(node: Node) -> Result<u64> {
        u64::try_from(node.0).map_err(|_| Error::corrupt("no such record"))
    }
}

impl Stream {
    fn size_bytes(&self) -> u64 {
        match self {
            Stream::Resident(value) => value.len() as u64,
            Stream::Runs { size_bytes, .. } => *size_bytes,
        }
    }
}

impl FileSystem for Ntfs {
    fn type_name(&self) -> &'static str {
        "ntfs"
    }

    fn label(&self) -> Option<String> {
        self.label.clone()
    }

    fn uuid(&self) -> Option<String> {
        Some(format!("{:016X}", self.serial))
    }

    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn is_clean(&self) -> bool {
        self.is_clean
    }

    fn ignores_case(&self) -> bool {
        true
    }

    fn root(&self) -> Node {
        Node(u128::from(ROOT))
    }

    fn metadata(&self, node: Node) -> Result<Metadata> {
        let number = Ntfs::number(node)?;
        let is_directory = self.record_in_use(number)?.is_directory();
        let attributes = self.attributes(number)?;
        let is_link = self.reparse(&attributes)?.is_some_and(|point| point.link().is_some());
        let kind = match (is_link, is_directory) {
            (true, _) => Kind::Symlink,
            (false, true) => Kind::Directory,
            (false, false) => Kind::File,
        };
        let size_bytes = match kind {
            Kind::File => self.stream(&attributes, types::DATA, "")?.map_or(0, |stream| stream.size_bytes()),
            _ => 0,
        };
        Ok(Metadata { kind, size_bytes, mode: None })
    }

    fn lookup(&self, directory: Node, name: &[u8]) -> Result<Option<Node>> {
        let index = index::Index::open(self, Ntfs::number(directory)?)?;
        let wanted: Vec<u16> = String::from_utf8_lossy(name).encode_utf16().collect();
        Ok(index.find(&wanted)?.map(|number| Node(u128::from(number))))
    }

    fn read_dir(&self, directory: Node) -> Result<Vec<Entry>> {
        let mut names = Names::new(&self.budget)?;
        index::Index::open(self, Ntfs::number(directory)?)?.visit(&mut |name, number| {
            let name = String::from_utf16_lossy(name).into_bytes();
            if number >= FIRST_FILE && is_name(&name) {
                names.add(&name, Node(u128::from(number)))?;
            }
            Ok(())
        })?;
        Ok(names.finish())
    }

    fn read_link(&self, node: Node) -> Result<Vec<u8>> {
        let point = self.reparse(&self.attributes(Ntfs::number(node)?)?)?;
        let link = point.and_then(|point| point.link().map(str::to_owned));
        link.map(String::into_bytes).ok_or_else(|| Error::corrupt("not a symlink"))
    }

    fn read(&self, node: Node, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let attributes = self.attributes(Ntfs::number(node)?)?;
        if self.reparse(&attributes)?.is_some_and(|point| point.is_packed()) {
            return Err(Error::Unsupported("a file packed by the system".to_owned()));
        }
        match self.stream(&attributes, types::DATA, "")? {
            Some(stream) => self.read_stream(&stream, offset, buf),
            None => Err(Error::corrupt("not a file")),
        }
    }
}
