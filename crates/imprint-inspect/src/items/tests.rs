//! A guest that is as it should be, broken in one way each.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::budget::Limits;
use crate::file_system::FileSystem;
use crate::inspect::inspect_made;
use crate::made::{Made, archive};
use crate::report::{ItemName, Report, Risk, Volume};
use crate::volumes::Found;

const KERNEL: &str = "6.1.0-1-amd64";
const GRUB: &str = "menuentry 'Debian' {\n linux /boot/vmlinuz-6.1.0-1-amd64 root=UUID=aaaa ro console=ttyS0\n initrd /boot/initrd.img-6.1.0-1-amd64\n}\n";

/// A disk whose first sector holds that code, with something in the sector behind it.
fn disk_of(code: &[(usize, &[u8])]) -> Vec<u8> {
    let mut disk = vec![0; 2048];
    for (at, bytes) in code.iter().chain(&[(510, &[0x55, 0xaa][..]), (512, &[1])]) {
        disk[*at..at + bytes.len()].copy_from_slice(bytes);
    }
    disk
}

/// A guest in the making.
struct Machine {
    files: BTreeMap<String, Vec<u8>>,
    volumes: Vec<Volume>,
    disk: Vec<u8>,
    broken: Vec<String>,
    limits: Limits,
}

impl Machine {
    /// A guest with nothing to complain about.
    fn fine() -> Machine {
        let disk = disk_of(&[(0, &[0xeb, 0x63, 0x90]), (0x5c, &[1]), (0x180, b"GRUB")]);
        let root = Volume {
            name: "1".into(),
            offset_bytes: Some(1 << 20),
            size_bytes: 1 << 20,
            content: Some("ext4".into()),
            uuid: Some("aaaa".into()),
            ..Volume::default()
        };
        let broken = Vec::new();
        let machine = Machine { files: BTreeMap::new(), volumes: vec![root], disk, broken, limits: Limits::default() };
        let modules = |names: [&str; 6]| names.map(|name| format!("lib/modules/{KERNEL}/kernel/{name}.ko"));
        let modules = modules(["nvme", "nvme-core", "virtio_pci", "virtio_blk", "virtio_net", "ext4"]);
        let names: Vec<&str> = modules.iter().map(String::as_str).collect();
        let mut elf = b"\x7fELF\x02\x01".to_vec();
        elf.resize(18, 0);
        elf.extend([62, 0, 0, 0]);
        machine
            .put("/etc/os-release", "ID=debian\nVERSION_ID=12\nPRETTY_NAME='Debian 12'\n")
            .put("/etc/fstab", "UUID=aaaa / ext4 defaults 0 1\n")
            .put("/etc/passwd", "root:x:0:0::/root:/bin/bash\n")
            .put("/etc/shadow", "root:!:19000::::::\n")
            .put("/bin/bash", elf)
            .put(&format!("/boot/vmlinuz-{KERNEL}"), "kernel")
            .put(&format!("/boot/initrd.img-{KERNEL}"), archive(&names))
            .put("/boot/grub/grub.cfg", GRUB)
            .put(&format!("/lib/modules/{KERNEL}/modules.builtin"), "kernel/fs/x.ko\n")
            .put("/etc/network/interfaces", "auto lo\niface lo inet loopback\niface eth0 inet dhcp\n")
            .put("/sbin/dhclient", "x")
            .put("/usr/sbin/sshd", "x")
            .put("/etc/systemd/system/multi-user.target.wants/ssh.service", "-> /lib/systemd/system/ssh.service")
            .put("/usr/bin/cloud-init", "x")
            .put("/etc/systemd/system/cloud-init.target.wants/cloud-init.service", "-> /lib/x")
            .put("/usr/bin/growpart", "x")
    }

    fn put(mut self, path: &str, bytes: impl AsRef<[u8]>) -> Machine {
        self.files.insert(path.to_owned(), bytes.as_ref().to_vec());
        self
    }

    fn without(mut self, path: &str) -> Machine {
        self.files.remove(path).expect("a file to take away");
        self
    }

    fn breaking(mut self, path: &str) -> Machine {
        self.broken.push(path.to_owned());
        self
    }

    /// Changes the text of a file.
    fn edit(self, path: &str, from: &str, to: &str) -> Machine {
        let text = String::from_utf8(self.files[path].clone()).unwrap();
        assert!(text.contains(from), "{path} holds no {from}");
        self.put(path, text.replace(from, to))
    }

