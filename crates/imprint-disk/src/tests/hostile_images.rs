//! Hostile images, by format: small files made to be expensive, to lead elsewhere, or to contradict themselves.

use std::io::Write;
use std::sync::Arc;

use flate2::Compression as Level;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::hostile_list::{Case, Fate};
use super::samples::{self, EXTENT, KIB, MIB, descriptor, put};
use super::sparse::noise;
use crate::{Export, ReadAt, Target};

pub(super) const CLUSTER: usize = 64 * KIB;

pub(super) fn all() -> Vec<Case> {
    [qcow2_headers(), qcow2_clusters(), vmdk(), vhd(), vhdx(), vdi(), zvhd(), packed()].into_iter().flatten().collect()
}

fn case(what: &'static str, file: impl ReadAt + 'static, fate: Fate) -> Case {
    Case { what, file: Arc::new(file), fate }
}

/// `image` with a field written over it.
pub(super) fn with(mut image: Vec<u8>, at: usize, field: &[u8]) -> Vec<u8> {
    put(&mut image, at, field);
    image
}

/// So many zeros, written to a packer piece by piece.
pub(super) fn zeros<W: Write>(mut to: W, bytes: usize) -> W {
    let piece = vec![0; MIB];
    for _ in 0..bytes / MIB {
        to.write_all(&piece).unwrap();
    }
    to
}

/// Our own file of a disk of `bytes`.
fn written(disk: Vec<u8>, target: Target) -> Vec<u8> {
    let mut file = Vec::new();
    let sink = &mut |part: &[u8]| {
        file.extend_from_slice(part);
        Ok(())
    };
    Export::new(Arc::new(disk), target, None).unwrap().write(1, sink).unwrap();
    file
}

fn qcow2_headers() -> Vec<Case> {
    let image = samples::qcow2;
    let named = |name: &str| {
        let len = u32::try_from(name.len()).unwrap().to_be_bytes();
        with(with(with(image(), 15, &[0x78]), 16, &len), 0x78, name.as_bytes())
    };
    let data_file = [&0x4441_5441_u32.to_be_bytes()[..], &11_u32.to_be_bytes(), b"/etc/passwd"].concat();
    let huge = u32::MAX.to_be_bytes();
    vec![
        case("qcow2: backing file", named("/etc/passwd"), Fate::Refused),
        case("qcow2: backing file by json:", named("json:{\"file.filename\":\"/etc/shadow\"}"), Fate::Refused),
        case("qcow2: backing file by nbd:", named("nbd://metadata:10809/"), Fate::Refused),
        case("qcow2: backing offset without a name", with(image(), 15, &[1]), Fate::Refused),
        case("qcow2: external data file", with(image(), 79, &[4]), Fate::Refused),
        case("qcow2: external data file, named", with(with(image(), 79, &[4]), 104, &data_file), Fate::Refused),
        case("qcow2: data file named without its bit", with(image(), 104, &data_file), Fate::Read),
        case("qcow2: unknown incompatible bit", with(image(), 78, &[1]), Fate::Refused),
        case("qcow2: version 1", with(image(), 7, &[1]), Fate::Refused),
        case("qcow2: version 4", with(image(), 7, &[4]), Fate::Refused),
        case("qcow2: dirty and corrupt", with(image(), 79, &[3]), Fate::Read),
        case("qcow2: AES", with(image(), 35, &[1]), Fate::Refused),
        case("qcow2: LUKS inside", with(image(), 35, &[2]), Fate::Refused),
        case("qcow2: L1 of 32 GiB", with(image(), 36, &huge), Fate::Refused),
        case("qcow2: L1 behind the end", with(image(), 40, &[0, 0, 1]), Fate::Refused),
        case("qcow2: L1 between clusters", with(image(), 46, &[2]), Fate::Refused),
        case("qcow2: refcount table of 256 TiB", with(image(), 56, &huge), Fate::Refused),
        case("qcow2: 4 billion snapshots", with(image(), 60, &huge), Fate::Refused),
        case("qcow2: header longer than a cluster", with(image(), 100, &huge), Fate::Refused),
        case("qcow2: 16 EiB", with(image(), 24, &[0xff; 8]), Fate::Refused),
        case("qcow2: hidden in a fixed VHD", samples::vhd_fixed(image()), Fate::Refused),
    ]
}

