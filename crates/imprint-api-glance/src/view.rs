//! An image, and a sharing of it, as JSON. Lists write thousands of these: straight into one buffer, without a tree in
//! between. Never here: which images a caller sees.

use std::io::Write as _;

use imprint_model::{Image, ImageId, Member, Timestamp};

use crate::{facts, words};

/// About how many bytes one image takes, for reserving.
pub(crate) const IMAGE_BYTES_TYPICAL: usize = 1_024;

/// Writes an image as one JSON object.
pub fn write_image(out: &mut Vec<u8>, image: &Image) {
    out.push(b'{');
    write_image_members(out, image);
    out.push(b'}');
}

/// Writes an image's keys and values without the braces, for dialects that add keys of their own.
pub fn write_image_members(out: &mut Vec<u8>, image: &Image) {
    // destructured in full: a new attribute must be shown or left out on purpose
    let Image {
        id,
        owner,
        region: _,
        name,
        status,
        visibility,
        hidden,
        protected,
        disk_format,
        container_format,
        min_disk_gib,
        min_ram_mib,
        content,
        staged: _,
        writer: _,
        facts,
        disks: _,
        tags,
        properties,
        failure: _,
        created_at,
        updated_at,
    } = image;
    out.extend_from_slice(b"\"id\":\"");
    write_id(out, *id);
    out.extend_from_slice(b"\",\"name\":");
    write_text_or_null(out, name.as_deref());
    member_word(out, "status", words::status(*status));
    member_word(out, "visibility", visibility.as_str());
    member_raw(out, "os_hidden", if *hidden { "true" } else { "false" });
    member_raw(out, "protected", if *protected { "true" } else { "false" });
    out.extend_from_slice(b",\"owner\":");
    write_text(out, owner.as_str());
    member_word_or_null(out, "disk_format", disk_format.map(|format| format.as_str()));
    member_word_or_null(out, "container_format", container_format.map(|format| format.as_str()));
    member_number(out, "min_disk", Some(u64::from(*min_disk_gib)));
    member_number(out, "min_ram", Some(u64::from(*min_ram_mib)));
    member_number(out, "size", image.size_bytes());
    member_number(out, "virtual_size", content.as_ref().and_then(|content| content.virtual_size_bytes));
    member_word_or_null(out, "checksum", content.as_ref().and_then(|content| content.md5.as_deref()));
    let hash = content.as_ref().and_then(|content| content.hash.as_ref());
    member_word_or_null(out, "os_hash_algo", hash.map(|hash| hash.algorithm.as_str()));
    member_word_or_null(out, "os_hash_value", hash.map(|hash| hash.value.as_str()));
    write_tags(out, tags.iter().map(String::as_str));
    member_time(out, "created_at", *created_at);
    member_time(out, "updated_at", *updated_at);
    write_links(out, *id);
    if content.is_some() && status.has_data() {
        member_word(out, "stores", words::STORE);
    }
    for (name, value) in facts::shown(facts) {
        member_text(out, name, &value);
    }
    for (name, value) in properties.iter().filter(|(name, _)| !facts::is_known(facts, name)) {
        write_property(out, name, value.as_deref());
    }
}

/// Writes a sharing as one JSON object.
pub fn write_member(out: &mut Vec<u8>, member: &Member) {
    let Member { image, project, status, created_at, updated_at } = member;
    out.extend_from_slice(b"{\"member_id\":");
    write_text(out, project.as_str());
    out.extend_from_slice(b",\"image_id\":\"");
    write_id(out, *image);
    out.push(b'"');
    member_word(out, "status", status.as_str());
    member_time(out, "created_at", *created_at);
    member_time(out, "updated_at", *updated_at);
    out.extend_from_slice(b",\"schema\":\"/v2/schemas/member\"}");
}

fn write_property(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    if words::is_base(name) {
        // a loose property of another dialect's must not contradict the image itself
        return;
    }
    if words::is_plain_property(name) {
        out.push(b',');
        write_text(out, name);
    } else {
        let Some(shown) = words::shown_property(name) else { return };
        out.push(b',');
        write_text(out, &shown);
    }
    out.push(b':');
    match value {
        Some(value) => write_text(out, value),
        None if words::is_known_extra(name) => out.extend_from_slice(b"null"),
        // other keys are strings by schema
        None => out.extend_from_slice(b"\"\""),
    }
}

fn write_tags<'a>(out: &mut Vec<u8>, tags: impl Iterator<Item = &'a str>) {
    out.extend_from_slice(b",\"tags\":[");
    for (index, tag) in tags.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_text(out, tag);
    }
    out.push(b']');
}

fn write_links(out: &mut Vec<u8>, id: ImageId) {
    out.extend_from_slice(b",\"self\":\"/v2/images/");
    write_id(out, id);
    out.extend_from_slice(b"\",\"file\":\"/v2/images/");
    write_id(out, id);
    out.extend_from_slice(b"/file\",\"schema\":\"/v2/schemas/image\"");
}

fn write_id(out: &mut Vec<u8>, id: ImageId) {
    let mut text = uuid::Uuid::encode_buffer();
    out.extend_from_slice(id.0.hyphenated().encode_lower(&mut text).as_bytes());
}

fn write_text_or_null(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => write_text(out, text),
        None => out.extend_from_slice(b"null"),
    }
}

/// A JSON string of text that anybody may have written.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a Vec takes everything");
}

fn member_raw(out: &mut Vec<u8>, key: &str, value: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
    out.extend_from_slice(value.as_bytes());
}

/// A word of ours, which needs no escaping.
fn member_word(out: &mut Vec<u8>, key: &str, word: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":\"");
    out.extend_from_slice(word.as_bytes());
    out.push(b'"');
}

