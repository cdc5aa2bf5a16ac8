//! Lists as one would write them without a database: look at everything, sort, cut. And random questions to ask.

use std::cmp::Ordering;

use imprint_model::{
    Architecture, BootMode, ContainerFormat, Direction, DiskFormat, DiskKind, FactKey, Facts, Filter, Image, ImageDisk,
    ImageId, ImageQuery, Instance, Member, MemberStatus, Number, OsType, Page, ProjectId, Reach, SharedWith,
    SnapshotId, SortKey, Status, TimeOp, Timestamp, Visibility, split_tag,
};
use rand::prelude::*;

use crate::support::{content, image};

pub(crate) const PROJECTS: [&str; 4] = ["p0", "p1", "p2", "p3"];
const NAMES: [Option<&str>; 10] = [
    None,
    Some(""),
    Some("a"),
    Some("B"),
    Some("é"),
    Some("ab"),
    Some("a_b"),
    Some("aXb"),
    Some("x\\%"),
    Some("\u{10ffff}*"),
];
const TAGS: [&str; 5] = ["t0", "t1", "k=v0", "k=v1", "t1=v0"];
const REGIONS: [&str; 2] = ["r0", "r1"];
const FAMILIES: [&str; 2] = ["f0", "f1"];
const GROUPS: [&str; 2] = ["g0", "g1"];
const DESCRIPTIONS: [&str; 4] = [r#"says "platform":"x" \"nvme\":"#, "5% *_\\ ☃", "5", "\"nvme\":true"];
const FACTS: [&str; 10] = ["tru", "bios", "Debian", "true", "false", "g0", "5% *_\\ ☃", "5", "5*", "\"nvme\":true"];
const PATTERNS: [&str; 10] = ["*", "a", "a*", "*b", "A*", "a_b", "*%*", "é*", "x*\\*", "a*b*"];

/// Everything there is.
pub(crate) struct World {
    pub(crate) images: Vec<Image>,
    pub(crate) members: Vec<Member>,
    pub(crate) instances: Vec<Instance>,
}

fn pick<T: Copy>(rng: &mut StdRng, from: &[T]) -> T {
    *from.choose(rng).expect("there is something to pick from")
}

fn maybe<T>(rng: &mut StdRng, share: f64, value: impl FnOnce(&mut StdRng) -> T) -> Option<T> {
    rng.random_bool(share).then(|| value(rng))
}

impl World {
    pub(crate) fn random(rng: &mut StdRng, images: usize) -> Self {
        let images: Vec<Image> = (0..images).map(|_| random_image(rng)).collect();
        let mut members = Vec::new();
        for image in &images {
            for project in PROJECTS.into_iter().filter(|_| rng.random_bool(0.3)).collect::<Vec<_>>() {
                let status = pick(rng, MemberStatus::ALL);
                let (created_at, updated_at) = (image.created_at, image.updated_at);
                members.push(Member { image: image.id, project: project.into(), status, created_at, updated_at });
            }
        }
        let machine = |rng: &mut StdRng| {
            let image = images.choose(rng).expect("there are images");
            crate::support::instance("anybody", image.id, image.created_at.0)
        };
        let instances = (0..images.len() / 4).map(|_| machine(rng)).collect();
        Self { images, members, instances }
    }

    fn offered(&self, image: &Image, shared: &SharedWith) -> bool {
        self.members.iter().any(|member| {
            member.image == image.id && member.project == shared.project && shared.statuses.contains(&member.status)
        })
    }

    fn reached(&self, image: &Image, reach: &Reach) -> bool {
        let own = reach.own.as_ref() == Some(&image.owner);
        own || match image.visibility {
            Visibility::Community => reach.community,
            Visibility::Public => reach.everything || reach.public,
            Visibility::Private => reach.everything,
            Visibility::Shared => {
                reach.everything || reach.shared.as_ref().is_some_and(|shared| self.offered(image, shared))
            }
        }
    }

    fn meets(&self, image: &Image, filter: &Filter) -> bool {
        match filter {
            Filter::UsedByInstance(used) => self.instances.iter().any(|instance| instance.image == image.id) == *used,
            Filter::Given(given) => {
                let has_members = self.members.iter().any(|member| member.image == image.id);
                (image.visibility == Visibility::Shared && has_members) == *given
            }
            Filter::Any(filters) => filters.iter().any(|filter| self.meets(image, filter)),
            Filter::All(filters) => filters.iter().all(|filter| self.meets(image, filter)),
            Filter::Not(filter) => !self.meets(image, filter),
            other => meets(image, other),
        }
    }

    /// All images of a list, in order, whatever the page.
    pub(crate) fn list(&self, query: &ImageQuery) -> Vec<ImageId> {
        let mut found: Vec<&Image> = self
            .images
            .iter()
            .filter(|image| {
                self.reached(image, &query.reach) && query.filters.iter().all(|filter| self.meets(image, filter))
            })
            .collect();
        let last = query.sort.last().map_or(Direction::Descending, |&(_, direction)| direction);
        let ties = [(SortKey::CreatedAt, last), (SortKey::Id, last)];
        found.sort_by(|a, b| {
            query.sort.iter().chain(&ties).fold(Ordering::Equal, |order, &(key, direction)| {
                let step = if direction == Direction::Ascending { compare(a, b, key) } else { compare(b, a, key) };
                order.then(step)
            })
        });
        found.into_iter().map(|image| image.id).collect()
    }
}

fn compare(a: &Image, b: &Image, key: SortKey) -> Ordering {
    let word = |format: Option<&'static str>| format.unwrap_or("");
    match key {
        SortKey::CreatedAt => a.created_at.cmp(&b.created_at),
        SortKey::UpdatedAt => a.updated_at.cmp(&b.updated_at),
        SortKey::Name => a.name.as_deref().unwrap_or("").cmp(b.name.as_deref().unwrap_or("")),
        SortKey::Status => a.status.as_str().cmp(b.status.as_str()),
        SortKey::DiskFormat => {
            word(a.disk_format.map(DiskFormat::as_str)).cmp(word(b.disk_format.map(DiskFormat::as_str)))
        }
        SortKey::ContainerFormat => word(a.container_format.map(ContainerFormat::as_str))
            .cmp(word(b.container_format.map(ContainerFormat::as_str))),
        SortKey::Size => a.size_bytes().cmp(&b.size_bytes()),
        SortKey::Id => a.id.to_string().cmp(&b.id.to_string()),
    }
}

fn meets(image: &Image, filter: &Filter) -> bool {
    let content = image.content.as_ref();
    let hash = content.and_then(|content| content.hash.as_ref());
    match filter {
        Filter::Ids(ids) => ids.contains(&image.id),
        Filter::Names(names) => image.name.as_ref().is_some_and(|name| names.contains(name)),
        Filter::Statuses(statuses) => statuses.contains(&image.status),
        Filter::DiskFormats(formats) => image.disk_format.is_some_and(|format| formats.contains(&format)),
        Filter::ContainerFormats(formats) => image.container_format.is_some_and(|format| formats.contains(&format)),
        Filter::Visibility(visibility) => image.visibility == *visibility,
        Filter::Owner(owner) => image.owner == *owner,
        Filter::Hidden(hidden) => image.hidden == *hidden,
        Filter::Protected(protected) => image.protected == *protected,
        Filter::Tag(tag) => image.tags.contains(tag),
        Filter::TagKey(key) => image.tags.iter().any(|tag| split_tag(tag).0 == key),
        Filter::Fact(key, value) => image.facts.text(*key) == Some(value),
        Filter::FactAmong(key, values) => values.contains(&image.facts.text(*key).map(str::to_owned)),
        Filter::ResourceGroups(groups) => groups.contains(&image.facts.resource_group),
        Filter::NameLike(pattern) => image.name.as_ref().is_some_and(|name| matches(name, pattern)),
        Filter::Region(region) => image.region == *region,
        Filter::NotOwner(owner) => image.owner != *owner,
        Filter::States(states) => states
            .iter()
            .any(|(status, hidden)| image.status == *status && hidden.is_none_or(|hidden| hidden == image.hidden)),
        Filter::Visibilities(all) => all.contains(&image.visibility),
        Filter::Snapshot(snapshot) => image.disks.iter().any(|disk| disk.snapshot == Some(*snapshot)),
        Filter::FirstDisk(kind) => image.disks.first().is_some_and(|disk| disk.kind == *kind),
        Filter::Tagged(tagged) => image.tags.is_empty() != *tagged,
        Filter::UsedByInstance(_) | Filter::Given(_) | Filter::Any(_) | Filter::All(_) | Filter::Not(_) => {
            unreachable!("the world knows")
        }
        Filter::Property(name, value) => image.properties.get(name) == Some(&Some(value.clone())),
        Filter::Md5(value) => content.is_some_and(|content| content.md5.as_ref() == Some(value)),
        Filter::HashAlgorithm(value) => hash.is_some_and(|hash| hash.algorithm == *value),
        Filter::HashValue(value) => hash.is_some_and(|hash| hash.value == *value),
        Filter::Between(number, least, most) => {
            let value = match number {
                Number::SizeBytes => image.size_bytes(),
                Number::VirtualSizeBytes => content.and_then(|content| content.virtual_size_bytes),
                Number::MinDiskGib => Some(image.min_disk_gib.into()),
                Number::MinRamMib => Some(image.min_ram_mib.into()),
            };
            value.is_some_and(|value| least.is_none_or(|least| value >= least) && most.is_none_or(|most| value <= most))
        }
        Filter::CreatedAt(op, time) => compared(image.created_at, *op, *time),
        Filter::UpdatedAt(op, time) => compared(image.updated_at, *op, *time),
    }
}

/// Character by character, whatever the cost.
pub(crate) fn matches(name: &str, pattern: &str) -> bool {
    match pattern.chars().next() {
        None => name.is_empty(),
        Some('*') => {
            (0..=name.len()).filter(|&at| name.is_char_boundary(at)).any(|at| matches(&name[at..], &pattern[1..]))
        }
        Some(character) => {
            name.strip_prefix(character).is_some_and(|rest| matches(rest, &pattern[character.len_utf8()..]))
        }
    }
}

/// Snapshots that disks of images come from.
fn snapshot(number: u128) -> SnapshotId {
    SnapshotId(uuid::Uuid::from_u128(number))
}

fn random_facts(rng: &mut StdRng) -> Facts {
    Facts {
        description: maybe(rng, 0.5, |rng| pick(rng, &DESCRIPTIONS).to_owned()),
        family: maybe(rng, 0.4, |rng| pick(rng, &FAMILIES).to_owned()),
        architecture: maybe(rng, 0.7, |rng| pick(rng, &[Architecture::X86_64, Architecture::Arm64])),
        boot_mode: maybe(rng, 0.3, |rng| pick(rng, BootMode::ALL)),
        os_type: maybe(rng, 0.7, |rng| pick(rng, OsType::ALL)),
        platform: maybe(rng, 0.3, |_| "Debian".to_owned()),
        nvme: maybe(rng, 0.4, |rng| rng.random_bool(0.5)),
        resource_group: maybe(rng, 0.4, |rng| pick(rng, &GROUPS).to_owned()),
        ..Facts::default()
    }
}

fn random_disks(rng: &mut StdRng) -> Vec<ImageDisk> {
    (0..rng.random_range(0..3_u8))
        .map(|place| ImageDisk {
            kind: DiskKind::Data,
            letter: char::from(b'a' + place),
            size_gib: 20,
            snapshot: maybe(rng, 0.5, |rng| snapshot(rng.random_range(0..4))),
            imported_from: None,
        })
        .collect()
}

fn compared(a: Timestamp, op: TimeOp, b: Timestamp) -> bool {
    match op {
        TimeOp::Gt => a > b,
        TimeOp::Gte => a >= b,
        TimeOp::Lt => a < b,
        TimeOp::Lte => a <= b,
        TimeOp::Eq => a.whole_seconds() == b.whole_seconds(),
        TimeOp::Neq => a.whole_seconds() != b.whole_seconds(),
    }
}

/// Few different values in every field, so that conditions meet and ties are many.
pub(crate) fn random_image(rng: &mut StdRng) -> Image {
    let at = random_time(rng);
    Image {
        name: pick(rng, &NAMES).map(str::to_owned),
        status: pick(rng, &Status::ALL),
        visibility: pick(rng, Visibility::ALL),
        hidden: rng.random_bool(0.2),
        protected: rng.random_bool(0.3),
        disk_format: maybe(rng, 0.7, |rng| pick(rng, &[DiskFormat::Raw, DiskFormat::Qcow2])),
        container_format: maybe(rng, 0.7, |rng| pick(rng, &[ContainerFormat::Bare, ContainerFormat::Ovf])),
        min_disk_gib: rng.random_range(0..4),
        min_ram_mib: rng.random_range(0..4),
        content: maybe(rng, 0.6, |rng| content(rng.random_range(0..5), rng.random_range(0..4))),
        staged: maybe(rng, 0.2, |rng| content(rng.random_range(0..5), rng.random_range(0..4))),
        tags: TAGS.into_iter().filter(|_| rng.random_bool(0.4)).map(str::to_owned).collect(),
        properties: [("k0", "v0"), ("k0", "v1"), ("k1", "v0")]
            .into_iter()
            .filter(|_| rng.random_bool(0.5))
            .map(|(name, value)| (name.to_owned(), Some(value.to_owned())))
            .chain([("empty".to_owned(), None)])
            .collect(),
        updated_at: random_time(rng),
        region: pick(rng, &REGIONS).to_owned(),
        facts: random_facts(rng),
        disks: random_disks(rng),
        ..image(pick(rng, &PROJECTS), at.0)
    }
}

/// Within a few seconds, often equal.
fn random_time(rng: &mut StdRng) -> Timestamp {
    Timestamp(rng.random_range(0..4) * 1_000_000 + rng.random_range(0..2) * 400_000)
}

pub(crate) fn random_query(rng: &mut StdRng, world: &World) -> ImageQuery {
    let project = ProjectId::from(pick(rng, &PROJECTS));
    let reach = Reach {
        everything: rng.random_bool(0.2),
        own: maybe(rng, 0.8, |_| project.clone()),
        public: rng.random_bool(0.8),
        community: rng.random_bool(0.3),
        shared: maybe(rng, 0.7, |rng| SharedWith {
            project: project.clone(),
            statuses: MemberStatus::ALL.iter().copied().filter(|_| rng.random_bool(0.6)).collect(),
        }),
    };
    // A few of every kind, or those that are counted.
    let kind = if rng.random_bool(0.5) { random_filter } else { counted_filter };
    let filters = (0..rng.random_range(0..5)).map(|_| kind(rng, world)).collect();
    let sort = (0..rng.random_range(0..4))
        .map(|_| (pick(rng, SortKey::ALL), pick(rng, &[Direction::Ascending, Direction::Descending])))
        .collect();
    ImageQuery { reach, filters, sort, page: Page::After { after: None, limit: 0 } }
}

/// The conditions whose totals are kept.
fn counted_filter(rng: &mut StdRng, _: &World) -> Filter {
    let state = |rng: &mut StdRng| (pick(rng, &Status::ALL), maybe(rng, 0.5, |rng| rng.random_bool(0.3)));
    match rng.random_range(0..13) {
        0 | 1 => Filter::Region(pick(rng, &REGIONS).to_owned()),
        2 => Filter::Statuses((0..rng.random_range(1..6)).map(|_| pick(rng, &Status::ALL)).collect()),
        3 => Filter::States((0..rng.random_range(0..9)).map(|_| state(rng)).collect()),
        4 => Filter::Hidden(rng.random_bool(0.2)),
        5 => Filter::Visibilities((0..rng.random_range(0..4)).map(|_| pick(rng, Visibility::ALL)).collect()),
        6 => Filter::NotOwner(pick(rng, &PROJECTS).into()),
        7 => Filter::Tag(pick(rng, &TAGS).to_owned()),
        8 => Filter::TagKey(pick(rng, &["k", "t1", "t9"]).to_owned()),
        9 => Filter::Fact(FactKey::Family, pick(rng, &FAMILIES).to_owned()),
        10 => {
            let groups = [None, Some("g0".to_owned()), Some("g1".to_owned()), Some(String::new())];
            Filter::ResourceGroups(groups.into_iter().filter(|_| rng.random_bool(0.5)).collect())
        }
        11 => {
            let key = pick(rng, &[FactKey::Architecture, FactKey::OsType, FactKey::ResourceGroup]);
            let words = ["x86_64", "arm64", "linux", "windows", "g0", "nonsense"];
            let values = words.into_iter().map(|word| Some(word.to_owned())).chain([None]);
            Filter::FactAmong(key, values.filter(|_| rng.random_bool(0.6)).collect())
        }
        _ => Filter::Fact(FactKey::Architecture, pick(rng, &["x86_64", "arm64", ""]).to_owned()),
    }
}

/// The others that came with facts, machines and snapshots.
fn newer_filter(rng: &mut StdRng) -> Filter {
    match rng.random_range(0..8) {
        0 => Filter::NameLike(pick(rng, &PATTERNS).to_owned()),
        1 => Filter::UsedByInstance(rng.random_bool(0.6)),
        2 => Filter::Snapshot(snapshot(rng.random_range(0..5))),
        3 => Filter::Fact(pick(rng, FactKey::ALL), pick(rng, &FACTS).to_owned()),
        4 => Filter::Given(rng.random_bool(0.4)),
        5 => Filter::Tagged(rng.random_bool(0.7)),
        6 => Filter::FirstDisk(pick(rng, DiskKind::ALL)),
        _ => {
            let key = pick(rng, &[FactKey::Platform, FactKey::BootMode, FactKey::Nvme, FactKey::Family]);
            let values = [None, Some("Debian"), Some("uefi"), Some("true"), Some("f0")];
            let some = values.into_iter().filter(|_| rng.random_bool(0.5));
            Filter::FactAmong(key, some.map(|value| value.map(str::to_owned)).collect())
        }
    }
}

fn random_filter(rng: &mut StdRng, world: &World) -> Filter {
    let some = |rng: &mut StdRng, most: usize| rng.random_range(0..=most);
    let op = pick(rng, &[TimeOp::Gt, TimeOp::Gte, TimeOp::Lt, TimeOp::Lte, TimeOp::Eq, TimeOp::Neq]);
    let few = |rng: &mut StdRng| (0..some(rng, 3)).map(|_| random_filter(rng, world)).collect();
    match rng.random_range(0..28) {
        17..20 => counted_filter(rng, world),
        20..25 => newer_filter(rng),
        25 => Filter::Any(few(rng)),
        26 => Filter::All(few(rng)),
        27.. => Filter::Not(Box::new(random_filter(rng, world))),
        0 => Filter::Ids(world.images.iter().filter(|_| rng.random_bool(0.3)).map(|image| image.id).collect()),
        1 => Filter::Names((0..some(rng, 3)).map(|_| pick(rng, &["", "a", "B", "é"]).to_owned()).collect()),
        2 => Filter::Statuses((0..some(rng, 5)).map(|_| pick(rng, &Status::ALL)).collect()),
        3 => Filter::DiskFormats((0..some(rng, 2)).map(|_| pick(rng, &[DiskFormat::Raw, DiskFormat::Iso])).collect()),
        4 => Filter::ContainerFormats((0..some(rng, 2)).map(|_| pick(rng, ContainerFormat::ALL)).collect()),
        5 => Filter::Visibility(pick(rng, Visibility::ALL)),
        6 => Filter::Owner(pick(rng, &PROJECTS).into()),
        7 => Filter::Hidden(rng.random_bool(0.2)),
        8 => Filter::Protected(rng.random_bool(0.5)),
        9 | 10 => Filter::Tag(pick(rng, &TAGS).to_owned()),
        11 => Filter::Property(pick(rng, &["k0", "k1", "empty"]).to_owned(), pick(rng, &["v0", "v1"]).to_owned()),
        12 => Filter::Md5(format!("{:032x}", rng.random_range(0..5))),
        13 => Filter::HashAlgorithm("sha512".to_owned()),
        14 => Filter::HashValue(format!("{:0128x}", rng.random_range(0..5))),
        15 => {
            let number =
                pick(rng, &[Number::SizeBytes, Number::VirtualSizeBytes, Number::MinDiskGib, Number::MinRamMib]);
            let least = maybe(rng, 0.6, |rng| rng.random_range(0..4));
            Filter::Between(number, least, maybe(rng, 0.6, |rng| rng.random_range(0..6)))
        }
        _ if rng.random_bool(0.5) => Filter::CreatedAt(op, random_time(rng)),
        _ => Filter::UpdatedAt(op, random_time(rng)),
    }
}
