//! What a check of an image's content says, for an image that one was asked for.

use std::borrow::Cow;

use imprint_model::{Architecture, Image, Status};
use imprint_service::CheckOutcome;
use imprint_service::inspect::{Item, ItemName, Report, Risk};
use serde_json::{Value, json};

use crate::{view, words};

/// Tag that an image which passed has for the version of its system.
const TAG_VERSION: &str = "acs:ecs:image:osVersion";
/// The same for its kernel.
const TAG_KERNEL: &str = "acs:ecs:image:kernelVersion";

/// What a system is said to be that something of which this API does not speak keeps from starting.
const NOT_BOOTABLE: &str = "NotBootable";

/// The check's outcome; none when nobody asked for one.
pub(super) fn options(image: &Image, outcome: Option<&CheckOutcome>) -> Option<Value> {
    if !image.facts.check_wanted {
        return None;
    }
    let ended = match outcome {
        Some(CheckOutcome::UnderWay) => false,
        Some(CheckOutcome::Said(_) | CheckOutcome::Nothing) => true,
        None => image.status.has_data() || image.status == Status::Failed,
    };
    let items = match outcome {
        Some(CheckOutcome::Said(report)) => told(report).iter().filter_map(|item| shown(item)).collect(),
        Some(CheckOutcome::Nothing) => known(image),
        Some(CheckOutcome::UnderWay) | None => Vec::new(),
    };
    let status = if ended { "Finished" } else { "Processing" };
    Some(json!({ "Status": status, "Items": { "Item": items } }))
}

/// The tags that the service itself gives to an image which passed: nothing was found that may keep it from starting.
pub(super) fn tags(outcome: Option<&CheckOutcome>) -> Vec<(&'static str, String)> {
    let Some(CheckOutcome::Said(report)) = outcome else { return Vec::new() };
    let passed = report.incomplete.is_none() && report.os.is_some() && !told(report).iter().any(|item| is_high(item));
    if passed { versions(report) } else { Vec::new() }
}

fn versions(report: &Report) -> Vec<(&'static str, String)> {
    let value = |name, otherwise: Option<&String>| {
        let item = report.item(name).map(|item| &item.value);
        item.or(otherwise).filter(|value| !value.is_empty()).cloned()
    };
    let os = report.os.as_ref();
    let found = [
        (TAG_VERSION, value(ItemName::OsVersion, os.map(|os| &os.version))),
        (TAG_KERNEL, value(ItemName::KernelVersion, os.and_then(|os| os.kernel.as_ref()))),
    ];
    found.into_iter().filter_map(|(tag, value)| Some((tag, value?))).collect()
}

/// What is known without looking inside.
fn known(image: &Image) -> Vec<Value> {
    let platform = image.facts.platform.as_deref().unwrap_or(words::PLATFORM_DEFAULT);
    let items = [("GUESTOS.Platform", platform), ("GUESTOS.Architecture", view::architecture(image).as_str())];
    items.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect()
}

/// The items that this API speaks of. The first of the others that keeps a machine from starting is told as a problem of
/// the system as a whole, unless that has one of its own: nobody may take such an image for one that starts.
fn told(report: &Report) -> Vec<Cow<'_, Item>> {
    let is_named = |item: &&Item| name(item.name).is_some();
    let mut told: Vec<_> = report.items.iter().filter(is_named).map(Cow::Borrowed).collect();
    let unnamed = report.items.iter().find(|item| !is_named(item) && item.risk == Some(Risk::Error));
    if let Some(error) = unnamed
        && !report.item(ItemName::SystemImage).is_some_and(is_high)
    {
        told.retain(|item| item.name != ItemName::SystemImage);
        let place = told.iter().position(|item| item.name > ItemName::SystemImage).unwrap_or(told.len());
        let system = Item { name: ItemName::SystemImage, value: NOT_BOOTABLE.to_owned(), ..error.clone() };
        told.insert(place, Cow::Owned(system));
    }
    told
}

/// An item in this API's words; none for what it does not speak of.
fn shown(item: &Item) -> Option<Value> {
    let mut shown = json!({ "Name": name(item.name)?, "Value": value(item) });
    if let Some(level) = level(item) {
        shown["RiskLevel"] = level.into();
        shown["RiskCode"] = item.code.as_deref().unwrap_or_default().into();
    }
    Some(shown)
}