/// A qcow2 whose first-level table names `second` as its only second-level table, in the cluster behind it, followed by
/// `more`.
fn clusters(second: impl IntoIterator<Item = u64>, more: &[u8]) -> Vec<u8> {
    let mut image = with(samples::qcow2(), 3 * CLUSTER, &(4 * CLUSTER as u64).to_be_bytes());
    image.extend(second.into_iter().flat_map(u64::to_be_bytes));
    image.resize(5 * CLUSTER, 0);
    image.extend(more);
    image
}

/// The entry of a cluster compressed into `len` bytes from the fifth cluster of the file on.
fn compressed(len: usize) -> u64 {
    let sectors = (len as u64).div_ceil(512).saturating_sub(1);
    (1 << 62) | (sectors << 54) | (5 * CLUSTER as u64)
}

fn qcow2_clusters() -> Vec<Case> {
    let loop_of_tables = with(samples::qcow2(), 3 * CLUSTER, &(3 * CLUSTER as u64).to_be_bytes());
    let no_table = with(samples::qcow2(), 3 * CLUSTER, &(1_u64 << 40).to_be_bytes());
    let mut tiny = DeflateEncoder::new(Vec::new(), Level::new(1));
    tiny.write_all(&[7; CLUSTER]).unwrap();
    let tiny = tiny.finish().unwrap();
    let bomb = zeros(DeflateEncoder::new(Vec::new(), Level::new(9)), 100 * MIB).finish().unwrap();
    vec![
        case("qcow2: L1 as its own L2", loop_of_tables, Fate::Read),
        case("qcow2: L2 outside the file", no_table, Fate::Corrupt),
        case("qcow2: cluster is the header", clusters([1 << 63], &[]), Fate::Read),
        case("qcow2: cluster is the L1 table", clusters([3 * CLUSTER as u64], &[]), Fate::Read),
        case("qcow2: all clusters are one", clusters([5 * CLUSTER as u64; 16], &[7; CLUSTER]), Fate::Read),
        case("qcow2: cluster behind the end", clusters([1 << 40], &[]), Fate::Corrupt),
        case("qcow2: compressed cluster behind the end", clusters([(1 << 62) | (1 << 40)], &[]), Fate::Corrupt),
        case("qcow2: deflate bomb of 100 MiB", clusters([compressed(bomb.len())], &bomb), Fate::Corrupt),
        case("qcow2: zstd bomb", zstd_bomb(), Fate::Corrupt),
        case("qcow2: a million clusters are one tiny one", million(&tiny), Fate::Read),
    ]
}

/// 128 first-level entries name one table of 8,192 entries that all name one compressed cluster.
fn million(tiny: &[u8]) -> Vec<u8> {
    let mut image = clusters([compressed(tiny.len()); 8192], tiny);
    put(&mut image, 24, &(128 * 8192 * CLUSTER as u64).to_be_bytes());
    put(&mut image, 36, &128_u32.to_be_bytes());
    for entry in 0..128 {
        put(&mut image, 3 * CLUSTER + 8 * entry, &(4 * CLUSTER as u64).to_be_bytes());
    }
    image.resize(image.len().next_multiple_of(CLUSTER), 0);
    image
}

/// A frame of 256 MiB that wants a window of two gigabytes, in a cluster.
fn zstd_bomb() -> Vec<u8> {
    let mut packer = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    packer.window_log(27).unwrap();
    let mut bomb = zeros(packer, 256 * MIB).finish().unwrap();
    // the descriptor of the window: 2 GiB
    bomb[5] = 21 << 3;
    let image = clusters([compressed(bomb.len())], &bomb);
    with(with(with(image, 79, &[8]), 100, &112_u32.to_be_bytes()), 104, &[1])
}

