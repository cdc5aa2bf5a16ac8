//! Sound images, what they are recognised as, and which declared formats they may be stored under.

use super::{inspect, samples};
use crate::{Format, Inspection, Inspector, Refusal, Rejection, Warning, compatible, judge};

fn assert_sound(image: &[u8], format: Format, virtual_size: u64) -> Inspection {
    let inspection = inspect(image);
    assert_eq!(inspection.refusals, []);
    assert_eq!(inspection.format, format);
    assert_eq!(inspection.virtual_size_bytes, Some(virtual_size));
    assert_eq!(inspection.stream_size_bytes, image.len() as u64);
    inspection
}

#[test]
fn each_format() {
    let mib = samples::MIB as u64;
    assert_sound(&samples::qcow2(), Format::Qcow2, mib);
    assert_sound(&samples::vmdk(&samples::descriptor("monolithicSparse", samples::EXTENT)), Format::Vmdk, mib);
    assert_sound(&samples::vmdk_stream(), Format::Vmdk, mib);
    assert_sound(&samples::vhd_fixed(vec![7; 4096]), Format::Vhd, 4096);
    assert_sound(&samples::vhd_dynamic(), Format::Vhd, 4 * mib);
    assert_sound(&samples::vdi(), Format::Vdi, 3 * mib);
    assert_sound(&samples::vhdx(), Format::Vhdx, 64 * mib);
    assert_sound(&samples::iso(), Format::Iso, 20 * 2048);
    assert_eq!(assert_sound(&samples::gpt(), Format::Gpt, mib).warnings, []);
    assert_sound(&samples::luks(), Format::Luks, mib);
    assert_sound(&[], Format::Raw, 0);
    assert_sound(b"anything else", Format::Raw, 13);
}

#[test]
fn names_are_unique_and_found_again() {
    for format in Format::ALL {
        assert_eq!(Format::from_name(format.name()), Some(format));
    }
    assert_eq!(Format::from_name("QCOW2"), None);
}

#[test]
fn boot_sectors_that_are_no_partition_tables() {
    let boot_sector = |at: usize, field: &[u8]| {
        let mut sector = vec![0; 2048];
        samples::put(&mut sector, 510, &[0x55, 0xaa]);
        samples::put(&mut sector, at, field);
        inspect(&sector).format
    };
    assert_eq!(boot_sector(450, &[0x83]), Format::Gpt);
    assert_eq!(boot_sector(0x10, &[2, 0, 0, 0, 0, 0xf8]), Format::Raw, "a FAT volume");
    assert_eq!(boot_sector(0x202, b"HdrS"), Format::Raw, "a kernel");
}

#[test]
fn guest_content_in_front_of_a_trailer() {
    let mut hybrid = samples::iso();
    samples::put(&mut hybrid, 510, &[0x55, 0xaa]);
    let inspection = inspect(&samples::vhd_fixed(hybrid));
    assert_eq!((inspection.format, inspection.refusals), (Format::Vhd, vec![]));
}

#[test]
fn footer_of_511_bytes() {
    let mut image = samples::vhd_fixed(vec![7; 4096]);
    image.pop();
    assert_sound(&image, Format::Vhd, 4096);
}

#[test]
fn declared_format_must_be_the_detected_one() {
    for image in samples::all() {
        let inspection = inspect(&image);
        for declared in Format::ALL {
            let expected = declared == Format::Raw || declared == inspection.format;
            assert_eq!(compatible(declared.name(), &inspection), expected, "{declared} {}", inspection.format);
        }
        for declared in ["ami", "ari", "aki", "ploop", "", "RAW"] {
            assert!(!compatible(declared, &inspection), "{declared} {}", inspection.format);
        }
    }
    let opaque = inspect(b"nothing known");
    for declared in ["raw", "ami", "ari", "aki", "ploop"] {
        assert!(compatible(declared, &opaque), "{declared}");
    }
    for declared in ["qcow2", "iso", "gpt", "vhd"] {
        let rejection = judge(declared, &opaque).unwrap_err();
        assert_eq!(rejection.to_string(), format!("Image disk_format {declared} does not match stream data raw"));
    }
}

