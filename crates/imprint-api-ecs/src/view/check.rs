//! What a check of an image's content says, for an image that one was asked for.

use imprint_model::{Image, Status};
use imprint_service::CheckOutcome;
use imprint_service::inspect::{Item, ItemName, Report, Risk};
use serde_json::{Value, json};

use crate::{view, words};

/// Tag that an image which passed has for the version of its system.
const TAG_VERSION: &str = "acs:ecs:image:osVersion";
/// The same for its kernel.
const TAG_KERNEL: &str = "acs:ecs:image:kernelVersion";

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
        Some(CheckOutcome::Said(report)) => report.items.iter().filter_map(shown).collect(),
        Some(CheckOutcome::Nothing) => known(image),
        Some(CheckOutcome::UnderWay) | None => Vec::new(),
    };
    let status = if ended { "Finished" } else { "Processing" };
    Some(json!({ "Status": status, "Items": { "Item": items } }))
}

/// The tags that the service itself gives to an image which passed: nothing was found that may keep it from starting.
pub(super) fn tags(outcome: Option<&CheckOutcome>) -> Vec<(&'static str, String)> {
    let Some(CheckOutcome::Said(report)) = outcome else { return Vec::new() };
    let passed = report.incomplete.is_none() && report.os.is_some() && !report.items.iter().any(is_high);
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

/// An item in this API's words; none for what it does not speak of.
fn shown(item: &Item) -> Option<Value> {
    let mut shown = json!({ "Name": name(item.name)?, "Value": item.value });
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
    name(item.name).is_some() && level(item) == Some("High")
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
