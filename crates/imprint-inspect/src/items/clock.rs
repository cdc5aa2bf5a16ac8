//! What the hardware clock is taken for.

use crate::report::{Item, ItemName, Risk};
use crate::settings::{assigned, means_yes};

use super::Scene;

pub(super) fn rtc_time_mode(scene: &Scene<'_>) -> Option<Item> {
    let name = ItemName::RtcTimeMode;
    let guest = scene.guest;
    let value = |path: &str, key: &str| {
        guest.text(path).and_then(|text| assigned(&text, key)).filter(|value| !value.is_empty())
    };
    let source = if let Some(line) = guest.text("/etc/adjtime").and_then(|text| text.lines().nth(2).map(str::to_owned))
    {
        Some(("/etc/adjtime", line.trim() == "LOCAL"))
    } else if let Some(clock) = value("/etc/conf.d/hwclock", "clock") {
        Some(("/etc/conf.d/hwclock", clock.eq_ignore_ascii_case("local")))
    } else if let Some(utc) = value("/etc/sysconfig/clock", "UTC") {
        Some(("/etc/sysconfig/clock", !means_yes(&utc)))
    } else {
        value("/etc/default/rcS", "UTC").map(|utc| ("/etc/default/rcS", !means_yes(&utc)))
    };
    Some(match source {
        Some((path, true)) => {
            let detail = format!("{path} takes the hardware clock for local time; machines are given UTC.");
            Item::problem(name, "Local", Risk::Medium, "LocalTime", detail)
        }
        Some((path, false)) => Item::fine(name, "UTC", format!("{path} takes the hardware clock for UTC.")),
        None => Item::fine(name, "UTC", "Nothing says otherwise, so the hardware clock is taken for UTC."),
    })
}
