use std::io::Write;

use super::*;
use crate::Limits;
use crate::made::{archive, entry};

struct Bytes(Vec<u8>);

impl At for Bytes {
    fn read(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let rest = self.0.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }
}

fn listing(bytes: Vec<u8>) -> Initramfs {
    Initramfs::read(&[Bytes(bytes)], &Budget::new(Limits::default())).unwrap()
}

#[test]
fn the_bounds_are_for_all_files_together() {
    let files: Vec<Bytes> = (0..4).map(|_| Bytes(archive(&["a"]).repeat(5))).collect();
    let found = Initramfs::read(&files, &Budget::new(Limits::default())).unwrap();
    assert_eq!((found.segments.len(), found.trouble.as_deref()), (16, Some("it has too many segments")));

    let zeros = vec![0; 1 << 20];
    let large = || {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        (0..300).for_each(|_| encoder.write_all(&zeros).unwrap());
        Bytes(encoder.finish().unwrap())
    };
    let found = Initramfs::read(&[large(), large()], &Budget::new(Limits::default())).unwrap();
    assert!(found.trouble.unwrap().contains("512 MiB"));
}

#[test]
fn entries_are_bounded_over_all_files() {
    let entries = |count: u64| {
        let count = usize::try_from(count).unwrap();
        Bytes([&entry("a", b"").repeat(count), &entry("TRAILER!!!", b"")[..]].concat())
    };
    let listed = |files: &[Bytes]| Initramfs::read(files, &Budget::new(Limits::default())).unwrap();
    let most = [entries(ENTRIES_MAX - 7), entries(7)];
    assert_eq!((listed(&most).entries, listed(&most).trouble), (ENTRIES_MAX, None));
    for more in [&[entries(ENTRIES_MAX + 1)][..], &[entries(ENTRIES_MAX - 7), entries(8)]] {
        let found = listed(more);
        assert_eq!(found.trouble.as_deref(), Some("it has too many entries"));
        assert_eq!(found.entries, ENTRIES_MAX + 1);
    }
}

#[test]
fn names_that_lead_upwards_are_no_modules() {
    let names = [
        "../lib/modules/6/a.ko",
        "x/../lib/modules/6/a.ko",
        "lib/../lib/modules/6/a.ko",
        "lib/modules/../a.ko",
        "lib/modules/../../../etc/a.ko",
        "lib/modules/6/../7/a.ko",
        "lib/modules/6/..",
        "/../usr/lib/modules/6/a.ko",
        "./../lib/modules/6/a.ko",
    ];
    let found = listing(archive(&names));
    assert_eq!((found.entries, &found.modules, &found.trouble), (9, &BTreeMap::new(), &None));
    // only whole parts of a path lead anywhere
    assert!(listing(archive(&["lib/modules/6..1/x/..a.ko"])).has("6..1", "..a"));
}

#[test]
fn names_of_modules_are_bounded_and_charged() {
    let name = |number: usize| format!("lib/modules/6/{number:0>60}.ko");
    let names: Vec<String> = (0..1000).map(name).chain([format!("lib/modules/6/{}.ko", "x".repeat(4000))]).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let files = [Bytes(archive(&names)), Bytes(archive(&names))];
    let budget = Budget::new(Limits::default());
    let found = Initramfs::read(&files, &budget).unwrap();
    assert_eq!((found.module_count(), budget.bytes_held()), (1000, 1000 * (MODULE_BYTES + 60)));
    let small = Budget::new(Limits { held_bytes: 50_000, ..Limits::default() });
    assert!(Initramfs::read(&files, &small).unwrap_err().ends_the_check());
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn lzma(bytes: &[u8]) -> Vec<u8> {
    let options = liblzma::stream::LzmaOptions::new_preset(1).unwrap();
    let stream = liblzma::stream::Stream::new_lzma_encoder(&options).unwrap();
    let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x02, 0x21, 0x4c, 0x18];
    for block in bytes.chunks(8 << 20) {
        let compressed = lz4_flex::block::compress(block);
        out.extend(u32::try_from(compressed.len()).unwrap().to_le_bytes());
        out.extend(compressed);
    }
    out
}

const MODULES: [&str; 3] = [
    "lib/modules/6.1.0/kernel/drivers/nvme/host/nvme.ko",
    "usr/lib/modules/6.1.0/x/nvme-core.ko.xz",
    "scripts/growroot",
];

