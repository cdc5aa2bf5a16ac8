//! What numbered pages with exact totals cost in the catalogue alone, at N images of which one account has a tenth:
//! `cargo bench -p imprint-catalogue --bench pages -- 1000000`, with `IMPRINT_BENCH_URL` for another engine than SQLite.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench talks to whoever runs it")]

mod support;

use std::sync::Arc;
use std::time::Instant;

use imprint_catalogue::{Catalogue, Error, Settings, images, members};
use imprint_model::{
    Architecture, Direction, FactKey, Facts, Filter, Image, ImageId, ImageQuery, Member, MemberStatus, OsType, Page,
    ProjectId, Reach, SharedWith, SortKey, Status, Timestamp, Visibility,
};
use support::{ROUNDS, cpu_time, measure};

const ACCOUNTS: usize = 10;
const BATCH: usize = 1000;
const CALLERS: usize = 16;

fn main() {
    let count = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(100_000);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on a real disk");
    let url =
        std::env::var("IMPRINT_BENCH_URL").unwrap_or_else(|_| format!("sqlite:{}/imprint.db", folder.path().display()));
    let catalogue = Catalogue::open(&Settings { url, ..Settings::default() }).expect("opens");
    let began = Instant::now();
    fill(&catalogue, count);
    println!("{} with {count} images, filled in {:.1?}", catalogue.engine_name(), began.elapsed());
    pages(&catalogue);
    changes(&catalogue, count);
    concurrent(&catalogue);
    nonces(&catalogue);
}

fn account(number: usize) -> ProjectId {
    ProjectId(format!("{number:032x}"))
}

/// One in 1000 public, one in 100 shared; nine of ten in the first region; one in 20 not usable, one in 30 hidden.
fn image(number: usize) -> Image {
    let at = Timestamp(1_700_000_000_000_000 + number as i64 * 1_000_000);
    let own = number / ACCOUNTS;
    let region = if own.is_multiple_of(10) { "far" } else { "near" };
    let blank = Image::blank(ImageId::random(), account(number % ACCOUNTS), region.to_owned(), at);
    Image {
        name: Some(format!("image-{:07}", number * 7919 % 1_000_003)),
        status: if own.is_multiple_of(20) { Status::Failed } else { Status::Available },
        visibility: match own % 1000 {
            0 => Visibility::Public,
            1..11 => Visibility::Shared,
            _ => Visibility::Private,
        },
        hidden: own.is_multiple_of(30),
        facts: Facts {
            description: Some(format!("the image of number {number}")),
            family: own.is_multiple_of(7).then(|| format!("family-{}", own % 49)),
            architecture: Some(if own.is_multiple_of(11) { Architecture::Arm64 } else { Architecture::X86_64 }),
            os_type: Some(if own.is_multiple_of(13) { OsType::Windows } else { OsType::Linux }),
            platform: Some(["Debian", "Ubuntu", "CentOS"][own % 3].to_owned()),
            resource_group: own.is_multiple_of(17).then(|| "rg-bench".to_owned()),
            ..Facts::default()
        },
        tags: [format!("team={}", own % 50), format!("stage={}", ["test", "prod"][own % 2])].into(),
        ..blank
    }
}

fn fill(catalogue: &Catalogue, count: usize) {
    for first in (0..count).step_by(BATCH) {
        let some: Vec<Image> = (first..count.min(first + BATCH)).map(image).collect();
        let add = move |tx: &mut imprint_catalogue::Tx<'_>| {
            for (number, image) in some.iter().enumerate() {
                images::insert(tx, image)?;
                if image.visibility == Visibility::Shared {
                    members::insert(tx, &member(image, account(((first + number) * 31 + 1) % ACCOUNTS)))?;
                }
            }
            Ok::<_, Error>(())
        };
        catalogue.write_blocking(add).expect("filled");
    }
}

fn member(image: &Image, project: ProjectId) -> Member {
    let Image { id, created_at, .. } = *image;
    Member { image: id, project, status: MemberStatus::Accepted, created_at, updated_at: created_at }
}

/// What an account sees of a region: its own, public ones and those that others share with it.
fn seen(filters: Vec<Filter>, number: u32, size: u32) -> ImageQuery {
    let me = account(7);
    let shared = Some(SharedWith { project: me.clone(), statuses: vec![MemberStatus::Accepted] });
    let reach = Reach { everything: false, own: Some(me), public: true, community: false, shared };
    let region = Filter::Region("near".to_owned());
    let sort = vec![(SortKey::CreatedAt, Direction::Descending)];
    ImageQuery { reach, filters: [vec![region], filters].concat(), sort, page: Page::Numbered { number, size } }
}