/// This API knows two levels: what may keep a machine from starting or from being reached, and what is a nuisance.
fn level(item: &Item) -> Option<&'static str> {
    // agents of this provider's are missed by nobody else
    let agent = matches!(item.name, ItemName::CloudAssistant | ItemName::SecurityCenterAgent) && item.code.is_some();
    match item.risk? {
        Risk::High | Risk::Error => Some("High"),
        Risk::Medium => Some("Medium"),
        Risk::Low | Risk::Info => agent.then_some("Medium"),
    }
}

fn is_high(item: &Item) -> bool {
    level(item) == Some("High")
}

/// What was found, where this API has words of its own for it. It has none for a disk that both firmwares start: that is
/// one for the newer, which is what it is to be started by.
fn value(item: &Item) -> &str {
    match (item.name, item.value.as_str()) {
        (ItemName::BootMode, "BIOS") => "LEGACY",
        (ItemName::BootMode, "BIOS+UEFI") => "UEFI",
        (ItemName::Architecture, "aarch64") => Architecture::Arm64.as_str(),
        (_, value) => value,
    }
}

fn name(name: ItemName) -> Option<&'static str> {
    Some(match name {
        ItemName::Platform => "GUESTOS.Platform",
        ItemName::OsVersion => "GUESTOS.OSVersion",
        ItemName::Architecture => "GUESTOS.Architecture",
        ItemName::KernelVersion => "GUESTOS.KernelVersion",
        ItemName::BootMode => "GUESTOS.BootMode",
        ItemName::RtcTimeMode => "GUESTOS.RtcTimeMode",
        ItemName::Virtio => "GUESTOS.Virtio",
        ItemName::Nvme => "GUESTOS.Nvme",
        ItemName::Fstab => "GUESTOS.Fstab",
        ItemName::Grub => "GUESTOS.Grub",
        ItemName::Dhcp => "GUESTOS.Dhcp",
        ItemName::Selinux => "GUESTOS.Selinux",
        ItemName::OnlineResizeFs => "GUESTOS.OnlineResizeFS",
        ItemName::SystemImage => "GUESTOS.SystemImage",
        ItemName::CloudAssistant => "GUESTOS.CloudAssistant",
        ItemName::CloudInit => "GUESTOS.CloudInit",
        ItemName::SecurityCenterAgent => "GUESTOS.SecurityCenterAgent",
        ItemName::SupportMocInstanceTypes => "GUESTOS.SupportMocInstanceTypes",
        ItemName::Bcd => "GUESTOS.BCD",
        ItemName::BootMgr => "GUESTOS.BootMgr",
        ItemName::Registry => "GUESTOS.Registry",
        ItemName::Hotfix => "GUESTOS.Hotfix",
        ItemName::Disk => "GUESTOS.Disk",
        ItemName::Sysprep => "GUESTOS.Sysprep",
        ItemName::Update => "GUESTOS.Update",
        ItemName::Xen => "GUESTOS.Xen",
        ItemName::Server => "GUESTOS.Server",
        ItemName::DesktopConfig => "GUESTOS.DesktopConfig",
        ItemName::DefaultKernel
        | ItemName::Initramfs
        | ItemName::RootArgument
        | ItemName::SerialConsole
        | ItemName::Sshd
        | ItemName::RootPassword
        | ItemName::Firewall
        | ItemName::FileSystem
        | ItemName::GuestAgent
        | ItemName::RemoteDesktop => return None,
    })
}

#[cfg(test)]
mod tests {
    use imprint_model::{Facts, ImageId, Timestamp};
    use imprint_service::inspect::Os;

    use super::*;

    fn image() -> Image {
        let facts = Facts { check_wanted: true, ..Facts::default() };
        let blank = Image::blank(ImageId::random(), "me".into(), "here".to_owned(), Timestamp(0));
        Image { facts, status: Status::Available, ..blank }
    }

    fn said(items: Vec<Item>) -> CheckOutcome {
        let os = Os { version: "12.15".to_owned(), kernel: Some("6.1.0-45-amd64".to_owned()), ..Os::default() };
        CheckOutcome::Said(Box::new(Report { os: Some(os), items, ..Report::default() }))
    }

