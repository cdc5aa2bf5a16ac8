//! Each hostile construction that headers can show, and the reason it is refused for.

use super::inspect;
use super::samples::{self, EXTENT, KIB, MIB, descriptor, put};
use crate::{Format, Refusal, judge};

/// `image` with `field` written at `at`.
fn with(mut image: Vec<u8>, at: usize, field: &[u8]) -> Vec<u8> {
    put(&mut image, at, field);
    image
}

/// The only reasons for refusing `image`; it must be refused whatever is declared.
fn refusals(image: &[u8]) -> Vec<Refusal> {
    let inspection = inspect(image);
    assert!(judge("raw", &inspection).is_err(), "accepted as raw: {:?}", inspection.format);
    assert!(judge(inspection.format.name(), &inspection).is_err());
    for refusal in &inspection.refusals {
        assert!(refusal.to_string().len() < 200, "{refusal}");
    }
    inspection.refusals
}

fn is_inconsistent(refusals: &[Refusal], wanted: &str) -> bool {
    refusals.iter().any(|refusal| matches!(refusal, Refusal::Inconsistent { field, .. } if *field == wanted))
}

fn is_outside(refusals: &[Refusal], wanted: &str) -> bool {
    refusals.iter().any(|refusal| matches!(refusal, Refusal::OutsideFile { field } if *field == wanted))
}

#[track_caller]
fn assert_inconsistent(image: &[u8], field: &str) {
    let found = refusals(image);
    assert!(is_inconsistent(&found, field), "{field}: {found:?}");
}

#[track_caller]
fn assert_outside(image: &[u8], field: &str) {
    let found = refusals(image);
    assert!(is_outside(&found, field), "{field}: {found:?}");
}

#[test]
fn qcow2_references_to_elsewhere() {
    assert_eq!(refusals(&with(samples::qcow2(), 15, &[1])), [Refusal::BackingFile]);
    assert_eq!(refusals(&with(samples::qcow2(), 19, &[9])), [Refusal::BackingFile]);
    assert_eq!(refusals(&with(samples::qcow2(), 79, &[4])), [Refusal::ExternalDataFile]);
    for method in [1, 2, 77] {
        assert_eq!(refusals(&with(samples::qcow2(), 35, &[method])), [Refusal::Encrypted]);
    }
    // version 2 has no feature bits, but a backing file all the same
    let version_2 = with(samples::qcow2(), 7, &[2]);
    assert_eq!(refusals(&with(version_2, 8, &[0x80])), [Refusal::BackingFile]);
}

#[test]
fn qcow2_data_file_name_without_its_bit_is_ignored() {
    let name = [&0x4441_5441_u32.to_be_bytes()[..], &11_u32.to_be_bytes(), b"/etc/passwd"].concat();
    assert_eq!(inspect(&with(samples::qcow2(), 104, &name)).refusals, []);
}

#[test]
fn qcow2_versions_and_features() {
    for version in [0, 1, 4, 255] {
        let expected = Refusal::UnsupportedVersion { what: "qcow2", version: version.into() };
        assert_eq!(refusals(&with(samples::qcow2(), 7, &[version])), [expected]);
    }
    for (at, bit) in [(79, 0x20), (79, 0x80), (78, 1), (72, 0x80)] {
        let found = refusals(&with(samples::qcow2(), at, &[bit]));
        assert!(matches!(found[..], [Refusal::UnknownFeatures { .. }]), "{found:?}");
    }
}

