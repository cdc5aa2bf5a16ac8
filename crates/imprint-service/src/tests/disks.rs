//! Disks in every format: out of what is stored, into what is kept, and what is done with bytes that are not safe.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use imprint_disk::{Format, ReadAt, Target};
use imprint_model::{Caller, ContainerFormat, DiskFormat, Facts, Image, ImageId, JobState, ObjectPlace, Status};

use super::{create, download, noise, raw, upload, uploaded_as, written_of};
use crate::testing::{World, caller};
use crate::{
    Ask, Cause, Conflict, CopyImage, Error, ExportFormat, ImportImage, ImportObjects, ImportSource, Limits, ObjectDisk,
    Runner, SafetyPolicy, Settings, job_cause,
};

/// A disk with data at both ends and holes between.
pub(super) fn disk() -> Vec<u8> {
    let mut bytes = noise(300_000, 1);
    bytes.resize(5 << 20, 0);
    bytes.extend(noise(70_000, 2));
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// So many zeros.
struct Nothing(u64);

impl ReadAt for Nothing {
    fn size_bytes(&self) -> u64 {
        self.0
    }

    fn read_at(&self, _: u64, buf: &mut [u8]) -> std::io::Result<()> {
        buf.fill(0);
        Ok(())
    }

    fn run_at(&self, offset: u64) -> std::io::Result<imprint_disk::Run> {
        Ok(imprint_disk::Run { len: self.0 - offset, kind: imprint_disk::RunKind::Hole })
    }
}

/// The guest's disk inside a file of this format.
fn guest_of(file: Vec<u8>, format: Format) -> Vec<u8> {
    let disk = imprint_disk::open(Arc::new(file), format).expect("sound").guest;
    let mut bytes = vec![0; usize::try_from(disk.size_bytes()).expect("small")];
    disk.read_at(0, &mut bytes).expect("read");
    bytes
}

async fn whole(world: &World, me: &Caller, id: ImageId, format: ExportFormat) -> (Option<u64>, Vec<u8>) {
    let export = world.service.export(me, id, format).await.expect("opened").expect("data");
    let size = export.size_bytes();
    let parts: Vec<_> = export.stream(None).try_collect().await.expect("bytes");
    (size, parts.concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_goes_out_in_every_format_and_is_the_same_inside() {
    let (world, me) = (World::new(), caller("p", "member"));
    let bytes = disk();
    let image = uploaded_as(&world, &me, DiskFormat::Raw, &bytes).await;
    for &format in ExportFormat::ALL {
        let (first_size, first) = whole(&world, &me, image.id, format).await;
        let (second_size, second) = whole(&world, &me, image.id, format).await;
        assert!(first == second, "{format} differs from time to time");
        assert_eq!(second_size, Some(first.len() as u64), "{format}: the length is known the second time");
        assert!(first_size.is_none_or(|size| size == first.len() as u64), "{format}");
        let known = Format::from_name(format.ending()).or(match format {
            ExportFormat::RawGz => Some(Format::Gz),
            ExportFormat::RawZst => Some(Format::Zst),
            _ => None,
        });
        let inside = guest_of(first.clone(), known.expect("a format that is read"));
        assert!(inside[..bytes.len()] == bytes[..] && inside[bytes.len()..].iter().all(|byte| *byte == 0), "{format}");
        let end = first.len() as u64;
        for range in [0..1, end / 3..end / 2, end - 1..end] {
            let export = world.service.export(&me, image.id, format).await.expect("opened").expect("data");
            let parts: Vec<_> = export.stream(Some(range.clone())).try_collect().await.expect("bytes");
            let at = usize::try_from(range.start).expect("small")..usize::try_from(range.end).expect("small");
            assert!(parts.concat() == first[at], "{format} {range:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_uploaded_stays_and_the_disk_inside_comes_out() {
    let (world, me) = (World::new(), caller("p", "member"));
    let file = written_of(disk(), Target::qcow2(imprint_disk::Compression::Zstd));
    let image = uploaded_as(&world, &me, DiskFormat::Qcow2, &file).await;
    assert!(download(&world, &me, image.id).await.expect("bytes") == file);
    let (size, raw) = whole(&world, &me, image.id, ExportFormat::Raw).await;
    assert!(raw == disk() && size == Some(raw.len() as u64));
    let (_, same) = whole(&world, &me, image.id, ExportFormat::Qcow2).await;
    assert!(same == file, "what is stored as it is wanted is not written anew");
    let stranger = world.service.export(&caller("q", "member"), image.id, ExportFormat::Raw).await;
    assert!(matches!(stranger, Err(Error::NotFound(_))), "{stranger:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_a_format_has_no_room_for_is_refused() {
    let (world, me) = (World::new(), caller("p", "member"));
    // 3 TiB of nothing: more than a VHD can say
    let file = written_of(Nothing(3 << 40), Target::qcow2(imprint_disk::Compression::None));
    let image = uploaded_as(&world, &me, DiskFormat::Qcow2, &file).await;
    let refused = world.service.export(&me, image.id, ExportFormat::Vhd).await;
    assert!(matches!(refused, Err(Error::Conflict(Conflict::ExportTooLarge))), "{refused:?}");
    let (size, bytes) = whole(&world, &me, image.id, ExportFormat::Vhdx).await;
    assert_eq!(size, Some(bytes.len() as u64));
}

/// A world with a bucket that holds one object.
fn bucket(bytes: &[u8]) -> (World, tempfile::TempDir) {
    bucket_with(bytes, Settings::default())
}

fn bucket_with(bytes: &[u8], settings: Settings) -> (World, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    std::fs::create_dir(dir.path().join("images")).expect("a bucket");
    std::fs::write(dir.path().join("images/disk"), bytes).expect("an object");
    (World::with(Settings { buckets_dir: Some(dir.path().to_owned()), ..settings }), dir)
}

async fn imported(world: &World, me: &Caller, format: Option<DiskFormat>) -> (Image, imprint_model::Job) {
    let place = ObjectPlace { bucket: "images".to_owned(), key: "disk".to_owned() };
    let disks = vec![ObjectDisk { place, format, size_gib: None, letter: None }];
    let (id, region, facts) = (ImageId::random(), "local-1".to_owned(), Facts::default());
    let wanted = ImportObjects { id, region, name: None, facts, tags: [].into(), disks };
    let (id, job) = world.service.import_objects(me, wanted, Ask::default()).await.expect("begun");
    Runner::new(world.service.clone()).run_waiting().await.expect("ran");
    let image = world.service.show_image(me, id).await.expect("shown");
    (image, world.service.job(me, job).await.expect("the job"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_imported_is_kept_as_the_disk_that_machines_see() {
    let me = caller("p", "member");
    for target in
        [Target::qcow2(imprint_disk::Compression::Zlib), Target::VhdDynamic, Target::VmdkStream, Target::Zvhd2]
    {
        let file = written_of(disk(), target);
        let (world, _dir) = bucket(&file);
        let (image, job) = imported(&world, &me, None).await;
        assert_eq!(
            (image.status, image.disk_format),
            (Status::Available, Some(DiskFormat::Raw)),
            "{target}: {image:?}"
        );
        let content = image.content.clone().expect("bytes");
        assert_eq!((content.md5, content.virtual_size_bytes), (None, Some(content.size_bytes)));
        let bytes = download(&world, &me, image.id).await.expect("bytes");
        assert!(bytes[..disk().len()] == disk()[..], "{target}");
        let sent = file.len() as u64;
        assert_eq!((job.state, job.done_bytes, job.total_bytes), (JobState::Succeeded, sent, Some(sent)), "{target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_objects_are_unpacked_and_then_looked_at() {
    let me = caller("p", "member");
    let inner = written_of(disk(), Target::qcow2(imprint_disk::Compression::None));
    for target in [Target::Gz, Target::Zst] {
        let (world, _dir) = bucket(&written_of(inner.clone(), target));
        let (image, _) = imported(&world, &me, Some(DiskFormat::Qcow2)).await;
        let found = (image.status, image.disk_format);
        assert_eq!(found, (Status::Available, Some(DiskFormat::Raw)), "{target}: {:?}", image.failure);
        assert!(download(&world, &me, image.id).await.expect("bytes")[..] == disk()[..]);
        let (image, _) = imported(&world, &me, Some(DiskFormat::Vhd)).await;
        assert_eq!(image.status, Status::Failed, "what is inside is not what was declared");
    }
    let mut broken = written_of(inner, Target::Gz);
    let end = broken.len() - 100;
    broken.truncate(end);
    let (world, _dir) = bucket(&broken);
    let (image, _) = imported(&world, &me, None).await;
    assert_eq!(image.status, Status::Failed, "{image:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_unpacks_to_more_than_an_image_may_have_is_too_large() {
    let me = caller("p", "member");
    for target in [Target::Gz, Target::Zst] {
        let limits = Limits { image_size_bytes: 1 << 20, ..Limits::default() };
        let (world, _dir) = bucket_with(&written_of(disk(), target), Settings { limits, ..Settings::default() });
        let (image, job) = imported(&world, &me, None).await;
        assert_eq!((image.status, job_cause(&job)), (Status::Failed, Some(Cause::TooLarge)), "{target}: {job:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_unpacked_is_judged_as_the_disk_that_it_is() {
    let me = caller("p", "member");
    let packed = written_of(qcow2(|file| file[32..36].copy_from_slice(&2_u32.to_be_bytes())), Target::Gz);
    for (object, expected) in [(written_of(disk(), Target::Gz), Status::Available), (packed, Status::Queued)] {
        let (world, _dir) = bucket(&object);
        let mut changes = raw();
        changes.push(crate::Change::ContainerFormat(Some(ContainerFormat::Compressed)));
        let image = create(&world, &me, changes).await;
        let place = ObjectPlace { bucket: "images".to_owned(), key: "disk".to_owned() };
        let source = ImportSource::Object { place, as_found: true };
        let wanted = ImportImage { source, request: serde_json::json!({}), credential: None };
        world.service.import_image(&me, image.id, wanted).await.expect("begun");
        Runner::new(world.service.clone()).run_waiting().await.expect("ran");
        let image = world.service.show_image(&me, image.id).await.expect("shown");
        assert_eq!(image.status, expected, "{:?}", image.failure);
        if expected == Status::Available {
            assert_eq!(image.container_format, Some(ContainerFormat::Bare), "it is not packed any more");
        }
    }
}

/// A qcow2 whose header says this of it.
pub(super) fn qcow2(change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut file = written_of(disk(), Target::qcow2(imprint_disk::Compression::None));
    change(&mut file);
    file
}

async fn copied(world: &World, me: &Caller, source: &Image) -> Image {
    let wanted = CopyImage {
        id: ImageId::random(),
        source: source.id,
        from_region: source.region.clone(),
        to_region: source.region.clone(),
        name: Some("copy".to_owned()),
        description: None,
        resource_group: None,
        tags: [].into(),
    };
    let id = world.service.copy_image(me, wanted, Ask::default()).await.expect("begun");
    Runner::new(world.service.clone()).run_waiting().await.expect("ran");
    world.service.show_image(me, id).await.expect("shown")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_decides_about_bytes_that_are_not_safe() {
    let me = caller("p", "member");
    let encrypted = qcow2(|file| file[32..36].copy_from_slice(&2_u32.to_be_bytes()));
    let backed = qcow2(|file| {
        file[8..16].copy_from_slice(&0x1_0000_u64.to_be_bytes());
        file[16..20].copy_from_slice(&4_u32.to_be_bytes());
    });
    // what ends before its tables do might have said anything there
    let cut = qcow2(|_| ())[..80].to_vec();
    for policy in SafetyPolicy::ALL {
        let world = World::with(Settings { safety_policy: *policy, ..Settings::default() });
        let mut changes = raw();
        changes.push(crate::Change::DiskFormat(Some(DiskFormat::Qcow2)));
        let image = create(&world, &me, changes.clone()).await;
        let kept = upload(&world, &me, image.id, &encrypted).await;
        match policy {
            SafetyPolicy::Refuse => assert!(matches!(kept, Err(Error::Unsafe(_))), "{kept:?}"),
            SafetyPolicy::Quarantine | SafetyPolicy::Report => {
                let image = kept.expect("kept");
                let expected = match policy {
                    SafetyPolicy::Report => Status::Available,
                    _ => Status::Deactivated,
                };
                assert_eq!(image.status, expected);
                let concerns = image.properties.get("imprint:safety").cloned().flatten().unwrap_or_default();
                assert!(concerns.contains("encrypted"), "{concerns}");
                assert_eq!(download(&world, &me, image.id).await.is_ok(), expected == Status::Available);
                if *policy == SafetyPolicy::Quarantine {
                    let released = world.service.reactivate(&me, image.id).await;
                    assert!(matches!(released, Err(Error::Denied(_))), "{released:?}");
                    world.service.reactivate(&caller("p", "admin"), image.id).await.expect("an administrator may");
                }
                let copied = copied(&world, &me, &image).await;
                assert_eq!(copied.properties.get("imprint:safety"), image.properties.get("imprint:safety"));
            }
        }
        for outside in [&backed, &cut] {
            let image = create(&world, &me, changes.clone()).await;
            let kept = upload(&world, &me, image.id, outside).await;
            assert!(matches!(kept, Err(Error::Unsafe(_))), "{policy}: {kept:?}");
            assert_eq!(world.service.show_image(&me, image.id).await.expect("shown").status, Status::Queued);
        }
    }
}

#[tokio::test]
async fn whoever_stops_listening_ends_the_work() {
    let (world, me) = (World::new(), caller("p", "member"));
    let image = uploaded_as(&world, &me, DiskFormat::Raw, &noise(40 << 20, 3)).await;
    let mut stream = {
        let export = world.service.export(&me, image.id, ExportFormat::Qcow2Zlib).await.expect("opened");
        export.expect("data").stream(None)
    };
    assert!(stream.try_next().await.expect("bytes").is_some());
    drop(stream);
    // the place is free again for others
    let all = u32::try_from(crate::disks::COMPRESSED_AT_ONCE).expect("few");
    let places = world.service.compressing.acquire_many(all).await;
    assert!(places.is_ok());
}

/// The length of an export and a stream of it of which the first piece was taken.
async fn begun(
    world: &World,
    me: &Caller,
    id: ImageId,
    format: ExportFormat,
) -> BoxStream<'static, Result<Bytes, Error>> {
    let export = world.service.export(me, id, format).await.expect("opened").expect("data");
    let mut stream = export.stream(None);
    let first = stream.try_next().await.expect("bytes").expect("a piece");
    stream::iter([Ok(first)]).chain(stream).boxed()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_slowly_keeps_no_place_from_others_and_gets_the_whole_file() {
    let (world, me) = (World::new(), caller("p", "member"));
    let image = uploaded_as(&world, &me, DiskFormat::Raw, &noise(9 << 20, 5)).await;
    let formats = [ExportFormat::RawZst, ExportFormat::Qcow2Zstd, ExportFormat::RawGz];
    let mut slow = Vec::new();
    for format in formats {
        slow.push(begun(&world, &me, image.id, format).await);
    }
    let all = u32::try_from(crate::disks::COMPRESSED_AT_ONCE).expect("few");
    drop(world.service.compressing.acquire_many(all).await.expect("others have their turn"));
    for (format, stream) in formats.into_iter().zip(slow) {
        let (size, whole) = whole(&world, &me, image.id, format).await;
        assert_eq!(size, Some(whole.len() as u64), "{format}: made to its end although nobody took it");
        let parts: Vec<_> = stream.try_collect().await.expect("bytes");
        assert!(parts.concat() == whole, "{format}");
    }
}

#[test]
fn whoever_reads_slowly_keeps_no_thread() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).max_blocking_threads(4).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (world, me) = (World::new(), caller("p", "member"));
        let image = uploaded_as(&world, &me, DiskFormat::Raw, &noise(12 << 20, 6)).await;
        let (_, expected) = whole(&world, &me, image.id, ExportFormat::RawZst).await;
        let mut slow = Vec::new();
        for turn in 0..12 {
            let format = if turn % 2 == 0 { ExportFormat::Vhdx } else { ExportFormat::RawZst };
            slow.push(begun(&world, &me, image.id, format).await);
        }
        assert!(whole(&world, &me, image.id, ExportFormat::RawZst).await.1 == expected);
        let last = slow.pop().expect("one of them").try_collect::<Vec<_>>().await.expect("bytes");
        assert!(last.concat() == expected);
    });
}

#[tokio::test]
async fn what_is_remembered_of_a_file_is_of_one_reading_of_the_bytes() {
    let settings = Settings { check_format_match: false, ..Settings::default() };
    let (world, me) = (World::with(settings), caller("p", "member"));
    let file = written_of(disk(), Target::qcow2(imprint_disk::Compression::None));
    let as_qcow2 = uploaded_as(&world, &me, DiskFormat::Qcow2, &file).await;
    let as_disk = uploaded_as(&world, &me, DiskFormat::Raw, &file).await;
    let map = as_disk.content.clone().expect("bytes").map;
    assert_eq!(as_qcow2.content.clone().expect("bytes").map, map);
    let format = ExportFormat::RawZst;
    let mut tags = Vec::new();
    for image in [&as_qcow2, &as_disk] {
        let (first, _) = whole(&world, &me, image.id, format).await;
        assert_eq!(first, None, "nothing was made of this reading before");
        tags.push(world.service.export(&me, image.id, format).await.expect("opened").expect("data").tag());
    }
    assert_ne!(tags[0], tags[1]);
    for image in [&as_qcow2, &as_disk] {
        assert!(whole(&world, &me, image.id, format).await.0.is_some(), "one is not forgotten for the other");
    }
}