#[test]
fn ploop_is_recognised_and_opaque() {
    let inspection = inspect(b"WithouFreSpacExt and more");
    assert_eq!((inspection.format, inspection.virtual_size_bytes), (Format::Ploop, None));
    assert_eq!(judge("ploop", &inspection), Ok(None));
    assert_eq!(judge("raw", &inspection), Ok(Some(25)));
    assert!(!compatible("ami", &inspection));
}

#[test]
fn packed_bytes_are_recognised_and_opaque() {
    let signatures: [(&[u8], Format); 4] = [
        (b"\x1f\x8b\x08\x08", Format::Gz),
        (b"\xfd7zXZ\0\0\x04", Format::Xz),
        (b"\x28\xb5\x2f\xfd\x04", Format::Zst),
        (b"\x50\x2a\x4d\x18\x04\0\0\0abcd\x28\xb5\x2f\xfd", Format::Zst),
    ];
    for (signature, format) in signatures {
        let mut bytes = vec![1; 4096];
        samples::put(&mut bytes, 0, signature);
        // chance puts the signature of a boot sector into many packed files
        samples::put(&mut bytes, 510, &[0x55, 0xaa]);
        let inspection = inspect(&bytes);
        assert_eq!((inspection.format, inspection.virtual_size_bytes, inspection.is_safe()), (format, None, true));
        for declared in ["raw", "ami", "ari", "aki", "ploop"] {
            assert_eq!(judge(declared, &inspection), Ok(Some(4096)), "{format} as {declared}");
        }
        assert_eq!(judge(format.name(), &inspection), Ok(None));
        for declared in ["qcow2", "iso", "gpt", "vhd", "luks"] {
            assert!(judge(declared, &inspection).is_err(), "{format} as {declared}");
        }
        // a fixed disk that begins so
        bytes.truncate(4096);
        assert_eq!(inspect(&samples::vhd_fixed(bytes)).format, Format::Vhd);
    }
    // reserved flags, another method
    assert_eq!(inspect(b"\x1f\x8b\x08\xe0 and more").format, Format::Raw);
    assert_eq!(inspect(b"\x1f\x8b\x07\0 and more").format, Format::Raw);
}

#[test]
fn hybrid_iso_is_an_iso() {
    let mut image = samples::iso();
    samples::put(&mut image, 510, &[0x55, 0xaa]);
    let inspection = inspect(&image);
    assert_eq!(judge("iso", &inspection), Ok(Some(20 * 2048)));
    assert_eq!(judge("raw", &inspection), Ok(Some(20 * 2048)));
    assert!(!compatible("gpt", &inspection));
}

#[test]
fn raw_takes_anything_safe_at_its_own_size() {
    let image = samples::qcow2();
    assert_eq!(judge("raw", &inspect(&image)), Ok(Some(image.len() as u64)));
    assert_eq!(judge("qcow2", &inspect(&image)), Ok(Some(1 << 20)));
    let mut unsafe_image = image;
    unsafe_image[15] = 1;
    let refused = Err(Rejection::Unsafe(vec![Refusal::BackingFile]));
    assert_eq!(judge("raw", &inspect(&unsafe_image)), refused);
}

#[test]
fn partition_table_matters_only_when_declared() {
    // start in cylinder/head/sector, start sector, a second entry, a boot flag, and no entry at all
    let damages: [(usize, &[u8]); 5] = [(447, &[9]), (454, &[2]), (466, &[0x83]), (446, &[0x7f]), (446, &[0; 16])];
    for (at, damage) in damages {
        let mut image = samples::gpt();
        samples::put(&mut image, at, damage);
        let inspection = inspect(&image);
        assert!(matches!(inspection.warnings[..], [Warning::PartitionTable(_)]), "{:?}", inspection.warnings);
        assert_eq!(judge("raw", &inspection), Ok(Some(image.len() as u64)));
        assert!(matches!(judge("gpt", &inspection), Err(Rejection::Unsafe(_))));
    }
}

#[test]
fn kept_bytes_are_bounded_and_feeding_after_the_headers_keeps_nothing() {
    let mut inspector = Inspector::new();
    let image = samples::vhdx();
    inspector.feed(&image);
    let before = inspector.kept_bytes();
    for _ in 0..64 {
        inspector.feed(&image);
    }
    assert_eq!(inspector.kept_bytes(), before);
    assert!(before < 512 * samples::KIB, "{before}");
}
