//! What a metadata call costs in the catalogue alone, at a catalogue of N images:
//! `cargo bench -p imprint-catalogue -- 100000`, with `IMPRINT_BENCH_URL` for another engine than SQLite.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench talks to whoever runs it")]

mod support;

use std::sync::Arc;
use std::time::Instant;

use imprint_catalogue::{Catalogue, Error, Settings, images, members};
use imprint_model::{
    Content, Direction, DiskFormat, Facts, Filter, Image, ImageId, ImageQuery, MapId, Member, MemberStatus, Page,
    ProjectId, Reach, SharedWith, SortKey, Status, Timestamp, Visibility,
};
use support::{ROUNDS, cpu_time, measure};

const PROJECTS: usize = 100;
const BATCH: usize = 1000;
const CALLERS: usize = 16;

fn main() {
    let count = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(100_000);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on a real disk");
    let url =
        std::env::var("IMPRINT_BENCH_URL").unwrap_or_else(|_| format!("sqlite:{}/imprint.db", folder.path().display()));
    let catalogue = Catalogue::open(&Settings { url, ..Settings::default() }).expect("opens");
    let began = Instant::now();
    let ids = fill(&catalogue, count);
    println!("{} with {count} images, filled in {:.1?}", catalogue.engine_name(), began.elapsed());
    reads(&catalogue, &ids);
    writes(&catalogue, &ids);
    concurrent(&catalogue, &ids);
}

fn project(number: usize) -> ProjectId {
    ProjectId(format!("{number:032x}"))
}

/// One in 20 public, one in 20 shared, one in 50 community; six properties; created a second after another.
fn image(number: usize) -> Image {
    let at = Timestamp(1_700_000_000_000_000 + number as i64 * 1_000_000);
    let text = |name: &str, value: String| (name.to_owned(), Some(value));
    Image {
        id: ImageId::random(),
        owner: project(number % PROJECTS),
        region: "local-1".to_owned(),
        name: Some(format!("image {:07}", number * 7919 % 1_000_003)),
        status: if number.is_multiple_of(10) { Status::Queued } else { Status::Available },
        visibility: match number % 100 {
            0..5 => Visibility::Public,
            5..10 => Visibility::Shared,
            10..12 => Visibility::Community,
            _ => Visibility::Private,
        },
        hidden: number.is_multiple_of(97),
        protected: false,
        disk_format: Some(DiskFormat::Qcow2),
        container_format: Some(imprint_model::ContainerFormat::Bare),
        min_disk_gib: 1,
        min_ram_mib: 64,
        content: Some(Content {
            map: MapId(*blake3::hash(&number.to_le_bytes()).as_bytes()),
            size_bytes: (number * 7919 % 1_000_003) as u64,
            virtual_size_bytes: Some(1 << 30),
            md5: Some(format!("{number:032x}")),
            hash: None,
        }),
        staged: None,
        writer: None,
        facts: Facts::default(),
        disks: Vec::new(),
        tags: [format!("tag{}", number % 20)].into(),
        properties: [
            text("os_distro", ["debian", "ubuntu", "fedora"][number % 3].to_owned()),
            text("os_version", (number % 30).to_string()),
            text("hw_disk_bus", "virtio".to_owned()),
            text("hw_firmware_type", "uefi".to_owned()),
            text("build", (number / 10).to_string()),
            text("note", format!("number {number}")),
        ]
        .into(),
        failure: None,
        created_at: at,
        updated_at: at,
    }
}

fn fill(catalogue: &Catalogue, count: usize) -> Vec<ImageId> {
    let mut ids = Vec::with_capacity(count);
    for first in (0..count).step_by(BATCH) {
        let some: Vec<Image> = (first..count.min(first + BATCH)).map(image).collect();
        ids.extend(some.iter().map(|image| image.id));
        let add = move |tx: &mut imprint_catalogue::Tx<'_>| {
            for (number, image) in some.iter().enumerate() {
                images::insert(tx, image)?;
                if image.visibility == Visibility::Shared {
                    members::insert(tx, &member(image, project((first + number) * 31 % PROJECTS)))?;
                }
            }
            Ok::<_, Error>(())
        };
        catalogue.write_blocking(add).expect("filled");
    }
    ids
}

fn member(image: &Image, project: ProjectId) -> Member {
    let Image { id, created_at, .. } = *image;
    Member { image: id, project, status: MemberStatus::Accepted, created_at, updated_at: created_at }
}

fn user(filters: Vec<Filter>, sort: &[SortKey], page: Page) -> ImageQuery {
    let me = project(37);
    let shared = Some(SharedWith { project: me.clone(), statuses: vec![MemberStatus::Accepted] });
    let reach = Reach { everything: false, own: Some(me), public: true, community: false, shared };
    let sort = sort.iter().map(|&key| (key, Direction::Ascending)).collect();
    ImageQuery { reach, filters: [vec![Filter::Hidden(false)], filters].concat(), sort, page }
}

