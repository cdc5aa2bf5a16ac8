//! The guests of the corpus, each against what its makers say that it holds. Left out where the corpus is not there, unless
//! `IMPRINT_TEST_CORPUS` names it.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod corpus;

use std::fs::File;
use std::sync::Arc;

use imprint_disk::{FileBytes, Format, ReadAt};
use imprint_inspect::{ItemName, Limits, Os, Report, Risk, inspect};

/// What is said of every system that is not made for one cloud.
const AGENTS: [&str; 2] = ["CloudAssistant.NotInstalled", "SecurityCenterAgent.NotInstalled"];

/// The report of a guest, if the corpus is there.
fn checked(name: &str) -> Option<Report> {
    let file = File::open(corpus::place(&format!("guests/{name}.qcow2"))?).unwrap();
    Some(checked_file(name, Arc::new(FileBytes::new(file).unwrap())))
}

fn checked_file(name: &str, file: Arc<dyn ReadAt>) -> Report {
    let disk = imprint_disk::open(file, Format::Qcow2).unwrap();
    let report = inspect(&disk.guest, Limits::default());
    assert_eq!(report.incomplete, None, "{name}");
    assert!(report.items.windows(2).all(|pair| pair[0].name < pair[1].name), "{name}: an item twice, or out of order");
    report
}

/// All codes but those of the agents, with `!` behind those of high risk and `!!` behind those that keep it from starting.
fn codes(report: &Report) -> Vec<String> {
    let told = report.items.iter().filter_map(|item| Some((item.code.as_deref()?, item.risk?)));
    let others = told.filter(|(code, _)| !AGENTS.contains(code));
    let mark = |risk| match risk {
        Risk::Error => "!!",
        Risk::High => "!",
        _ => "",
    };
    others.map(|(code, risk)| format!("{code}{}", mark(risk))).collect()
}

fn os(report: &Report) -> &Os {
    report.os.as_ref().unwrap()
}

/// Distribution, version, format of packages, their number, root, host name.
fn system(report: &Report) -> String {
    let os = os(report);
    let format = os.package_format.map_or(String::new(), |format| format!("{format:?}").to_lowercase());
    let host = os.host_name.as_deref().unwrap_or("-");
    format!("{} {} {format} {} {} {host}", os.distribution, os.version, report.packages.len(), os.root)
}

fn value(report: &Report, name: ItemName) -> &str {
    &report.item(name).unwrap().value
}

fn detail(report: &Report, name: ItemName) -> &str {
    &report.item(name).unwrap().detail
}

fn version(report: &Report, package: &str) -> String {
    report.packages.iter().find(|found| found.name == package).map(|found| found.version.clone()).unwrap_or_default()
}

#[test]
fn tiny_boot() {
    let Some(report) = checked("tiny-boot") else { return };
    assert_eq!(system(&report), "debian 12.0 deb 2 2 tiny");
    let expected = [
        "KernelVersion.NoModules",
        "Dhcp.NotConfigured",
        "Sshd.NotInstalled!",
        "RootPassword.Empty!",
        "CloudInit.NotInstalled",
        "OnlineResizeFS.NotInstalled",
    ];
    assert_eq!(codes(&report), expected);
    assert_eq!(os(&report).kernel.as_deref(), Some("6.1.0-50-cloud-amd64"));
    assert_eq!((os(&report).boots_bios, os(&report).boots_uefi), (true, false));
    assert_eq!(value(&report, ItemName::Initramfs), "zstd");
    assert!(detail(&report, ItemName::Nvme).contains("built into the kernel"));
    assert!(detail(&report, ItemName::Virtio).contains("virtio_blk is in the initramfs"));
    assert_eq!(value(&report, ItemName::RootArgument), "LABEL=tinyroot");
    assert_eq!(value(&report, ItemName::SerialConsole), "ttyS0,115200");
    assert!(report.is_bootable());
}

/// Both Debian guests for clouds: everything is as it should be.
fn assert_all_is_well(report: &Report) {
    assert_eq!(codes(report), [""; 0]);
    assert_eq!(report.findings, []);
    assert_eq!((os(report).boots_bios, os(report).boots_uefi), (true, true));
    assert_eq!(os(report).kernel.as_deref(), Some("6.1.0-50-cloud-amd64"));
    assert_eq!(os(report).architecture.as_deref(), Some("x86_64"));
    assert!(detail(report, ItemName::Nvme).contains("built into the kernel"));
    assert!(detail(report, ItemName::Virtio).contains("virtio_blk is in the initramfs"));
    assert!(detail(report, ItemName::CloudInit).contains("ConfigDrive, OpenStack, Ec2, NoCloud"));
    assert!(detail(report, ItemName::Dhcp).contains("eth0"));
    assert!(detail(report, ItemName::Sshd).contains("only keys"));
    assert_eq!(value(report, ItemName::RootPassword), "Locked");
    assert_eq!(value(report, ItemName::BootMode), "BIOS+UEFI");
    assert_eq!(version(report, "cloud-init"), "22.4.2-1+deb12u4");
    assert!(report.is_bootable());
}

