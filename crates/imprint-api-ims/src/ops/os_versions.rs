//! The systems that images are known to hold. Any other name is taken too: this is what clients let people choose from.

use http::Method;
use serde_json::{Value, json};

use super::native_update::bad_value;
use crate::answer;
use crate::call::Call;
use crate::op::{Family, Op, Outcome, Parameter, run};
use crate::os::{self, Derived};

/// Platforms, how the names of their systems begin, and how they go on: with `64bit` behind all of them.
const WIDE: &[(&str, &str, &[&str])] = &[
    (
        "Windows",
        "Windows",
        &[
            "10",
            "7 Enterprise",
            "7 Professional",
            "Server 2022 Standard",
            "Server 2022 Datacenter",
            "Server 2019 Standard",
            "Server 2019 Datacenter",
            "Server 2016 Standard",
            "Server 2016 Datacenter",
            "Server 2012 R2 Standard",
            "Server 2012 Essentials R2",
            "Server 2012 R2 Datacenter",
            "Server 2012 Datacenter",
            "Server 2012 Standard",
            "Server 2008 R2 WEB",
            "Server 2008 R2 Standard",
            "Server 2008 R2 Enterprise",
            "Server 2008 R2 Datacenter",
        ],
    ),
    (
        "SUSE",
        "SUSE Linux Enterprise Server",
        &[
            "15 SP5", "15 SP4", "15 SP3", "15 SP2", "15 SP1", "15", "12 SP5", "12 SP4", "12 SP3", "12 SP2", "12 SP1",
            "12", "11 SP4", "11 SP3", "11 SP1",
        ],
    ),
    (
        "Oracle Linux",
        "Oracle Linux Server release",
        &["7.6", "7.5", "7.4", "7.3", "7.2", "7.1", "7.0", "6.10", "6.9", "6.8", "6.7", "6.5"],
    ),
    (
        "RedHat",
        "Redhat",
        &[
            "Linux Enterprise 8.0",
            "7.6",
            "Linux Enterprise 7.5",
            "Linux Enterprise 7.4",
            "Linux Enterprise 7.3",
            "Linux Enterprise 7.2",
            "Linux Enterprise 7.1",
            "Linux Enterprise 7.0",
            "Linux Enterprise 6.10",
            "Linux Enterprise 6.9",
            "Linux Enterprise 6.8",
            "Linux Enterprise 6.7",
            "Linux Enterprise 6.6",
            "Linux Enterprise 6.5",
            "Linux Enterprise 6.4",
        ],
    ),
    (
        "Ubuntu",
        "Ubuntu",
        &[
            "22.04 server",
            "20.04 server",
            "19.04 server",
            "18.04 server",
            "16.04.3 Server",
            "16.04.2 Server",
            "16.04 server",
            "14.04.5 server",
            "14.04.4 server",
            "14.04.3 server",
            "14.04.1 server",
            "14.04 server",
        ],
    ),
    ("OpenSUSE", "openSUSE", &["15.5", "15.4", "15.3", "15.2", "15.1", "15.0", "42.3", "42.2", "42.1", "13.2", "11.3"]),
    (
        "CentOS",
        "CentOS",
        &[
            "8.0", "7.7", "7.6", "7.5", "7.4", "7.3", "7.2", "7.1", "7.0", "6.10", "6.9", "6.8", "6.7", "6.6", "6.5",
            "6.4", "6.3",
        ],
    ),
    (
        "Debian",
        "Debian GNU/Linux",
        &["10.0.0", "9.3.0", "9.0.0", "8.10.0", "8.8.0", "8.7.0", "8.6.0", "8.5.0", "8.4.0", "8.2.0", "8.1.0"],
    ),
    ("Fedora", "Fedora", &["30", "29", "28", "27", "26", "25", "24", "23", "22"]),
    ("EulerOS", "EulerOS", &["2.9", "2.5", "2.3", "2.2", "2.1"]),
    ("openEuler", "openEuler", &["20.03"]),
    ("Other", "Other Linux(64 bit)", &[""]),
];

