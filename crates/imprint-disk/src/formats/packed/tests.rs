//! Packed files of several writers, read at any place; and those that are not taken.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::unpacked::Unpacked;
use crate::tests::samples;
use crate::{Export, Format, OpenError, ReadAt, Target, open};

/// Bytes that compress, but not to nothing: a counter with some noise in it.
fn content(len: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let mut bytes: Vec<u8> = (0_u32..).flat_map(|number| (number / 3).to_le_bytes()).take(len).collect();
    for at in (0..len).step_by(97) {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes[at] = (state >> 24) as u8;
    }
    bytes
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new()
        .filename("disk.raw")
        .comment("a disk")
        .extra(&b"ab\x02\0xy"[..])
        .write(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("a Vec takes everything");
    encoder.finish().expect("ends")
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).expect("a Vec takes everything");
    encoder.finish().expect("ends")
}

/// Frames of the given lengths; the first without its length in the header.
fn zst(bytes: &[u8], lens: &[usize]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut rest = bytes;
    for (place, &len) in lens.iter().chain([&usize::MAX]).enumerate() {
        let (piece, later) = rest.split_at(len.min(rest.len()));
        if place == 0 {
            file.extend(zstd::stream::encode_all(piece, 1).expect("packs"));
        } else {
            file.extend(zstd::bulk::compress(piece, 1).expect("packs"));
        }
        // a skippable frame between
        file.extend(b"\x53\x2a\x4d\x18\x03\0\0\0abc");
        rest = later;
    }
    file
}

fn packed(bytes: &[u8]) -> [(Format, Vec<u8>); 3] {
    [(Format::Gz, gz(bytes)), (Format::Xz, xz(bytes)), (Format::Zst, zst(bytes, &[300_000, 5, 200_000]))]
}

fn unpack(file: Arc<dyn ReadAt>, format: Format) -> Result<Unpacked, OpenError> {
    super::unpack(file, format, u64::MAX)
}

fn read(source: &dyn ReadAt, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut buf = vec![0; len];
    source.read_at(offset, &mut buf)?;
    Ok(buf)
}

#[test]
fn any_range_is_read() {
    let bytes = content(9_000_001);
    for (format, file) in packed(&bytes) {
        let source = unpack(Arc::new(file), format).expect("opens");
        assert_eq!(source.size_bytes(), bytes.len() as u64, "{format}");
        for at in [0, 8_999_000, 1, 4_500_000, 131_071, 4_194_304, 299_999, 9_000_000] {
            let len = (bytes.len() - at).min(200_000);
            assert_eq!(read(&source, at as u64, len).expect("reads"), bytes[at..at + len], "{format} at {at}");
        }
        assert!(read(&source, 9_000_001, 1).is_err(), "{format}");
        assert!(read(&source, 9_000_000, 2).is_err(), "{format}");
    }
}

#[test]
fn no_more_is_decoded_than_is_wanted() {
    let bytes = content(6_000_000);
    for (format, file) in packed(&bytes) {
        let read_bytes = Arc::new(AtomicU64::new(0));
        let file_bytes = file.len() as u64;
        let open = |bytes_max| {
            read_bytes.store(0, Ordering::Relaxed);
            super::unpack(Arc::new(Watched(file.clone(), Arc::clone(&read_bytes))), format, bytes_max)
        };
        assert_eq!(open(6_000_000).expect("opens").size_bytes(), 6_000_000, "{format}");
        for bytes_max in [5_999_999, 300_000, 0] {
            let error = open(bytes_max).err().expect("refused");
            let is_meant = matches!(&error, OpenError::Io(error) if error.kind() == io::ErrorKind::FileTooLarge);
            assert!(is_meant, "{format}: {error:?}");
        }
        let read = read_bytes.load(Ordering::Relaxed);
        assert!(read < file_bytes / 2, "{format}: {read} of {file_bytes} bytes");
    }
}

/// A file, and how many bytes of it were read.
struct Watched(Vec<u8>, Arc<AtomicU64>);