    fn volume(mut self, volume: Volume) -> Machine {
        self.volumes.push(volume);
        self
    }

    fn report(&self) -> Report {
        let made = self.files.iter().fold(Made::new("ext4"), |made, (path, bytes)| made.with(path, bytes));
        let made = self.broken.iter().fold(made, |made, path| made.breaking(path));
        let fs: Arc<dyn FileSystem> = Arc::new(made);
        let found: Vec<Found> = self
            .volumes
            .iter()
            .enumerate()
            .map(|(index, volume)| Found {
                volume: volume.clone(),
                fs: (index == 0).then(|| fs.clone()),
                source: None,
                trouble: None,
            })
            .collect();
        inspect_made(&self.disk, &found, self.limits)
    }

    fn codes(&self) -> Vec<String> {
        let report = self.report();
        assert_eq!(report.incomplete, None);
        let worse = report.items.into_iter().filter(|item| item.risk > Some(Risk::Info));
        worse.filter_map(|item| item.code).collect()
    }
}

#[test]
fn a_fine_guest_has_no_problems() {
    let report = Machine::fine().report();
    assert_eq!(Machine::fine().codes(), [""; 0]);
    assert_eq!(report.items.len(), super::LOOKS.len() + 1);
    assert!(report.is_bootable());
    let os = report.os.unwrap();
    assert_eq!((os.distribution.as_str(), os.version.as_str(), os.kernel.as_deref()), ("debian", "12", Some(KERNEL)));
    assert_eq!((os.architecture.as_deref(), os.boots_bios, os.boots_uefi), (Some("x86_64"), true, false));
}

/// Breaks the guest and says which codes come of it.
fn broken(change: impl FnOnce(Machine) -> Machine) -> Vec<String> {
    change(Machine::fine()).codes()
}

#[test]
fn kernels_and_their_loader() {
    let kernel = format!("/boot/vmlinuz-{KERNEL}");
    let initrd = format!("/boot/initrd.img-{KERNEL}");
    assert_eq!(broken(|m| m.without(&kernel)), ["DefaultKernel.Missing"]);
    assert_eq!(broken(|m| m.put(&initrd, "nonsense")), ["Initramfs.Unreadable", "Virtio.Unknown", "NVMe.Unknown"]);
    assert_eq!(
        broken(|m| m.put("/boot/grub/grub.cfg", "set default=0\n")),
        ["DefaultKernel.NoConfiguration", "Grub.NoConfiguration", "RootArgument.Missing", "SerialConsole.Missing"]
    );
    assert_eq!(broken(|m| m.edit("/boot/grub/grub.cfg", "}\n", "")), ["Grub.Damaged"]);
    assert_eq!(broken(|m| m.edit("/boot/grub/grub.cfg", " console=ttyS0", "")), ["SerialConsole.Missing"]);
}

#[test]
fn loaders_of_other_kinds() {
    let kernel = format!("/boot/vmlinuz-{KERNEL}");
    let initrd = format!("/boot/initrd.img-{KERNEL}");
    let words = "root=UUID=aaaa console=ttyS0";
    let without = || Machine::fine().without("/boot/grub/grub.cfg");
    let entry = format!("title A\nlinux /vmlinuz-{KERNEL}\ninitrd /initrd.img-{KERNEL}\noptions {words}\n");
    let rescue = "title B\nlinux /vmlinuz-0-rescue-1\n";
    let mut files = [
        without()
            .put("/boot/grub2/grub.cfg", "blscfg\n")
            .put("/boot/grub2/grubenv", "saved_entry=b-0-rescue\n")
            .put("/boot/loader/entries/a.conf", &entry)
            .put("/boot/loader/entries/b-0-rescue.conf", rescue),
        without().put("/boot/loader/entries/a.conf", &entry).put("/boot/loader/loader.conf", "default a*\n"),
        without().put(
            "/boot/extlinux/extlinux.conf",
            format!("default x\nlabel x\n linux ../{}\n initrd {initrd}\n append {words}\n", &kernel[6..]),
        ),
        without().put("/boot/grub/menu.lst", format!("title A\n kernel {kernel} {words}\n initrd {initrd}\n")),
    ];
    // GRUB's older form has other fields in its first sector, and code where GRUB 2 has its field.
    files[3].disk = disk_of(&[
        (0, &[0xeb, 0x48, 0x90]),
        (0x3e, &[3, 2, 0xff, 0, 0, 0x80, 1, 0, 0, 0]),
        (0x5c, &[0x7c, 0, 0, 0x31, 0xc0, 0x8e, 0xd8, 0x8e]),
        (0x17f, b"GRUB"),
    ]);
    let loaders = ["grub", "systemd-boot", "extlinux", "grub-legacy"];
    for (machine, loader) in files.into_iter().zip(loaders) {
        assert_eq!(machine.codes(), [""; 0], "{loader}");
        assert_eq!(machine.report().item(ItemName::Grub).unwrap().value, loader);
    }
}

