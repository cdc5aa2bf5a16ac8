//! The order of a list, completed so that no two images are equal in it, and what comes after an image in it.

use imprint_model::{Direction, SortKey};

use super::statement::{Source, Statement};
use crate::Value;

/// A total order of images: keys with directions, the last one being the id.
#[derive(Debug, Clone)]
pub(super) struct Order(Vec<(SortKey, Direction)>);

impl Order {
    /// The keys asked for, each once, then time of creation and id in the direction of the last of them.
    pub(super) fn of(sort: &[(SortKey, Direction)]) -> Self {
        let last = sort.last().map_or(Direction::Descending, |&(_, direction)| direction);
        let mut keys: Vec<(SortKey, Direction)> = Vec::new();
        for &(key, direction) in sort.iter().chain(&[(SortKey::CreatedAt, last), (SortKey::Id, last)]) {
            if keys.iter().all(|&(known, _)| known != key) {
                keys.push((key, direction));
            }
            if key == SortKey::Id {
                break;
            }
        }
        Self(keys)
    }

    /// Whether time of creation and id decide alone: then members and labels can be walked without their images.
    pub(super) fn is_by_creation(&self) -> bool {
        self.0.iter().all(|(key, _)| matches!(key, SortKey::CreatedAt | SortKey::Id))
    }

    /// The columns of `source` that hold the keys.
    pub(super) fn columns(&self, source: Source) -> Vec<&'static str> {
        self.0.iter().map(|&(key, _)| column(source, key)).collect()
    }

    /// `ORDER BY` list over `columns`.
    pub(super) fn clause<T: AsRef<str>>(&self, columns: &[T]) -> String {
        let keys = columns.iter().zip(&self.0).map(|(column, &(_, direction))| match direction {
            Direction::Ascending => format!("{} ASC", column.as_ref()),
            Direction::Descending => format!("{} DESC", column.as_ref()),
        });
        keys.collect::<Vec<_>>().join(", ")
    }

    /// The condition that an image comes after the one whose keys are `marker`.
    pub(super) fn after(&self, statement: &mut Statement, source: Source, marker: &[Value]) -> String {
        let columns = self.columns(source);
        let places: Vec<String> = marker.iter().map(|value| statement.bind(value.clone())).collect();
        let sign = |direction: Direction| if direction == Direction::Ascending { ">" } else { "<" };
        let first = self.0[0].1;
        if self.0.iter().all(|&(_, direction)| direction == first) {
            return format!("({}) {} ({})", columns.join(", "), sign(first), places.join(", "));
        }
        // Equal in the first keys, and beyond in the next, for each number of first keys.
        let step = |next: usize| {
            let equal = (0..next).map(|key| format!("{} = {}", columns[key], places[key]));
            let beyond = format!("{} {} {}", columns[next], sign(self.0[next].1), places[next]);
            format!("({})", equal.chain([beyond]).collect::<Vec<_>>().join(" AND "))
        };
        format!("({})", (0..columns.len()).map(step).collect::<Vec<_>>().join(" OR "))
    }
}

fn column(source: Source, key: SortKey) -> &'static str {
    match (key, source) {
        (SortKey::CreatedAt, Source::Image) => "i.created_at",
        (SortKey::CreatedAt, Source::Label) => "l.created_at",
        (SortKey::CreatedAt, Source::Offer) => "m.image_created_at",
        (SortKey::Id, Source::Image) => "i.id",
        (SortKey::Id, Source::Label) => "l.image_id",
        (SortKey::Id, Source::Offer) => "m.image_id",
        (SortKey::UpdatedAt, _) => "i.updated_at",
        (SortKey::Name, _) => "i.name_sorted",
        (SortKey::Status, _) => "i.status",
        (SortKey::DiskFormat, _) => "i.disk_format",
        (SortKey::ContainerFormat, _) => "i.container_format",
        (SortKey::Size, _) => "i.size_bytes",
    }
}