fn vmdk() -> Vec<Case> {
    let embedded = |kind: &str, extents: &str| samples::vmdk(&descriptor(kind, extents));
    let sound = || embedded("monolithicSparse", EXTENT);
    let stream = || written(noise(128 * KIB, 5), Target::VmdkStream);
    let bomb = zeros(ZlibEncoder::new(Vec::new(), Level::new(9)), 40 * MIB).finish().unwrap();
    // the first grain's marker stands where its grain table says; ours begin at sector 128
    let marker = 128 * 512;
    let grain_bomb = {
        let len = u32::try_from(bomb.len()).unwrap().to_le_bytes();
        with(with(stream(), marker + 8, &len), marker + 12, &bomb)
    };
    let parent = descriptor("monolithicSparse", EXTENT).replace("ffffffff", "1a2b3c4d");
    vec![
        case(
            "VMDK: a text that names files",
            descriptor("monolithicFlat", "RW 1 FLAT \"/etc/passwd\" 0").into_bytes(),
            Fate::Refused,
        ),
        case("VMDK: a FLAT extent embedded", embedded("monolithicSparse", "RW 2048 FLAT \"disk\" 0"), Fate::Refused),
        case("VMDK: a device", embedded("fullDevice", "RW 2048 FLAT \"/dev/sda\" 0"), Fate::Refused),
        case("VMDK: a raw device mapping", embedded("vmfsRawDeviceMap", "RW 2048 VMFSRDM \"disk\""), Fate::Refused),
        case("VMDK: a name with a slash", embedded("monolithicSparse", "RW 2048 SPARSE \"../disk\""), Fate::Refused),
        case("VMDK: a parent", samples::vmdk(&parent), Fate::Refused),
        case("VMDK: grain size 0", with(sound(), 20, &[0; 8]), Fate::Refused),
        case("VMDK: grain size no power of two", with(sound(), 20, &[129]), Fate::Refused),
        case("VMDK: 4 billion entries in a grain table", with(sound(), 44, &[0xff; 4]), Fate::Refused),
        case("VMDK: no sectors", with(sound(), 12, &[0; 8]), Fate::Refused),
        case("VMDK: 8 ZiB", with(sound(), 12, &[0xff; 8]), Fate::Refused),
        case("VMDK: directory behind the end", with(sound(), 56, &[0xff, 0xff, 0xff]), Fate::Refused),
        case("VMDK: grain table behind the end", with(sound(), 21 * 512, &[0xff; 4]), Fate::Corrupt),
        case(
            "VMDK: footer is not the header's",
            with(samples::vmdk_stream(), samples::vmdk_stream().len() - 1012, &[9]),
            Fate::Refused,
        ),
        case("VMDK: grain of 4 GiB", with(stream(), marker + 8, &[0xff; 4]), Fate::Corrupt),
        case("VMDK: grain that unpacks to 40 MiB", grain_bomb, Fate::Corrupt),
    ]
}

/// A dynamic VHD with changed footers and dynamic header, checksums made right again.
fn vhd_with(change: impl Fn(&mut [u8], &mut [u8])) -> Vec<u8> {
    let mut image = samples::vhd_dynamic();
    let tail = image.len() - 512;
    let (footer, rest) = image.split_at_mut(512);
    change(footer, &mut rest[..1024]);
    samples::seal_vhd(footer, 64);
    samples::seal_vhd(&mut rest[..1024], 36);
    image.copy_within(..512, tail);
    image
}

fn vhd() -> Vec<Case> {
    let huge = u32::MAX.to_be_bytes();
    vec![
        case("VHD: wrong checksum", with(samples::vhd_dynamic(), 100, &[1]), Fate::Refused),
        case("VHD: wrong checksum of the dynamic header", with(samples::vhd_dynamic(), 1400, &[1]), Fate::Refused),
        case("VHD: dynamic header elsewhere", vhd_with(|footer, _| put(footer, 16, &[0, 0, 0, 1])), Fate::Refused),
        case("VHD: table behind the end", vhd_with(|_, header| put(header, 16, &[0, 0, 1])), Fate::Refused),
        case("VHD: 4 billion entries", vhd_with(|_, header| put(header, 28, &huge)), Fate::Refused),
        case("VHD: block of 3 MiB", vhd_with(|_, header| put(header, 32, &[0, 0x30])), Fate::Refused),
        case("VHD: block of 2 KiB", vhd_with(|_, header| put(header, 32, &[0, 0, 8])), Fate::Refused),
        case("VHD: block of 4 GiB", vhd_with(|_, header| put(header, 32, &huge)), Fate::Refused),
        case("VHD: 1 PiB", vhd_with(|footer, _| put(footer, 48, &(1_u64 << 50).to_be_bytes())), Fate::Refused),
        case("VHD: differencing", vhd_with(|footer, _| put(footer, 60, &[0, 0, 0, 4])), Fate::Refused),
        case("VHD: a parent's locator", vhd_with(|_, header| put(header, 576, b"W2ku")), Fate::Refused),
        case("VHD: a block behind the end", with(samples::vhd_dynamic(), 1536, &[0, 0, 1, 0]), Fate::Refused),
        case("VHD: a block over the headers", with(samples::vhd_dynamic(), 1536, &[0; 4]), Fate::Refused),
        case("VHD: a table of 4 million holes", vhd_of_holes(), Fate::Read),
    ]
}