    #[test]
    fn items_are_shown_in_this_apis_words() {
        let nvme = Item::problem(ItemName::Nvme, "NotSupported", Risk::High, "NotInstallded", "a sentence");
        let agent = Item::problem(ItemName::CloudAssistant, "NotInstalled", Risk::Info, "NotInstalled", "");
        let clock = Item::problem(ItemName::RtcTimeMode, "LOCAL", Risk::Medium, "Local", "");
        let fine = Item::fine(ItemName::Virtio, "Supported", "");
        let unknown = Item::problem(ItemName::Sshd, "Absent", Risk::High, "NotInstalled", "");
        let outcome = said(vec![nvme, agent, clock, fine, unknown]);
        let options = options(&image(), Some(&outcome)).expect("asked for");
        let items = json!([
            { "Name": "GUESTOS.Nvme", "Value": "NotSupported", "RiskLevel": "High", "RiskCode": "NVMe.NotInstallded" },
            { "Name": "GUESTOS.CloudAssistant", "Value": "NotInstalled", "RiskLevel": "Medium",
              "RiskCode": "CloudAssistant.NotInstalled" },
            { "Name": "GUESTOS.RtcTimeMode", "Value": "LOCAL", "RiskLevel": "Medium",
              "RiskCode": "RtcTimeMode.Local" },
            { "Name": "GUESTOS.Virtio", "Value": "Supported" },
        ]);
        assert_eq!(options, json!({ "Status": "Finished", "Items": { "Item": items } }));
        assert_eq!(tags(Some(&outcome)), []);
    }

    #[test]
    fn what_keeps_a_machine_from_starting_is_told_whatever_found_it() {
        let error = |value, problem| Item::problem(ItemName::FileSystem, value, Risk::Error, problem, "a sentence");
        let fine = Item::fine(ItemName::SystemImage, "SystemDisk", "");
        let virtio = Item::fine(ItemName::Virtio, "Supported", "");
        let kernel = Item::problem(ItemName::DefaultKernel, "/boot/vmlinuz", Risk::Error, "InitrdMissing", "");
        let encrypted = Item::problem(ItemName::SystemImage, "Encrypted", Risk::High, "Encrypted", "");
        let damaged = error("Damaged", "LargerThanPartition");
        for (items, value, code) in [
            (vec![fine.clone(), virtio.clone(), damaged.clone()], "NotBootable", "FileSystem.LargerThanPartition"),
            (vec![virtio.clone(), error("Encrypted", "BitLocker")], "NotBootable", "FileSystem.BitLocker"),
            (vec![fine, kernel, virtio.clone(), damaged.clone()], "NotBootable", "DefaultKernel.InitrdMissing"),
            (vec![encrypted, virtio.clone(), damaged], "Encrypted", "SystemImage.Encrypted"),
        ] {
            let outcome = said(items);
            let options = options(&image(), Some(&outcome)).expect("asked for");
            let system =
                json!({ "Name": "GUESTOS.SystemImage", "Value": value, "RiskLevel": "High", "RiskCode": code });
            let virtio = json!({ "Name": "GUESTOS.Virtio", "Value": "Supported" });
            assert_eq!(options["Items"]["Item"], json!([system, virtio]));
            assert_eq!(tags(Some(&outcome)), [], "{code}");
        }
    }

    #[test]
    fn what_was_found_is_said_in_this_apis_words() {
        let shown = |name, value| shown(&Item::fine(name, value, "")).expect("shown")["Value"].clone();
        for (found, word) in [("BIOS", "LEGACY"), ("UEFI", "UEFI"), ("BIOS+UEFI", "UEFI")] {
            assert_eq!(shown(ItemName::BootMode, found), word);
        }
        for (found, word) in [("aarch64", "arm64"), ("x86_64", "x86_64"), ("i386", "i386")] {
            assert_eq!(shown(ItemName::Architecture, found), word);
        }
        assert_eq!(shown(ItemName::OsVersion, "BIOS"), "BIOS");
    }

    #[test]
    fn an_image_that_passed_has_the_services_own_tags() {
        let kernel = Item::fine(ItemName::KernelVersion, "6.1.0-45-amd64", "");
        let outcome = said(vec![kernel]);
        let expected = [(TAG_VERSION, "12.15".to_owned()), (TAG_KERNEL, "6.1.0-45-amd64".to_owned())];
        assert_eq!(tags(Some(&outcome)), expected);
        assert_eq!(tags(Some(&CheckOutcome::Nothing)), []);
        assert_eq!(tags(None), []);
    }

    #[test]
    fn a_check_that_could_say_nothing_has_ended() {
        let shown = |outcome: Option<&CheckOutcome>| options(&image(), outcome).expect("asked for");
        assert_eq!(shown(Some(&CheckOutcome::UnderWay)), json!({ "Status": "Processing", "Items": { "Item": [] } }));
        let nothing = shown(Some(&CheckOutcome::Nothing));
        assert_eq!(nothing["Items"]["Item"][0], json!({ "Name": "GUESTOS.Platform", "Value": "Others Linux" }));
        assert_eq!(options(&Image { facts: Facts::default(), ..image() }, None), None);
    }
}