impl ReadAt for Watched {
    fn size_bytes(&self) -> u64 {
        self.0.size_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.1.fetch_add(buf.len() as u64, Ordering::Relaxed);
        self.0.read_at(offset, buf)
    }
}

#[test]
fn the_disk_inside_is_opened() {
    for (format, file) in packed(&crate::tests::samples::qcow2()) {
        let disk = open(Arc::new(file), format).expect("opens");
        assert_eq!((disk.info.format, disk.info.variant), (format, "qcow2"));
        assert_eq!(disk.guest.size_bytes(), 1 << 20);
    }
    let mut unsafe_image = crate::tests::samples::qcow2();
    unsafe_image[15] = 1;
    assert!(matches!(open(Arc::new(gz(&unsafe_image)), Format::Gz), Err(OpenError::Refused(_))));
    let twice = gz(&xz(b"a disk"));
    assert!(matches!(open(Arc::new(twice), Format::Gz), Err(OpenError::Unsupported(_))));
}

#[test]
fn what_stands_behind_the_end_is_refused() {
    for (format, file) in packed(&content(5000)) {
        for behind in [&b"x"[..], b"\0\0\0\0", &[7; 100], &file] {
            // a further frame is part of a zstd file
            if format == Format::Zst && behind == file {
                continue;
            }
            let error = unpack(Arc::new([&file, behind].concat()), format).err().map(|error| error.to_string());
            assert!(error.is_some(), "{format} with {} bytes behind it", behind.len());
        }
        for len in [0, 1, file.len() / 2, file.len() - 1] {
            let outcome = unpack(Arc::new(file[..len].to_vec()), format)
                .map_err(io::Error::other)
                .and_then(|source| read(&source, 0, 5000));
            assert!(outcome.is_err(), "{format} cut to {len}");
        }
    }
    let two = [gz(b"one"), gz(b"two")].concat();
    let error = unpack(Arc::new(two), Format::Gz).err().expect("refused");
    assert!(error.to_string().contains("several members"), "{error}");
}