/// The longest way to say nothing: 16 GiB in blocks of 4 KiB.
fn vhd_of_holes() -> Vec<u8> {
    let entries = 1_u32 << 22;
    let size = (u64::from(entries) * 4096).to_be_bytes();
    let image = vhd_with(|footer, header| {
        put(footer, 40, &size);
        put(footer, 48, &size);
        put(header, 28, &entries.to_be_bytes());
        put(header, 32, &4096_u32.to_be_bytes());
    });
    // a table that long was not there when the checksums were made, which do not cover it
    let (front, footer) = image.split_at(1536);
    [front, &vec![0xff; 4 << 22], &footer[512..]].concat()
}

/// A VHDX with a change, checksums made right again.
fn vhdx_with(at: usize, field: &[u8]) -> Vec<u8> {
    let mut image = with(samples::vhdx(), at, field);
    for header in [64 * KIB, 128 * KIB] {
        samples::seal_vhdx(&mut image[header..header + 4096]);
    }
    samples::seal_vhdx(&mut image[samples::VHDX_REGIONS..samples::VHDX_REGIONS + 64 * KIB]);
    image
}

fn vhdx() -> Vec<Case> {
    let (regions, metadata) = (samples::VHDX_REGIONS, samples::VHDX_METADATA);
    let items = metadata + 64 * KIB;
    let table = 3 * MIB;
    vec![
        case(
            "VHDX: neither header valid",
            with(with(samples::vhdx(), 64 * KIB + 9, &[9]), 128 * KIB + 9, &[9]),
            Fate::Refused,
        ),
        case("VHDX: region table's checksum", with(samples::vhdx(), regions + 900, &[1]), Fate::Refused),
        case("VHDX: 2,048 regions", vhdx_with(regions + 8, &2048_u32.to_le_bytes()), Fate::Refused),
        case("VHDX: a required region nobody knows", vhdx_with(regions + 16, &[9]), Fate::Refused),
        case("VHDX: table region behind the end", vhdx_with(regions + 32, &[0, 0, 0, 0, 1]), Fate::Refused),
        case("VHDX: 65,535 metadata entries", with(samples::vhdx(), metadata + 10, &[0xff; 2]), Fate::Refused),
        case("VHDX: metadata item outside its region", with(samples::vhdx(), metadata + 48, &[0xff; 4]), Fate::Refused),
        case("VHDX: block of 3 MiB", with(samples::vhdx(), items, &(3_u32 << 20).to_le_bytes()), Fate::Refused),
        case("VHDX: block of 512 MiB", with(samples::vhdx(), items, &(1_u32 << 29).to_le_bytes()), Fate::Refused),
        case("VHDX: sector of 1,024 bytes", with(samples::vhdx(), items + 16, &1024_u32.to_le_bytes()), Fate::Refused),
        case("VHDX: has a parent", with(samples::vhdx(), items + 4, &[2]), Fate::Refused),
        case("VHDX: 128 TiB", with(samples::vhdx(), items + 8, &(1_u64 << 47).to_le_bytes()), Fate::Refused),
        case("VHDX: log without entries", vhdx_with(128 * KIB + 48, &[1]), Fate::Refused),
        case("VHDX: a block behind the end", with(samples::vhdx(), table, &[6, 0, 0, 0, 1]), Fate::Refused),
        case("VHDX: a block over the headers", with(samples::vhdx(), table, &[6]), Fate::Refused),
        case("VHDX: a block of a differencing disk", with(samples::vhdx(), table, &[7, 0, 0x30]), Fate::Refused),
        case("VHDX: a block longer than what follows", with(samples::vhdx(), table, &[6, 0, 0x10]), Fate::Refused),
    ]
}

