//! The catalogue the metadata calls run against. Lives here: what image number N is,
//! and the ways to put all of them into a server. Never: measuring.

use super::http::Connection;
use super::identity::Tenants;
use super::peers::{Host, Peer};
use super::{Outcome, expect, mix, say};
use serde_json::json;
use std::fs;
use std::io::{BufWriter, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Every fifth image belongs to the project that asks; so it sees these and the public ones.
pub(super) const OWN_EVERY: u64 = 5;
pub(super) const SYSTEMS: [&str; 8] = ["debian", "ubuntu", "fedora", "rocky", "alma", "suse", "windows", "freebsd"];
pub(super) const TEAMS: u64 = 100;
const STAGES: [&str; 3] = ["nightly", "candidate", "release"];
const PUBLIC_EVERY: u64 = 20;
/// What every image of the catalogue holds where it is filled by the API.
const DATA: &str = "one small image";
/// 2024-01-01, the first image's date.
const EPOCH: &str = "timestamp '2024-01-01'";

/// Image number N of the catalogue.
pub(super) struct Image {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) owner: Owner,
    pub(super) visibility: &'static str,
    pub(super) tags: [String; 2],
    pub(super) properties: [(&'static str, String); 6],
    min_disk_gib: u64,
}

/// Whose image it is.
pub(super) enum Owner {
    Own,
    Other(u64),
}

/// An image's id: spread over the whole range, as random ids are.
pub(super) fn id(number: u64) -> String {
    let high = mix(number);
    format!("{:08x}-{:04x}-4{:03x}-8000-{number:012x}", high >> 32, high >> 16 & 0xffff, high & 0xfff)
}

pub(super) fn name(number: u64) -> String {
    format!("image-{number:07}")
}

pub(super) fn tag(team: u64) -> String {
    format!("team-{}", team % TEAMS)
}

pub(super) fn image(number: u64) -> Image {
    let draw = |salt: u64, of: u64| mix(mix(number) ^ salt) % of;
    let pick = |salt: u64, of: &[&str]| of[usize::try_from(draw(salt, of.len() as u64)).unwrap_or(0)].to_owned();
    let own = number.is_multiple_of(OWN_EVERY);
    Image {
        id: id(number),
        name: name(number),
        owner: if own { Owner::Own } else { Owner::Other(draw(1, 1 << 20)) },
        visibility: match number % PUBLIC_EVERY {
            1 => "public",
            2 => "community",
            _ if draw(2, 2) == 0 => "shared",
            _ => "private",
        },
        tags: [tag(draw(3, TEAMS)), pick(4, &STAGES)],
        properties: [
            ("os_distro", pick(5, &SYSTEMS)),
            ("os_version", (1 + draw(6, 30)).to_string()),
            ("architecture", pick(7, &["x86_64", "x86_64", "x86_64", "aarch64"])),
            ("hw_disk_bus", pick(8, &["virtio", "scsi"])),
            ("hw_firmware_type", pick(9, &["bios", "uefi"])),
            ("build", format!("{:016x}", draw(10, u64::MAX))),
        ],
        min_disk_gib: 1 + draw(11, 40),
    }
}

/// Brings an empty server to `count` images.
pub(super) fn fill(peer: &Peer, count: u64, connections: usize) -> Outcome<()> {
    let began = Instant::now();
    match &peer.host {
        Host::Glance(glance) => {
            for entry in fs::read_dir(&glance.store)? {
                fs::remove_file(entry?.path())?;
            }
            fill_by_copy(&peer.tenants, &glance.database, count)?;
        }
        Host::Imprint(_) | Host::Remote => fill_by_api(peer, count, connections)?,
    }
    say(&format!("{}: {count} images in the catalogue after {:.1} s", peer.name, began.elapsed().as_secs_f64()));
    Ok(())
}

fn owner<'a>(tenants: &'a Tenants, image: &Image) -> &'a str {
    let others = &tenants.others;
    match image.owner {
        Owner::Own => &tenants.own,
        Owner::Other(n) => &others[usize::try_from(n).unwrap_or(0) % others.len()],
    }
}

