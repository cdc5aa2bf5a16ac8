//! The kept databases were made by `fixtures/packages.sh`; `rpm.txt` is what `rpm -qa` said of them.

use proptest::prelude::*;
use proptest::sample::Index;

use super::super::Collected;
use super::{add, bdb, header, ndb, sqlite};
use crate::budget::{Budget, Limits};
use crate::error::{Error, Result};
use crate::fixtures::unpacked;
use crate::guest_file::Bytes;
use crate::report::Package;

/// What a reader finds in a database, and how it ended.
fn found(read: impl FnOnce(&mut Collected<'_>) -> Result<()>) -> (Vec<Package>, Result<()>) {
    let budget = Budget::new(Limits::default());
    let mut collected = Collected::new(&budget);
    let outcome = read(&mut collected);
    (collected.finish(), outcome)
}

fn lines(packages: &[Package]) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let line = |p: &Package| {
        format!("{}\t{}\t{}\t{}\t{}\n", p.name, p.version, p.architecture, text(&p.licence), text(&p.source))
    };
    packages.iter().map(line).collect()
}

fn check_against_rpm(read: impl FnOnce(&mut Collected<'_>) -> Result<()>) {
    let (packages, outcome) = found(read);
    outcome.unwrap();
    assert_eq!(lines(&packages), include_str!("../../../fixtures/rpm.txt"));
}

#[test]
fn sqlite_is_read_as_rpm_reads_it() {
    check_against_rpm(|collected| sqlite::read(&unpacked("rpmdb.sqlite.zst"), None, collected));
}

#[test]
fn what_is_only_in_the_log_is_read() {
    let (database, log) = (unpacked("rpmdb-live.sqlite.zst"), unpacked("rpmdb-live.sqlite-wal.zst"));
    check_against_rpm(|collected| sqlite::read(&database, Some(&log), collected));
}

#[test]
fn an_unfinished_log_ends_at_its_last_commit() {
    let (database, mut log) = (unpacked("rpmdb-live.sqlite.zst"), unpacked("rpmdb-live.sqlite-wal.zst"));
    // the last pages belong to the last rows' commits, whose checksums no longer hold
    let end = log.len();
    log[end - 1100 * 3] ^= 1;
    let (packages, outcome) = found(|collected| sqlite::read(&database, Some(&log), collected));
    outcome.unwrap();
    assert!((20..62).contains(&packages.len()), "{}", packages.len());
    // without the log there is a row whose header is one byte long
    let (packages, outcome) = found(|collected| sqlite::read(&database, None, collected));
    assert_eq!(packages.len(), 20);
    outcome.unwrap_err();
}

#[test]
fn berkeley_db_is_read_as_rpm_reads_it() {
    check_against_rpm(|collected| bdb::read(&unpacked("Packages.zst"), collected));
}

/// A header as rpm writes it: tags with their types and values.
fn made_header(tags: &[(u32, u32, &[u8])]) -> Vec<u8> {
    let mut index = Vec::new();
    let mut data = Vec::new();
    for (tag, kind, value) in tags {
        let fields = [*tag, *kind, u32::try_from(data.len()).unwrap(), 1];
        index.extend(fields.iter().flat_map(|field| field.to_be_bytes()));
        data.extend_from_slice(value);
    }
    let counts = [tags.len(), data.len()].map(|count| u32::try_from(count).unwrap().to_be_bytes());
    [counts.concat(), index, data].concat()
}

fn made_package(name: &str) -> Vec<u8> {
    let name = [name.as_bytes(), b"\0"].concat();
    made_header(&[
        (1000, 6, &name),
        (1001, 6, b"1.2\0"),
        (1002, 6, b"3\0"),
        (1003, 4, &[0, 0, 0, 7]),
        (1022, 6, b"x86_64\0"),
    ])
}

/// A `Packages.db` with these headers, as rpm's source lays it out.
fn made_ndb(headers: &[Vec<u8>]) -> Vec<u8> {
    let le = |field: usize| u32::try_from(field).unwrap().to_le_bytes();
    let mut slots = [b"RpmP".as_slice(), &le(0), &le(1), &le(1), &le(headers.len() + 1), &[0; 12]].concat();
    let mut blobs = Vec::new();
    for (number, header) in headers.iter().enumerate() {
        let blocks = (header.len() + 16 + 12).div_ceil(16);
        slots.extend([b"Slot".as_slice(), &le(number + 1), &le((4096 + blobs.len()) / 16), &le(blocks)].concat());
        let mut blob = [b"BlbS".as_slice(), &le(number + 1), &le(0), &le(header.len()), header].concat();
        blob.resize(blocks * 16 - 12, 0);
        blob.extend([le(0), le(header.len()), *b"BlbE"].concat());
        blobs.extend(blob);
    }
    while slots.len() < 4096 {
        slots.extend([b"Slot".as_slice(), &[0; 12]].concat());
    }
    [slots, blobs].concat()
}

#[test]
fn rpms_own_database_is_read() {
    let database = made_ndb(&[made_package("bash"), made_package("gpg-pubkey"), made_package("zlib")]);
    let (packages, outcome) = found(|collected| ndb::read(&database, collected));
    outcome.unwrap();
    let names: Vec<_> = packages.iter().map(|p| format!("{} {} {}", p.name, p.version, p.architecture)).collect();
    assert_eq!(names, ["bash 7:1.2-3 x86_64", "zlib 7:1.2-3 x86_64"], "keys are no packages");
}

#[test]
fn packages_before_the_damage_are_kept() {
    let mut database = made_ndb(&[made_package("bash"), made_package("zlib")]);
    // the second slot points past the end
    database[32 + 16 + 8..][..4].copy_from_slice(&u32::MAX.to_le_bytes());
    let (packages, outcome) = found(|collected| ndb::read(&database, collected));
    assert_eq!(packages.len(), 1);
    assert!(matches!(outcome, Err(Error::Corrupt(_))), "{outcome:?}");
}

#[test]
fn counts_are_believed_only_as_far_as_the_file_goes() {
    let mut database = made_ndb(&[made_package("bash")]);
    database[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
    found(|collected| ndb::read(&database, collected)).1.unwrap_err();

    let budget = Budget::new(Limits::default());
    for counts in [[u32::MAX, 0], [0, u32::MAX], [u32::MAX, u32::MAX], [1, 0]] {
        let header = counts.map(u32::to_be_bytes).concat();
        header::package(&header, &budget).unwrap_err();
    }
}

#[test]
fn a_header_whose_texts_lie_outside_is_refused() {
    let budget = Budget::new(Limits::default());
    let mut header = made_header(&[(1000, 6, b"bash\0")]);
    header[8 + 8..][..4].copy_from_slice(&100_u32.to_be_bytes());
    header::package(&header, &budget).unwrap_err();
    let unended = made_header(&[(1000, 6, b"bash")]);
    header::package(&unended, &budget).unwrap_err();
    let nameless = made_header(&[(1001, 6, b"1\0")]);
    assert_eq!(header::package(&nameless, &budget).unwrap(), None);
    found(|collected| add(&nameless, collected)).1.unwrap_err();
}

/// A page of a tree of SQLite's whose children are all the page itself.
#[test]
fn a_tree_that_contains_itself_ends() {
    let mut database = unpacked("rpmdb-live.sqlite.zst");
    // page 1 holds the schema: make it an inner page with children 1, 1, 1 …
    let page = &mut database[100..1024];
    page.fill(0);
    page[0] = 5;
    page[3..5].copy_from_slice(&100_u16.to_be_bytes());
    page[8..12].copy_from_slice(&1_u32.to_be_bytes());
    for cell in 0..100 {
        page[12 + 2 * cell..][..2].copy_from_slice(&500_u16.to_be_bytes());
    }
    database[500..504].copy_from_slice(&1_u32.to_be_bytes());
    let (_, outcome) = found(|collected| sqlite::read(&database, None, collected));
    assert!(matches!(outcome, Err(Error::Corrupt(_))), "{outcome:?}");
}

/// Chains of Berkeley DB's pages that lead back to their beginning, of values that claim to be long.
#[test]
fn a_chain_that_contains_itself_ends() {
    let mut database = unpacked("Packages.zst");
    for page in database.chunks_exact_mut(4096).skip(1) {
        let place =
            |page: &[u8], item: usize| usize::from(u16::from_le_bytes([page[26 + 2 * item], page[27 + 2 * item]]));
        if page[25] == 7 {
            page.copy_within(8..12, 16);
        } else if page[25] == 13 {
            for item in 0..usize::from(u16::from_le_bytes([page[20], page[21]])) {
                let at = place(page, item);
                if page[at] == 3 {
                    page[at + 8..][..4].copy_from_slice(&(20_u32 << 20).to_le_bytes());
                }
            }
        }
    }
    let (_, outcome) = found(|collected| bdb::read(&database, collected));
    assert!(matches!(outcome, Err(Error::Corrupt(_))), "{outcome:?}");
}

/// Runs a reader over a database with some bytes changed, and a database cut short.
fn damage(
    database: &[u8],
    changes: &[(Index, u8)],
    cut: Option<Index>,
    read: impl FnOnce(&dyn Bytes, &mut Collected<'_>),
) {
    let mut database = database.to_vec();
    for (place, byte) in changes {
        let place = place.index(database.len());
        database[place] = *byte;
    }
    if let Some(cut) = cut {
        database.truncate(cut.index(database.len()));
    }
    let budget = Budget::new(Limits { steps: 200_000, ..Limits::default() });
    read(&database, &mut Collected::new(&budget));
}

fn changes() -> impl Strategy<Value = Vec<(Index, u8)>> {
    prop::collection::vec(any::<(Index, u8)>(), 1..64)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_databases_do_no_harm(changes in changes(), cut in any::<Option<Index>>(), log_changes in changes()) {
        let mut log = unpacked("rpmdb-live.sqlite-wal.zst");
        for (place, byte) in &log_changes[1..] {
            let place = place.index(log.len());
            log[place] = *byte;
        }
        damage(&unpacked("rpmdb-live.sqlite.zst"), &changes, cut, |bytes, collected| {
            let _ = sqlite::read(bytes, Some(&log), collected);
        });
        damage(&unpacked("Packages.zst"), &changes, cut, |bytes, collected| {
            let _ = bdb::read(bytes, collected);
        });
        damage(&made_ndb(&[made_package("a"), made_package("b")]), &changes, cut, |bytes, collected| {
            let _ = ndb::read(bytes, collected);
        });
    }

    #[test]
    fn damaged_headers_do_no_harm(changes in changes(), cut in any::<Option<Index>>()) {
        damage(&made_package("a"), &changes[..1 + changes.len() / 8], cut, |bytes, collected| {
            let mut header = vec![0; usize::try_from(bytes.size_bytes()).unwrap()];
            bytes.read_at(0, &mut header).unwrap();
            let _ = add(&header, collected);
        });
    }
}