fn vdi() -> Vec<Case> {
    let image = samples::vdi;
    vec![
        case("VDI: a parent", with(image(), 440, &[1]), Fate::Refused),
        case("VDI: a link", with(image(), 424, &[1]), Fate::Refused),
        case("VDI: differencing", with(image(), 76, &[4]), Fate::Refused),
        case("VDI: block of 2 MiB", with(image(), 376, &(2_u32 << 20).to_le_bytes()), Fate::Refused),
        case("VDI: too few blocks", with(image(), 384, &[2]), Fate::Refused),
        case("VDI: 4 billion blocks", with(image(), 384, &[0xff; 4]), Fate::Refused),
        case("VDI: 16 EiB", with(image(), 368, &[0xff; 8]), Fate::Refused),
        // the map of the sample is all zeros: block 0, of which there is none
        case("VDI: a block that was never allocated", image(), Fate::Refused),
    ]
}

fn zvhd() -> Vec<Case> {
    let disk = || noise(3 * MIB, 9);
    // records begin behind the first page: prefix, length, block, packed bytes
    let stream = || written(disk(), Target::Zvhd);
    let indexed = || written(disk(), Target::Zvhd2);
    let bomb = zeros(ZlibEncoder::new(Vec::new(), Level::new(9)), 64 * MIB).finish().unwrap();
    let frame = zstd::bulk::compress(&vec![0; 64 * MIB], 1).unwrap();
    vec![
        case("ZVHD: record of 4 GiB", with(stream(), 4096 + 12, &[0xff; 4]), Fate::Corrupt),
        case("ZVHD: record that unpacks to 64 MiB", with(stream(), 4096 + 48, &bomb), Fate::Corrupt),
        case("ZVHD2: record of 4 GiB", with(indexed(), 4096 + 12, &[0xff; 4]), Fate::Corrupt),
        case("ZVHD2: record that unpacks to 64 MiB", with(indexed(), 4096 + 48, &frame), Fate::Corrupt),
    ]
}

fn packed() -> Vec<Case> {
    let gz = |bytes| zeros(GzEncoder::new(Vec::new(), Level::new(9)), bytes).finish().unwrap();
    let members = [gz(MIB), gz(MIB)].concat();
    let inside = {
        let mut packer = GzEncoder::new(Vec::new(), Level::new(1));
        packer.write_all(&with(samples::qcow2(), 15, &[1])).unwrap();
        packer.finish().unwrap()
    };
    let twice = {
        let mut packer = GzEncoder::new(Vec::new(), Level::new(1));
        packer.write_all(&gz(MIB)).unwrap();
        packer.finish().unwrap()
    };
    vec![
        case("gz: 128 MiB of zeros in 128 KiB", gz(128 * MIB), Fate::Read),
        case("gz: two members", members, Fate::Corrupt),
        case("gz: an unsafe qcow2 inside", inside, Fate::Refused),
        case("gz: packed twice", twice, Fate::Refused),
        case("xz: dictionary of 4 GiB", xz_dictionary(), Fate::Refused),
        case("zst: window of 2 GiB", zst_window(), Fate::Refused),
    ]
}

/// An xz stream whose block claims the largest dictionary there is.
fn xz_dictionary() -> Vec<u8> {
    let mut packer = liblzma::write::XzEncoder::new(Vec::new(), 1);
    packer.write_all(&noise(5000, 3)).unwrap();
    let mut file = packer.finish().unwrap();
    // behind the stream header: block header's length, flags, filter, length of its properties, the dictionary
    let header = 12;
    let len = (usize::from(file[header]) + 1) * 4;
    let at = file[header..header + len].windows(2).position(|pair| pair == [0x21, 1]).unwrap();
    file[header + at + 2] = 40;
    let sum = crc32fast::hash(&file[header..header + len - 4]);
    put(&mut file, header + len - 4, &sum.to_le_bytes());
    file
}

/// A zstd frame that wants a window of two gigabytes.
fn zst_window() -> Vec<u8> {
    let mut packer = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    packer.include_contentsize(false).unwrap();
    packer.write_all(&noise(5000, 3)).unwrap();
    let mut file = packer.finish().unwrap();
    file[5] = 21 << 3;
    file
}
