//! The stream may be cut anywhere, and may hold anything.

use proptest::prelude::*;

use super::{inspect, samples};
use crate::{Inspection, Inspector};

fn inspect_in_slices(image: &[u8], mut next_len: impl FnMut() -> usize) -> Inspection {
    let mut inspector = Inspector::new();
    let mut rest = image;
    while !rest.is_empty() {
        let (slice, later) = rest.split_at(next_len().clamp(1, rest.len()));
        inspector.feed(slice);
        rest = later;
    }
    inspector.finish()
}

#[test]
fn one_byte_at_a_time() {
    for image in samples::all() {
        assert_eq!(inspect_in_slices(&image, || 1), inspect(&image));
    }
}

/// Any sound image with up to 16 bytes changed among its structures, and perhaps cut short.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let places =
        prop_oneof![0_usize..2048, 190 * samples::KIB..200 * samples::KIB, 2 * samples::MIB..2200 * samples::KIB];
    let damage = prop::collection::vec((places, any::<u8>()), 0..16);
    (prop::sample::select(samples::all()), damage, prop::option::weighted(0.2, any::<prop::sample::Index>())).prop_map(
        |(mut image, damage, cut)| {
            for (at, byte) in damage {
                if let Some(place) = image.get_mut(at) {
                    *place = byte;
                }
            }
            if let Some(cut) = cut {
                image.truncate(cut.index(image.len()));
            }
            image
        },
    )
}

/// Random bytes behind one of the signatures, so that the checks are reached.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let signatures: Vec<Vec<u8>> = samples::all().iter().map(|image| image[..8].to_vec()).collect();
    (prop::sample::select(signatures), prop::collection::vec(any::<u8>(), 0..3000), any::<bool>())
        .prop_map(|(signature, noise, signed)| if signed { [signature, noise].concat() } else { noise })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cuts_do_not_matter(image in prop_oneof![damaged(), noise()], lens in prop::collection::vec(1_usize..200_000, 1..9)) {
        let mut lens = lens.into_iter().cycle();
        prop_assert_eq!(inspect_in_slices(&image, || lens.next().unwrap_or(1)), inspect(&image));
    }

    #[test]
    fn small_cuts_do_not_matter(image in noise()) {
        prop_assert_eq!(inspect_in_slices(&image, || 1), inspect(&image));
    }

    #[test]
    fn text_never_panics(text in "(# Disk DescriptorFile\n)?(version=1\n|createType=\"[a-z]{0,80}\"\n|RW [0-9]{1,22} SPARSE \"\\PC{0,9}\"\n|\\PC{0,20}\n){0,20}") {
        inspect(text.as_bytes());
        inspect(&samples::vmdk(&text));
    }
}
