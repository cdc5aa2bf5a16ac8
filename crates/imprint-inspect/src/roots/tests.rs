use super::*;
use crate::budget::Limits;
use crate::made::{Made, file_system};

/// A volume with a file system, named by its place in the list.
fn found(name: &str, uuid: &str, made: Made) -> Found {
    let content = Some(made.type_name.to_owned());
    let volume = Volume { name: name.to_owned(), uuid: Some(uuid.to_owned()), content, ..Volume::default() };
    Found { volume, fs: Some(Arc::new(made)), source: None, trouble: None }
}

fn volumes(found: &[Found]) -> Vec<Volume> {
    found.iter().map(|found| found.volume.clone()).collect()
}

fn budget() -> Arc<Budget> {
    Arc::new(Budget::new(Limits::default()))
}

fn chosen(found: &[Found]) -> Option<(usize, String, Kind)> {
    choose(found, &budget()).unwrap().map(|root| (root.volume, root.subvolume, root.kind))
}

/// A root's files under a directory.
fn with_root(made: Made, at: &str, fstab: &str) -> Made {
    made.with(&format!("{at}/bin/"), "").with(&format!("{at}/etc/fstab"), fstab)
}

fn mounted(found: &[Found]) -> Mounted {
    let budget = budget();
    let root = choose(found, &budget).unwrap().unwrap();
    mount(&root, found, &volumes(found), &budget).unwrap()
}

#[test]
fn a_root_is_told_from_other_volumes() {
    let boot = file_system(&[("/grub/grub.cfg", "x"), ("/vmlinuz-1", "x")]);
    let root = with_root(Made::new("ext4"), "", "UUID=r / ext4\n");
    let both = [found("1", "b", boot), found("2", "r", root)];
    assert_eq!(chosen(&both), Some((1, String::new(), Kind::Linux)));
    assert_eq!(chosen(&both[..1]), None);
    assert_eq!(chosen(&[found("1", "x", file_system(&[("/etc/fstab", "")]))]), None);
}

#[test]
fn a_subvolume_may_be_the_root_and_a_snapshot_comes_last() {
    let table = "UUID=r / btrfs subvol=@rootfs 0 0\nUUID=r /home btrfs subvol=/@home 0 0\n";
    let made = with_root(Made::new("btrfs"), "/@rootfs", table);
    let made = with_root(made, "/@rootfs-snap", table).with("/@home/a/", "").with("/@rootfs/home/", "");
    let made = made.subvolume("/@rootfs-snap").subvolume("/@rootfs").subvolume("/@home");
    let found = [found("1", "r", made)];
    assert_eq!(chosen(&found), Some((0, "@rootfs".to_owned(), Kind::Linux)));
    let mounted = mounted(&found);
    assert!(mounted.tree.is_dir("/home/a").unwrap() && !mounted.tree.exists("/@rootfs").unwrap());
    assert_eq!(mounted.mount_points, [(0, "/".to_owned()), (0, "/home".to_owned())]);
    assert_eq!(mounted.subvolumes, ["@rootfs"]);
}

#[test]
fn the_table_is_applied_in_the_order_of_depth() {
    let table = "LABEL=E /boot/efi vfat\nUUID=b /boot ext4\n/dev/sda3 / ext4\nUUID=gone /x ext4\nh:/e /n nfs\n";
    let mut esp = Made::new("vfat").with("/EFI/BOOT/BOOTX64.EFI", "x");
    esp.label = Some("E".to_owned());
    let mut disk = vec![
        found("1", "e", esp),
        found("2", "b", file_system(&[("/vmlinuz-1", "x"), ("/efi/", "")])),
        found("3", "r", with_root(Made::new("ext4"), "", table)),
    ];
    disk[0].volume.label = Some("E".to_owned());
    let mounted = mounted(&disk);
    assert!(mounted.tree.is_file("/boot/vmlinuz-1").unwrap());
    assert!(mounted.tree.is_file("/boot/efi/EFI/BOOT/BOOTX64.EFI").unwrap());
    assert_eq!(mounted.esp.as_deref(), Some("/boot/efi"));
    assert_eq!(mounted.mount_points.len(), 3);
}

#[test]
fn what_the_table_does_not_name_is_found_by_its_content() {
    let disk = [
        found("1", "e", Made::new("vfat").with("/EFI/BOOT/BOOTX64.EFI", "x")),
        found("2", "b", file_system(&[("/grub2/grub.cfg", "x")])),
        found("3", "r", with_root(Made::new("ext4"), "", "")),
    ];
    let mounted = mounted(&disk);
    assert!(mounted.tree.is_file("/boot/grub2/grub.cfg").unwrap());
    assert_eq!(mounted.esp.as_deref(), Some("/boot/efi"));
    // It is there for us only: the guest does not mount it.
    assert_eq!(mounted.mount_points, [(2, "/".to_owned())]);
}

#[test]
fn a_damaged_volume_is_no_root_and_hinders_no_other() {
    let damaged = with_root(Made::new("ext4"), "", "UUID=a / ext4\n").breaking("/etc/fstab");
    let sound = with_root(Made::new("ext4"), "", "UUID=b / ext4\n");
    assert_eq!(chosen(&[found("1", "a", damaged), found("2", "b", sound)]).map(|root| root.0), Some(1));
}

#[test]
fn other_systems_are_known_by_name() {
    let bsd = file_system(&[("/etc/freebsd-update.conf", "x"), ("/bin/", "")]);
    assert_eq!(chosen(&[found("1", "a", bsd)]).map(|root| root.2), Some(Kind::Other("freebsd")));
}