#[test]
fn every_compression_gives_the_same_modules() {
    let plain = archive(&MODULES);
    let zstd = zstd::encode_all(&plain[..], 1).unwrap();
    let made = [plain.clone(), gzip(&plain), xz(&plain), zstd, lzma(&plain), lz4(&plain)];
    for (bytes, name) in made.into_iter().zip(["cpio", "gzip", "xz", "zstd", "lzma", "lz4"]) {
        let found = listing(bytes);
        assert_eq!((&found.segments[..], &found.trouble), (&[name][..], &None));
        assert!(found.has("6.1.0", "nvme") && found.has("6.1.0", "nvme_core") && found.grows_root, "{name}");
        assert!(!found.has("5.10.0", "nvme"));
    }
}

#[test]
fn segments_follow_one_another_with_padding_between() {
    let mut bytes = archive(&["kernel/x86/microcode/AuthenticAMD.bin"]);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes.extend(gzip(&archive(&["lib/modules/6/a.ko"])));
    bytes.extend(zstd::encode_all(&archive(&["lib/modules/6/b.ko"])[..], 1).unwrap());
    bytes.extend([0; 1000]);
    bytes.extend(xz(&archive(&["lib/modules/6/c.ko"])));
    let found = listing(bytes);
    assert_eq!(found.segments, ["cpio", "gzip", "zstd", "xz"]);
    assert_eq!(found.trouble, None);
    assert!(["a", "b", "c"].iter().all(|module| found.has("6", module)));
}

#[test]
fn two_archives_may_share_one_member() {
    let mut inside = archive(&["lib/modules/6/a.ko"]);
    inside.resize(inside.len().next_multiple_of(512), 0);
    inside.extend(archive(&["lib/modules/6/b.ko"]));
    let found = listing(gzip(&inside));
    assert!(found.has("6", "a") && found.has("6", "b") && found.trouble.is_none());
}

#[test]
fn a_bomb_ends_at_the_bound() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..513 {
        encoder.write_all(&zeros).unwrap();
    }
    let found = listing(encoder.finish().unwrap());
    assert!(found.trouble.unwrap().contains("512 MiB"));
}

#[test]
fn a_file_that_fills_the_archive_is_bounded_too() {
    // One entry that claims 4 GiB: the archive's own lengths do not get past the bound either.
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    let mut header = entry("a", b"");
    header[54..62].copy_from_slice(b"FFFFFFFF");
    encoder.write_all(&header).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..520 {
        encoder.write_all(&zeros).unwrap();
    }
    assert!(listing(encoder.finish().unwrap()).trouble.is_some());
}

#[test]
fn many_segments_and_large_dictionaries_are_refused() {
    let many: Vec<u8> = std::iter::repeat_with(|| archive(&["a"])).take(17).flatten().collect();
    assert_eq!(listing(many).trouble.as_deref(), Some("it has too many segments"));

    let mut options = liblzma::stream::LzmaOptions::new_preset(1).unwrap();
    options.dict_size(512 << 20);
    let mut filters = liblzma::stream::Filters::new();
    filters.lzma2(&options);
    // An encoder with such a dictionary would take gigabytes: write a member with a small one and claim the large one.
    let small = xz(&archive(&["a"]));
    let mut claimed = small;
    // Block header: size, flags, filter id 0x21, property length 1, dictionary code; 36 stands for 1 GiB.
    assert_eq!(claimed[14..16], [0x21, 1]);
    claimed[16] = 36;
    let crc = crc32fast::hash(&claimed[12..20]);
    claimed[20..24].copy_from_slice(&crc.to_le_bytes());
    assert!(listing(claimed).trouble.is_some());
}

#[test]
fn cut_or_foreign_bytes_are_trouble_and_keep_what_was_found() {
    let whole = gzip(&archive(&["lib/modules/6/a.ko", "b"]));
    assert!(listing(whole[..whole.len() - 12].to_vec()).trouble.is_some());
    assert!(listing(b"not an archive".to_vec()).trouble.is_some());
    assert!(listing(Vec::new()).trouble.is_some());
    assert!(listing(b"BZh91AY".to_vec()).trouble.unwrap().contains("bzip2"));
    let mut followed = archive(&["lib/modules/6/a.ko"]);
    followed.extend(b"garbage");
    let found = listing(followed);
    assert!(found.has("6", "a") && found.trouble.is_some());
}

#[test]
fn names_of_modules_have_one_form() {
    assert_eq!(module_name("kernel/drivers/nvme/host/nvme-core.ko.zst").as_deref(), Some("nvme_core"));
    assert_eq!(module_name("a.ko").as_deref(), Some("a"));
    assert_eq!(module_name("a.ko.bak"), None);
    assert_eq!(module_name("modules.dep"), None);
}
