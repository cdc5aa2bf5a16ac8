//! How large disks may be, in GiB, by how fast they are meant to be.

use std::ops::RangeInclusive;

use imprint_model::DiskCategory;

/// The levels of enhanced disks, slowest first, each with the smallest size it comes in.
const LEVELS: [(&str, u32); 4] = [("PL0", 1), ("PL1", 20), ("PL2", 461), ("PL3", 1261)];

/// The level of an enhanced disk that names none.
pub(crate) const LEVEL_DEFAULT: &str = "PL1";

/// Sizes of data disks of this category; none for a level that does not exist.
pub(crate) fn data_disk(category: DiskCategory, level: Option<&str>) -> Option<RangeInclusive<u32>> {
    let wanted = level.unwrap_or(LEVEL_DEFAULT);
    let (_, smallest) = LEVELS.into_iter().find(|(known, _)| *known == wanted)?;
    Some(match category {
        DiskCategory::Basic => 5..=2000,
        DiskCategory::Efficiency | DiskCategory::Ssd => 20..=32_768,
        DiskCategory::Enhanced => smallest..=65_536,
        DiskCategory::Auto => 1..=65_536,
    })
}

/// Sizes of any disk of this category, whatever its level and its use: what a disk may grow to.
pub(crate) fn any(category: DiskCategory) -> RangeInclusive<u32> {
    match category {
        DiskCategory::Basic => 5..=2000,
        DiskCategory::Efficiency | DiskCategory::Ssd => 20..=32_768,
        DiskCategory::Enhanced | DiskCategory::Auto => 1..=65_536,
    }
}

/// Sizes of system disks of this category.
pub(crate) fn system_disk(category: DiskCategory) -> RangeInclusive<u32> {
    match category {
        DiskCategory::Basic => 20..=500,
        _ => 20..=2048,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_faster_an_enhanced_disk_the_larger_it_begins() {
        let smallest = |level| data_disk(DiskCategory::Enhanced, level).map(|range| *range.start());
        assert_eq!(
            [Some("PL0"), None, Some("PL2"), Some("PL3"), Some("PL4")].map(smallest),
            [Some(1), Some(20), Some(461), Some(1261), None]
        );
        assert_eq!(data_disk(DiskCategory::Basic, None), Some(5..=2000));
    }
}