/// Text that anybody may have written.
fn member_text(out: &mut Vec<u8>, key: &str, text: &str) {
    member_raw(out, key, "");
    write_text(out, text);
}

fn member_word_or_null(out: &mut Vec<u8>, key: &str, word: Option<&str>) {
    match word {
        Some(word) => member_word(out, key, word),
        None => member_raw(out, key, "null"),
    }
}

fn member_number(out: &mut Vec<u8>, key: &str, number: Option<u64>) {
    match number {
        Some(number) => {
            member_raw(out, key, "");
            write!(out, "{number}").expect("a Vec takes everything");
        }
        None => member_raw(out, key, "null"),
    }
}

fn member_time(out: &mut Vec<u8>, key: &str, time: Timestamp) {
    member_word(out, key, &time.to_rfc3339_seconds());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use imprint_model::{
        Architecture, ContainerFormat, Content, ContentHash, DiskFormat, Facts, MapId, MemberStatus, ProjectId, Status,
        Visibility,
    };
    use serde_json::{Value, json};

    use super::*;

    fn image() -> Image {
        Image {
            id: "7e9c5d3a-0000-4000-8000-000000000001".parse().expect("an id"),
            owner: ProjectId("0123456789abcdef0123456789abcdef".to_owned()),
            region: "here".to_owned(),
            name: Some("De\"bian\n".to_owned()),
            status: Status::Available,
            visibility: Visibility::Community,
            hidden: true,
            protected: false,
            disk_format: Some(DiskFormat::Qcow2),
            container_format: Some(ContainerFormat::Bare),
            min_disk_gib: 2,
            min_ram_mib: 512,
            content: Some(Content {
                map: MapId([7; 32]),
                size_bytes: 6,
                virtual_size_bytes: Some(1 << 40),
                md5: Some("d41d8cd98f00b204e9800998ecf8427e".to_owned()),
                hash: Some(ContentHash { algorithm: "sha512".to_owned(), value: "ab".to_owned() }),
            }),
            staged: None,
            writer: None,
            facts: Facts {
                architecture: Some(Architecture::Arm64),
                description: Some("two\nlines".to_owned()),
                nvme: Some(true),
                ..Facts::default()
            },
            disks: Vec::new(),
            tags: ["été".to_owned(), "b".to_owned()].into(),
            properties: BTreeMap::from([
                ("architecture".to_owned(), Some("left over".to_owned())),
                ("hw_disk_bus".to_owned(), Some("scsi".to_owned())),
                ("imprint:importing_to_stores".to_owned(), Some(String::new())),
                ("imprint:secret".to_owned(), Some("x".to_owned())),
                ("kernel_id".to_owned(), None),
                ("odd".to_owned(), None),
                ("status".to_owned(), Some("killed".to_owned())),
            ]),
            failure: None,
            created_at: Timestamp(1_795_310_916_447_974),
            updated_at: Timestamp(1_795_310_916_447_974),
        }
    }

    fn parsed(image: &Image) -> Value {
        let mut out = Vec::new();
        write_image(&mut out, image);
        serde_json::from_slice(&out).expect("valid JSON")
    }

    #[test]
    fn an_image_is_shown_with_every_key_and_nothing_of_the_engine() {
        assert_eq!(
            parsed(&image()),
            json!({
                "id": "7e9c5d3a-0000-4000-8000-000000000001",
                "name": "De\"bian\n",
                "status": "active",
                "visibility": "community",
                "os_hidden": true,
                "protected": false,
                "owner": "0123456789abcdef0123456789abcdef",
                "disk_format": "qcow2",
                "container_format": "bare",
                "min_disk": 2,
                "min_ram": 512,
                "size": 6,
                "virtual_size": 1_u64 << 40,
                "checksum": "d41d8cd98f00b204e9800998ecf8427e",
                "os_hash_algo": "sha512",
                "os_hash_value": "ab",
                "tags": ["b", "été"],
                "created_at": "2026-11-22T01:28:36Z",
                "updated_at": "2026-11-22T01:28:36Z",
                "self": "/v2/images/7e9c5d3a-0000-4000-8000-000000000001",
                "file": "/v2/images/7e9c5d3a-0000-4000-8000-000000000001/file",
                "schema": "/v2/schemas/image",
                "stores": "default",
                "architecture": "aarch64",
                "description": "two\nlines",
                "hw_disk_bus": "scsi",
                "os_glance_importing_to_stores": "",
                "kernel_id": null,
                "odd": "",
            })
        );
    }

    #[test]
    fn an_image_without_data_has_nulls() {
        let shown = parsed(&Image {
            name: None,
            status: Status::Queued,
            disk_format: None,
            container_format: None,
            content: None,
            ..image()
        });
        for key in [
            "name",
            "disk_format",
            "container_format",
            "size",
            "virtual_size",
            "checksum",
            "os_hash_algo",
            "os_hash_value",
        ] {
            assert_eq!(shown.get(key), Some(&Value::Null), "{key}");
        }
    }

    #[test]
    fn a_sharing_is_shown() {
        let mut out = Vec::new();
        let image = image();
        let member = Member {
            image: image.id,
            project: ProjectId("p\"1".to_owned()),
            status: MemberStatus::Pending,
            created_at: image.created_at,
            updated_at: image.updated_at,
        };
        write_member(&mut out, &member);
        let shown: Value = serde_json::from_slice(&out).expect("valid JSON");
        assert_eq!(
            shown,
            json!({
                "member_id": "p\"1",
                "image_id": image.id.to_string(),
                "status": "pending",
                "created_at": "2026-11-22T01:28:36Z",
                "updated_at": "2026-11-22T01:28:36Z",
                "schema": "/v2/schemas/member",
            })
        );
    }
}