#[test]
fn qcow2_layout() {
    for bits in [0_u32, 8, 22, 64, u32::MAX] {
        assert_inconsistent(&with(samples::qcow2(), 20, &bits.to_be_bytes()), "qcow2 cluster size");
    }
    for len in [0_u32, 72, 105, 65_544, u32::MAX] {
        assert_inconsistent(&with(samples::qcow2(), 100, &len.to_be_bytes()), "qcow2 header length");
    }
    assert_inconsistent(&with(samples::qcow2(), 99, &[7]), "qcow2 refcount width");
    // zstd without its feature bit, and a type nobody knows
    let long = with(samples::qcow2(), 103, &[112]);
    assert_inconsistent(&with(long.clone(), 104, &[1]), "qcow2 compression type");
    assert_inconsistent(&with(with(long, 104, &[2]), 79, &[8]), "qcow2 compression type");
    assert_inconsistent(&with(samples::qcow2(), 104, &[1, 2, 3, 4, 0xff, 0, 0, 0]), "qcow2 header extension");
}

#[test]
fn qcow2_tables() {
    let cases: [(&str, usize, &[u8]); 3] =
        [("qcow2 L1 table", 40, &[0, 0]), ("qcow2 refcount table", 48, &[0, 0]), ("qcow2 snapshot table", 64, &[1])];
    for (field, at, extra) in cases {
        let snapshots = if extra == [1] { 1_u32 } else { 0 };
        let image = with(samples::qcow2(), 60, &snapshots.to_be_bytes());
        assert_outside(&with(image.clone(), at, &0x100_0000_u64.to_be_bytes()), field);
        assert_outside(&with(image.clone(), at, &(u64::MAX << 16).to_be_bytes()), field);
        assert_inconsistent(&with(image.clone(), at, &0x1_0200_u64.to_be_bytes()), field);
        assert_inconsistent(&with(image, at, &0_u64.to_be_bytes()), field);
    }
    let huge = u32::MAX.to_be_bytes();
    assert_inconsistent(&with(samples::qcow2(), 36, &huge), "qcow2 L1 table");
    assert_inconsistent(&with(samples::qcow2(), 36, &[0; 4]), "qcow2 L1 table");
    assert_inconsistent(&with(samples::qcow2(), 56, &huge), "qcow2 refcount table");
    assert_inconsistent(&with(samples::qcow2(), 60, &huge), "qcow2 snapshot table");
    let found = refusals(&with(samples::qcow2(), 24, &u64::MAX.to_be_bytes()));
    assert!(found.contains(&Refusal::SizeAbsurd { bytes: u64::MAX }), "{found:?}");
}

#[test]
fn vmdk_descriptors() {
    let extent_of = |extents: &str| refusals(&samples::vmdk(&descriptor("monolithicSparse", extents)));
    let is_extent = |refusal: &Refusal| matches!(refusal, Refusal::VmdkExtent { .. });
    for extents in [
        "",
        "RW 2048 FLAT \"disk-flat.vmdk\" 0",
        "RW 2048 VMFS \"disk.vmdk\"",
        "RW 2048 ZERO",
        "RW 2048 SPARSE \"/etc/passwd\"",
        "RW 2048 SPARSE \"..\\secret\"",
        "RW 2048 SPARSE \"nbd:host:10809\"",
        "RW 2048 SPARSE disk.vmdk",
        "RW 2048 SPARSE \"disk.vmdk\" 0",
        "RW many SPARSE \"disk.vmdk\"",
        "RW\t2048\tFLAT\t\"disk.vmdk\"",
        "RW 2048 SPARSE \"a.vmdk\"\nRW 2048 SPARSE \"b.vmdk\"",
    ] {
        let found = extent_of(extents);
        assert!(found.iter().all(is_extent) && !found.is_empty(), "{extents}: {found:?}");
    }
    let unknown = extent_of(&format!("{EXTENT}\nload \"everything\""));
    assert!(matches!(unknown[..], [Refusal::VmdkDescriptor { .. }]), "{unknown:?}");
    assert_eq!(extent_of(&format!("{EXTENT}\nparentFileNameHint=\"base.vmdk\"")), [Refusal::BackingFile]);
    let text = descriptor("monolithicSparse", EXTENT).replace("ffffffff", "1a2b3c4d");
    assert_eq!(refusals(&samples::vmdk(&text)), [Refusal::BackingFile]);
}

