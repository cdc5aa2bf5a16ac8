//! A disk and a compressed format put together: the whole file in order, or any range of it.

use std::io;
use std::sync::Arc;

use super::{Layout, Place, UnitFormat, UnitSizes, ZeroUnits, in_order};
use crate::view::{Concat, UnitMap};
use crate::{ReadAt, corrupt};

mod batch;
mod region;

use batch::{Batch, Encoded, Worker, batches};
use region::Region;

/// Compressed units that a measuring pass keeps instead of compressing them again: small images fit wholly.
const KEPT_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Repetitions of an encoded zero unit are written in pieces of about this size.
const FILL_BYTES: usize = 64 * 1024;

/// The compressed file that a disk would be.
pub(crate) struct Units {
    source: Arc<Source>,
    known: Option<Known>,
}

/// What everything is encoded from.
struct Source {
    disk: Arc<dyn ReadAt>,
    format: Arc<dyn UnitFormat>,
    map: Arc<UnitMap>,
    /// A unit of zeros, encoded, where the format writes any.
    zero: Option<Zero>,
}

struct Zero {
    payload: Vec<u8>,
    check: u32,
}

/// What there is once sizes are known.
struct Known {
    layout: Arc<Layout>,
    file: Arc<Concat>,
}

impl Units {
    /// Scans the disk's map. Sizes that were measured for something else are ignored.
    pub(crate) fn new(
        disk: Arc<dyn ReadAt>,
        format: Arc<dyn UnitFormat>,
        known: Option<UnitSizes>,
    ) -> io::Result<Units> {
        let source = Arc::new(Source::new(disk, format)?);
        let known = match known.filter(|sizes| source.owns(sizes)) {
            Some(sizes) => Some(source.know(sizes)?),
            None => None,
        };
        Ok(Units { source, known })
    }

    /// The length of the file, when it is known.
    pub(crate) fn size_bytes(&self) -> Option<u64> {
        self.known.as_ref().map(|known| known.file.size_bytes())
    }

    /// The file, when it is known.
    pub(crate) fn as_file(&self) -> io::Result<Arc<Concat>> {
        let unknown = || io::Error::new(io::ErrorKind::Unsupported, "the sizes of its units are not known yet");
        self.known.as_ref().map(|known| Arc::clone(&known.file)).ok_or_else(unknown)
    }

    /// Writes the whole file in order.
    pub(crate) fn write(&self, threads: usize, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<UnitSizes> {
        let source = &*self.source;
        let measured = match &self.known {
            None if source.format.prefix_needs_layout() => Some(source.measure(threads)?),
            _ => None,
        };
        let mut kept = Vec::new();
        let layout = match (&self.known, measured) {
            (Some(known), _) => Some(Arc::clone(&known.layout)),
            (None, Some(measured)) => {
                kept = measured.kept;
                Some(Arc::new(source.layout(measured.sizes)))
            }
            (None, None) => None,
        };
        copy(&*source.format.prefix(layout.as_ref())?, sink)?;
        let sizes = source.write_units(threads, kept, layout.as_deref(), sink)?;
        let layout = layout.unwrap_or_else(|| Arc::new(source.layout(sizes.clone())));
        copy(&*source.format.suffix(&layout)?, sink)?;
        Ok(sizes)
    }

    /// Writes the whole file, each piece to its place. The prefix comes last, when all sizes are known, so that nothing
    /// is measured before and nothing kept. Returns the file's length, too.
    pub(crate) fn write_placed(
        &self,
        threads: usize,
        sink: &dyn Fn(u64, &[u8]) -> io::Result<()>,
    ) -> io::Result<(u64, UnitSizes)> {
        let source = &*self.source;
        let known = self.known.as_ref().map(|known| Arc::clone(&known.layout));
        let mut at = source.format.prefix_bytes();
        let mut in_turn = |bytes: &[u8]| {
            sink(at, bytes)?;
            at += bytes.len() as u64;
            Ok(())
        };
        let sizes = source.write_units(threads, Vec::new(), known.as_deref(), &mut in_turn)?;
        let layout = known.unwrap_or_else(|| Arc::new(source.layout(sizes.clone())));
        copy(&*source.format.suffix(&layout)?, &mut in_turn)?;
        let end = std::mem::take(&mut at);
        let mut in_turn = |bytes: &[u8]| {
            sink(at, bytes)?;
            at += bytes.len() as u64;
            Ok(())
        };
        copy(&*source.format.prefix(Some(&layout))?, &mut in_turn)?;
        Ok((end, sizes))
    }
}

/// What a measuring pass found.
struct Measured {
    sizes: UnitSizes,
    /// The first batches, as many as there was room for.
    kept: Vec<Encoded>,
}

impl Source {
    fn new(disk: Arc<dyn ReadAt>, format: Arc<dyn UnitFormat>) -> io::Result<Source> {
        let unit = format.unit_bytes();
        let mut map = UnitMap::scan(&disk, unit.into())?;
        let zero = match format.zero_units() {
            ZeroUnits::LeftOut => None,
            ZeroUnits::Encoded => {
                // a short last unit of zeros does not look like the others
                if !disk.size_bytes().is_multiple_of(unit.into()) {
                    map.insert_last();
                }
                let mut payload = Vec::new();
                let check = format.encoder()?.encode(0, &vec![0; usize_of(unit)], &mut payload)?;
                Some(Zero { payload, check })
            }
        };
        Ok(Source { disk, format, map: Arc::new(map), zero })
    }