#[test]
fn a_kernel_without_a_configuration_has_the_initramfs_of_its_name() {
    let kernel = format!("/boot/vmlinuz-{KERNEL}");
    let initrd = format!("/boot/initrd.img-{KERNEL}");
    let alone = || Machine::fine().without("/boot/grub/grub.cfg").without(&kernel).without(&initrd);
    let words = "GRUB_CMDLINE_LINUX=\"root=UUID=aaaa console=ttyS0\"\n";
    for (kernel, name) in
        [("vmlinuz-virt", "initramfs-virt"), ("vmlinuz-linux", "initramfs-linux.img"), (&kernel[6..], &initrd[6..])]
    {
        let bytes = Machine::fine().files[&initrd].clone();
        let machine = alone().put(&format!("/boot/{kernel}"), "kernel").put(&format!("/boot/{name}"), bytes);
        let codes = machine.put("/etc/default/grub", words).codes();
        assert_eq!(codes, ["DefaultKernel.NoConfiguration", "Grub.NoConfiguration"], "{kernel}");
    }
}

#[test]
fn a_system_that_is_not_looked_into_has_its_name() {
    for (path, name) in [("/etc/freebsd-update.conf", "freebsd"), ("/netbsd", "netbsd"), ("/bsd", "openbsd")] {
        let mut machine = Machine::fine();
        machine.files.clear();
        let report = machine.put(path, "x").put("/bin/sh", "x").report();
        let platform = report.item(ItemName::Platform).unwrap();
        assert_eq!((platform.value.as_str(), platform.risk), (name, None));
        assert_eq!(platform.detail, format!("{name} on volume 1."));
    }
}

#[test]
fn roots_that_are_not_found() {
    let root = |argument: &str| broken(|m| m.edit("/boot/grub/grub.cfg", "root=UUID=aaaa", argument));
    assert_eq!(root("root=/dev/sda1"), ["Grub.DeviceName", "RootArgument.DeviceName"]);
    assert_eq!(root("root=UUID=bbbb"), ["Grub.Unknown", "RootArgument.Unknown"]);
    assert_eq!(root(""), ["Grub.Missing", "RootArgument.Missing"]);
    assert_eq!(root("root=/dev/disk/by-path/x"), ["Grub.DeviceName", "RootArgument.DeviceName"]);
    let fstab = |text: &str| broken(|m| m.put("/etc/fstab", text));
    assert_eq!(fstab("/dev/sda1 / ext4\n"), ["Fstab.DeviceName"]);
    assert_eq!(fstab("/dev/sdb1 / ext4\n"), ["Fstab.DeviceName"], "the root on another disk is no extra disk");
    assert_eq!(fstab("UUID=aaaa / ext4\nUUID=cccc /data ext4\n"), ["Fstab.UnknownDevice"]);
    assert_eq!(
        fstab("UUID=aaaa / ext4\nUUID=cccc /data ext4 nofail\n/dev/sdb1 /x ext4 nofail\nh:/e /n nfs\n"),
        [""; 0]
    );
    assert_eq!(fstab("UUID=aaaa / ext4\n/dev/vdb1 /data ext4\n"), ["Fstab.ExtraDisk"]);
    assert_eq!(fstab("UUID=aaaa / ext4\nUUID=dddd none swap\n"), ["Fstab.UnknownSwap"]);
    assert_eq!(fstab("UUID=aaaa /\n"), ["Fstab.Malformed"]);
    assert_eq!(broken(|m| m.without("/etc/fstab")), ["Fstab.Missing"]);
}