#[test]
fn vmdk_types() {
    for create_type in ["monolithicFlat", "vmfs", "fullDevice", "custom", "", &"x".repeat(500)] {
        let found = refusals(&samples::vmdk(&descriptor(create_type, EXTENT)));
        assert!(matches!(found[..], [Refusal::VmdkType { .. }]), "{create_type}: {found:?}");
    }
    let twice = descriptor("monolithicSparse", &format!("{EXTENT}\ncreateType=\"monolithicFlat\""));
    let found = refusals(&samples::vmdk(&twice));
    assert!(matches!(found[..], [Refusal::VmdkDescriptor { .. }]), "{found:?}");
    assert!(!refusals(&samples::vmdk("")).is_empty());
    assert!(!refusals(&samples::vmdk("createType=\"monolithicSparse\"\n\u{e9}")).is_empty());
}

#[test]
fn vmdk_texts_as_files() {
    for text in [
        descriptor("monolithicSparse", EXTENT),
        descriptor("monolithicFlat", "RW 2048 FLAT \"/etc/passwd\" 0"),
        format!("#\n# hello\n\n{}", "version=1\nRW 1 FLAT \"/etc/passwd\" 0\n"),
        "RW 1 FLAT \"x\" 0\ncreateTYPE=\"vmfs\"".to_owned(),
        format!("\u{feff}{}", descriptor("vmfs", EXTENT)),
    ] {
        assert_eq!(inspect(text.as_bytes()).format, Format::Vmdk, "{text}");
        assert!(!refusals(text.as_bytes()).is_empty());
    }
    assert!(!refusals(b"COWD\x01\0\0\0").is_empty());
    assert_eq!(inspect(b"#!/bin/sh\necho createType is a word\n").format, Format::Raw);
}

#[test]
fn vmdk_headers() {
    let image = || samples::vmdk(&descriptor("monolithicSparse", EXTENT));
    for grain in [0_u64, 8, 100, 8192, u64::MAX] {
        assert_inconsistent(&with(image(), 20, &grain.to_le_bytes()), "VMDK grain size");
    }
    for entries in [0_u32, 513, u32::MAX] {
        assert_inconsistent(&with(image(), 44, &entries.to_le_bytes()), "VMDK grain table");
    }
    // QEMU would read the file as a descriptor
    assert_inconsistent(&with(image(), 12, &[0; 8]), "VMDK capacity");
    assert_inconsistent(&with(image(), 73, b"\n\n\n\n"), "VMDK header");
    assert_inconsistent(&with(image(), 77, &[1, 0]), "VMDK compression");
    for sector in [1000_u64, u64::MAX - 1] {
        assert_outside(&with(image(), 56, &sector.to_le_bytes()), "VMDK grain directory");
        let redundant = with(with(image(), 8, &[3]), 48, &sector.to_le_bytes());
        assert_outside(&redundant, "VMDK redundant grain directory");
    }
    let found = refusals(&with(image(), 12, &u64::MAX.to_le_bytes()));
    assert!(found.contains(&Refusal::SizeAbsurd { bytes: u64::MAX }), "{found:?}");
    for (at, field) in [(28, 0_u64), (28, 2), (28, u64::MAX), (36, 0), (36, 1 << 40), (36, u64::MAX)] {
        let found = refusals(&with(image(), at, &field.to_le_bytes()));
        assert!(matches!(found[..], [Refusal::VmdkDescriptor { .. }]), "{found:?}");
    }
    assert!(matches!(refusals(&with(image(), 4, &[4]))[..], [Refusal::UnsupportedVersion { .. }]));
    assert!(matches!(refusals(&with(image(), 11, &[1]))[..], [Refusal::UnknownFeatures { .. }]));
}