#[test]
fn empty_blocks_hold_nothing() {
    let (one, other) = (content(60_000), content(50_001));
    let bytes = [&one[..], &other].concat();
    for pieces in
        [&[&one[..], &other][..], &[&one, &[], &other], &[&[], &one, &[], &[], &other], &[&[], &one, &other, &[], &[]]]
    {
        let file = samples::xz(pieces);
        let source = unpack(Arc::new(file.clone()), Format::Xz).expect("opens");
        assert_eq!(read(&source, 0, bytes.len()).expect("reads"), bytes, "{} blocks", pieces.len());
        assert_eq!(read(&source, 59_999, 2).expect("reads"), bytes[59_999..60_001], "{} blocks", pieces.len());
        // the ends of all blocks are known, of empty ones too
        let words = file.last_chunk::<8>().map_or(0, |end| u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
        let index_at = file.len() - 12 - (words as usize + 1) * 4;
        let longer = [&file[..index_at], &[0; 4], &file[index_at..]].concat();
        let error = unpack(Arc::new(longer), Format::Xz).err().expect("refused");
        assert!(error.to_string().contains("several streams"), "{} blocks: {error}", pieces.len());
    }
    for count in 0..3 {
        let pieces = vec![&[][..]; count];
        let source = unpack(Arc::new(samples::xz(&pieces)), Format::Xz).expect("opens");
        assert_eq!(source.size_bytes(), 0, "{count} blocks");
    }
}

#[test]
fn empty_blocks_are_passed_without_decoding_them() {
    // ten thousand of them where none says what it must: nobody looks at them
    let mut blocks: Vec<Vec<u8>> = vec![samples::xz_block(b""); 10_000];
    blocks.iter_mut().for_each(|block| block.fill(0xee));
    blocks.push(samples::xz_block(b"a disk"));
    let records = blocks.iter().zip(std::iter::repeat_n(0, 10_000).chain([6]));
    let records: Vec<u8> = records.flat_map(|(block, bytes)| samples::xz_record(block, bytes)).collect();
    let index = samples::xz_index(blocks.len(), &records);
    let file = [samples::xz_header(), blocks.into_iter().flat_map(samples::xz_padded).collect(), index].concat();
    let source = unpack(Arc::new(file), Format::Xz).expect("opens");
    assert_eq!(read(&source, 0, 6).expect("reads"), b"a disk");
}

#[test]
fn a_longer_index_is_refused() {
    // blocks of one byte each, in two bytes of the index; with their number and a checksum that is just too much, or not
    for (count, fits) in [((2 << 20) - 4, true), (2 << 20, false)] {
        let block = samples::xz_block(&[7]);
        let records = samples::xz_record(&block, 1).repeat(count);
        let block = samples::xz_padded(block);
        let file = [samples::xz_header(), block.repeat(count), samples::xz_index(count, &records)].concat();
        match unpack(Arc::new(file), Format::Xz) {
            Ok(source) => assert!(fits && source.size_bytes() == count as u64, "{count} blocks"),
            Err(error) => assert!(!fits && error.to_string().contains("index is longer"), "{count} blocks: {error}"),
        }
    }
}

#[test]
fn a_window_beyond_the_limit_is_refused() {
    // a header of a window of 256 MiB, and one empty last block
    let frame = b"\x28\xb5\x2f\xfd\x00\x90\x01\0\0".to_vec();
    let error = unpack(Arc::new(frame), Format::Zst).err().expect("refused");
    assert!(error.to_string().contains("128 MiB"), "{error:?}");
    let mut options = liblzma::stream::LzmaOptions::new_preset(0).expect("a preset");
    options.dict_size(512 << 20);
    let mut filters = liblzma::stream::Filters::new();
    filters.lzma2(&options);
    let stream = liblzma::stream::Stream::new_stream_encoder(&filters, liblzma::stream::Check::Crc32);
    // an encoder that large may not find the memory here
    let Ok(stream) = stream else { return };
    let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(&content(5000)).expect("a Vec takes everything");
    let source = unpack(Arc::new(encoder.finish().expect("ends")), Format::Xz).expect("its index is sound");
    let error = read(&source, 0, 1).expect_err("refused");
    assert!(error.to_string().contains("128 MiB"), "{error}");
}

#[test]
fn what_is_written_is_read_and_is_one_member() {
    for len in [0, 1, 512, 524_288, 3_000_001] {
        let mut disk = content(len);
        let zeros = len.min(1_200_000);
        disk[len - zeros..].fill(0);
        for (target, format) in [(Target::Gz, Format::Gz), (Target::Zst, Format::Zst)] {
            let export = Export::new(Arc::new(disk.clone()), target, None).expect("can be written");
            let mut file = Vec::new();
            let sink = &mut |bytes: &[u8]| {
                file.extend_from_slice(bytes);
                Ok(())
            };
            let sizes = export.write(3, sink).expect("writes").expect("has sizes");
            let source = unpack(Arc::new(file.clone()), format).expect("opens");
            assert_eq!(read(&source, 0, len).expect("reads"), disk, "{target} of {len}");
            let known = Export::new(Arc::new(disk.clone()), target, Some(sizes)).expect("can be written");
            assert_eq!(known.size_bytes(), Some(file.len() as u64), "{target} of {len}");
            let mut tail = vec![0; file.len().min(4000)];
            known.read_at((file.len() - tail.len()) as u64, &mut tail).expect("reads");
            assert_eq!(tail, file[file.len() - tail.len()..], "{target} of {len}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_is_an_error_or_nothing(
        which in 0_usize..3,
        damage in prop::collection::vec((any::<prop::sample::Index>(), 1_u8..=255), 1..4),
    ) {
        let bytes = content(400_000);
        let (format, mut file) = packed(&bytes)[which].clone();
        for (at, flip) in damage {
            let at = at.index(file.len());
            file[at] ^= flip;
        }
        if let Ok(source) = unpack(Arc::new(file), format)
            && let Ok(read) = read(&source, 0, source.size_bytes().min(1 << 20) as usize)
            && format != Format::Zst
        {
            // every byte of these is covered by a checksum; of this writer's zstd frames none is
            prop_assert_eq!(read, bytes);
        }
    }
}