fn reads(catalogue: &Catalogue, ids: &[ImageId]) {
    let twenty = || Page::After { after: None, limit: 20 };
    let me = project(37);
    let spread = |round: usize| ids[round * 7919 % ids.len()];
    measure("show", |round| {
        let found = catalogue.read_blocking(|tx| images::get_with_member(tx, spread(round), Some(&me)));
        assert!(found.map_err(|error: Error| error).expect("read").is_some());
    });
    let list = |name: &str, query: ImageQuery, least: usize| {
        measure(name, |_| {
            let listing = catalogue.read_blocking(|tx| images::list(tx, &query)).expect("a list");
            assert!(listing.images.len() >= least, "{name}: {}", listing.images.len());
        });
    };
    let property = |name: &str, value: &str| Filter::Property(name.to_owned(), value.to_owned());
    list("list-20", user(vec![], &[], twenty()), 20);
    let admin = ImageQuery {
        reach: Reach { everything: true, own: Some(me.clone()), public: true, community: false, shared: None },
        ..user(vec![], &[], twenty())
    };
    list("list-20 of everything", admin, 20);
    let first = user(vec![], &[], Page::After { after: None, limit: 500 });
    let first = catalogue.read_blocking(|tx| images::list(tx, &first)).expect("a page").images;
    let after = first.last().map(|image: &Image| image.id);
    list("list-20 after the 500th", user(vec![], &[], Page::After { after, limit: 20 }), 20);
    list(
        "list-20 by name",
        user(vec![Filter::Names(vec![first[7].name.clone().unwrap_or_default()])], &[], twenty()),
        1,
    );
    list("list-20 by status", user(vec![Filter::Statuses(vec![Status::Available])], &[], twenty()), 20);
    list("list-20 by common property", user(vec![property("os_distro", "debian")], &[], twenty()), 20);
    list("list-20 by rare property", user(vec![property("build", "3")], &[], twenty()), 1);
    list("list-20 by tag", user(vec![Filter::Tag("tag17".to_owned())], &[], twenty()), 20);
    list(
        "list-20 by two properties",
        user(vec![property("os_distro", "debian"), property("os_version", "12")], &[], twenty()),
        1,
    );
    list("list-20 by md5", user(vec![Filter::Md5(format!("{:032x}", 37))], &[], twenty()), 1);
    list("list-20 sorted by name", user(vec![], &[SortKey::Name], twenty()), 20);
    list("list-20 sorted by size", user(vec![], &[SortKey::Size], twenty()), 20);
    list("page 3 of 20 with total", user(vec![], &[], Page::Numbered { number: 3, size: 20 }), 20);
}

fn writes(catalogue: &Catalogue, ids: &[ImageId]) {
    let mut made: Vec<Image> = (0..ROUNDS).map(|round| image(ids.len() + round)).collect();
    measure("create", |round| {
        let image = made[round].clone();
        write(catalogue, move |tx| images::insert(tx, &image));
    });
    measure("update", |round| {
        made[round].updated_at.0 += 1;
        made[round].properties.insert("note".to_owned(), Some("changed".to_owned()));
        let image = made[round].clone();
        write(catalogue, move |tx| {
            images::get(tx, image.id)?;
            images::update(tx, &image)
        });
    });
    measure("delete", |round| {
        let id = made[round].id;
        write(catalogue, move |tx| images::delete(tx, id, Timestamp(1)).map(drop));
    });
}

fn write(
    catalogue: &Catalogue,
    work: impl FnMut(&mut imprint_catalogue::Tx<'_>) -> Result<(), Error> + Send + 'static,
) {
    catalogue.write_blocking(work).expect("written");
}

/// The way of a served request: through the asynchronous door, several at once.
fn concurrent(catalogue: &Catalogue, ids: &[ImageId]) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let ids: Arc<[ImageId]> = ids.into();
    for kind in ["show", "list-20", "update"] {
        let (cpu, began) = (cpu_time(), Instant::now());
        runtime.block_on(async {
            let callers: Vec<_> = (0..CALLERS)
                .map(|caller| tokio::spawn(call(catalogue.clone(), Arc::clone(&ids), kind, caller)))
                .collect();
            for caller in callers {
                caller.await.expect("a caller ends");
            }
        });
        let (calls, took) = (CALLERS * ROUNDS, began.elapsed());
        println!(
            "{CALLERS} callers, {kind}: {:.0} calls/s, {:.1} µs CPU each",
            calls as f64 / took.as_secs_f64(),
            (cpu_time() - cpu).as_secs_f64() * 1e6 / calls as f64
        );
    }
}

async fn call(catalogue: Catalogue, ids: Arc<[ImageId]>, kind: &str, caller: usize) {
    let me = project(37);
    for round in 0..ROUNDS {
        let (id, me) = (ids[(round * CALLERS + caller) * 7919 % ids.len()], me.clone());
        let outcome: Result<(), Error> = match kind {
            "show" => catalogue.read(move |tx| images::get_with_member(tx, id, Some(&me)).map(drop)).await,
            "list-20" => {
                let query = user(vec![], &[], Page::After { after: None, limit: 20 });
                catalogue.read(move |tx| images::list(tx, &query).map(drop)).await
            }
            _ => {
                let work = move |tx: &mut imprint_catalogue::Tx<'_>| {
                    let Some(mut image) = images::get(tx, id)? else { return Ok(()) };
                    image.updated_at.0 += 1;
                    images::update(tx, &image)
                };
                catalogue.write(work).await
            }
        };
        outcome.expect("done");
    }
}
