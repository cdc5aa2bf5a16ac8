//! The name of every object the store keeps. Never opens any of them.
//!
//! A pack is `packs/<day>/<id>.pack`: its id tells when it was begun, and the day (counted from 1970-01-01, five
//! digits) keeps directories small and lists in order of age. While a directory store writes a pack, its name ends
//! in `.tmp` instead.

use crate::pack::PackId;

/// The folder of all packs.
pub(crate) const PACKS: &str = "packs";

const SEALED: &str = "pack";
const UNFINISHED: &str = "tmp";
const DAY_MICROS: i64 = 86_400_000_000;

/// The folder a pack is in.
pub(crate) fn pack_folder(id: PackId) -> String {
    let day = id.begun_at().map_or(0, |begun| begun.0.div_euclid(DAY_MICROS));
    format!("{PACKS}/{day:05}")
}

/// The name of a finished pack.
pub(crate) fn pack_name(id: PackId) -> String {
    format!("{}/{id}.{SEALED}", pack_folder(id))
}

/// The name of a pack that is being written.
pub(crate) fn unfinished_name(id: PackId) -> String {
    format!("{}/{id}.{UNFINISHED}", pack_folder(id))
}

/// What a file name (without folders) in a day's folder stands for: a pack, and whether it is finished.
pub(crate) fn parse_pack(file_name: &str) -> Option<(PackId, bool)> {
    let (stem, ending) = file_name.split_once('.')?;
    let sealed = match ending {
        SEALED => true,
        UNFINISHED => false,
        _ => return None,
    };
    let id = PackId(uuid::Uuid::try_parse(stem).ok()?);
    (id.begun_at().is_some() && id.to_string() == stem).then_some((id, sealed))
}

#[cfg(test)]
mod tests {
    use imprint_model::Timestamp;

    use super::*;

    #[test]
    fn a_pack_is_found_again_by_its_name() {
        let id = PackId::new(Timestamp(1_795_310_916_447_974));
        let name = pack_name(id);
        assert!(name.starts_with("packs/20779/"), "{name}");
        assert_eq!(parse_pack(name.rsplit('/').next().unwrap()), Some((id, true)));
        assert_eq!(parse_pack(unfinished_name(id).rsplit('/').next().unwrap()), Some((id, false)));
        assert_eq!(id.begun_at(), Some(Timestamp(1_795_310_916_447_000)));
    }

    #[test]
    fn other_files_are_no_packs() {
        let v4 = uuid::Uuid::from_u128(0x1234_5678_1234_4234_8234_1234_5678_1234);
        for name in ["", "x.pack", "readme", "../x.pack", &format!("{v4}.pack"), &format!("{v4}.pack.gz")] {
            assert_eq!(parse_pack(name), None, "{name}");
        }
    }
}
