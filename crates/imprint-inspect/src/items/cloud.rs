//! Whether a machine takes its name, keys and passwords from the cloud it starts in.

use crate::report::{Item, ItemName, Risk};

use super::{Problems, Scene, enabled_script, enabled_unit};

/// Units of cloud-init; one that is enabled brings the others.
const UNITS: [&str; 6] = [
    "cloud-init.service",
    "cloud-init-local.service",
    "cloud-init-main.service",
    "cloud-config.service",
    "cloud-final.service",
    "cloud-init-network.service",
];
/// Sources that clouds of the usual kinds, or a disk beside the machine, answer.
const SOURCES: [&str; 7] = ["openstack", "configdrive", "aliyun", "ec2", "nocloud", "huaweicloud", "gce"];

pub(super) fn cloud_init(scene: &Scene<'_>) -> Option<Item> {
    let name = ItemName::CloudInit;
    if let Some(tiny) = scene.package(&["tiny-cloud"]) {
        let detail = format!("tiny-cloud {} takes the place of cloud-init.", tiny.version);
        return Some(Item::fine(name, format!("tiny-cloud {}", tiny.version), detail));
    }
    if !is_installed(scene) {
        let detail =
            "cloud-init is not installed: a machine takes neither its name nor keys and passwords from the cloud.";
        return Some(Item::problem(name, "NotInstalled", Risk::Medium, "NotInstalled", detail));
    }
    let value =
        scene.package(&["cloud-init"]).map_or_else(|| "Installed".to_owned(), |package| package.version.clone());
    let mut problems = Problems::default();
    if scene.guest.exists("/etc/cloud/cloud-init.disabled") {
        problems.add(
            Risk::Medium,
            "Disabled",
            "cloud-init is installed, but /etc/cloud/cloud-init.disabled keeps it from running.",
        );
    } else if argument_disables(scene) {
        problems.add(
            Risk::Medium,
            "Disabled",
            "cloud-init is installed, but the kernel's command line keeps it from running.",
        );
    } else if !has_unit(scene) {
        problems.add(Risk::Medium, "Disabled", "cloud-init is installed, but nothing starts it.");
    }
    let sources = sources(scene);
    let known = |source: &String| SOURCES.contains(&source.to_ascii_lowercase().as_str());
    let words = match &sources {
        None => "It looks for every source of data that it knows.".to_owned(),
        Some(sources) => format!("It looks for its data in: {}.", sources.join(", ")),
    };
    if sources.as_ref().is_some_and(|sources| !sources.iter().any(known)) {
        problems.add(Risk::Medium, "Datasource", format!("{words} None of them is there in a usual cloud."));
    }
    Some(problems.item(name, (&value, format!("cloud-init {value} runs when a machine starts. {words}")), &value))
}

/// Whether it is there and will run.
pub(super) fn is_enabled(scene: &Scene<'_>) -> bool {
    scene.package(&["tiny-cloud"]).is_some()
        || (is_installed(scene)
            && has_unit(scene)
            && !scene.guest.exists("/etc/cloud/cloud-init.disabled")
            && !argument_disables(scene))
}

/// Whether its own configuration tells it not to configure the network.
pub(super) fn leaves_network_alone(scene: &Scene<'_>) -> bool {
    configurations(scene).iter().any(|text| {
        let flat: String =
            text.lines().map(str::trim).filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join(" ");
        let flat = flat.replace(['{', '}'], " ");
        let words: Vec<&str> = flat.split_whitespace().collect();
        words.windows(3).any(|three| three == ["network:", "config:", "disabled"])
    })
}

fn is_installed(scene: &Scene<'_>) -> bool {
    scene.package(&["cloud-init"]).is_some()
        || scene.guest.is_file("/usr/bin/cloud-init")
        || scene.guest.is_file("/usr/local/bin/cloud-init")
}

fn has_unit(scene: &Scene<'_>) -> bool {
    let scripts = ["cloud-init", "cloud-init-local", "cloud-config", "cloud-final"];
    enabled_unit(scene.guest, &UNITS).or_else(|| enabled_script(scene.guest, &scripts)).is_some()
}

fn argument_disables(scene: &Scene<'_>) -> bool {
    scene.boot.default_entry().and_then(|entry| entry.argument("cloud-init")) == Some("disabled")
}

/// Its configuration files, in the order in which it reads them.
fn configurations(scene: &Scene<'_>) -> Vec<String> {
    let mut paths = vec!["/etc/cloud/cloud.cfg".to_owned()];
    paths.extend(scene.guest.list_ending("/etc/cloud/cloud.cfg.d", ".cfg").into_iter().take(64));
    paths.iter().filter_map(|path| scene.guest.text(path)).collect()
}

/// The last list of sources in its files: on one line in brackets, or one below another.
fn sources(scene: &Scene<'_>) -> Option<Vec<String>> {
    let mut found = None;
    for text in configurations(scene) {
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let Some(rest) = line.strip_prefix("datasource_list:") else { continue };
            let mut list = rest.split('#').next().unwrap_or_default().trim().to_owned();
            while (list.is_empty() || list.starts_with('[')) && !list.ends_with(']') {
                let Some(more) = lines.next_if(|more| more.trim_start() != *more || more.starts_with('-')) else {
                    break;
                };
                list.push(' ');
                list.push_str(more.trim().trim_start_matches("- "));
                if !list.trim_start().starts_with('[') {
                    while let Some(more) = lines.next_if(|more| more.trim_start().starts_with("- ")) {
                        list.push(' ');
                        list.push_str(more.trim().trim_start_matches("- "));
                    }
                    break;
                }
            }
            let words = list.split(['[', ']', ',', ' ', '"', '\'']).filter(|word| !word.is_empty());
            found = Some(words.map(str::to_owned).collect());
        }
    }
    found
}