#[test]
fn vmdk_footers() {
    let image = samples::vmdk_stream();
    let footer = image.len() - 1024;
    // its signature, version, capacity, grain, descriptor, its own marker, the end marker, another footer
    let damages: [(usize, &[u8]); 9] = [
        (footer, b"X"),
        (footer + 4, &[3]),
        (footer + 12, &[1]),
        (footer + 20, &[64]),
        (footer + 28, &[9]),
        (footer - 500, &[2]),
        (footer - 1, &[1]),
        (footer + 512, &[1]),
        (footer + 56, &[0xff; 8]),
    ];
    for (at, damage) in damages {
        assert_inconsistent(&with(image.clone(), at, damage), "VMDK footer");
    }
    assert_outside(&with(image.clone(), footer + 56, &[0xff, 0xff, 0xff]), "VMDK grain directory");
    assert_inconsistent(&[image, vec![0; 512]].concat(), "VMDK footer");
}

/// A dynamic VHD with a changed footer (both copies) and dynamic header, checksums made right again.
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

#[test]
fn vhd_differencing() {
    assert!(refusals(&vhd_with(|footer, _| put(footer, 60, &4_u32.to_be_bytes()))).contains(&Refusal::Differencing));
    assert_eq!(refusals(&vhd_with(|_, header| put(header, 576 + 24 * 7, b"W2ku"))), [Refusal::Differencing]);
    let mut fixed = samples::vhd_fixed(vec![0; 4096]);
    put(&mut fixed[4096..], 60, &4_u32.to_be_bytes());
    samples::seal_vhd(&mut fixed[4096..], 64);
    assert_eq!(refusals(&fixed), [Refusal::Differencing]);
}

#[test]
fn vhd_checksums_and_copies() {
    let footer = Refusal::BadChecksum { field: "VHD footer" };
    assert!(refusals(&with(samples::vhd_dynamic(), 100, &[1])).contains(&footer));
    assert_eq!(refusals(&with(samples::vhd_fixed(vec![0; 4096]), 4096 + 100, &[1])), [footer]);
    let header = Refusal::BadChecksum { field: "VHD dynamic header" };
    assert_eq!(refusals(&with(samples::vhd_dynamic(), 512 + 900, &[1])), [header]);
    let image = samples::vhd_dynamic();
    let tail = image.len() - 512;
    assert_inconsistent(&with(image, tail + 55, &[1]), "VHD footer");
}

#[test]
fn vhd_layout() {
    for block in [0_u32, 2048, 3 << 20, 512 << 20] {
        assert_inconsistent(&vhd_with(|_, header| put(header, 32, &block.to_be_bytes())), "VHD block size");
    }
    assert_inconsistent(&vhd_with(|_, header| put(header, 28, &1_u32.to_be_bytes())), "VHD block table");
    assert_outside(&vhd_with(|_, header| put(header, 28, &u32::MAX.to_be_bytes())), "VHD block table");
    assert_outside(&vhd_with(|_, header| put(header, 16, &u64::MAX.to_be_bytes())), "VHD block table");
    assert_inconsistent(&vhd_with(|_, header| put(header, 16, &0_u64.to_be_bytes())), "VHD block table");
    assert_inconsistent(&vhd_with(|_, header| put(header, 0, b"other   ")), "VHD dynamic header");
    assert_inconsistent(&vhd_with(|footer, _| put(footer, 16, &4096_u64.to_be_bytes())), "VHD data offset");
    assert_inconsistent(&vhd_with(|footer, _| put(footer, 60, &2_u32.to_be_bytes())), "VHD type");
    let found = refusals(&vhd_with(|footer, _| put(footer, 48, &(1_u64 << 50).to_be_bytes())));
    assert!(found.contains(&Refusal::SizeAbsurd { bytes: 1 << 50 }), "{found:?}");
    let mut fixed = samples::vhd_fixed(vec![0; 4096]);
    put(&mut fixed[4096..], 48, &8192_u64.to_be_bytes());
    samples::seal_vhd(&mut fixed[4096..], 64);
    assert_outside(&fixed, "VHD data");
}

