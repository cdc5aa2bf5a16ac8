//! Whether file systems and the table of partitions are whole, and fit where they lie.

use crate::report::{Item, ItemName, Risk};
use crate::volumes::Found;

use super::Problems;

/// How much is told of what is wrong with the table of partitions.
const TABLE_TROUBLES_MAX: usize = 8;

/// The state of all file systems of the disk, and of the table that they are in.
pub(crate) fn file_systems(found: &[Found], table_trouble: &[String]) -> Item {
    let mut problems = Problems::default();
    let mut count = 0;
    for found in found {
        let name =
            if found.volume.name.is_empty() { "the disk".to_owned() } else { format!("volume {}", found.volume.name) };
        if let Some(trouble) = &found.trouble {
            let content = found.volume.content.as_deref().unwrap_or("what is there");
            problems.add(Risk::Medium, "Unreadable", format!("On {name}, {content} could not be read: {trouble}."));
        }
        let Some(fs) = &found.fs else { continue };
        count += 1;
        let (believed, real) = (fs.size_bytes(), found.volume.size_bytes);
        if believed > real {
            let detail = format!(
                "{} on {name} believes to be {} bytes larger than its place of {real} bytes: it cannot be mounted.",
                fs.type_name(),
                believed - real
            );
            problems.add(Risk::Error, "LargerThanPartition", detail);
        }
        if !fs.is_clean() {
            let detail =
                format!("{} on {name} was not unmounted: its journal is replayed at the first start.", fs.type_name());
            problems.add(Risk::Low, "NotClean", detail);
        }
    }
    if !table_trouble.is_empty() {
        let told = table_trouble[..table_trouble.len().min(TABLE_TROUBLES_MAX)].join("; ");
        problems.add(Risk::Medium, "TableDamaged", format!("The table of partitions is damaged: {told}."));
    }
    let value = if problems.found.iter().any(|(_, problem, _)| *problem == "NotClean") && problems.found.len() == 1 {
        "Dirty"
    } else {
        "Damaged"
    };
    let fine = ("Clean", format!("File systems, all left in order: {count}."));
    problems.item(ItemName::FileSystem, fine, value)
}