fn usable() -> Filter {
    Filter::States(vec![(Status::Available, Some(false))])
}

fn fact(key: FactKey, value: &str) -> Filter {
    Filter::Fact(key, value.to_owned())
}

fn pages(catalogue: &Catalogue) {
    let list = |name: &str, query: ImageQuery| {
        let first = catalogue.read_blocking(|tx| images::list(tx, &query)).map_err(|error: Error| error);
        let Some(total) = first.expect("a page").total else { return };
        measure(&format!("list {name} ({total})"), |_| {
            let listing = catalogue.read_blocking(|tx| images::list(tx, &query)).expect("a page");
            assert_eq!(listing.total, Some(total));
        });
    };
    let also = |filter: Filter| seen(vec![usable(), filter], 1, 10);
    let tag = |text: &str| Filter::Tag(text.to_owned());
    list("10", seen(vec![usable()], 1, 10));
    list("100", seen(vec![usable()], 1, 100));
    list("page 100 of 10", seen(vec![usable()], 100, 10));
    list("10 in any state", seen(vec![], 1, 10));
    list("10 failed", seen(vec![Filter::Statuses(vec![Status::Failed])], 1, 10));
    list("10 own", also(Filter::Owner(account(7))));
    list("10 of others", also(Filter::NotOwner(account(7))));
    list("10 public", also(Filter::Visibility(Visibility::Public)));
    list("10 for arm", also(fact(FactKey::Architecture, "arm64")));
    list("10 for linux", also(fact(FactKey::OsType, "linux")));
    list("10 of a group", also(Filter::ResourceGroups(vec![Some("rg-bench".to_owned())])));
    list("10 of a family", also(fact(FactKey::Family, "family-7")));
    list("10 with a tag", also(tag("team=3")));
    list("10 with a common tag", also(tag("stage=prod")));
    list("10 with a key", also(Filter::TagKey("team".to_owned())));
    list("10 with two tags", seen(vec![usable(), tag("team=3"), tag("stage=prod")], 1, 10));
    list("10 of one platform", also(fact(FactKey::Platform, "Debian")));
    list("10 by name", also(Filter::Names(vec!["image-0000007".to_owned()])));
    list("10 by prefix", also(Filter::NameLike("image-00000*".to_owned())));
    list("10 by part of a name", also(Filter::NameLike("*0000*".to_owned())));
    list("10 used", also(Filter::UsedByInstance(true)));
}

fn changes(catalogue: &Catalogue, count: usize) {
    let mut made: Vec<Image> = (0..ROUNDS).map(|round| image(count + round)).collect();
    for image in &mut made {
        image.status = Status::Importing;
    }
    measure("create", |round| {
        let image = made[round].clone();
        write(catalogue, move |tx| images::insert(tx, &image));
    });
    measure("become usable", |round| {
        made[round].status = Status::Available;
        let image = made[round].clone();
        write(catalogue, move |tx| images::update(tx, &image));
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
fn concurrent(catalogue: &Catalogue) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let (cpu, began) = (cpu_time(), Instant::now());
    let query = Arc::new(seen(vec![usable()], 1, 10));
    runtime.block_on(async {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let (catalogue, query) = (catalogue.clone(), Arc::clone(&query));
                tokio::spawn(async move {
                    for _ in 0..ROUNDS {
                        let query = Arc::clone(&query);
                        let listed = catalogue.read(move |tx| images::list(tx, &query)).await;
                        listed.map_err(|error: Error| error).expect("a page");
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.expect("a caller ends");
        }
    });
    tell("page of 10", cpu, began);
}

fn nonces(catalogue: &Catalogue) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let (cpu, began) = (cpu_time(), Instant::now());
    runtime.block_on(async {
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let catalogue = catalogue.clone();
                tokio::spawn(async move {
                    for round in 0..ROUNDS {
                        let digest = *blake3::hash(&(caller * ROUNDS + round).to_le_bytes()).as_bytes();
                        assert!(catalogue.claim_nonce(digest, Timestamp(1), Timestamp(9)).await.expect("an answer"));
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.expect("a caller ends");
        }
    });
    tell("claim a number", cpu, began);
}

fn tell(name: &str, cpu: std::time::Duration, began: Instant) {
    let (calls, took) = (CALLERS * ROUNDS, began.elapsed());
    println!(
        "{CALLERS} callers, {name}: {:.0} calls/s, {:.1} µs CPU each",
        calls as f64 / took.as_secs_f64(),
        (cpu_time() - cpu).as_secs_f64() * 1e6 / calls as f64
    );
}