/// A VHDX with a change to its first 1 MiB, checksums made right again.
fn vhdx_with(at: usize, field: &[u8]) -> Vec<u8> {
    let mut image = with(samples::vhdx(), at, field);
    for header in [64 * KIB, 128 * KIB] {
        samples::seal_vhdx(&mut image[header..header + 4096]);
    }
    samples::seal_vhdx(&mut image[samples::VHDX_REGIONS..samples::VHDX_REGIONS + 64 * KIB]);
    image
}

#[test]
fn vhdx_headers() {
    let current = 128 * KIB;
    assert_eq!(refusals(&vhdx_with(current + 48, &[1])), [Refusal::DirtyLog]);
    assert!(matches!(refusals(&vhdx_with(current + 66, &[2]))[..], [Refusal::UnsupportedVersion { .. }]));
    assert_inconsistent(&vhdx_with(current + 72, &[1]), "VHDX log");
    let mut twins = vhdx_with(current + 72, &(2 * MIB as u64).to_le_bytes());
    put(&mut twins, current + 8, &[1]);
    samples::seal_vhdx(&mut twins[current..current + 4096]);
    assert_inconsistent(&twins, "VHDX header");
    // one bad copy is what the other is for
    assert_eq!(inspect(&with(samples::vhdx(), current + 9, &[1])).refusals, []);
    let neither = with(with(samples::vhdx(), current + 9, &[1]), 64 * KIB + 9, &[1]);
    assert_eq!(refusals(&neither), [Refusal::BadChecksum { field: "VHDX header" }]);
}

#[test]
fn vhdx_regions() {
    let table = samples::VHDX_REGIONS;
    let found = refusals(&with(samples::vhdx(), table + 100, &[1]));
    assert!(found.contains(&Refusal::BadChecksum { field: "VHDX region table" }), "{found:?}");
    assert_inconsistent(&vhdx_with(table + 8, &2048_u32.to_le_bytes()), "VHDX region table");
    assert_inconsistent(&vhdx_with(table + 8, &1_u32.to_le_bytes()), "VHDX region table");
    let found = refusals(&vhdx_with(table + 16, &[9]));
    assert!(matches!(found[0], Refusal::UnknownFeatures { .. }), "{found:?}");
    assert_outside(&vhdx_with(table + 32, &(1_u64 << 62).to_le_bytes()), "VHDX block table");
    assert_outside(&vhdx_with(table + 64, &(8 * MIB as u64).to_le_bytes()), "VHDX metadata region");
    assert_inconsistent(&vhdx_with(table + 64, &(64 * KIB as u64).to_le_bytes()), "VHDX metadata region");
}

#[test]
fn vhdx_metadata() {
    let table = samples::VHDX_METADATA;
    let items = table + 64 * KIB;
    assert_inconsistent(&with(samples::vhdx(), table, b"x"), "VHDX metadata table");
    assert_inconsistent(&with(samples::vhdx(), table + 10, &[0xff, 0xff]), "VHDX metadata table");
    assert_inconsistent(&with(samples::vhdx(), table + 10, &[2, 0]), "VHDX metadata table");
    for offset in [1_u32, 65_535, 1 << 20, u32::MAX] {
        assert_inconsistent(&with(samples::vhdx(), table + 32 + 16, &offset.to_le_bytes()), "VHDX metadata item");
    }
    // inside the region, but behind what is looked at
    assert_inconsistent(&with(samples::vhdx(), table + 64 + 16, &200_000_u32.to_le_bytes()), "VHDX metadata item");
    let unknown = refusals(&with(samples::vhdx(), table + 32, &[0]));
    assert!(matches!(unknown[0], Refusal::UnknownFeatures { .. }), "{unknown:?}");
    assert_eq!(refusals(&with(samples::vhdx(), items + 4, &[2])), [Refusal::Differencing]);
    for block in [0_u32, 3 << 20, 1 << 19, 1 << 29] {
        assert_inconsistent(&with(samples::vhdx(), items, &block.to_le_bytes()), "VHDX block size");
    }
    assert_inconsistent(&with(samples::vhdx(), items + 8, &1_000_001_u64.to_le_bytes()), "VHDX disk size");
    assert_inconsistent(&with(samples::vhdx(), items + 8, &(1_u64 << 45).to_le_bytes()), "VHDX block table");
    assert_inconsistent(&with(samples::vhdx(), items + 16, &1024_u32.to_le_bytes()), "VHDX sector size");
    let found = refusals(&with(samples::vhdx(), items + 8, &(1_u64 << 47).to_le_bytes()));
    assert!(found.contains(&Refusal::SizeAbsurd { bytes: 1 << 47 }), "{found:?}");
}

