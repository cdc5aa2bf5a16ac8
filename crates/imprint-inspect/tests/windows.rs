//! Windows-like guests: the corpus' (left out where the corpus is not there, unless `IMPRINT_TEST_CORPUS` names it), and its
//! twin with defects.

mod corpus;

use std::fs::File;
use std::sync::Arc;

use imprint_disk::{FileBytes, Format, ReadAt};
use imprint_inspect::{ItemName, Limits, Report, Risk, inspect};

fn checked(file: Arc<dyn ReadAt>) -> Report {
    inspect(&imprint_disk::open(file, Format::Qcow2).expect("the guests are qcow2").guest, Limits::default())
}

fn value(report: &Report, name: ItemName) -> (&str, Option<Risk>) {
    let item = report.item(name).unwrap_or_else(|| panic!("{name:?}"));
    (&item.value, item.risk)
}

#[test]
fn the_known_contents_are_found() {
    let Some(path) = corpus::place("guests/windows-like.qcow2") else { return };
    let report = checked(Arc::new(FileBytes::new(File::open(path).unwrap()).unwrap()));
    assert_eq!(report.incomplete, None);
    let os = report.os.as_ref().unwrap();
    assert_eq!((os.kind.as_str(), os.version.as_str()), ("windows", "10.0"));
    assert_eq!(os.pretty_name, "Windows Server 2022 Datacenter (synthetic)");
    assert_eq!(os.kernel.as_deref(), Some("10.0.20348"));
    assert_eq!(os.architecture.as_deref(), Some("x86_64"));
    assert_eq!(os.host_name.as_deref(), Some("WIN-SYNTH"));
    assert_eq!(os.root, "2");
    assert_eq!((os.boots_bios, os.boots_uefi), (true, false));
    for (name, expected) in [
        (ItemName::Virtio, "Supported"),
        (ItemName::Nvme, "Supported"),
        (ItemName::Dhcp, "Enabled"),
        (ItemName::RemoteDesktop, "Enabled"),
        (ItemName::CloudInit, "1.1.4"),
    ] {
        assert_eq!(value(&report, name), (expected, None), "{name:?}");
    }
    // it has no kernel, an empty boot manager and an empty boot configuration
    assert_eq!(report.item(ItemName::SystemImage).unwrap().code.as_deref(), Some("SystemImage.NoKernel"));
    assert_eq!(report.item(ItemName::BootMgr).unwrap().code.as_deref(), Some("BootMgr.Empty"));
    assert_eq!(report.item(ItemName::Bcd).unwrap().code.as_deref(), Some("BCD.Empty"));
    assert!(!report.is_bootable());
}

/// The twin of that guest, as the corpus' script makes it with `VAR=-bad`: no virtio drivers, NVMe started on demand, a
/// fixed address, remote desktop denied, no Cloudbase-Init.
#[test]
fn the_twins_defects_are_found() {
    let kept = File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/windows-like-bad.qcow2.zst")).unwrap();
    let report = checked(Arc::new(zstd::decode_all(kept).unwrap()));
    let code = |name| report.item(name).and_then(|item| item.code.as_deref());
    assert_eq!(code(ItemName::Virtio), Some("Virtio.NotInstalled"));
    assert_eq!(code(ItemName::Nvme), Some("NVMe.NotStarted"));
    assert_eq!(code(ItemName::Dhcp), Some("Dhcp.Disabled"));
    assert_eq!(code(ItemName::RemoteDesktop), Some("RemoteDesktop.Disabled"));
    assert_eq!(code(ItemName::CloudInit), Some("CloudInit.NotInstalled"));
    let os = report.os.as_ref().unwrap();
    assert_eq!((os.kernel.as_deref(), os.host_name.as_deref()), (Some("10.0.20348"), Some("WIN-SYNTH")));
}