    /// Whether sizes were measured for this content and this way of compressing.
    fn owns(&self, sizes: &UnitSizes) -> bool {
        sizes.identity == self.format.identity()
            && sizes.disk_bytes == self.disk.size_bytes()
            && sizes.fingerprint == self.map.fingerprint()
            && sizes.sizes.len() as u64 == self.map.data_units()
    }

    fn layout(&self, sizes: UnitSizes) -> Layout {
        let zero_bytes = self.zero.as_ref().map(|zero| length(&zero.payload));
        Layout::new(Arc::clone(&self.format), Arc::clone(&self.map), sizes, zero_bytes)
    }

    fn know(self: &Arc<Source>, sizes: UnitSizes) -> io::Result<Known> {
        let layout = Arc::new(self.layout(sizes));
        let mut file = Concat::new();
        file.push_boxed(self.format.prefix(Some(&layout))?);
        file.push(Region::new(Arc::clone(self), Arc::clone(&layout)));
        file.push_boxed(self.format.suffix(&layout)?);
        Ok(Known { layout, file: Arc::new(file) })
    }

    /// Compresses everything once for its sizes.
    fn measure(&self, threads: usize) -> io::Result<Measured> {
        let mut collected = Collected::new(self);
        let mut kept = Vec::new();
        let mut room = Some(KEPT_BYTES_MAX);
        self.encode_all(threads, Vec::new(), |encoded| {
            collected.add(&encoded);
            // once one does not fit none behind it is kept, so that those kept are the first ones
            room = room.and_then(|room| room.checked_sub(encoded.memory_bytes()));
            if room.is_some() {
                kept.push(encoded);
            }
            Ok(())
        })?;
        Ok(Measured { sizes: collected.finish(), kept })
    }

