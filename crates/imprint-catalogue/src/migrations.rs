//! The schema and how it came about: numbered scripts, applied in order at start. They are written for SQLite; the few
//! words that PostgreSQL spells differently are replaced here.

use crate::{Error, ErrorKind, Tx, images};

/// All scripts in order; a script's number is its place, from 1. Never change one that has been released: add one.
const METADATA: &[&str] = &[
    include_str!("../migrations/0001_catalogue.sql"),
    include_str!("../migrations/0002_identity.sql"),
    CHUNKS,
    include_str!("../migrations/0004_inventory.sql"),
    include_str!("../migrations/0005_content_facts.sql"),
    include_str!("../migrations/0006_machines.sql"),
    include_str!("../migrations/0007_nbd_names.sql"),
    include_str!("../migrations/0008_image_number.sql"),
    include_str!("../migrations/0009_instance_ended.sql"),
];

/// The scripts of SQLite's second file. (Its first has those tables too, and leaves them empty.)
const INDEX: &[&str] = &[CHUNKS];

const CHUNKS: &str = include_str!("../migrations/0003_chunks.sql");

/// The script that made numbers of images by kind; what is in them no script can work out.
const NUMBERS: usize = 4;

/// Brings the schema up to date inside `tx`.
pub(crate) fn apply(tx: &mut Tx<'_>) -> Result<(), Error> {
    let done = apply_scripts(tx, METADATA)?;
    if (1..NUMBERS).contains(&done) { images::label_and_count(tx) } else { Ok(()) }
}

/// The same for the file that holds the index of chunks alone.
pub(crate) fn apply_index(tx: &mut Tx<'_>) -> Result<(), Error> {
    apply_scripts(tx, INDEX).map(drop)
}

/// Returns how many scripts had been applied before.
fn apply_scripts(tx: &mut Tx<'_>, scripts: &[&str]) -> Result<usize, Error> {
    tx.batch("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")?;
    let row = tx.query_opt("SELECT version FROM schema_version", &[])?;
    let found = row.as_ref().map_or(Ok(0), |row| row.int(0))?;
    let known = i64::try_from(scripts.len()).expect("a handful of scripts");
    let done = usize::try_from(found).map_err(|_| Error::corrupt("the schema version is negative"))?;
    let missing = scripts
        .get(done..)
        .ok_or_else(|| Error::new(ErrorKind::NewerSchema { found, known }, "opening the catalogue"))?;
    for script in missing {
        tx.batch(&for_engine(script, tx.is_postgres()))?;
    }
    if row.is_none() {
        tx.execute("INSERT INTO schema_version (version) VALUES (?1)", &[known.into()])?;
    } else if !missing.is_empty() {
        tx.execute("UPDATE schema_version SET version = ?1", &[known.into()])?;
    }
    Ok(done)
}

/// Byte order for texts, so that both engines sort alike; bytes by their own name; tables clustered by their key are
/// SQLite's alone. Lines that begin with `-- postgres:` are a comment to SQLite; PostgreSQL does not get those that end
/// with `-- sqlite`.
fn for_engine(script: &str, postgres: bool) -> String {
    if !postgres {
        return script.to_owned();
    }
    let shared: Vec<&str> = script.lines().filter(|line| !line.ends_with(" -- sqlite")).collect();
    shared
        .join("\n")
        .replace(" TEXT", " TEXT COLLATE \"C\"")
        .replace(" BLOB", " BYTEA")
        .replace(" WITHOUT ROWID", "")
        .replace("-- postgres: ", "")
}

#[cfg(test)]
mod tests {
    use imprint_model::{
        Direction, Filter, Image, ImageId, ImageQuery, MemberStatus, Page, ProjectId, Reach, SharedWith, SortKey,
        Timestamp,
    };

    use super::*;
    use crate::label::of_tag;
    use crate::params;

    /// A catalogue as the third script left it, with two images, the first of them offered to another account.
    fn old_catalogue(connection: &rusqlite::Connection) -> [ImageId; 2] {
        let mut tx = Tx::on_sqlite(connection);
        apply_scripts(&mut tx, &METADATA[..NUMBERS - 1]).expect("the old schema");
        let ids = [r#"["a=b","a=c","t"]"#, "[]"].map(|tags| {
            let id = ImageId::random();
            let text = "INSERT INTO image (id, owner, name_sorted, status, visibility, hidden, protected, disk_format, \
                        container_format, min_disk_gib, min_ram_mib, size_bytes, tags, properties, created_at, \
                        updated_at) VALUES (?1, 'me', '', 'queued', 'shared', 0, 0, '', '', 0, 0, -1, ?2, '{}', 7, 7)";
            tx.execute(text, params![id, tags]).expect("an old image");
            id
        });
        let text = "INSERT INTO image_label (image_id, label, owner, visibility, hidden, created_at) \
                    VALUES (?1, ?2, 'me', 'shared', 0, 7)";
        tx.execute(text, params![ids[0], of_tag("t").as_slice()]).expect("an old label");
        let text = "INSERT INTO image_member (image_id, project, status, image_created_at, created_at, updated_at) \
                    VALUES (?1, 'you', 'accepted', 7, 7, 7)";
        tx.execute(text, params![ids[0]]).expect("an old member");
        ids
    }

    #[test]
    fn old_images_are_found_and_counted_after_the_upgrade() {
        let connection = rusqlite::Connection::open_in_memory().expect("a database");
        let ids = old_catalogue(&connection);
        let mut tx = Tx::on_sqlite(&connection);
        apply(&mut tx).expect("upgraded");
        apply(&mut tx).expect("and left alone from then on");
        let reach =
            Reach { everything: false, own: Some(ProjectId::from("me")), public: true, community: false, shared: None };
        let mut found = |filters: Vec<Filter>| {
            let page = Page::Numbered { number: 1, size: 10 };
            let sort = vec![(SortKey::Id, Direction::Ascending)];
            let listing =
                images::list(&mut tx, &ImageQuery { reach: reach.clone(), filters, sort, page }).expect("a list");
            assert_eq!(listing.total, Some(listing.images.len() as u64));
            listing.images.into_iter().map(|image| image.id).collect::<Vec<_>>()
        };
        assert_eq!(found(vec![]).len(), 2);
        assert_eq!(found(vec![Filter::TagKey("a".to_owned())]), [ids[0]]);
        assert_eq!(found(vec![Filter::Tag("t".to_owned())]), [ids[0]]);
        assert_eq!(found(vec![Filter::Region("home".to_owned())]), []);
        let shared = SharedWith { project: ProjectId::from("you"), statuses: vec![MemberStatus::Accepted] };
        let offered = Reach { own: None, public: false, shared: Some(shared), ..reach };
        let page = Page::After { after: None, limit: 10 };
        let listing = images::list(&mut tx, &ImageQuery { reach: offered, filters: vec![], sort: vec![], page });
        assert_eq!(listing.expect("a list").images.iter().map(|image| image.id).collect::<Vec<_>>(), [ids[0]]);
        assert_eq!(images::adopt_region(&mut Tx::on_sqlite(&connection), "home").expect("adopted"), 2);
        assert_eq!(images::adopt_region(&mut Tx::on_sqlite(&connection), "other").expect("nothing left"), 0);
        let mut tx = Tx::on_sqlite(&connection);
        let image: Image = images::get(&mut tx, ids[1]).expect("a read").expect("it is there");
        assert_eq!((image.region.as_str(), image.created_at), ("home", Timestamp(7)));
        assert_eq!(images::region_count(&mut tx, &ProjectId::from("me"), "home").expect("a number"), 2);
    }
}
