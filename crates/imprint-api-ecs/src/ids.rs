//! Ids as this API writes them: a letter for the kind, and the engine's number in 25 digits of base 36.

use imprint_model::{DiskId, ImageId, InstanceId, JobId, SnapshotId};

/// A kind of id that this API writes.
pub(crate) trait WireId: Sized {
    /// `m-…`, `i-…`, `d-…`, `s-…`, `t-…`.
    fn wire(self) -> String;
    /// Reads what [`Self::wire`] writes; nothing for any other text, which then names nothing that exists.
    fn read(text: &str) -> Option<Self>;
}

macro_rules! wire_id {
    ($name:ty, $prefix:literal) => {
        impl WireId for $name {
            fn wire(self) -> String {
                format!("{}{}", $prefix, self.short())
            }

            fn read(text: &str) -> Option<Self> {
                Self::from_short(text.strip_prefix($prefix)?).ok()
            }
        }
    };
}

wire_id!(ImageId, "m-");
wire_id!(InstanceId, "i-");
wire_id!(DiskId, "d-");
wire_id!(SnapshotId, "s-");
wire_id!(JobId, "t-");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_and_kinds_do_not_mix() {
        let id = ImageId::random();
        let text = id.wire();
        assert!(text.starts_with("m-") && text.len() == 27, "{text}");
        assert_eq!(ImageId::read(&text), Some(id));
        assert_eq!(SnapshotId::read(&text), None);
        for bad in ["", "m-", "m-é", &text.to_uppercase(), &id.to_string(), &format!("{text}0")] {
            assert_eq!(ImageId::read(bad), None, "{bad}");
        }
    }
}
