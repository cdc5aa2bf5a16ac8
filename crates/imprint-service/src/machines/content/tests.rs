use std::ops::Range;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use parking_lot::Mutex;

use super::*;
use crate::testing::World;

const MIB: usize = 1 << 20;

/// A captured disk in memory. Its changes are told a few at a time.
#[derive(Debug, Default)]
struct Captured {
    bytes: Vec<u8>,
    changes: Vec<Changed>,
    /// Told with one answer.
    at_once: usize,
    /// Whether reading beyond the first MiB fails.
    breaks: bool,
    read: Mutex<Vec<Range<u64>>>,
}

impl Captured {
    fn new(bytes: Vec<u8>, changed: &[(usize, usize)]) -> Self {
        let change = |&(offset, len): &(usize, usize)| {
            let zero = bytes[offset..offset + len].iter().all(|byte| *byte == 0);
            Changed { offset: offset as u64, len: len as u64, zero }
        };
        let changes = changed.iter().map(change).collect();
        Self { bytes, changes, at_once: 2, ..Self::default() }
    }

    fn read_bytes(&self) -> u64 {
        self.read.lock().iter().map(|range| range.end - range.start).sum()
    }
}

#[async_trait]
impl CapturedDisk for Captured {
    fn size_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn since_mark(&self) -> bool {
        true
    }

    async fn changed(&self, offset: u64) -> Result<Vec<Changed>, imprint_machine::Error> {
        Ok(self.changes.iter().filter(|change| change.offset >= offset).take(self.at_once).copied().collect())
    }

    async fn read(&self, offset: u64, len: u64) -> Result<Bytes, imprint_machine::Error> {
        assert!(len <= READ_BYTES_MAX);
        self.read.lock().push(offset..offset + len);
        if self.breaks && offset > MIB as u64 {
            return Err(imprint_machine::Error::Refused("the machine is gone".to_owned()));
        }
        let range = usize::try_from(offset).expect("small")..usize::try_from(offset + len).expect("small");
        Ok(Bytes::copy_from_slice(&self.bytes[range]))
    }
}

fn noise(len: usize, seed: u64) -> Vec<u8> {
    crate::tests::noise(len, seed)
}

async fn stored(world: &World, map: MapId) -> Vec<u8> {
    let reader = world.store.reader(map).await.expect("stored");
    let parts: Vec<Bytes> = reader.stream(0..u64::MAX).try_collect().await.expect("read");
    parts.concat()
}

/// Takes the capture in; what was told of it on the way.
async fn taken(world: &World, disk: &Captured, parent: Option<MapId>) -> (Result<Written, Error>, Vec<(u64, u64)>) {
    let said = Mutex::new(Vec::new());
    let told = |done, total| said.lock().push((done, total));
    let written = of_capture(&world.service, disk, parent, &told).await;
    (written, said.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_is_what_was_before_and_what_changed() {
    let world = World::new();
    let mut bytes = noise(9 * MIB, 1);
    bytes.resize(80 * MIB, 0);
    let first = Captured::new(bytes.clone(), &[(0, 9 * MIB), (20 * MIB, MIB)]);
    let (written, told) = taken(&world, &first, None).await;
    let written = written.expect("taken");
    assert!(stored(&world, written.map).await == bytes);
    assert_eq!(first.read_bytes(), 9 << 20, "zeros are not read");
    assert_eq!((told[0], told.last()), ((0, 9 << 20), Some(&(9 << 20, 9 << 20))));
    assert!(told.is_sorted(), "{told:?}");

    // it is longer now, one part is gone, others are new
    bytes.resize(90 * MIB + 512, 0);
    bytes[3 * MIB..4 * MIB].fill(0);
    bytes[70 * MIB..][..100_000].copy_from_slice(&noise(100_000, 2));
    bytes[90 * MIB..].fill(7);
    let changed = [(3 * MIB, MIB), (70 * MIB, 65_536), (70 * MIB + 65_536, 65_536), (90 * MIB, 512)];
    let second = Captured::new(bytes.clone(), &changed);
    let (next, _) = taken(&world, &second, Some(written.map)).await;
    let next = next.expect("taken");
    assert!(stored(&world, next.map).await == bytes);
    assert_eq!((second.read_bytes(), next.size_bytes), (131_584, bytes.len() as u64));
    assert!(next.new_bytes < 600_000 && next.read_bytes < 600_000, "{next:?}");

    let same = Captured::new(bytes.clone(), &[]);
    let (same, told) = taken(&world, &same, Some(next.map)).await;
    assert_eq!((same.expect("taken").map, told), (next.map, vec![(0, 0)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_changes_than_are_remembered_are_asked_for_again() {
    let world = World::new();
    let count = STRETCHES_KEPT * 2 + 3;
    let mut bytes = vec![0; count * 1024];
    let mut changes = Vec::new();
    for number in 0..count {
        bytes[number * 1024..][..512].copy_from_slice(&noise(512, number as u64));
        changes.push((number * 1024, 512));
    }
    let disk = Captured { at_once: 1000, ..Captured::new(bytes.clone(), &changes) };
    let (written, told) = taken(&world, &disk, None).await;
    assert!(stored(&world, written.expect("taken").map).await == bytes);
    let total = (count * 512) as u64;
    assert_eq!((disk.read_bytes(), told.last()), (total, Some(&(total, total))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_that_breaks_off_leaves_nothing() {
    let world = World::new();
    let disk = Captured { breaks: true, ..Captured::new(noise(9 * MIB, 1), &[(0, 9 * MIB)]) };
    let (written, _) = taken(&world, &disk, None).await;
    assert!(matches!(written, Err(Error::Unavailable(_))), "{written:?}");
    while !world.store.live_leases().await.expect("asked").is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_that_contradicts_itself_is_refused() {
    let world = World::new();
    let change = |offset, len| Changed { offset, len, zero: false };
    for changes in [
        vec![change(4096, 4096), change(0, 4096)],
        vec![change(0, 4096), change(4095, 1)],
        vec![change(0, 0)],
        vec![change(0, 1 << 40)],
        vec![change(u64::MAX, 2)],
    ] {
        let disk = Captured { changes, ..Captured::new(noise(MIB, 1), &[]) };
        let (written, _) = taken(&world, &disk, None).await;
        assert!(matches!(written, Err(Error::Internal(_))), "{written:?}");
    }
}
