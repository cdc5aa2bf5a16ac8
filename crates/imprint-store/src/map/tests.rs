use proptest::prelude::*;

use super::*;
use crate::Kind;

fn id(byte: u8) -> ChunkId {
    ChunkId([byte; DIGEST_BYTES])
}

fn entry(start: u16, blocks: u16, byte: u8) -> PageEntry {
    PageEntry { start, blocks, chunk: id(byte) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_page_is_written_as_its_format_says() {
    let page = Page { entries: vec![entry(0, 2, 0xaa), entry(16_383, 1, 0xbb)] };
    let expected =
        format!("494d5047010c1a0002000000{}{}{}{}", "00000200", "aa".repeat(32), "ff3f0100", "bb".repeat(32));
    assert_eq!(hex(&page.encode()), expected);
    assert_eq!(Page::decode(&page.encode()).unwrap(), page);
}

#[test]
fn a_root_is_written_as_its_format_says() {
    let mut root = Root::new((4 << 26) + 5).unwrap();
    root.push(0, id(1), 10);
    root.push(1, id(2), 20);
    root.push(4, id(3), 5);
    let head = "494d5254010c1a00".to_owned() + "0500001000000000" + "2300000000000000" + "02000000" + "00000000";
    let runs = ["0000000002000000", &"01".repeat(32), &"02".repeat(32), "0400000001000000", &"03".repeat(32)].concat();
    assert_eq!(hex(&root.encode()), head + &runs);
    assert_eq!(root.encode().len(), root.encoded_len());
    assert_eq!(Root::decode(&root.encode()).unwrap(), root);
    assert_eq!((root.page(1), root.page(2), root.page(4), root.page(5)), (Some(id(2)), None, Some(id(3)), None));
}

#[test]
fn nothing_but_the_one_form_of_a_page_is_read() {
    let good = Page { entries: vec![entry(5, 2, 1), entry(7, 64, 2)] };
    for (why, entries) in [
        ("none", vec![]),
        ("overlapping", vec![entry(5, 2, 1), entry(6, 1, 2)]),
        ("backwards", vec![entry(7, 1, 1), entry(5, 1, 2)]),
        ("without blocks", vec![entry(7, 0, 1)]),
        ("too long", vec![entry(7, 65, 1)]),
        ("beyond the window", vec![entry(16_383, 2, 1)]),
    ] {
        assert_eq!(Page::decode(&Page { entries }.encode()).unwrap_err().kind(), Kind::Corrupt, "{why}");
    }
    let mut bytes = good.encode();
    bytes.push(0);
    assert!(Page::decode(&bytes).is_err(), "more than it says");
    bytes.truncate(bytes.len() - 2);
    assert!(Page::decode(&bytes).is_err(), "less than it says");
}

#[test]
fn nothing_but_the_one_form_of_a_root_is_read() {
    let root = |runs: Vec<(u32, Vec<ChunkId>)>| {
        let runs = runs.into_iter().map(|(first, pages)| Run { first, pages }).collect();
        Root { size_bytes: 10 << 26, data_bytes: 5, runs }.encode()
    };
    assert!(Root::decode(&root(vec![(0, vec![id(1)]), (2, vec![id(1); 8])])).is_ok());
    for (why, bytes) in [
        ("an empty run", root(vec![(0, vec![])])),
        ("runs that touch", root(vec![(0, vec![id(1)]), (1, vec![id(2)])])),
        ("runs that overlap", root(vec![(0, vec![id(1); 3]), (2, vec![id(2)])])),
        ("a window beyond the end", root(vec![(2, vec![id(1); 9])])),
        ("more data than disk", Root { size_bytes: 4, data_bytes: 5, runs: vec![] }.encode()),
        ("too large a disk", Root { size_bytes: MAX_DISK_BYTES + 1, data_bytes: 5, runs: vec![] }.encode()),
    ] {
        assert_eq!(Root::decode(&bytes).unwrap_err().kind(), Kind::Corrupt, "{why}");
    }
}

proptest! {
    #[test]
    fn hostile_bytes_are_refused_or_written_back_alike(
        mut bytes in prop::collection::vec(any::<u8>(), 0..300),
        form in 0..3,
    ) {
        let magic: &[u8] = match form { 0 => b"IMPG\x01\x0c\x1a\x00", 1 => b"IMRT\x01\x0c\x1a\x00", _ => b"" };
        bytes.splice(0..magic.len().min(bytes.len()), magic.iter().copied());
        if let Ok(page) = Page::decode(&bytes) {
            prop_assert_eq!(page.encode(), bytes.clone());
        }
        if let Ok(root) = Root::decode(&bytes) {
            prop_assert_eq!(root.encode(), bytes);
        }
    }
}
