//! This API's words for how far machines and disks are, and for what snapshots are used for.

use imprint_model::{DiskStatus, InstanceStatus};

/// The zone of a region: each has one.
pub(crate) fn zone(region: &str) -> String {
    format!("{region}-a")
}

/// Whether a zone is the one of a region.
pub(crate) fn is_zone_of(zone: &str, region: &str) -> bool {
    zone.strip_prefix(region) == Some("-a")
}

/// The word for how far a machine is.
pub(crate) fn instance_status(status: InstanceStatus) -> &'static str {
    match status {
        InstanceStatus::Pending => "Pending",
        InstanceStatus::Starting => "Starting",
        InstanceStatus::Running => "Running",
        InstanceStatus::Stopping => "Stopping",
        InstanceStatus::Stopped => "Stopped",
    }
}

/// How far a machine is, by the word.
pub(crate) fn instance_status_named(word: &str) -> Option<InstanceStatus> {
    InstanceStatus::ALL.iter().copied().find(|&known| instance_status(known) == word)
}

/// The word for how far a disk is.
pub(crate) fn disk_status(status: DiskStatus) -> &'static str {
    match status {
        DiskStatus::Creating => "Creating",
        DiskStatus::Available => "Available",
        DiskStatus::Attaching => "Attaching",
        DiskStatus::InUse => "In_use",
        DiskStatus::Detaching => "Detaching",
        DiskStatus::Resetting => "ReIniting",
    }
}

/// How far a disk is, by the word. The API's own examples write `In_use` and `In_Use`.
pub(crate) fn disk_status_named(word: &str) -> Option<DiskStatus> {
    DiskStatus::ALL.iter().copied().find(|&known| disk_status(known).eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        for &status in InstanceStatus::ALL {
            assert_eq!(instance_status_named(instance_status(status)), Some(status));
        }
        for &status in DiskStatus::ALL {
            assert_eq!(disk_status_named(disk_status(status)), Some(status));
        }
        assert_eq!((instance_status_named("running"), disk_status_named("All")), (None, None));
    }

    #[test]
    fn a_zone_belongs_to_one_region() {
        assert!(is_zone_of(&zone("local-1"), "local-1"));
        assert!(!is_zone_of(&zone("local-10"), "local-1") && !is_zone_of("local-1", "local-1"));
    }
}