#[test]
fn debian_for_clouds_on_ext4() {
    let Some(report) = checked("deb12-ext4-ci") else { return };
    assert_eq!(system(&report), "debian 12.15 deb 249 3 deb12-ext4-ci");
    assert_eq!(value(&report, ItemName::Initramfs), "zstd");
    assert_all_is_well(&report);
}

#[test]
fn debian_for_clouds_on_btrfs() {
    let Some(report) = checked("deb12-btrfs-ci") else { return };
    assert_eq!(system(&report), "debian 12.15 deb 249 3:@rootfs deb12-btrfs-ci");
    assert_eq!(value(&report, ItemName::Initramfs), "cpio+zstd");
    assert_all_is_well(&report);
}

#[test]
fn debian_that_nothing_was_done_for() {
    let Some(report) = checked("deb12-mbr-sda") else { return };
    assert_eq!(system(&report), "debian 12.15 deb 244 1 deb12-mbr-sda");
    let expected = [
        "Virtio.NotInstalled!",
        "Fstab.DeviceName!",
        "Grub.DeviceName!",
        "RootArgument.DeviceName!",
        "Dhcp.Static!",
        "Sshd.PasswordLogin",
        "RootPassword.PasswordLogin",
        "CloudInit.NotInstalled",
        "OnlineResizeFS.NotInstalled",
    ];
    assert_eq!(codes(&report), expected);
    assert!(detail(&report, ItemName::Virtio).contains("virtio_blk is only on the root file system"));
    assert!(detail(&report, ItemName::Fstab).contains("/dev/sdb1 for /data"));
    assert!(detail(&report, ItemName::Dhcp).contains("ens3"));
    assert_eq!(value(&report, ItemName::Nvme), "Supported");
    assert_eq!(value(&report, ItemName::Initramfs), "xz");
    assert_eq!(value(&report, ItemName::BootMode), "BIOS");
}

#[test]
fn debian_without_nvme_on_xfs() {
    let Some(report) = checked("deb12-xfs-nonvme") else { return };
    assert_eq!(system(&report), "debian 12.15 deb 251 4 deb12-xfs-nonvme");
    assert_eq!(codes(&report), ["NVMe.NotInstallded!"]);
    assert!(detail(&report, ItemName::Nvme).contains("only on the root file system"));
    assert_eq!(value(&report, ItemName::Virtio), "Supported");
    assert_eq!(os(&report).kernel.as_deref(), Some("6.1.0-50-amd64"));
    let boot = report.volumes.iter().find(|volume| volume.mount_point.as_deref() == Some("/boot")).unwrap();
    assert_eq!((boot.name.as_str(), boot.content.as_deref()), ("3", Some("ext4")));
}

#[test]
fn debian_on_logical_volumes() {
    let Some(report) = checked("deb12-lvm-gz") else { return };
    assert_eq!(system(&report), "debian 12.15 deb 251 vg_deb12-lvm-gz/root deb12-lvm-gz");
    assert_eq!(codes(&report), [""; 0]);
    assert_eq!(value(&report, ItemName::Initramfs), "cpio+gzip");
    assert!(detail(&report, ItemName::Nvme).contains("in the initramfs"));
    assert_eq!(value(&report, ItemName::RootArgument), "/dev/mapper/vg_deb12-lvm-gz-root");
}

#[test]
fn rocky_with_entries_in_files() {
    let Some(report) = checked("rhel9-like") else { return };
    assert_eq!(system(&report), "rocky 9.4 rpm 12 rl/root -");
    // The guest was made without a boot loader's programs.
    assert_eq!(codes(&report), ["BootMode.NoLoader!!", "Selinux.Enforcing"]);
    assert_eq!(value(&report, ItemName::DefaultKernel), "/boot/vmlinuz-6.1.0-50-amd64");
    assert!(!detail(&report, ItemName::DefaultKernel).contains("rescue"));
    assert!(detail(&report, ItemName::Nvme).contains("in the initramfs"));
    assert!(value(&report, ItemName::CloudInit).starts_with("23.4"));
    assert!(detail(&report, ItemName::Dhcp).contains("eth0.nmconnection"));
    assert!(detail(&report, ItemName::Sshd).contains("8.7p1") && detail(&report, ItemName::Sshd).contains("only keys"));
    assert_eq!(value(&report, ItemName::Initramfs), "cpio+gzip");
}