#[test]
fn drivers_that_are_missing() {
    let initrd = format!("/boot/initrd.img-{KERNEL}");
    let names = |modules: &[&str]| -> Vec<u8> {
        let paths: Vec<String> = modules.iter().map(|name| format!("lib/modules/{KERNEL}/{name}.ko")).collect();
        archive(&paths.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let with = |modules: &[&str]| broken(|m| m.put(&initrd, names(modules)));
    assert_eq!(with(&["virtio_pci", "virtio_blk", "virtio_net"]), ["NVMe.NotInstallded"]);
    assert_eq!(with(&["virtio_pci", "virtio_blk", "virtio_net", "nvme"]), ["NVMe.NotInstallded"]);
    assert_eq!(with(&["nvme", "nvme-core"]), ["Virtio.NotInstalled"]);
    assert_eq!(with(&["nvme", "nvme-core", "virtio_pci", "virtio_blk"]), ["Virtio.NoNetwork"]);
    assert_eq!(with(&["nvme", "nvme-core", "virtio_pci", "virtio_scsi", "sd_mod", "virtio_net"]), ["Virtio.OnlyScsi"]);
    let other = archive(&["lib/modules/5.10.0/nvme.ko"]);
    assert_eq!(
        broken(|m| m.put(&initrd, other)),
        ["Initramfs.WrongModules", "Virtio.NotInstalled", "NVMe.NotInstallded"]
    );

    let config =
        "CONFIG_BLK_DEV_NVME=y\nCONFIG_NVME_CORE=y\nCONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_BLK=y\nCONFIG_VIRTIO_NET=m\n";
    let built_in = |m: Machine| m.put(&initrd, archive(&["init"])).put(&format!("/boot/config-{KERNEL}"), config);
    assert_eq!(broken(built_in), ["Virtio.NoNetwork"]);
    let net = format!("/lib/modules/{KERNEL}/kernel/drivers/net/virtio_net.ko.xz");
    assert_eq!(broken(|m| built_in(m).put(&net, "x")), [""; 0]);
}

#[test]
fn dependencies_count_too() {
    let directory = format!("/lib/modules/{KERNEL}");
    let needs = "kernel/nvme.ko: kernel/nvme-core.ko kernel/nvme-auth.ko\n";
    let list =
        |m: Machine| m.put(&format!("{directory}/modules.dep"), needs).put(&format!("{directory}/kernel/nvme.ko"), "x");
    let report = list(Machine::fine()).report();
    let nvme = report.item(ItemName::Nvme).unwrap();
    assert_eq!(nvme.code.as_deref(), Some("NVMe.NotInstallded"));
    assert!(nvme.detail.contains("nvme_auth"), "{}", nvme.detail);
    let built_in = "kernel/drivers/nvme/common/nvme-auth.ko\n";
    assert_eq!(broken(|m| list(m).put(&format!("{directory}/modules.builtin"), built_in)), [""; 0]);
    // a list may be as long as it likes and is kept only so far
    let many: String = (0..20_000).map(|number| format!("kernel/m{number}.ko\n")).collect();
    let behind = broken(|m| list(m).put(&format!("{directory}/modules.builtin"), many + built_in));
    assert_eq!(behind, ["NVMe.NotInstallded"]);
}

#[test]
fn files_that_cloud_init_writes_anew_are_of_no_account() {
    let mac = "00:16:3e:00:00:01";
    let netplan = format!(
        "# This file is generated from information provided by the datasource.  Changes\n# to it will not persist.\n\
         network:\n  ethernets:\n    eth0:\n      addresses: [192.0.2.1/24]\n      match:\n        macaddress: {mac}\n"
    );
    let ifcfg = format!(
        "# Created by cloud-init automatically, do not edit.\n#\nBOOTPROTO=none\nIPADDR=192.0.2.1\nHWADDR={mac}\n"
    );
    let keyfile = format!(
        "# Generated by cloud-init. Changes will be lost.\n[connection]\ntype=ethernet\n[ethernet]\nmac-address={mac}\n[ipv4]\nmethod=manual\n"
    );
    let files = [
        ("/etc/netplan/50-cloud-init.yaml", netplan),
        ("/etc/sysconfig/network-scripts/ifcfg-eth0", ifcfg),
        ("/etc/NetworkManager/system-connections/cloud-init-eth0.nmconnection", keyfile),
        ("/etc/network/interfaces.d/50-cloud-init", format!("iface eth0 inet static\n hwaddress {mac}\n")),
    ];
    for (path, text) in files {
        let with = |m: Machine| m.without("/etc/network/interfaces").put(path, &text);
        assert_eq!(broken(with), [""; 0], "{path}");
        let report = with(Machine::fine()).report();
        assert!(report.item(ItemName::Dhcp).unwrap().detail.contains("cloud-init"), "{path}");
        // Told to leave the network alone, or not running, it leaves what was written for another machine.
        let alone = |m: Machine| with(m).put("/etc/cloud/cloud.cfg.d/99.cfg", "network: {config: disabled}\n");
        assert_eq!(broken(alone), ["Dhcp.FixedMac"], "{path}");
        let off = |m: Machine| with(m).put("/etc/cloud/cloud-init.disabled", "");
        assert_eq!(broken(off), ["Dhcp.FixedMac", "CloudInit.Disabled"], "{path}");
    }
    // What somebody else wrote stays.
    let own =
        format!("network:\n  ethernets:\n    eth0:\n      dhcp4: true\n      match:\n        macaddress: {mac}\n");
    assert_eq!(
        broken(|m| m.without("/etc/network/interfaces").put("/etc/netplan/60-own.yaml", &own)),
        ["Dhcp.FixedMac"]
    );
}

#[test]
fn the_entry_that_a_rhel_like_configuration_starts() {
    let initrd = format!("/boot/initrd.img-{KERNEL}");
    let entry = |name: &str| format!("title {name}\nlinux /{name}\ninitrd {initrd}\noptions $kernelopts\n");
    let configuration = "if [ -n \"${boot_counter}\" -a \"${boot_success}\" = \"0\" ]; then\n set default=1\nfi\n\
        if [ -z \"${kernelopts}\" ]; then\n set kernelopts=\"root=UUID=aaaa console=ttyS0\"\nfi\nblscfg\n";
    let guest = |block: &str| {
        Machine::fine()
            .without("/boot/grub/grub.cfg")
            .put("/boot/grub2/grub.cfg", configuration)
            .put("/boot/grub2/grubenv", block)
            .put("/boot/loader/entries/a-2.conf", entry(&format!("vmlinuz-{KERNEL}")))
            .put("/boot/loader/entries/a-1.conf", entry("vmlinuz-old"))
    };
    assert_eq!(guest("boot_success=0\n").codes(), [""; 0]);
    assert_eq!(guest("boot_success=0\nboot_counter=0\n").codes()[0], "DefaultKernel.Missing");
}

#[test]
fn networks() {
    let interfaces = "/etc/network/interfaces";
    assert_eq!(broken(|m| m.put(interfaces, "iface ens3 inet static\n")), ["Dhcp.Static"]);
    assert_eq!(broken(|m| m.without("/sbin/dhclient")), ["Dhcp.NoClient"]);
    // that busybox is there does not mean that anybody can ask by DHCP with it
    let busybox = |m: Machine| m.without("/sbin/dhclient").put("/bin/busybox", "x").put("/usr/bin/busybox", "x");
    assert_eq!(broken(busybox), ["Dhcp.NoClient"]);
    assert_eq!(broken(|m| busybox(m).put("/sbin/udhcpc", "-> /bin/busybox")), [""; 0]);
    assert_eq!(
        broken(|m| m.edit(interfaces, "dhcp\n", "dhcp\n hwaddress ether 00:16:3e:00:00:01\n")),
        ["Dhcp.FixedMac"]
    );
    // What leaves an interface alone sets no address; IPv6 matters where nothing is said of IPv4.
    let instead_of_dhcp = |text: &str| broken(|m| m.put(interfaces, text));
    assert_eq!(instead_of_dhcp("iface ens3 inet manual\niface br0 inet dhcp\n"), [""; 0]);
    assert_eq!(instead_of_dhcp("iface ens3 inet manual\n"), [""; 0]);
    assert_eq!(instead_of_dhcp("iface ens3 inet6 auto\n"), [""; 0]);
    assert_eq!(instead_of_dhcp("iface ens3 inet6 dhcp\n"), [""; 0]);
    assert_eq!(instead_of_dhcp("iface ens3 inet static\niface ens3 inet6 auto\n"), ["Dhcp.Static"]);
    assert_eq!(instead_of_dhcp("iface ens3 inet static\niface ens4 inet manual\n"), ["Dhcp.Static"]);
    assert_eq!(instead_of_dhcp("iface ens3 inet6 static\n"), ["Dhcp.Static"]);
    assert_eq!(
        broken(|m| m.put(interfaces, "iface ens3 inet6 auto\n").without("/sbin/dhclient")),
        [""; 0],
        "that needs no client"
    );
    let rule = "SUBSYSTEM==\"net\", ATTR{address}==\"00:16:3e:00:00:01\", NAME=\"eth0\"\n";
    assert_eq!(broken(|m| m.put("/etc/udev/rules.d/70-persistent-net.rules", rule)), ["Dhcp.FixedMac"]);
    // Without a file, cloud-init sees to it; without cloud-init, nobody is known to.
    assert_eq!(broken(|m| m.without(interfaces)), [""; 0]);
    let disabled = "network: {config: disabled}\n";
    assert_eq!(
        broken(|m| m.without(interfaces).put("/etc/cloud/cloud.cfg.d/99.cfg", disabled)),
        ["Dhcp.NotConfigured"]
    );

    let instead = |path: &str, text: &str| broken(|m| m.without(interfaces).put(path, text));
    let netplan = "network:\n  version: 2\n  ethernets:\n    ens3:\n      dhcp4: true\n";
    assert_eq!(instead("/etc/netplan/50.yaml", netplan), [""; 0]);
    assert_eq!(
        instead("/etc/netplan/50.yaml", &netplan.replace("dhcp4: true", "addresses: [192.0.2.1/24]")),
        ["Dhcp.Static"]
    );
    let matched =
        "network:\n  ethernets:\n    id0:\n      match:\n        macaddress: \"00:16:3e:00:00:01\"\n      dhcp4: yes\n";
    assert_eq!(instead("/etc/netplan/50.yaml", matched), ["Dhcp.FixedMac"]);
    let keyfile = "[connection]\ntype=ethernet\nid=x\n[ipv4]\nmethod=manual\naddress1=192.0.2.7/24\n";
    let connection = "/etc/NetworkManager/system-connections/x.nmconnection";
    assert_eq!(instead(connection, keyfile), ["Dhcp.Static"]);
    let automatic = keyfile.replace("manual", "auto");
    assert_eq!(instead(connection, &automatic), ["Dhcp.NoClient"]);
    let managed = |m: Machine| m.without(interfaces).put("/usr/sbin/NetworkManager", "x").put(connection, &automatic);
    assert_eq!(broken(managed), [""; 0]);
    let script = "/etc/sysconfig/network-scripts/ifcfg-eth0";
    assert_eq!(instead(script, "BOOTPROTO=none\nIPADDR=192.0.2.1\n"), ["Dhcp.Static"]);
    let scripted = |m: Machine| m.without(interfaces).without("/sbin/dhclient").put(script, "BOOTPROTO=dhcp\n");
    assert_eq!(broken(scripted), ["Dhcp.NoClient"]);
    assert_eq!(broken(|m| scripted(m).put("/usr/sbin/wickedd", "x")), [""; 0]);
    assert_eq!(instead(script, "BOOTPROTO=\"dhcp\"\nHWADDR=00:16:3e:00:00:01\n"), ["Dhcp.FixedMac"]);
    let networkd = |text: &str| {
        broken(|m| {
            let enabled = "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service";
            m.without(interfaces).put(enabled, "-> /lib/x").put("/etc/systemd/network/10.network", text)
        })
    };
    assert_eq!(networkd("[Match]\nName=en*\n[Network]\nDHCP=yes\n"), [""; 0]);
    assert_eq!(networkd("[Match]\nName=en*\n[Network]\nAddress=192.0.2.1/24\n"), ["Dhcp.Static"]);
}

#[test]
fn ways_in() {
    let unit = "/etc/systemd/system/multi-user.target.wants/ssh.service";
    assert_eq!(broken(|m| m.without("/usr/sbin/sshd").without(unit)), ["Sshd.NotInstalled"]);
    assert_eq!(broken(|m| m.without(unit)), ["Sshd.Disabled"]);
    assert_eq!(broken(|m| m.put("/etc/systemd/system/ssh.service", "-> /dev/null")), ["Sshd.Disabled"]);
    assert_eq!(broken(|m| m.without(unit).put("/etc/rc3.d/S02sshd", "-> ../init.d/sshd")), [""; 0]);
    let ports = |text: &str| broken(|m| m.put("/etc/ssh/sshd_config", text));
    assert_eq!(ports("Port 2222\n"), ["Sshd.Port"]);
    assert_eq!(ports("Port 2222\nPort 2022\n"), ["Sshd.Port"]);
    assert_eq!(ports("Port 2222\nPort 22\n"), [""; 0], "it listens on each");

    let with_password = |config: &str, part: &str| {
        broken(|m| {
            let m = m.put("/etc/shadow", "root:$6$x$y:19000::::::\n").put("/etc/ssh/sshd_config", config);
            m.put("/etc/ssh/sshd_config.d/50-x.conf", part)
        })
    };
    assert_eq!(with_password("PermitRootLogin yes\n", ""), ["Sshd.PasswordLogin", "RootPassword.PasswordLogin"]);
    assert_eq!(with_password("PermitRootLogin prohibit-password\n", ""), ["RootPassword.Set"]);
    // The first word counts, so what is included at the top wins.
    let including = "Include /etc/ssh/sshd_config.d/*.conf\nPermitRootLogin yes\nPasswordAuthentication yes\n";
    assert_eq!(with_password(including, "PasswordAuthentication no\n"), ["RootPassword.Set"]);
    assert_eq!(with_password("PermitRootLogin no\nMatch User x\nPermitRootLogin yes\n", ""), ["RootPassword.Set"]);
    assert_eq!(broken(|m| m.put("/etc/shadow", "root::19000::::::\n")), ["RootPassword.Empty"]);
    assert_eq!(
        broken(|m| m.without("/etc/shadow").put("/etc/passwd", "root::0:0::/:/bin/sh\n")),
        ["RootPassword.Empty"]
    );
}

#[test]
fn an_include_of_itself_ends() {
    let codes = broken(|m| m.put("/etc/ssh/sshd_config", "Include /etc/ssh/sshd_config /etc/ssh/*\n"));
    assert_eq!(codes, [""; 0]);
}

#[test]
fn guards() {
    assert_eq!(broken(|m| m.put("/etc/selinux/config", "SELINUX=enforcing\n")), ["Selinux.Enforcing"]);
    let labelled = broken(|m| m.put("/etc/selinux/config", "SELINUX=enforcing\n").put("/.autorelabel", ""));
    assert_eq!(labelled, [""; 0]);
    assert_eq!(broken(|m| m.put("/etc/selinux/config", "SELINUX=permissive\n")), [""; 0]);
    assert_eq!(broken(|m| m.put("/etc/ufw/ufw.conf", "ENABLED=yes\n")), ["Firewall.SshBlocked"]);
    let rule = "-A ufw-user-input -p tcp --dport 22 -j ACCEPT\n";
    assert_eq!(broken(|m| m.put("/etc/ufw/ufw.conf", "ENABLED=yes\n").put("/etc/ufw/user.rules", rule)), [""; 0]);
    let nft = |text: &str| {
        broken(|m| {
            m.put("/etc/systemd/system/sysinit.target.wants/nftables.service", "-> /lib/x")
                .put("/etc/nftables.conf", text)
        })
    };
    let dropping = "table inet f {\n chain input {\n type filter hook input priority 0; policy drop;\n }\n}\n";
    assert_eq!(nft(dropping), ["Firewall.SshBlocked"]);
    assert_eq!(nft(&dropping.replace("drop;\n", "drop;\n tcp dport { 22, 80 } accept\n")), [""; 0]);
}

#[test]
fn clouds() {
    let unit = "/etc/systemd/system/cloud-init.target.wants/cloud-init.service";
    assert_eq!(broken(|m| m.without("/usr/bin/cloud-init")), ["CloudInit.NotInstalled"]);
    assert_eq!(broken(|m| m.without(unit)), ["CloudInit.Disabled"]);
    assert_eq!(broken(|m| m.put("/etc/cloud/cloud-init.disabled", "")), ["CloudInit.Disabled"]);
    let sources = |text: &str| broken(|m| m.put("/etc/cloud/cloud.cfg.d/90.cfg", text));
    assert_eq!(sources("datasource_list: [ VMware, None ]\n"), ["CloudInit.Datasource"]);
    assert_eq!(sources("datasource_list:\n  - VMware\n  - ConfigDrive\nusers: [default]\n"), [""; 0]);
    assert_eq!(sources("datasource_list: [ VMware,\n  OpenStack ]\n"), [""; 0]);
    assert_eq!(sources("datasource_list: ['Azure']\n"), ["CloudInit.Datasource"]);
    assert_eq!(broken(|m| m.without("/usr/bin/growpart")), ["OnlineResizeFS.NotInstalled"]);
    let behind = Volume { name: "2".into(), offset_bytes: Some(4 << 20), size_bytes: 512, ..Volume::default() };
    assert_eq!(broken(|m| m.volume(behind)), ["OnlineResizeFS.RootNotLast"]);
}

#[test]
fn firmware_clock_age_and_size() {
    let mut machine = Machine::fine();
    machine.disk.fill(0);
    assert_eq!(machine.codes(), ["BootMode.NoLoader"]);
    assert!(!machine.report().is_bootable());
    assert_eq!(broken(|m| m.put("/etc/adjtime", "0.0 0 0.0\n0\nLOCAL\n")), ["RtcTimeMode.LocalTime"]);
    let mut machine = Machine::fine();
    machine.volumes[0].size_bytes = (1 << 20) - 512;
    assert_eq!(machine.codes(), ["FileSystem.LargerThanPartition"]);
    let old = |text: &str| text.replace(KERNEL, "2.6.32-754.el6.x86_64");
    let mut machine = Machine::fine();
    machine.files = machine
        .files
        .into_iter()
        .map(|(path, bytes)| {
            (
                old(&path),
                match String::from_utf8(bytes) {
                    Ok(text) => old(&text).into_bytes(),
                    Err(error) => error.into_bytes(),
                },
            )
        })
        .collect();
    // The names in the archive changed their length: it is damaged now, which is not what is asked here.
    assert!(machine.codes().contains(&"SupportMocInstanceTypes.KernelTooOld".to_owned()));
    let mut elf = Machine::fine().files["/bin/bash"].clone();
    elf[4] = 1;
    elf[18] = 3;
    assert_eq!(broken(|m| m.put("/bin/bash", elf)), ["SupportMocInstanceTypes.Architecture32"]);
    let modules = format!("/lib/modules/{KERNEL}/modules.builtin");
    assert_eq!(broken(|m| m.without(&modules).put("/lib/modules/5.10.0/x", "")), ["KernelVersion.WrongModules"]);
}

#[test]
fn what_cannot_be_read_is_told_and_not_guessed() {
    let report = Machine::fine().put("/etc/ssh/sshd_config", "x").breaking("/etc/ssh/sshd_config").report();
    assert_eq!(report.incomplete, None);
    let sshd = &report.item(ItemName::Sshd).unwrap().detail;
    assert!(sshd.contains("/etc/ssh/sshd_config") && sshd.contains("broken extent"), "{sshd}");
}

#[test]
fn text_of_the_disk_is_made_fit_to_be_shown() {
    let evil = "ID=debian\nVERSION_ID=12\nPRETTY_NAME=\"\u{1b}[31mred\u{202e}\u{7}\"\n";
    let report = Machine::fine().put("/etc/os-release", evil).put("/etc/hostname", "a\u{1b}b\u{0}c").report();
    let os = report.os.clone().unwrap();
    assert_eq!((os.pretty_name.as_str(), os.host_name.as_deref()), ("[31mred", Some("abc")));
    let shown = format!("{:?}", report.items.iter().map(|item| &item.detail).collect::<Vec<_>>());
    assert!(!shown.contains("\\u{1b}") && !shown.contains("202e"));
}

#[test]
fn a_budget_that_ends_leaves_only_what_is_right() {
    let mut machine = Machine::fine();
    for steps in [1, 10, 50, 200, 500, 1000] {
        machine.limits.steps = steps;
        let report = machine.report();
        let problems = report.items.iter().filter(|item| item.risk > Some(Risk::Info)).count();
        assert_eq!(problems, 0, "{steps} steps: {:?}", report.items);
    }
    machine.limits.steps = 10;
    assert!(machine.report().incomplete.is_some());
}

#[test]
fn loops_of_links_lead_nowhere() {
    let report = Machine::fine()
        .put("/etc/hostname", "-> /etc/loop")
        .put("/etc/loop", "-> /etc/hostname")
        .put("/etc/ssh/sshd_config", "-> ../../../../../../etc/passwd")
        .report();
    assert_eq!(report.incomplete, None);
    assert_eq!(report.os.unwrap().host_name, None);
}
