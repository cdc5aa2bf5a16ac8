use std::collections::BTreeMap;
use std::io::IoSlice;
use std::sync::atomic::{AtomicU64, Ordering};

use imprint_model::{ManualClock, MapId, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::backend::{Backend, Found, MemoryBackend, PackFile};
use crate::{MemoryIndex, PackId, Settings, Store, Written};

const MIB: u64 = 1 << 20;

/// Counts what is read.
#[derive(Debug, Default)]
struct Counting {
    inner: MemoryBackend,
    read: Arc<AtomicU64>,
}

struct Passing(Box<dyn PackFile>);

impl Backend for Counting {
    fn create(&self, id: PackId) -> Result<Box<dyn PackFile>> {
        Ok(Box::new(Passing(self.inner.create(id)?)))
    }

    fn read(&self, id: PackId, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.read.fetch_add(ranges.iter().map(|range| range.end - range.start).sum(), Ordering::Relaxed);
        self.inner.read(id, ranges)
    }

    fn size(&self, id: PackId) -> Result<Option<u64>> {
        self.inner.size(id)
    }

    fn list(&self, visit: &mut dyn FnMut(Found) -> Result<()>) -> Result<()> {
        self.inner.list(visit)
    }

    fn delete(&self, id: PackId) -> Result<()> {
        self.inner.delete(id)
    }

    fn check(&self) -> Result<()> {
        self.inner.check()
    }

    fn read_bytes(&self) -> u64 {
        self.inner.read_bytes()
    }
}

impl PackFile for Passing {
    fn append(&mut self, parts: &mut [IoSlice<'_>]) -> Result<()> {
        self.0.append(parts)
    }

    fn seal(self: Box<Self>) -> Result<()> {
        self.0.seal()
    }
}

fn store() -> (Store, Arc<AtomicU64>) {
    let backend = Counting::default();
    let read = Arc::clone(&backend.read);
    let clock = ManualClock::new(Timestamp(1_795_310_916_000_000));
    let settings = Settings { chunk_mean_bytes: 16 << 10, ..Settings::default() };
    let store = Store::open(Arc::new(backend), Arc::new(MemoryIndex::default()), Arc::new(clock), settings);
    (store.unwrap(), read)
}

/// A sparse disk in memory: the blocks that were ever written.
#[derive(Debug, Clone, Default)]
struct Model {
    size: u64,
    blocks: BTreeMap<u64, Vec<u8>>,
}

impl Model {
    fn write(&mut self, offset: u64, bytes: &[u8]) {
        let (mut at, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let from = to_usize(at % BLOCK);
            let (now, later) = rest.split_at(rest.len().min(BLOCK_BYTES - from));
            let block = self.blocks.entry(at / BLOCK).or_insert_with(|| vec![0; BLOCK_BYTES]);
            block[from..from + now.len()].copy_from_slice(now);
            at += now.len() as u64;
            rest = later;
        }
    }

    fn zero(&mut self, offset: u64, len: u64) {
        let inside = self.blocks.range_mut(offset / BLOCK..(offset + len).div_ceil(BLOCK));
        for (number, block) in inside {
            let start = number * BLOCK;
            let from = to_usize(offset.max(start) - start);
            let to = to_usize((offset + len).min(start + BLOCK) - start);
            block[from..to].fill(0);
        }
    }

    fn resize(&mut self, size: u64) {
        if size < self.size {
            self.zero(size, self.size - size);
        }
        self.size = size;
    }

    fn bytes(&self, range: Range<u64>) -> Vec<u8> {
        let mut out = vec![0; to_usize(range.end - range.start)];
        for (at, byte) in range.zip(&mut out) {
            *byte = self.blocks.get(&(at / BLOCK)).map_or(0, |block| block[to_usize(at % BLOCK)]);
        }
        out
    }

    /// Everything, front to back.
    async fn put(&self, store: &Store) -> Written {
        let mut writer = store.writer().await.unwrap();
        for (number, block) in &self.blocks {
            let start = number * BLOCK;
            if start >= self.size {
                break;
            }
            writer.write_zeros(start - writer.size_bytes()).await.unwrap();
            let len = to_usize(BLOCK.min(self.size - start));
            writer.write(Bytes::copy_from_slice(&block[..len])).await.unwrap();
        }
        writer.write_zeros(self.size - writer.size_bytes()).await.unwrap();
        writer.finish().await.unwrap()
    }
}

#[derive(Debug, Clone)]
enum Fill {
    Noise(u8),
    Same(u8),
    Zeros,
}

/// One change, in numbers that the disk's size makes a range of.
#[derive(Debug, Clone)]
struct Wanted {
    window: u64,
    /// Before or after the beginning of the window.
    place: i64,
    len: u64,
    fill: Fill,
}

fn noise(seed: u8, len: u64) -> Vec<u8> {
    let mut out = vec![0; to_usize(len)];
    blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut out);
    out
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let unit = prop_oneof![4 => Just(4096_i64), 1 => Just(512), 1 => Just(1)];
    let place =
        (unit.clone(), -40_i64..160).prop_map(|(unit, count)| count * unit.max(4096) + (count % 7) * unit % 4096);
    let len = prop_oneof![
        4 => (1_u64..40).prop_map(|blocks| blocks * 4096),
        2 => 1_u64..20_000,
        1 => (1_u64..500).prop_map(|parts| parts * 512),
        1 => Just(66 * MIB),
    ];
    let fill =
        prop_oneof![3 => (0_u8..8).prop_map(Fill::Noise), 1 => (0_u8..4).prop_map(Fill::Same), 2 => Just(Fill::Zeros)];
    (0_u64..4, place, len, fill).prop_map(|(window, place, len, fill)| {
        // long ranges are of zeros only, so that the model stays small
        let fill = if len > MIB { Fill::Zeros } else { fill };
        Wanted { window, place, len, fill }
    })
}

fn sizes() -> impl Strategy<Value = u64> {
    let near = (0_u64..4, 0_u64..400_000).prop_map(|(window, more)| window * WINDOW_BYTES + more);
    let aligned = (0_u64..4, 0_u64..150).prop_map(|(window, blocks)| window * WINDOW_BYTES + blocks * BLOCK);
    prop_oneof![near, aligned, Just(200 * MIB)]
}

/// Ascending ranges on a disk of this size, without overlap.
fn ranges(wanted: &[Wanted], size: u64) -> Vec<(Range<u64>, Fill)> {
    let mut all: Vec<_> = wanted
        .iter()
        .map(|one| {
            let start = (one.window * WINDOW_BYTES).saturating_add_signed(one.place);
            (start..start + one.len, one.fill.clone())
        })
        .collect();
    all.sort_by_key(|(range, _)| range.start);
    let mut free_from = 0;
    for (range, _) in &mut all {
        range.start = range.start.max(free_from).min(size);
        range.end = range.end.max(range.start).min(size);
        free_from = range.end;
    }
    all
}

async fn edit(store: &Store, model: &mut Model, base: Option<MapId>, changes: &[Wanted], size: u64) -> Written {
    let mut editor = store.edit(base, size).await.unwrap();
    model.resize(size);
    for (range, fill) in ranges(changes, size) {
        let len = range.end - range.start;
        let bytes = match fill {
            Fill::Noise(seed) => noise(seed, len),
            Fill::Same(byte) => vec![byte; to_usize(len)],
            Fill::Zeros => {
                editor.write_zeros(range.start, len).await.unwrap();
                model.zero(range.start, len);
                continue;
            }
        };
        model.write(range.start, &bytes);
        editor.write(range.start, bytes.into()).await.unwrap();
    }
    editor.finish().await.unwrap()
}

async fn assert_reads_as(store: &Store, map: MapId, model: &Model) {
    let reader = store.reader(map).await.unwrap();
    assert_eq!(reader.size_bytes(), model.size);
    for extent in reader.extents(0..model.size).await.unwrap().iter().filter(|extent| extent.data) {
        let read = reader.read_at(extent.offset, extent.len).await.unwrap();
        assert!(read == model.bytes(extent.offset..extent.offset + extent.len), "{extent:?}");
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn an_edited_map_is_the_map_of_the_new_content(
        rounds in prop::collection::vec((prop::collection::vec(wanted(), 0..8), sizes()), 1..5),
    ) {
        run(async {
            let (store, _) = store();
            let (mut model, mut base) = (Model::default(), None);
            for (changes, size) in rounds {
                let edited = edit(&store, &mut model, base, &changes, size).await;
                let whole = model.put(&store).await;
                assert_eq!(
                    (edited.map, edited.size_bytes, edited.data_bytes),
                    (whole.map, whole.size_bytes, whole.data_bytes)
                );
                assert_reads_as(&store, edited.map, &model).await;
                base = Some(edited.map);
            }
        });
    }
}

/// 40 MiB of noise in each of five windows.
async fn large(store: &Store) -> (Model, Written) {
    let mut model = Model { size: 5 * WINDOW_BYTES, ..Model::default() };
    for window in 0..5_u8 {
        model.write(u64::from(window) * WINDOW_BYTES, &noise(window, 10 * MIB));
    }
    let written = model.put(store).await;
    (model, written)
}

#[test]
fn what_is_read_is_in_proportion_to_what_changed() {
    run(async {
        let (store, read) = store();
        let (mut model, base) = large(&store).await;
        read.store(0, Ordering::Relaxed);
        let changes = [
            Wanted { window: 1, place: 5_000_000, len: 100, fill: Fill::Same(1) },
            Wanted { window: 3, place: 1 << 20, len: 2 * MIB, fill: Fill::Zeros },
        ];
        let size = 9 * WINDOW_BYTES;
        let edited = edit(&store, &mut model, Some(base.map), &changes, size).await;
        let from_backend = read.load(Ordering::Relaxed);
        // a root, two pages, and of chunks of up to 64 KiB some
        assert!(from_backend < 700_000 && edited.read_bytes < 600_000, "{from_backend} {edited:?}");
        assert!(edited.read_bytes > 0 && edited.new_bytes < 700_000, "{edited:?}");
        assert_eq!(edited.map, model.put(&store).await.map);
    });
}

#[test]
fn what_did_not_change_costs_nothing() {
    run(async {
        let (store, read) = store();
        let (mut model, base) = large(&store).await;
        read.store(0, Ordering::Relaxed);
        let size = model.size;
        let same = edit(&store, &mut model, Some(base.map), &[], size).await;
        assert_eq!((same.map, same.read_bytes, same.new_bytes), (base.map, 0, 0));
        let longer = edit(&store, &mut model, Some(base.map), &[], 1 << 40).await;
        assert_eq!((longer.read_bytes, longer.data_bytes), (0, base.data_bytes));
        assert!(longer.new_bytes < 20_000 && read.load(Ordering::Relaxed) < 20_000, "{longer:?}");
        // a window that is written over from end to end is not read, either
        let mut editor = store.edit(Some(base.map), model.size).await.unwrap();
        editor.write(WINDOW_BYTES, noise(9, WINDOW_BYTES).into()).await.unwrap();
        assert_eq!(editor.finish().await.unwrap().read_bytes, 0);
    });
}

#[test]
fn changes_out_of_order_or_beyond_the_end_are_refused() {
    run(async {
        let (store, _) = store();
        let mut editor = store.edit(None, 10_000).await.unwrap();
        editor.write(5_000, Bytes::from_static(b"five")).await.unwrap();
        assert_eq!(editor.write(5_003, Bytes::from_static(b"x")).await.unwrap_err().kind(), crate::Kind::Invalid);
        assert_eq!(editor.write_zeros(9_999, 2).await.unwrap_err().kind(), crate::Kind::Invalid);
        assert_eq!(editor.write_zeros(u64::MAX, 2).await.unwrap_err().kind(), crate::Kind::Invalid);
        assert_eq!(store.edit(None, 65 << 40).await.unwrap_err().kind(), crate::Kind::Invalid);
        assert_eq!(store.edit(Some(MapId([1; 32])), 1).await.unwrap_err().kind(), crate::Kind::Missing);
    });
}