#[test]
fn vdi_headers() {
    for at in [424, 440 + 15] {
        assert_eq!(refusals(&with(samples::vdi(), at, &[1])), [Refusal::Differencing]);
    }
    assert!(refusals(&with(samples::vdi(), 76, &[4])).contains(&Refusal::Differencing));
    assert_inconsistent(&with(samples::vdi(), 376, &(2_u32 << 20).to_le_bytes()), "VDI block size");
    assert_inconsistent(&with(samples::vdi(), 384, &[2]), "VDI block count");
    assert_inconsistent(&with(samples::vdi(), 388, &[4]), "VDI blocks");
    assert_outside(&with(samples::vdi(), 388, &[3]), "VDI data");
    assert_outside(&with(samples::vdi(), 384, &u32::MAX.to_le_bytes()), "VDI block map");
    assert_inconsistent(&with(samples::vdi(), 340, &[0, 0]), "VDI block map");
    assert!(matches!(refusals(&with(samples::vdi(), 68, &[0]))[..], [Refusal::UnsupportedVersion { .. }]));
    let found = refusals(&with(samples::vdi(), 368, &u64::MAX.to_le_bytes()));
    assert!(found.contains(&Refusal::SizeAbsurd { bytes: u64::MAX }), "{found:?}");
}

#[test]
fn luks_headers() {
    assert!(matches!(refusals(&with(samples::luks(), 7, &[2]))[..], [Refusal::UnsupportedVersion { .. }]));
    assert_outside(&with(samples::luks(), 104, &[0xff]), "LUKS payload");
}

#[test]
fn formats_that_are_never_allowed() {
    let cases: [(&[u8], Format); 3] = [
        (b"QED\0", Format::Qed),
        (b"Bochs Virtual HD Image", Format::Bochs),
        (b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop", Format::Cloop),
    ];
    for (start, format) in cases {
        assert_eq!(refusals(start), [Refusal::BannedFormat(format)]);
    }
    assert_eq!(refusals(&with(samples::gpt(), MIB - 512, b"koly")), [Refusal::BannedFormat(Format::Dmg)]);
}

#[test]
fn several_formats_at_once() {
    let hidden = with(samples::qcow2(), 32 * KIB, b"\x01CD001\x01");
    assert_eq!(refusals(&hidden), [Refusal::SeveralFormats(vec![Format::Qcow2, Format::Iso])]);
    let wrapped = samples::vhd_fixed(samples::qcow2());
    assert_eq!(refusals(&wrapped), [Refusal::SeveralFormats(vec![Format::Qcow2, Format::Vhd])]);
    let bootable = with(samples::vdi(), 510, &[0x55, 0xaa]);
    assert_eq!(refusals(&bootable), [Refusal::SeveralFormats(vec![Format::Vdi, Format::Gpt])]);
}

#[test]
fn files_that_end_too_early() {
    for image in samples::all() {
        let whole = inspect(&image);
        for len in [8, 64, 68, 72, 100, 104, 511, 512, 600, 1024] {
            let cut = inspect(&image[..len.min(image.len() - 1)]);
            let trusted = [Format::Raw, Format::Gpt, Format::Iso, Format::Luks];
            let accepted = cut.is_safe() && !trusted.contains(&cut.format);
            assert!(!accepted, "{len} bytes of a {} pass for a whole one", whole.format);
        }
    }
}
