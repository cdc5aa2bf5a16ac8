//! Paths inside a guest: links, mounts, and what leads nowhere.

use std::sync::Arc;

use super::Tree;
use crate::budget::{Budget, Limits};
use crate::file_system::{FileSystem, Kind, Node};
use crate::made::Made;

fn tree(made: Made) -> Tree {
    Tree::new(Arc::new(made), Node(0), Arc::new(Budget::new(Limits::default())))
}

fn guest() -> Made {
    Made::new("ext4")
        .with("usr/bin/sh", "shell")
        .with("bin", "-> usr/bin")
        .with("etc/os-release", "-> ../usr/lib/os-release")
        .with("usr/lib/os-release", "ID=x\n")
        .with("etc/absolute", "-> /etc/os-release")
        .with("etc/outside", "-> ../../../../etc/passwd")
        .with("etc/passwd", "root\n")
        .with("loop/a", "-> b")
        .with("loop/b", "-> /loop/a")
        .with("dangling", "-> nowhere/at/all")
        .with("boot/here", "below the mount")
}

#[test]
fn links_are_followed_inside_the_guest_only() {
    let tree = tree(guest());
    for path in ["/etc/absolute", "etc/os-release", "/bin/../lib/os-release", "//usr/./lib//os-release"] {
        assert_eq!(tree.text(path).unwrap().as_deref(), Some("ID=x\n"), "{path}");
    }
    // Above the top is the top.
    assert_eq!(tree.text("/etc/outside").unwrap().as_deref(), Some("root\n"));
    assert_eq!(tree.resolve("/bin/sh").unwrap().unwrap().path, "/usr/bin/sh");
    assert_eq!(tree.resolve_link("/bin").unwrap().unwrap().metadata.kind, Kind::Symlink);
    assert_eq!(tree.read_link("bin").unwrap().as_deref(), Some(&b"usr/bin"[..]));
    assert_eq!(tree.read_link("usr").unwrap(), None);
}

#[test]
fn what_leads_nowhere_is_none() {
    let tree = tree(guest());
    for path in ["/loop/a", "/dangling", "/etc/passwd/deeper", "/nothing", &"/a".repeat(3000), &"../".repeat(1000)] {
        assert!(!tree.is_file(path).unwrap(), "{path}");
        assert_eq!(tree.text(path).unwrap(), None);
    }
    assert!(tree.list("/etc/passwd").unwrap().is_empty());
    assert!(tree.is_dir("/..").unwrap() && tree.is_dir("").unwrap());
}

#[test]
fn a_chain_of_forty_links_is_followed_and_no_longer_one() {
    let mut made = Made::new("ext4").with("0", "end");
    for number in 1..=41 {
        made = made.with(&number.to_string(), format!("-> {}", number - 1));
    }
    let tree = tree(made);
    assert!(tree.exists("40").unwrap());
    assert!(!tree.exists("41").unwrap());
}

#[test]
fn mounts_take_the_place_of_what_is_there() {
    let mut tree = tree(guest().with("data", "-> /srv/data"));
    assert!(tree.exists("/boot/here").unwrap());
    let boot: Arc<dyn FileSystem> = Arc::new(Made::new("vfat").with("kernel", "k").with("up", "-> ../etc/passwd"));
    tree.mount("/boot", boot.clone(), Node(0)).unwrap();
    assert!(!tree.exists("/boot/here").unwrap());
    assert_eq!(tree.text("/boot/kernel").unwrap().as_deref(), Some("k"));
    // A link on the mounted file system leads out of it by the tree's names.
    assert_eq!(tree.text("/boot/up").unwrap().as_deref(), Some("root\n"));
    // Mount points that do not exist on the file system below, and inside what was mounted.
    tree.mount("/boot/efi", boot, Node(0)).unwrap();
    let place = tree.resolve("/boot/efi/kernel").unwrap().unwrap();
    assert_eq!((place.mount, place.path.as_str()), (2, "/boot/efi/kernel"));
    let mounts: Vec<String> = tree.mounts().map(|(path, _)| path).collect();
    assert_eq!(mounts, ["/", "/boot", "/boot/efi"]);
}

#[test]
fn reading_is_bounded() {
    let tree = tree(guest());
    assert_eq!(tree.read("/etc/passwd", 5).unwrap().as_deref(), Some(&b"root\n"[..]));
    assert!(tree.read("/etc/passwd", 4).is_err());
    assert_eq!(tree.read_start("/etc/passwd", 2).unwrap().as_deref(), Some(&b"ro"[..]));
    let file = tree.open("/etc/passwd").unwrap().unwrap();
    let mut buf = [0; 8];
    assert_eq!(file.read(3, &mut buf).unwrap(), 2);
    assert_eq!(file.read(9, &mut buf).unwrap(), 0);
}
