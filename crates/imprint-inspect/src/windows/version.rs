//! Which Windows it is.

use super::hive::Value;
use super::machine::{Machine, damaged_is_none};
use super::pe;
use crate::error::{Error, Result};
use crate::report::{Item, ItemName, Os, Risk};
use crate::text::clean_word;

/// Where the version stands in the hive `SOFTWARE`.
const VERSION: &str = "Microsoft\\Windows NT\\CurrentVersion";

/// From this build on, a client is Windows 11, although its name in the registry says 10.
const FIRST_BUILD_OF_11: u64 = 22_000;

/// What the registry says of the system.
struct Version {
    major: u64,
    minor: u64,
    build: u64,
    revision: Option<u64>,
    product: String,
    is_client: bool,
}

/// The system.
pub(super) fn os(machine: &Machine<'_>) -> Result<Os> {
    let version = version(machine)?;
    let kernel = match (version.build, version.revision) {
        (0, _) => None,
        (build, Some(revision)) => Some(format!("{}.{}.{build}.{revision}", version.major, version.minor)),
        (build, None) => Some(format!("{}.{}.{build}", version.major, version.minor)),
    };
    let host = damaged_is_none(machine.system_text("Control\\ComputerName\\ComputerName", "ComputerName"))?;
    Ok(Os {
        kind: "windows".to_owned(),
        distribution: "windows".to_owned(),
        version: format!("{}.{}", version.major, version.minor),
        pretty_name: pretty_name(&version),
        architecture: architecture_of(machine)?.map(str::to_owned),
        host_name: host.map(clean_word).filter(|name| !name.is_empty()),
        kernel,
        root: machine.scene.root.to_owned(),
        ..Os::default()
    })
}

fn version(machine: &Machine<'_>) -> Result<Version> {
    let value = |name| damaged_is_none(machine.software(VERSION, name));
    let number = |name| Ok::<_, Error>(value(name)?.and_then(|value| value.number()));
    let text = |name| Ok::<_, Error>(value(name)?.and_then(Value::text));
    let (major, minor) = match (number("CurrentMajorVersionNumber")?, number("CurrentMinorVersionNumber")?) {
        (Some(major), minor) => (major, minor.unwrap_or(0)),
        // before Windows 10 the version is one text, which later ones keep at 6.3
        (None, _) => {
            let version = text("CurrentVersion")?.unwrap_or_default();
            let (major, minor) = version.split_once('.').unwrap_or((&version, ""));
            (major.parse().unwrap_or(0), minor.parse().unwrap_or(0))
        }
    };
    let build = match number("CurrentBuildNumber")? {
        Some(build) => Some(build),
        None => number("CurrentBuild")?,
    };
    Ok(Version {
        major,
        minor,
        build: build.unwrap_or(0),
        revision: number("UBR")?,
        product: clean_word(text("ProductName")?.unwrap_or_default()),
        is_client: text("InstallationType")?.is_some_and(|kind| kind.eq_ignore_ascii_case("Client")),
    })
}

fn pretty_name(version: &Version) -> String {
    if version.product.is_empty() {
        return format!("Windows {}.{}", version.major, version.minor);
    }
    if version.is_client && version.build >= FIRST_BUILD_OF_11 {
        return version.product.replacen("Windows 10", "Windows 11", 1);
    }
    version.product.clone()
}

/// Programs whose header says the architecture; the system may keep some of them packed.
const PROGRAMS: [&str; 3] = ["System32/cmd.exe", "System32/ntoskrnl.exe", "System32/kernel32.dll"];

fn architecture_of(machine: &Machine<'_>) -> Result<Option<&'static str>> {
    for program in PROGRAMS {
        // the file system's reader may not unpack it
        let start = machine.tree().read_start(format!("{}/{program}", machine.windows), pe::START_BYTES);
        if let Some(architecture) = damaged_is_none(start)?.as_deref().and_then(pe::architecture) {
            return Ok(Some(architecture));
        }
    }
    let word = damaged_is_none(machine.system_text("Control\\Session Manager\\Environment", "PROCESSOR_ARCHITECTURE"))?;
    Ok(match word.unwrap_or_default().to_ascii_uppercase().as_str() {
        "AMD64" => Some("x86_64"),
        "X86" => Some("i386"),
        "ARM64" => Some("aarch64"),
        _ => None,
    })
}

pub(super) fn platform(_: &Machine<'_>, os: &Os) -> Result<Option<Item>> {
    Ok(Some(Item::fine(ItemName::Platform, "Windows", os.pretty_name.clone())))
}

pub(super) fn os_version(machine: &Machine<'_>, os: &Os) -> Result<Option<Item>> {
    let edition = machine.software_text(VERSION, "EditionID")?.unwrap_or_default();
    let build = os.kernel.as_deref().unwrap_or("unknown");
    let item = |risk, problem, why: &str| {
        let detail = format!("{}, build {build}: {why}", os.pretty_name);
        Item::problem(ItemName::OsVersion, os.version.clone(), risk, problem, detail)
    };
    let is_old = number_of(&os.version) < (6, 1);
    Ok(Some(if is_old {
        item(Risk::High, "Unsupported", "drivers for virtual machines no longer exist for it.")
    } else if ["Core", "Starter", "Home"].iter().any(|home| edition.starts_with(home)) {
        item(Risk::Medium, "UnsupportedEdition", "the home edition cannot be reached from outside.")
    } else if edition.ends_with("Eval") {
        item(Risk::Low, "Evaluation", "an evaluation, which ends after its time.")
    } else {
        Item::fine(ItemName::OsVersion, os.version.clone(), format!("{}, build {build}.", os.pretty_name))
    }))
}

pub(super) fn architecture(_: &Machine<'_>, os: &Os) -> Result<Option<Item>> {
    Ok(Some(match os.architecture.as_deref() {
        Some("i386") => Item::problem(
            ItemName::Architecture,
            "i386",
            Risk::Medium,
            "ThirtyTwoBit",
            "The system has 32 bits and cannot use more than 4 GiB of memory.",
        ),
        Some(architecture) => {
            Item::fine(ItemName::Architecture, architecture, "Seen in the header of a system program.")
        }
        None => Item::problem(
            ItemName::Architecture,
            "Unknown",
            Risk::Low,
            "Unknown",
            "No system program could be read that says it.",
        ),
    }))
}

pub(super) fn kernel_version(_: &Machine<'_>, os: &Os) -> Result<Option<Item>> {
    Ok(os.kernel.as_ref().map(|kernel| Item::fine(ItemName::KernelVersion, kernel.clone(), "Seen in the registry.")))
}

/// Whether it runs on current machines: before 8.1 and Server 2012 R2 there is no NVMe driver, and drivers for newer
/// devices have ended.
pub(super) fn instance_types(_: &Machine<'_>, os: &Os) -> Result<Option<Item>> {
    Ok(Some(if number_of(&os.version) < (6, 3) {
        Item::problem(
            ItemName::SupportMocInstanceTypes,
            "NotSupported",
            Risk::Medium,
            "TooOld",
            "It is older than Windows 8.1 and Server 2012 R2: current machine types need drivers that it lacks.",
        )
    } else {
        Item::fine(ItemName::SupportMocInstanceTypes, "Supported", "It is new enough for current machine types.")
    }))
}

/// A version's two numbers; unknown ones are 0.
pub(super) fn number_of(version: &str) -> (u64, u64) {
    let (major, minor) = version.split_once('.').unwrap_or((version, ""));
    (major.parse().unwrap_or(0), minor.parse().unwrap_or(0))
}
