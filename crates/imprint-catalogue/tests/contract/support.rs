//! A fresh catalogue for each test and engine, and records to put into it.

use std::sync::atomic::{AtomicU32, Ordering};

use imprint_catalogue::{Catalogue, Error, Settings, Tx};
use imprint_model::{
    Architecture, BootMode, Content, ContentHash, Image, ImageId, Instance, InstanceId, InstanceStatus, MapId,
    ProjectId, Timestamp, Visibility,
};

/// The server to make databases on; nothing where a developer has none.
fn server() -> Option<String> {
    match std::env::var("IMPRINT_TEST_POSTGRES") {
        Ok(server) => Some(server),
        // Where nobody reads what was left out, leaving it out would look like having passed.
        Err(why) if std::env::var_os("CI").is_some() => panic!("CI without IMPRINT_TEST_POSTGRES: {why}"),
        Err(_) => {
            note("SKIPPED on PostgreSQL: IMPRINT_TEST_POSTGRES is not set");
            None
        }
    }
}

/// Runs `test` on every engine that is to be had.
pub(crate) fn on_each_engine(test: impl Fn(&Catalogue)) {
    on_each_address(|settings| test(&Catalogue::open(settings).expect("a fresh catalogue opens")));
}

/// Runs `test` with the settings for a fresh database on every engine.
pub(crate) fn on_each_address(test: impl Fn(&Settings)) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    test(&settings(format!("sqlite:{}/imprint.db", folder.path().display())));
    if let Some(server) = server() {
        test(&settings(fresh_database(&server)));
    }
}

#[expect(clippy::print_stderr, reason = "whoever runs the tests shall see what was left out")]
fn note(text: &str) {
    eprintln!("{text}");
}

fn settings(url: String) -> Settings {
    Settings { url, sqlite_readers: 2, postgres_connections: 4, postgres_index_connections: 4 }
}

fn fresh_database(server: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("imprint_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let mut client = postgres::Client::connect(server, postgres::NoTls).expect("the test server answers");
    client.batch_execute(&format!("DROP DATABASE IF EXISTS {name}")).expect("the rest of an earlier run goes");
    client.batch_execute(&format!("CREATE DATABASE {name}")).expect("a fresh database");
    let (address, _) = server.rsplit_once('/').expect("the address names a database");
    format!("{address}/{name}")
}

/// [`Catalogue::write_blocking`] with the catalogue's own error.
pub(crate) fn write<T: Send + 'static>(
    catalogue: &Catalogue,
    work: impl FnMut(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    catalogue.write_blocking(work)
}

/// [`Catalogue::read_blocking`] with the catalogue's own error.
pub(crate) fn read<T>(catalogue: &Catalogue, work: impl FnMut(&mut Tx<'_>) -> Result<T, Error>) -> Result<T, Error> {
    catalogue.read_blocking(work)
}

/// A private image without anything, made at `at`.
pub(crate) fn image(owner: &str, at: i64) -> Image {
    let blank = Image::blank(ImageId::random(), ProjectId::from(owner), "r0".to_owned(), Timestamp(at));
    Image { visibility: Visibility::Private, ..blank }
}

/// A stopped machine without anything, made at `at`.
pub(crate) fn instance(owner: &str, image: ImageId, at: i64) -> Instance {
    Instance {
        id: InstanceId::random(),
        owner: ProjectId::from(owner),
        region: "r0".to_owned(),
        name: None,
        host_name: None,
        description: None,
        status: InstanceStatus::Stopped,
        class: "small".to_owned(),
        image,
        locked: None,
        protected: false,
        user_data: None,
        resource_group: None,
        tags: [].into(),
        created_at: Timestamp(at),
        started_at: None,
        ended_at: None,
        node: None,
        cpus: 1,
        memory_mib: 512,
        architecture: Architecture::X86_64,
        boot_mode: BootMode::Bios,
        nvme: false,
        stop_by: None,
        restart: false,
        failure: None,
    }
}

/// Complete bytes of this length, all named after `seed`.
pub(crate) fn content(seed: u8, size_bytes: u64) -> Content {
    Content {
        map: MapId([seed; 32]),
        size_bytes,
        virtual_size_bytes: seed.is_multiple_of(2).then_some(size_bytes * 2),
        md5: Some(format!("{seed:032x}")),
        hash: (!seed.is_multiple_of(3))
            .then(|| ContentHash { algorithm: "sha512".to_owned(), value: format!("{seed:0128x}") }),
    }
}