    /// Writes all units, holes between them included; checks them against the layout when there is one.
    fn write_units(
        &self,
        threads: usize,
        kept: Vec<Encoded>,
        layout: Option<&Layout>,
        sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<UnitSizes> {
        let mut collected = Collected::new(self);
        let mut writer = Writer { source: self, sink, unit: 0, ordinal: 0, offset: self.format.prefix_bytes() };
        self.encode_all(threads, kept, |encoded| {
            collected.add(&encoded);
            writer.holes_before(encoded.batch.first)?;
            encoded.units().try_for_each(|(unit, payload)| writer.unit(unit, payload))
        })?;
        writer.holes_before(self.map.units())?;
        let end = writer.offset;
        let sizes = collected.finish();
        if layout.is_some_and(|layout| layout.end() != end || layout.check() != sizes.check) {
            return Err(corrupt("units did not compress to the sizes that they had before"));
        }
        Ok(sizes)
    }

    /// Encodes the data units in batches; those in `kept` are the first ones and need not be encoded again.
    fn encode_all(
        &self,
        threads: usize,
        kept: Vec<Encoded>,
        sink: impl FnMut(Encoded) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut kept = kept.into_iter();
        let jobs = batches(&self.map).map(move |batch| match kept.next() {
            Some(encoded) => Job::Done(encoded),
            None => Job::Encode(batch),
        });
        let work = |worker: &mut Worker, job| match job {
            Job::Done(encoded) => Ok(encoded),
            Job::Encode(batch) => batch.encode(self, worker),
        };
        in_order(threads, jobs, || self.format.encoder().map(Worker::new), work, sink)
    }

    /// Reads units as the encoder wants them into `data`, whose bytes so far do not matter.
    fn read_units(&self, batch: Batch, data: &mut Vec<u8>) -> io::Result<()> {
        let unit = self.map.unit_bytes();
        let start = batch.first * unit;
        let whole = batch.count * unit;
        let stored = whole.min(self.disk.size_bytes() - start);
        let handed = if self.format.fills_last_unit() { whole } else { stored };
        data.resize(usize::try_from(handed).expect("a batch fits into memory"), 0);
        let (stored, behind) = data.split_at_mut(usize::try_from(stored.min(handed)).expect("no more than the batch"));
        behind.fill(0);
        self.disk.read_at(start, stored)
    }
}

enum Job {
    Encode(Batch),
    Done(Encoded),
}

/// Sizes and checksum, gathered in order.
struct Collected<'a> {
    source: &'a Source,
    /// Up to which unit the checksum goes.
    unit: u64,
    check: u32,
    sizes: Vec<u32>,
}

impl<'a> Collected<'a> {
    fn new(source: &'a Source) -> Collected<'a> {
        Collected { source, unit: 0, check: 0, sizes: Vec::new() }
    }

    fn add(&mut self, encoded: &Encoded) {
        self.holes_before(encoded.batch.first);
        let unit = self.source.map.unit_bytes();
        for (&size, &check) in encoded.sizes.iter().zip(&encoded.checks) {
            let len = unit.min(self.source.disk.size_bytes() - self.unit * unit);
            self.check = self.source.format.combine(self.check, check, len);
            self.sizes.push(size);
            self.unit += 1;
        }
    }

    fn holes_before(&mut self, unit: u64) {
        if let Some(zero) = &self.source.zero {
            let bytes = self.source.map.unit_bytes();
            for _ in self.unit..unit {
                self.check = self.source.format.combine(self.check, zero.check, bytes);
            }
        }
        self.unit = unit;
    }

    fn finish(mut self) -> UnitSizes {
        self.holes_before(self.source.map.units());
        UnitSizes {
            identity: self.source.format.identity(),
            disk_bytes: self.source.disk.size_bytes(),
            fingerprint: self.source.map.fingerprint(),
            check: self.check,
            sizes: self.sizes.into(),
        }
    }
}

/// Puts frames around encoded units, and writes holes.
struct Writer<'a> {
    source: &'a Source,
    sink: &'a mut dyn FnMut(&[u8]) -> io::Result<()>,
    unit: u64,
    ordinal: u64,
    offset: u64,
}

impl Writer<'_> {
    fn unit(&mut self, unit: u64, payload: &[u8]) -> io::Result<()> {
        self.unit = unit + 1;
        if payload.is_empty() {
            return Ok(());
        }
        let place = Place { unit, ordinal: self.ordinal, offset: self.offset, payload_bytes: length(payload) };
        let frame = self.source.format.frame(place);
        for part in [&*frame.head, payload, &*frame.tail] {
            if !part.is_empty() {
                (self.sink)(part)?;
            }
        }
        self.ordinal += 1;
        self.offset += payload.len() as u64 + frame.len();
        Ok(())
    }

    /// The units from here to before `unit` are zeros.
    fn holes_before(&mut self, unit: u64) -> io::Result<()> {
        let count = unit - self.unit;
        self.unit = unit;
        let Some(zero) = self.source.zero.as_ref().filter(|_| count > 0) else { return Ok(()) };
        let at_once = (FILL_BYTES / zero.payload.len()).max(1);
        let repeated = zero.payload.repeat(at_once);
        let mut left = count;
        while left > 0 {
            let now = usize::try_from(left).map_or(at_once, |left| left.min(at_once));
            (self.sink)(&repeated[..now * zero.payload.len()])?;
            left -= now as u64;
        }
        self.ordinal += count;
        self.offset += count * zero.payload.len() as u64;
        Ok(())
    }
}

/// Hands all of `part` to `sink`.
fn copy(part: &dyn ReadAt, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let size = part.size_bytes();
    let mut buf = vec![0; usize::try_from(size).map_or(FILL_BYTES, |size| size.min(FILL_BYTES))];
    let mut at = 0;
    while at < size {
        let now = usize::try_from(size - at).map_or(buf.len(), |left| left.min(buf.len()));
        part.read_at(at, &mut buf[..now])?;
        sink(&buf[..now])?;
        at += now as u64;
    }
    Ok(())
}

/// The length of an encoded unit.
fn length(payload: &[u8]) -> u32 {
    u32::try_from(payload.len()).expect("an encoded unit has fewer than 2^31 bytes")
}

fn usize_of(bytes: u32) -> usize {
    usize::try_from(bytes).expect("a unit fits into memory")
}