/// The twin of that guest, as the corpus' script makes it with `VAR=-bad` (`fixtures/guests.sh`): each of its defects is
/// told, and nothing else.
#[test]
fn the_twins_defects_are_found() {
    let kept = File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/rhel9-like-bad.qcow2.zst")).unwrap();
    let report = checked_file("rhel9-like-bad", Arc::new(zstd::decode_all(kept).unwrap()));
    assert_eq!(system(&report), "rocky 9.4 rpm 9 rl/root -");
    let expected = [
        "BootMode.NoLoader!!",
        "Virtio.NotInstalled!",
        "NVMe.NotInstallded!",
        "Fstab.DeviceName",
        "Dhcp.Static!",
        "Selinux.Enforcing",
        "CloudInit.NotInstalled",
        "OnlineResizeFS.NotInstalled",
    ];
    assert_eq!(codes(&report), expected);
    assert!(detail(&report, ItemName::Virtio).contains("virtio_blk is only on the root file system"));
    assert!(detail(&report, ItemName::Nvme).contains("only on the root file system"));
    let fstab = detail(&report, ItemName::Fstab);
    assert!(fstab.contains("/dev/sda2 for /boot") && fstab.contains("/dev/vdb1 for /srv"), "{fstab}");
    assert!(!fstab.contains("nfs"), "{fstab}");
    assert!(detail(&report, ItemName::Dhcp).contains("ens3.nmconnection"));
    assert!(!detail(&report, ItemName::DefaultKernel).contains("rescue"));
    assert_eq!(value(&report, ItemName::RootArgument), "/dev/mapper/rl-root");
    assert_eq!(
        (version(&report, "cloud-init"), version(&report, "openssh-server").as_str()),
        (String::new(), "8.7p1-38.el9")
    );
}

#[test]
fn suse_in_a_snapshot() {
    let Some(report) = checked("sles15-like") else { return };
    assert_eq!(system(&report), "sles 15.5 rpm 8 2:@/.snapshots/1/snapshot -");
    let expected = ["BootMode.NoLoader!!", "Sshd.Disabled!", "CloudInit.Disabled", "OnlineResizeFS.NotInstalled"];
    assert_eq!(codes(&report), expected);
    let sshd = detail(&report, ItemName::Sshd);
    assert!(sshd.contains("passwords are allowed") && sshd.contains("PermitRootLogin is yes"), "{sshd}");
    assert!(detail(&report, ItemName::Dhcp).contains("/etc/sysconfig/network/ifcfg-eth0"));
    assert_eq!((value(&report, ItemName::Nvme), value(&report, ItemName::Virtio)), ("Supported", "Supported"));
    assert_eq!(value(&report, ItemName::Initramfs), "cpio+xz");
}

#[test]
fn alpine_with_extlinux() {
    let Some(report) = checked("alpine-like") else { return };
    assert_eq!(system(&report), "alpine 3.19.1 apk 5 1 -");
    assert_eq!(codes(&report), ["BootMode.NoLoader!!"]);
    assert!(value(&report, ItemName::CloudInit).starts_with("tiny-cloud"));
    assert!(detail(&report, ItemName::Sshd).contains("/etc/runlevels/default/sshd"));
    assert!(detail(&report, ItemName::Dhcp).contains("eth0"));
    assert_eq!((value(&report, ItemName::Nvme), value(&report, ItemName::Virtio)), ("Supported", "Supported"));
    assert_eq!(value(&report, ItemName::DefaultKernel), "/boot/vmlinuz-virt");
}

#[test]
fn windows_server() {
    let Some(report) = checked("windows-like") else { return };
    let system = os(&report);
    assert!(system.pretty_name.starts_with("Windows Server 2022 Datacenter"));
    assert_eq!((system.version.as_str(), system.kernel.as_deref()), ("10.0", Some("10.0.20348")));
    assert_eq!((system.host_name.as_deref(), system.root.as_str()), (Some("WIN-SYNTH"), "2"));
    for name in [ItemName::Nvme, ItemName::Virtio] {
        assert_eq!((value(&report, name), &report.item(name).unwrap().risk), ("Supported", &None));
    }
    assert_eq!(report.item(ItemName::Dhcp).unwrap().risk, None);
    assert_eq!(value(&report, ItemName::RemoteDesktop), "Enabled");
    assert_eq!(report.item(ItemName::CloudInit).unwrap().risk, None);
    // No kernel files: it does not start.
    assert!(!report.is_bootable());
}
