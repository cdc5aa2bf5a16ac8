use proptest::prelude::*;
use proptest::sample::Index;

use super::builder::{self, Made};
use super::*;
use crate::budget::Limits;

fn sample() -> Vec<u8> {
    builder::hive(&[
        ("Select", "Current", Made::Number(1)),
        ("ControlSet001\\Services\\viostor", "Start", Made::Number(0)),
        ("ControlSet001\\Services\\viostor", "ImagePath", Made::Text("system32\\drivers\\viostor.sys")),
        ("ControlSet001\\Services\\Ünïcode", "Grüße", Made::Texts(&["eins", "zwei"])),
        ("ControlSet001\\Services\\a", "", Made::Text("the key's own")),
        ("ControlSet001\\Services\\b", "x", Made::Bytes(vec![7; 40_000])),
        ("ControlSet001\\Services\\c", "", Made::Key),
    ])
}

fn with_hive<T>(bytes: Vec<u8>, look: impl FnOnce(Result<Hive<'_>>) -> T) -> T {
    let budget = Budget::new(Limits { steps: 100_000, ..Limits::default() });
    look(Hive::open(Box::new(bytes), &budget))
}

#[test]
fn keys_and_values_are_found_without_regard_to_case() {
    with_hive(sample(), |hive| {
        let hive = hive.unwrap();
        assert!(hive.was_written_whole());
        let value = |path: &str, name: &str| hive.value_at(path, name).unwrap();
        assert_eq!(value("select", "CURRENT"), Some(Value::Number(1)));
        let path = value("CONTROLSET001\\services\\VioStor", "imagepath").and_then(Value::text);
        assert_eq!(path.as_deref(), Some("system32\\drivers\\viostor.sys"));
        assert_eq!(value("ControlSet001\\Services\\üNÏCODE", "grÜße").map(Value::texts).unwrap(), ["eins", "zwei"]);
        assert_eq!(value("ControlSet001\\Services\\a", "").and_then(Value::text).as_deref(), Some("the key's own"));
        assert_eq!(value("ControlSet001\\Services\\b", "x"), Some(Value::Binary(vec![7; 40_000])));
        assert_eq!(value("ControlSet001\\Services\\missing", "x"), None);
        assert_eq!(value("ControlSet001\\Services\\c", "x"), None);
    });
}

#[test]
fn lists_of_lists_are_walked_to_their_end() {
    with_hive(sample(), |hive| {
        let hive = hive.unwrap();
        let services = hive.key("ControlSet001\\Services").unwrap().unwrap();
        let names: Vec<_> = hive.children(&services).unwrap().into_iter().map(|key| key.name).collect();
        assert_eq!(names, ["a", "b", "c", "viostor", "Ünïcode"]);
    });
}

#[test]
fn a_write_that_did_not_end_is_seen() {
    let mut bytes = sample();
    bytes[4] = 2;
    with_hive(bytes, |hive| assert!(!hive.unwrap().was_written_whole()));
}

#[test]
fn what_is_no_hive_is_refused() {
    for bytes in [Vec::new(), vec![0; 8192], b"regf".to_vec(), sample()[..4000].to_vec()] {
        with_hive(bytes, |hive| assert!(hive.is_err()));
    }
    let mut newer = sample();
    newer[20] = 2;
    with_hive(newer, |hive| assert!(matches!(hive, Err(Error::Unsupported(_)))));
}

/// Replaces the place of the list of a key's children.
fn redirect(bytes: &mut [u8], find: impl Fn(&[u8]) -> bool, field: usize, to: u32) {
    let at = (0..bytes.len() - 80).step_by(4).find(|at| find(&bytes[*at..])).unwrap();
    bytes[at + field..at + field + 4].copy_from_slice(&to.to_le_bytes());
}

#[test]
fn a_list_that_names_itself_ends() {
    let mut bytes = sample();
    let list = (4096..bytes.len()).step_by(4).find(|at| bytes[*at..].starts_with(b"ri")).unwrap();
    let place = u32::try_from(list - 4 - 4096).unwrap();
    redirect(&mut bytes, |cell| cell.starts_with(b"ri"), 4, place);
    with_hive(bytes, |hive| {
        let outcome = hive.unwrap().key("ControlSet001\\Services\\viostor");
        assert!(matches!(outcome, Err(Error::Corrupt(_))), "{outcome:?}");
    });
}

#[test]
fn counts_are_believed_only_as_far_as_the_cells_go() {
    for (field, count) in [(20, u32::MAX), (36, u32::MAX), (36, 40_000), (28, u32::MAX), (40, u32::MAX - 8)] {
        let mut bytes = sample();
        redirect(&mut bytes, |cell| cell.starts_with(b"nk") && cell[76..].starts_with(b"viostor"), field, count);
        with_hive(bytes, |hive| {
            let hive = hive.unwrap();
            let key = hive.key("ControlSet001\\Services\\viostor").unwrap().unwrap();
            let _ = hive.children(&key);
            let _ = hive.value(&key, "missing");
        });
    }
}

#[test]
fn long_values_are_bounded() {
    let mut bytes = sample();
    redirect(&mut bytes, |cell| cell.starts_with(b"vk") && cell[20] == b'x', 4, 0x7fff_ffff);
    with_hive(bytes, |hive| {
        let outcome = hive.unwrap().value_at("ControlSet001\\Services\\b", "x");
        assert!(matches!(outcome, Err(Error::Corrupt(_))), "{outcome:?}");
    });
}

proptest! {
    #[test]
    fn damaged_hives_do_no_harm(changes in prop::collection::vec(any::<(Index, u8)>(), 1..48), cut in any::<Option<Index>>()) {
        let mut bytes = sample();
        // most of a hive's bytes are one long value: aim at the rest
        let rest = bytes.len() - 41_000;
        for (place, byte) in &changes {
            let place = place.index(rest);
            bytes[if place < 4200 { place } else { place + 41_000 }] = *byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        with_hive(bytes, |hive| {
            let Ok(hive) = hive else { return };
            for path in ["Select", "ControlSet001\\Services\\viostor", "ControlSet001\\Services\\Ünïcode", "ControlSet001\\Services\\b"] {
                let Ok(Some(key)) = hive.key(path) else { continue };
                let _ = hive.children(&key);
                let _ = hive.each_value(&key, &mut |_, _| {});
            }
        });
    }
}
