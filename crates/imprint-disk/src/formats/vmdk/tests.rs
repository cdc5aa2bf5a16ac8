//! What the reader makes of sound and of damaged files, and that it reads what the writer wrote.

use std::sync::Arc;

use crate::tests::samples;
use crate::{Export, Format, OpenError, ReadAt, RunKind, Target, open};

const GRAIN: usize = 64 * 1024;

/// Three grains and a half: data, nothing, data that does not compress, and a bit of data at the very end.
fn disk() -> Vec<u8> {
    let mut disk = vec![0; 3 * GRAIN + GRAIN / 2];
    disk[100..5000].fill(7);
    let mut state = 1_u32;
    for byte in &mut disk[2 * GRAIN..3 * GRAIN] {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (state >> 24) as u8;
    }
    *disk.last_mut().expect("not empty") = 9;
    disk
}

fn written(disk: Vec<u8>) -> Vec<u8> {
    let export = Export::new(Arc::new(disk), Target::VmdkStream, None).expect("can be written");
    let mut file = Vec::new();
    export
        .write(2, &mut |bytes| {
            file.extend_from_slice(bytes);
            Ok(())
        })
        .expect("writes");
    file
}

fn read_all(guest: &dyn ReadAt) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(guest.size_bytes()).expect("small")];
    guest.read_at(0, &mut bytes)?;
    Ok(bytes)
}

#[test]
fn what_was_written_is_read() {
    let file = written(disk());
    let opened = open(Arc::new(file), Format::Vmdk).expect("opens");
    assert_eq!(opened.info.variant, "streamOptimized");
    assert_eq!(read_all(&*opened.guest).expect("reads"), disk());
    let mut middle = vec![0; 3000];
    opened.guest.read_at(3 * GRAIN as u64 - 1000, &mut middle).expect("reads");
    assert_eq!(middle, disk()[3 * GRAIN - 1000..][..3000]);
    let run = opened.guest.run_at(GRAIN as u64 + 5).expect("has a map");
    assert_eq!((run.kind, run.len), (RunKind::Hole, GRAIN as u64 - 5));
    assert_eq!(opened.guest.run_at(2 * GRAIN as u64).expect("has a map").len, GRAIN as u64 * 3 / 2);
}

#[test]
fn a_disk_of_zeros_and_an_odd_one() {
    let file = written(vec![0; 5 * GRAIN]);
    assert_eq!(
        read_all(&*open(Arc::new(file), Format::Vmdk).expect("opens").guest).expect("reads"),
        vec![0; 5 * GRAIN]
    );
    // sizes are whole sectors
    let file = written(vec![3; 700]);
    let guest = open(Arc::new(file), Format::Vmdk).expect("opens").guest;
    assert_eq!(guest.size_bytes(), 1024);
    assert_eq!(read_all(&*guest).expect("reads"), [vec![3; 700], vec![0; 324]].concat());
}

#[test]
fn damaged_grains_are_errors() {
    let file = written(disk());
    let first = 128 * 512;
    // the place, the length, the stream
    for (at, field) in [(0, [1, 0, 0, 0]), (8, [0xff; 4]), (8, [1, 0, 0, 0]), (14, [0xff; 4])] {
        let mut file = file.clone();
        samples::put(&mut file, first + at, &field);
        let guest = open(Arc::new(file), Format::Vmdk).expect("its header is sound").guest;
        let error = read_all(&*guest).expect_err("the grain is damaged");
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{at}: {error}");
        guest.read_at(2 * GRAIN as u64, &mut [0; 512]).expect("the other grains are not");
    }
}

#[test]
fn a_grain_that_unpacks_to_more_is_an_error() {
    let mut file = written(disk());
    let mut bomb = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut bomb, &vec![0; 1 << 20]).expect("a Vec takes everything");
    let bomb = bomb.finish().expect("ends");
    // a second place for the first grain, behind everything but the footer
    let table = file.len() - 3 * 512 - 2 * 512 - 4 * 512;
    assert_eq!(file[table..table + 4], 128_u32.to_le_bytes());
    let footer = file.split_off(file.len() - 3 * 512);
    let sector = u32::try_from(file.len() / 512).expect("small");
    samples::put(&mut file, table, &sector.to_le_bytes());
    file.extend(0_u64.to_le_bytes());
    file.extend(u32::try_from(bomb.len()).expect("small").to_le_bytes());
    file.extend(&bomb);
    file.resize(file.len().next_multiple_of(512), 0);
    file.extend(footer);
    let guest = open(Arc::new(file), Format::Vmdk).expect("opens").guest;
    let error = read_all(&*guest).expect_err("is refused");
    assert!(error.to_string().contains("more than a grain"), "{error}");
}

#[test]
fn tables_outside_the_file_are_errors_and_no_memory() {
    let mut image = samples::vmdk(&samples::descriptor("monolithicSparse", samples::EXTENT));
    samples::put(&mut image, 21 * 512, &u32::MAX.to_le_bytes());
    let guest = open(Arc::new(image), Format::Vmdk).expect("opens").guest;
    assert!(guest.read_at(0, &mut [0; 1]).is_err());
    assert!(guest.run_at(0).is_err());
    let foreign = samples::vmdk(&samples::descriptor("monolithicSparse", "RW 2048 FLAT \"/etc/passwd\" 0"));
    assert!(matches!(open(Arc::new(foreign), Format::Vmdk), Err(OpenError::Refused(_))));
}

#[test]
fn zero_grains_are_no_places() {
    let mut image = samples::vmdk(&samples::descriptor("monolithicSparse", samples::EXTENT));
    samples::put(&mut image, 8, &0b101_u32.to_le_bytes());
    // directory at sector 21, table at 22, grains: zero, a real one at sector 64, nothing
    samples::put(&mut image, 21 * 512, &22_u32.to_le_bytes());
    samples::put(&mut image, 22 * 512, &1_u32.to_le_bytes());
    samples::put(&mut image, 22 * 512 + 4, &128_u32.to_le_bytes());
    image.extend(vec![5; GRAIN]);
    let guest = open(Arc::new(image), Format::Vmdk).expect("opens").guest;
    assert_eq!(guest.run_at(0).expect("has a map").kind, RunKind::Zero);
    assert_eq!(guest.run_at(GRAIN as u64).expect("has a map").kind, RunKind::Data);
    assert_eq!(guest.run_at(2 * GRAIN as u64).expect("has a map").kind, RunKind::Hole);
    let expected = [vec![0; GRAIN], vec![5; GRAIN], vec![0; (1 << 20) - 2 * GRAIN]].concat();
    assert_eq!(read_all(&*guest).expect("reads"), expected);
}
