//! What the library's decoder makes of the output.

use flate2::{Decompress, FlushDecompress, Status};
use proptest::prelude::*;

use super::{Deflate, DeflatePart, ForLargeWindow, ForSmallWindow};
use crate::tests::sparse::{mixed, noise};

/// Compresses with one encoder after another unit, and gives the compressed unit.
fn compressed<const WAYS: usize>(mut encoder: Deflate<WAYS>, data: &[u8]) -> Vec<u8> {
    let mut first = vec![7];
    encoder.compress(data, &mut first);
    assert_eq!(first.remove(0), 7, "what was there is kept");
    // what came before leaves no trace
    encoder.compress(&mixed(100_000, 99), &mut Vec::new());
    let mut again = Vec::new();
    encoder.compress(data, &mut again);
    assert!(first == again);
    first
}

/// Checks either encoder; returns what the one for a small window makes of `data`, in bytes.
fn check(data: &[u8], window_bits: u32) -> usize {
    check_packed(data, &compressed(ForLargeWindow::new(window_bits), data), window_bits);
    let packed = compressed(ForSmallWindow::new(window_bits), data);
    check_packed(data, &packed, window_bits);
    packed.len()
}

fn check_packed(data: &[u8], packed: &[u8], window_bits: u32) {
    assert!(packed.len() <= data.len() + data.len() / 1000 + 16, "{} from {}", packed.len(), data.len());
    let mut inflate = Decompress::new_with_window_bits(false, u8::try_from(window_bits).unwrap().max(9));
    let mut back = vec![0; data.len()];
    // in small pieces of output, so that the decoder keeps a window of its own, as small as it was told
    let (mut read, mut written) = (0, 0);
    loop {
        let room = (written + 1000).min(back.len());
        let status = inflate.decompress(&packed[read..], &mut back[written..room], FlushDecompress::None).unwrap();
        read = usize::try_from(inflate.total_in()).unwrap();
        written = usize::try_from(inflate.total_out()).unwrap();
        if status == Status::StreamEnd {
            break;
        }
        assert!(written < data.len() || read < packed.len(), "the stream does not end");
    }
    assert!((read, written) == (packed.len(), data.len()) && back == data, "window of {window_bits} bits");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn anything_comes_back(
        len in prop_oneof![0_usize..300, 0_usize..200_000],
        seed: u32,
        letters in 1_u8..=255,
        window_bits in 9_u32..=15,
    ) {
        check(&mixed(len, seed), window_bits);
        let few: Vec<u8> = noise(len, seed).into_iter().map(|byte| byte % letters).collect();
        check(&few, window_bits);
    }
}

#[test]
fn edges() {
    for window_bits in [9, 12, 15] {
        for len in [0, 1, 2, 3, 4, 5, 258, 259, 32_767, 32_768, 32_769, 65_535, 65_536, 65_537, 300_000] {
            check(&vec![0; len], window_bits);
            check(&noise(len, 5), window_bits);
            check(&(0..len).map(|n| u8::try_from(n % 3).unwrap()).collect::<Vec<_>>(), window_bits);
        }
        // a group that comes again just inside and just outside of the window, and 64 KiB later
        for distance in [(1 << window_bits) - 1, 1 << window_bits, (1 << window_bits) + 1, 65_536, 65_537] {
            let pattern = b"IMPRINTIMPRINT!?";
            check(&[pattern.as_slice(), &noise(distance - pattern.len(), 8), pattern].concat(), window_bits);
        }
    }
    assert!(check(&vec![0; 65_536], 12) < 200);
    assert_eq!(check(&[], 12), 2);
}

/// Sizes that were measured once are used again, so equal input must give equal output in each version that calls itself
/// the same: whoever changes the output changes the name in the identity of the formats that use it.
#[test]
fn the_output_is_that_of_its_version() {
    let data = mixed(300_000, 42);
    let of = |packed: Vec<u8>| (packed.len(), crc32fast::hash(&packed));
    let outputs = (of(compressed(ForSmallWindow::new(12), &data)), of(compressed(ForLargeWindow::new(15), &data)));
    assert_eq!((super::VERSION, outputs), (3, ((139_490, 2_893_848_606), (139_714, 2_811_590_629))));
}

/// A flush may just fill the room there is.
#[test]
fn a_part_is_the_same_whatever_room_there_was() {
    let mut part = DeflatePart::new();
    for data in [mixed(300_000, 42), noise(100_000, 3)] {
        let mut expected = Vec::new();
        part.compress(&data, &mut expected).unwrap();
        assert!(expected.len() < data.len() + data.len() / 100, "{} from {}", expected.len(), data.len());
        for capacity in expected.len() - 8..=expected.len() + 8 {
            let mut out = Vec::with_capacity(capacity);
            part.compress(&data, &mut out).unwrap();
            assert!(out == expected, "room for {capacity} bytes gave {} of {}", out.len(), expected.len());
        }
    }
}

/// The same of the library: an update that nobody noticed would leave lengths and places of files that are not so any
/// more.
#[test]
fn the_library_is_the_one_that_is_named() {
    let lock = include_str!("../../../../Cargo.lock").replace('\r', "");
    let (name, version) = super::LIBRARY.split_once(' ').expect("a name and a version");
    let entry = format!("name = \"{name}\"\nversion = \"{version}\"\n");
    assert!(lock.contains(&entry), "another version of {name} is built than {version}: change the constant");
}