/// As the administrator, a POST and a small upload for each image.
fn fill_by_api(peer: &Peer, count: u64, connections: usize) -> Outcome<()> {
    let next = AtomicU64::new(0);
    let Peer { images, identity, tenants, .. } = peer;
    let fill_some = || -> Outcome<()> {
        let mut connection = Connection::new(images);
        let mut token = String::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(());
            }
            if token.is_empty() || number.is_multiple_of(1 << 14) {
                token = identity.admin()?;
            }
            let image = image(number);
            let mut body = json!({
                "id": image.id, "name": image.name, "owner": owner(tenants, &image), "visibility": image.visibility,
                "disk_format": "raw", "container_format": "bare", "min_disk": image.min_disk_gib, "tags": image.tags,
            });
            for (key, value) in &image.properties {
                body[*key] = json!(value);
            }
            let post = images.request_with("POST", "/v2/images", &token, "application/json", &body.to_string());
            let (head, reply) = connection.call(&post)?;
            expect("filling: POST", head.status, &[201], &reply)?;
            let path = format!("/v2/images/{}/file", image.id);
            let put = images.request_with("PUT", &path, &token, "application/octet-stream", DATA);
            let (head, reply) = connection.call(&put)?;
            expect("filling: PUT", head.status, &[204], &reply)?;
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..connections).map(|_| scope.spawn(fill_some)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a filling thread panicked")?)
    })
}

/// Straight into Glance's tables, as the same images would lie there after an upload.
fn fill_by_copy(tenants: &Tenants, database: &str, count: u64) -> Outcome<()> {
    let mut psql = Command::new("psql")
        .args(["-qX", "-v", "ON_ERROR_STOP=1", database])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| format!("psql: {error}"))?;
    // buffered, so that psql reads while more is made
    let mut out = BufWriter::with_capacity(1 << 20, psql.stdin.take().ok_or("psql without an input")?);
    writeln!(out, "TRUNCATE images, image_properties, image_tags, image_locations, image_members;")?;
    copy_images(&mut out, tenants, count)?;
    copy_pairs(&mut out, count)?;
    writeln!(out, "VACUUM ANALYZE;\nCHECKPOINT;")?;
    out.flush()?;
    drop(out);
    if psql.wait()?.success() { Ok(()) } else { Err("psql failed to fill Glance's tables".into()) }
}

fn copy_images(out: &mut impl Write, tenants: &Tenants, count: u64) -> Outcome<()> {
    out.write_all(
        b"CREATE TEMP TABLE filling (n bigint, id text, name text, owner text, visibility text, min_disk int);\n\
          COPY filling FROM stdin;\n",
    )?;
    for n in 0..count {
        let image = image(n);
        let owner = owner(tenants, &image);
        writeln!(out, "{n}\t{}\t{}\t{owner}\t{}\t{}", image.id, image.name, image.visibility, image.min_disk_gib)?;
    }
    let size = DATA.len();
    writeln!(
        out,
        "\\.
         INSERT INTO images (id, name, size, virtual_size, status, created_at, updated_at, deleted, disk_format,
            container_format, checksum, owner, min_disk, min_ram, protected, visibility, os_hidden, os_hash_algo,
            os_hash_value)
         SELECT id, name, {size}, {size}, 'active', {EPOCH} + n * interval '1 minute', {EPOCH} + n * interval '1 minute',
            false, 'raw', 'bare', md5(id), owner, min_disk, 0, false, visibility::image_visibility, false, 'sha512',
            encode(sha512(id::bytea), 'hex')
         FROM filling;
         INSERT INTO image_locations (image_id, value, created_at, updated_at, deleted, meta_data, status)
         SELECT id, 'file:///catalogue/' || id, {EPOCH}, {EPOCH}, false, '{{\"store\": \"local\"}}', 'active' FROM filling;
         DROP TABLE filling;"
    )?;
    Ok(())
}

/// Properties are pairs with a name, tags those without.
fn copy_pairs(out: &mut impl Write, count: u64) -> Outcome<()> {
    out.write_all(b"CREATE TEMP TABLE pairs (image_id text, name text, value text);\nCOPY pairs FROM stdin;\n")?;
    for n in 0..count {
        let image = image(n);
        for (key, value) in &image.properties {
            writeln!(out, "{}\t{key}\t{value}", image.id)?;
        }
        for tag in &image.tags {
            writeln!(out, "{}\t\\N\t{tag}", image.id)?;
        }
    }
    writeln!(
        out,
        "\\.
         INSERT INTO image_properties (image_id, name, value, created_at, updated_at, deleted)
         SELECT image_id, name, value, {EPOCH}, {EPOCH}, false FROM pairs WHERE name IS NOT NULL;
         INSERT INTO image_tags (image_id, value, created_at, updated_at, deleted)
         SELECT image_id, value, {EPOCH}, {EPOCH}, false FROM pairs WHERE name IS NULL;
         DROP TABLE pairs;"
    )?;
    Ok(())
}
