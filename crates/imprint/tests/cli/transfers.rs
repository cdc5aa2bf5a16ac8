//! Pushing and pulling.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;

use crate::support::{Service, noise, parsed};

const MIB: usize = 1 << 20;

/// A disk with data at both ends and a hole between.
fn sparse_disk() -> Vec<u8> {
    let mut disk = noise(1, 9 * MIB);
    disk.resize(40 * MIB, 0);
    disk.extend(noise(2, 3 * MIB + 77));
    disk
}

#[test]
fn what_was_pushed_is_pulled_and_a_second_push_sends_next_to_nothing() {
    let service = Service::start();
    let disk = sparse_disk();
    let path = service.file("disk.img", &disk);
    let path = path.to_str().expect("UTF-8");

    let first = service.json(&["image", "push", path, "--name", "one", "--property", "os=x", "--tag", "t"]);
    assert_eq!((first["status"].as_str(), first["size_bytes"].as_u64()), (Some("active"), Some(disk.len() as u64)));
    let sent = first["sent_bytes"].as_u64().expect("a number");
    assert!(sent <= 12 * MIB as u64 + 8192, "the hole was sent: {sent}");

    let second = service.json(&["image", "push", path, "--name", "two"]);
    assert!(second["sent_bytes"].as_u64().expect("a number") * 100 < sent, "{second}");
    assert_eq!(second["os_hash_value"], first["os_hash_value"]);

    let pulled = service.json(&["image", "pull", "one", "pulled"]);
    assert_eq!((pulled["verified"].as_bool(), pulled["fetched_bytes"].as_u64()), (Some(true), Some(sent)));
    assert!(fs::read(service.path("pulled")).expect("there") == disk);
    let taken = fs::metadata(service.path("pulled")).expect("there").blocks() * 512;
    assert!(taken < 20 * MIB as u64, "the hole takes room: {taken}");
    assert!(!service.path("pulled.imprint-part").exists() && !service.path("pulled.imprint-notes").exists());

    let (code, complaint) = service.failure(&["image", "pull", "one", "pulled"]);
    assert_eq!(code, Some(2), "{complaint}");
    let whole = service.json(&["image", "push", path, "--whole"]);
    assert_eq!((whole["sent_bytes"].as_u64(), whole["name"].as_str()), (Some(disk.len() as u64), Some("disk.img")));
    assert_eq!(whole["os_hash_value"], first["os_hash_value"]);
}

#[test]
fn a_refused_push_takes_its_record_back() {
    let service = Service::start();
    let path = service.file("disk", &noise(4, MIB));
    let (code, complaint) = service.failure(&["image", "push", path.to_str().expect("UTF-8"), "--format", "qcow2"]);
    assert_eq!(code, Some(1), "{complaint}");
    assert!(!complaint.contains("same command again"), "{complaint}");
    assert_eq!(service.json(&["image", "list"]), serde_json::json!([]));
}

#[test]
fn a_list_by_name_takes_names_literally() {
    let service = Service::start();
    let path = service.file("disk", b"x");
    for name in ["a", "in:a,b"] {
        service.json(&["image", "push", path.to_str().expect("UTF-8"), "--name", name]);
    }
    let found = service.json(&["image", "list", "--name", "in:a,b"]);
    let names: Vec<_> = found.as_array().expect("a list").iter().map(|image| image["name"].as_str()).collect();
    assert_eq!(names, [Some("in:a,b")]);
}

#[test]
fn pipes_carry_images_both_ways() {
    let service = Service::start();
    let disk = noise(3, 2 * MIB);
    let mut push = service.command(&["image", "push", "-", "--name", "piped", "--output", "json"]);
    let mut push = push.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    push.stdin.take().expect("piped").write_all(&disk).expect("taken");
    let pushed = parsed(&push.wait_with_output().expect("ends"));
    assert_eq!(pushed["sent_bytes"].as_u64(), Some(disk.len() as u64));
    let pulled = service.command(&["image", "pull", "piped", "-"]).output().expect("runs");
    assert!(pulled.status.success() && pulled.stdout == disk);
}

#[test]
fn an_empty_file_is_an_image_too() {
    let service = Service::start();
    let path = service.file("empty", b"");
    let pushed = service.json(&["image", "push", path.to_str().expect("UTF-8")]);
    assert_eq!((pushed["status"].as_str(), pushed["size_bytes"].as_u64()), (Some("active"), Some(0)));
    service.json(&["image", "pull", "empty", "again"]);
    assert_eq!(fs::metadata(service.path("again")).expect("there").len(), 0);
}

#[test]
fn a_push_that_is_refused_leaves_no_record() {
    let service = Service::start();
    let path = service.file("disk", &noise(4, MIB));
    let path = path.to_str().expect("UTF-8");
    let (code, complaint) = service.failure(&["image", "push", path, "--format", "qcow2"]);
    assert_eq!(code, Some(1), "{complaint}");
    assert!(complaint.contains("qcow2"), "{complaint}");
    assert_eq!(service.json(&["image", "list"]), serde_json::json!([]));
    let (code, complaint) = service.failure(&["image", "push", "absent"]);
    assert_eq!(code, Some(1));
    assert!(complaint.contains("absent"), "{complaint}");
}

#[test]
fn records_are_listed_changed_shared_and_deleted() {
    let service = Service::start();
    let path = service.file("disk", &noise(5, MIB));
    let id = service.json(&["image", "push", path.to_str().expect("UTF-8"), "--name", "in:a"])["id"].clone();
    let id = id.as_str().expect("text");
    let set =
        ["image", "set", "in:a", "--property", "os=debian", "--tag", "t", "--min-disk", "3", "--protected", "true"];
    let set = service.json(&set);
    assert_eq!((set["os"].as_str(), set["min_disk"].as_u64(), set["id"].as_str()), (Some("debian"), Some(3), Some(id)));
    let listed = service.json(&["image", "list", "--tag", "t", "--property", "os=debian"]);
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    let account = service.json(&["admin", "account", "create", "other"]);
    let other = account["project_id"].as_str().expect("text");
    assert_eq!(service.json(&["image", "share", id, other])["status"], "pending");
    assert_eq!(service.json(&["image", "share", id]).as_array().map(Vec::len), Some(1));
    assert_eq!(service.failure(&["image", "share", id, other, "--remove"]).0, Some(0));
    assert_eq!(service.failure(&["image", "delete", id]).0, Some(4));
    service.json(&["image", "set", id, "--protected", "false"]);
    assert_eq!(service.failure(&["image", "delete", id]).0, Some(0));
    assert_eq!(service.failure(&["image", "show", id]).0, Some(3));
    assert_eq!(service.json(&["job", "list"]), serde_json::json!([]));
}