/// The systems whose names are as written here.
const AS_WRITTEN: &[(&str, &[&str])] = &[
    ("Windows", &["Windows 7 Professional 32bit"]),
    ("SUSE", &["SUSE Linux Enterprise Server 11 SP3 32bit"]),
    ("RedHat", &["Redhat Linux Enterprise 6.6 32bit", "Redhat Linux Enterprise 6.4 32bit"]),
    (
        "Ubuntu",
        &[
            "Ubuntu 14.04.4 server 32bit",
            "Ubuntu 14.04.3 server 32bit",
            "Ubuntu 14.04.1 server 32bit",
            "Ubuntu 14.04 server 32bit",
        ],
    ),
    (
        "CentOS",
        &[
            "CentOS 7.0 32bit",
            "CentOS 6.10 32bit",
            "CentOS 6.9 32bit",
            "CentOS 6.7 32bit",
            "CentOS 6.6 32bit",
            "CentOS 6.5 32bit",
            "CentOS 6.4 32bit",
            "CentOS 6.3 32bit",
        ],
    ),
    ("CoreOS", &["CoreOS 1068.10.0", "CoreOS 1010.5.0", "CoreOS 1298.6.0"]),
    (
        "Other",
        &[
            "Other(32 bit)",
            "Other_Linux (64_bit)",
            "Other_Linux (32_bit)",
            "Other_Windows (64_bit)",
            "Other_Windows (32_bit)",
        ],
    ),
];

/// Platforms that have systems for ARM.
const FOR_ARM: [&str; 9] =
    ["SUSE", "Ubuntu", "OpenSUSE", "CentOS", "Debian", "Fedora", "EulerOS", "openEuler", "Other"];

pub(super) const OPS: &[Op] = &[Op::new(
    Family::About,
    "list_os_versions",
    Method::GET,
    "/v1/cloudimages/os_version",
    "Lists systems that images hold, by platform.",
    run!(list),
)
.parameters(&[Parameter::query("tag", "`bms`, `uefi`, `arm`, `x86` or `kvm`; may be repeated, all count.")])];

async fn list(call: Call) -> Outcome {
    let tags: Vec<&str> = call.query_all("tag").collect();
    if let Some(unknown) = tags.iter().find(|tag| !["bms", "uefi", "arm", "x86", "kvm"].contains(tag)) {
        return Err(bad_value(unknown).into());
    }
    let mut platforms: Vec<(&str, Vec<Value>)> = Vec::new();
    for (platform, version) in all() {
        let told = os::derive(&version);
        if !tags.iter().all(|tag| has(tag, platform, told)) {
            continue;
        }
        let one = shown(platform, &version, told);
        match platforms.iter_mut().find(|(known, _)| *known == platform) {
            Some((_, versions)) => versions.push(one),
            None => platforms.push((platform, vec![one])),
        }
    }
    let shown = |(platform, versions): &(&str, Vec<Value>)| json!({ "platform": platform, "version_list": versions });
    Ok(answer::ok(&platforms.iter().map(shown).collect::<Vec<_>>()))
}

/// Every system with its platform.
fn all() -> impl Iterator<Item = (&'static str, String)> {
    let name = |beginning: &str, version: &str| match version {
        "" => beginning.to_owned(),
        version => format!("{beginning} {version} 64bit"),
    };
    let wide = WIDE.iter().flat_map(move |&(platform, beginning, versions)| {
        versions.iter().map(move |version| (platform, name(beginning, version)))
    });
    let written =
        AS_WRITTEN.iter().flat_map(|&(platform, names)| names.iter().map(move |name| (platform, (*name).to_owned())));
    wide.chain(written)
}

/// Whether a system is of a kind: 32-bit ones boot from BIOS on PCs, and not on bare metal.
fn has(tag: &str, platform: &str, told: Derived) -> bool {
    match tag {
        "arm" => told.bits == "64" && told.kind != "Windows" && FOR_ARM.contains(&platform),
        "uefi" | "bms" => told.bits == "64",
        _ => true,
    }
}

fn shown(platform: &str, version: &str, told: Derived) -> Value {
    let bits: u32 = if told.bits == "32" { 32 } else { 64 };
    json!({
        "platform": platform,
        "os_version_key": version,
        "os_version": version,
        "os_bit": bits,
        "os_type": told.kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_is_there_once_and_its_name_tells_its_platform() {
        let mut names: Vec<String> = Vec::new();
        for (platform, name) in all() {
            assert_eq!(os::derive(&name).platform, platform, "{name}");
            assert!(!names.contains(&name), "{name} is there twice");
            names.push(name);
        }
    }
}
