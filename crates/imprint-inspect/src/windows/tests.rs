use std::sync::Arc;

use super::hive::builder::{Made as Value, hive};
use super::*;
use crate::budget::{Budget, Limits};
use crate::file_system::FileSystem;
use crate::made::Made;
use crate::report::Volume;

type Values = Vec<(&'static str, &'static str, Value)>;

const VERSION: &str = "Microsoft\\Windows NT\\CurrentVersion";

/// A Windows that would start and can be reached: its hives and its files besides.
struct Sound {
    software: Values,
    system: Values,
    store: Values,
    files: Vec<(&'static str, Vec<u8>)>,
}

fn sound() -> Sound {
    let driver = |name: &'static str| (name, "Start", Value::Number(0));
    Sound {
        software: vec![
            (VERSION, "ProductName", Value::Text("Windows 10 Pro")),
            (VERSION, "CurrentVersion", Value::Text("6.3")),
            (VERSION, "CurrentMajorVersionNumber", Value::Number(10)),
            (VERSION, "CurrentMinorVersionNumber", Value::Number(0)),
            (VERSION, "CurrentBuildNumber", Value::Text("22631")),
            (VERSION, "UBR", Value::Number(3007)),
            (VERSION, "InstallationType", Value::Text("Client")),
            (VERSION, "EditionID", Value::Text("Professional")),
            (
                "Microsoft\\Windows\\CurrentVersion\\Setup\\State",
                "ImageState",
                Value::Text("IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE"),
            ),
            ("Cloudbase Solutions\\Cloudbase-Init", "Version", Value::Text("1.1.4")),
        ],
        system: vec![
            ("Select", "Current", Value::Number(2)),
            ("ControlSet002\\Control\\ComputerName\\ComputerName", "ComputerName", Value::Text("WIN-MADE")),
            ("ControlSet002\\Control\\Terminal Server", "fDenyTSConnections", Value::Number(0)),
            driver("ControlSet002\\Services\\viostor"),
            (
                "ControlSet002\\Services\\viostor",
                "ImagePath",
                Value::Text("\\SystemRoot\\System32\\drivers\\viostor.sys"),
            ),
            driver("ControlSet002\\Services\\vioscsi"),
            ("ControlSet002\\Services\\netkvm", "Start", Value::Number(3)),
            driver("ControlSet002\\Services\\stornvme"),
            ("ControlSet002\\Services\\Tcpip\\Parameters\\Interfaces\\{1}", "EnableDHCP", Value::Number(1)),
            (
                "ControlSet002\\Control\\Class\\{4d36e967-e325-11ce-bfc1-08002be10318}",
                "UpperFilters",
                Value::Texts(&["partmgr"]),
            ),
            // what the set that is not in use says does not matter
            ("ControlSet001\\Control\\Terminal Server", "fDenyTSConnections", Value::Number(1)),
        ],
        store: vec![
            (
                "Objects\\{9dea862c-5cdd-4e70-acc1-f32b344d4795}\\Elements\\23000003",
                "Element",
                Value::Text("{the-system}"),
            ),
            ("Objects\\{the-system}\\Elements\\12000002", "Element", Value::Text("\\Windows\\System32\\winload.exe")),
        ],
        files: vec![
            ("/Windows/System32/cmd.exe", program(0x8664)),
            ("/Windows/System32/ntoskrnl.exe", program(0x8664)),
            ("/Windows/System32/winload.exe", program(0x8664)),
            ("/Windows/System32/config/SAM", Vec::new()),
            ("/Windows/System32/config/SECURITY", Vec::new()),
            ("/Windows/System32/drivers/viostor.sys", Vec::new()),
            ("/Windows/System32/drivers/vioscsi.sys", Vec::new()),
            ("/Windows/System32/drivers/netkvm.sys", Vec::new()),
            ("/Windows/System32/drivers/stornvme.sys", Vec::new()),
            ("/Program Files/Cloudbase Solutions/Cloudbase-Init/conf/cloudbase-init.conf", b"[DEFAULT]".to_vec()),
            ("/bootmgr", b"x".to_vec()),
        ],
    }
}

fn program(machine: u16) -> Vec<u8> {
    let mut program = vec![0; 256];
    program[..2].copy_from_slice(b"MZ");
    program[60] = 128;
    program[128..132].copy_from_slice(b"PE\0\0");
    program[132..134].copy_from_slice(&machine.to_le_bytes());
    program
}

impl Sound {
    fn set(&mut self, hive: fn(&mut Sound) -> &mut Values, key: &'static str, name: &'static str, value: Value) {
        let values = hive(self);
        values.retain(|(path, known, _)| (*path, *known) != (key, name));
        values.push((key, name, value));
    }

    fn file_system(&self) -> Made {
        let made = Made::new("ntfs")
            .with("/Windows/System32/config/SOFTWARE", hive(&self.software))
            .with("/Windows/System32/config/SYSTEM", hive(&self.system))
            .with("/Boot/BCD", hive(&self.store));
        self.files.iter().fold(made, |made, (path, bytes)| made.with(path, bytes))
    }

    fn examined(&self) -> Examined {
        examined(self.file_system())
    }
}

fn system(sound: &mut Sound) -> &mut Values {
    &mut sound.system
}

fn software(sound: &mut Sound) -> &mut Values {
    &mut sound.software
}

fn store(sound: &mut Sound) -> &mut Values {
    &mut sound.store
}

fn examined(made: Made) -> Examined {
    let fs: Arc<dyn FileSystem> = Arc::new(made);
    let tree = Tree::new(fs.clone(), fs.root(), Arc::new(Budget::new(Limits::default())));
    let volume = Volume { name: "1".to_owned(), ..Volume::default() };
    let volumes = [Found { volume, fs: Some(fs), source: None, trouble: None }];
    examine(&Scene { tree: &tree, root: "1", volumes: &volumes })
}

/// What is wrong, as codes with their risks.
fn problems(examined: &Examined) -> Vec<(&str, Risk)> {
    assert!(examined.trouble.is_none(), "{:?}", examined.trouble);
    let problem = |item: &'_ Item| Some((item.code.as_ref()?.clone(), item.risk?));
    let found: Vec<_> = examined.items.iter().filter_map(problem).filter(|(_, risk)| *risk > Risk::Info).collect();
    found.into_iter().map(|(code, risk)| (&*code.leak(), risk)).collect()
}

/// That one change to the sound system gives one problem.
fn check(change: impl FnOnce(&mut Sound), expected: (&str, Risk)) {
    let mut sound = sound();
    change(&mut sound);
    assert_eq!(problems(&sound.examined()), [expected]);
}

#[test]
fn a_sound_system_has_no_problems_and_its_name_is_known() {
    let examined = sound().examined();
    assert_eq!(problems(&examined), []);
    let os = &examined.os;
    assert_eq!(os.pretty_name, "Windows 11 Pro", "a client of build 22000 or later is 11, whatever its name says");
    assert_eq!((os.kind.as_str(), os.distribution.as_str(), os.version.as_str()), ("windows", "windows", "10.0"));
    assert_eq!(os.kernel.as_deref(), Some("10.0.22631.3007"));
    assert_eq!(os.architecture.as_deref(), Some("x86_64"));
    assert_eq!(os.host_name.as_deref(), Some("WIN-MADE"));
    assert_eq!((os.boots_bios, os.boots_uefi), (true, false));
    assert_eq!(examined.findings, []);
}

#[test]
fn servers_keep_their_name_and_old_systems_their_text_version() {
    let mut server = sound();
    server.set(software, VERSION, "InstallationType", Value::Text("Server"));
    server.set(software, VERSION, "ProductName", Value::Text("Windows Server 2025 Standard"));
    assert_eq!(server.examined().os.pretty_name, "Windows Server 2025 Standard");

    let mut old = sound();
    old.software.retain(|(_, name, _)| !name.starts_with("CurrentM"));
    old.set(software, VERSION, "CurrentVersion", Value::Text("6.1"));
    old.set(software, VERSION, "CurrentBuildNumber", Value::Text("7601"));
    let examined = old.examined();
    assert_eq!(examined.os.version, "6.1");
    assert_eq!(examined.os.pretty_name, "Windows 10 Pro");
    assert_eq!(problems(&examined), [("SupportMocInstanceTypes.TooOld", Risk::Medium), ("Hotfix.Missing", Risk::High)]);
}

#[test]
fn drivers_must_start_with_the_loader_and_have_their_file() {
    let viostor = "ControlSet002\\Services\\viostor";
    let vioscsi = "ControlSet002\\Services\\vioscsi";
    let one = |sound: &mut Sound| sound.set(system, viostor, "Start", Value::Number(3));
    let mut sound = sound();
    one(&mut sound);
    assert_eq!(problems(&sound.examined()), [], "the other disk driver is enough");
    check(
        |sound| {
            one(sound);
            sound.set(system, vioscsi, "Start", Value::Number(4));
        },
        ("Virtio.NotStarted", Risk::Error),
    );
    check(
        |sound| sound.system.retain(|(path, _, _)| *path != viostor && *path != vioscsi),
        ("Virtio.NotInstalled", Risk::Error),
    );
    check(|sound| sound.files.retain(|(path, _)| !path.contains("/vio")), ("Virtio.NotStarted", Risk::Error));
    check(|sound| sound.files.retain(|(path, _)| !path.ends_with("netkvm.sys")), ("Virtio.NoNetwork", Risk::High));
    let nvme = "ControlSet002\\Services\\stornvme";
    check(|sound| sound.system.retain(|(path, _, _)| *path != nvme), ("NVMe.NotInstallded", Risk::Medium));
    check(|sound| sound.set(system, nvme, "Start", Value::Number(3)), ("NVMe.NotStarted", Risk::Medium));
    check(
        |sound| sound.set(system, "ControlSet002\\Services\\stornvme\\StartOverride", "0", Value::Number(3)),
        ("NVMe.NotStarted", Risk::Medium),
    );
}

#[test]
fn it_must_get_an_address_and_be_reachable() {
    let interface = "ControlSet002\\Services\\Tcpip\\Parameters\\Interfaces\\{1}";
    check(
        |sound| {
            sound.set(system, interface, "EnableDHCP", Value::Number(0));
            sound.set(system, interface, "IPAddress", Value::Texts(&["192.0.2.1"]));
        },
        ("Dhcp.Static", Risk::High),
    );
    check(|sound| sound.set(system, interface, "EnableDHCP", Value::Number(0)), ("Dhcp.Disabled", Risk::High));
    check(
        |sound| sound.set(system, "ControlSet002\\Services\\Dhcp", "Start", Value::Number(4)),
        ("Dhcp.ServiceDisabled", Risk::High),
    );
    let terminal = "ControlSet002\\Control\\Terminal Server";
    check(
        |sound| sound.set(system, terminal, "fDenyTSConnections", Value::Number(1)),
        ("RemoteDesktop.Disabled", Risk::Medium),
    );
    let tcp = "ControlSet002\\Control\\Terminal Server\\WinStations\\RDP-Tcp";
    check(|sound| sound.set(system, tcp, "PortNumber", Value::Number(3390)), ("RemoteDesktop.OtherPort", Risk::Low));
}

#[test]
fn a_firewall_must_let_remote_desktop_through() {
    let profile = "ControlSet002\\Services\\SharedAccess\\Parameters\\FirewallPolicy\\PublicProfile";
    let rules = "ControlSet002\\Services\\SharedAccess\\Parameters\\FirewallPolicy\\FirewallRules";
    let on = |sound: &mut Sound, rule| {
        sound.set(system, profile, "EnableFirewall", Value::Number(1));
        sound.set(system, rules, "RemoteDesktop-UserMode-In-TCP", Value::Text(rule));
    };
    let mut open = sound();
    on(&mut open, "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Public|LPort=3389|App=x|");
    assert_eq!(problems(&open.examined()), []);
    for rule in [
        "v2.30|Action=Allow|Active=FALSE|Dir=In|Protocol=6|LPort=3389|",
        "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|LPort=3389|",
        "v2.30|Action=Allow|Active=TRUE|Dir=Out|Protocol=6|LPort=3389|",
    ] {
        check(|sound| on(sound, rule), ("Firewall.BlocksRemoteDesktop", Risk::Medium));
    }
}

#[test]
fn the_way_from_firmware_to_kernel_must_be_whole() {
    check(
        |sound| sound.files.retain(|(path, _)| !path.ends_with("ntoskrnl.exe")),
        ("SystemImage.NoKernel", Risk::Error),
    );
    check(
        |sound| sound.files.iter_mut().filter(|(path, _)| *path == "/bootmgr").for_each(|(_, bytes)| bytes.clear()),
        ("BootMgr.Empty", Risk::Error),
    );
    check(|sound| sound.store.clear(), ("BCD.NoDefault", Risk::High));
    check(|sound| sound.store.truncate(1), ("BCD.NoLoader", Risk::High));
    let loader = "Objects\\{the-system}\\Elements\\12000002";
    check(
        |sound| sound.set(store, loader, "Element", Value::Text("\\Windows\\system32\\other.efi")),
        ("BCD.LoaderMissing", Risk::High),
    );
    let mut none = sound();
    none.files.retain(|(path, _)| *path != "/bootmgr");
    assert_eq!(problems(&none.examined()), [("BootMode.NoLoader", Risk::Error), ("BootMgr.Missing", Risk::Error)]);

    let mut uefi = sound();
    uefi.files.push(("/EFI/Microsoft/Boot/bootmgfw.efi", b"x".to_vec()));
    assert!(uefi.examined().os.boots_uefi);
}

#[test]
fn what_other_products_left_is_seen() {
    let class = "ControlSet002\\Control\\Class\\{4d36e967-e325-11ce-bfc1-08002be10318}";
    check(
        |sound| sound.set(system, class, "UpperFilters", Value::Texts(&["partmgr", "oldfilter"])),
        ("Disk.BrokenFilter", Risk::Error),
    );
    check(
        |sound| {
            sound.set(system, class, "UpperFilters", Value::Texts(&["PartMgr", "stornvme"]));
        },
        ("Disk.ForeignFilter", Risk::Medium),
    );
    check(
        |sound| {
            sound.set(system, "ControlSet002\\Services\\XenPCI\\Parameters", "hide_devices", Value::Texts(&["disks"]))
        },
        ("Xen.HidesDevices", Risk::High),
    );
    check(
        |sound| sound.set(system, "ControlSet002\\Services\\xenbus", "Start", Value::Number(0)),
        ("Xen.Installed", Risk::Low),
    );
    check(
        |sound| {
            let path = "ControlSet002\\Services\\PlugPlay\\Parameters";
            sound.set(system, path, "DeviceInstallDisabled", Value::Number(1));
        },
        ("Server.DeviceInstallDisabled", Risk::High),
    );
}

#[test]
fn harmful_updates_count_when_they_are_installed() {
    let packages = "Microsoft\\Windows\\CurrentVersion\\Component Based Servicing\\Packages\\Package_for_KB5009557~31bf~amd64~~10.0";
    check(|sound| sound.set(software, packages, "CurrentState", Value::Number(0x70)), ("Hotfix.Harmful", Risk::High));
    let mut superseded = sound();
    superseded.set(software, packages, "CurrentState", Value::Number(0x50));
    assert_eq!(problems(&superseded.examined()), []);
}

#[test]
fn half_done_work_is_seen() {
    let state = "Microsoft\\Windows\\CurrentVersion\\Setup\\State";
    let set = |word: &'static str| move |sound: &mut Sound| sound.set(software, state, "ImageState", Value::Text(word));
    check(set("IMAGE_STATE_COMPLETE"), ("Sysprep.NotGeneralized", Risk::Low));
    check(set("IMAGE_STATE_UNDEPLOYABLE"), ("Sysprep.Interrupted", Risk::High));
    check(set("IMAGE_STATE_GENERALIZE_RESEAL_TO_AUDIT"), ("Sysprep.Audit", Risk::Medium));
    let pending = "Microsoft\\Windows\\CurrentVersion\\Component Based Servicing\\RebootPending";
    check(|sound| sound.set(software, pending, "", Value::Key), ("Update.Pending", Risk::Medium));
    check(|sound| sound.files.push(("/Windows/WinSxS/pending.xml", b"x".to_vec())), ("Update.Pending", Risk::Medium));
    let manager = "ControlSet002\\Control\\Session Manager";
    check(
        |sound| sound.set(system, manager, "PendingFileRenameOperations", Value::Texts(&["\\??\\C:\\x"])),
        ("Update.RenamesPending", Risk::Low),
    );
    check(|sound| sound.files.push(("/hiberfil.sys", b"HIBR....".to_vec())), ("FileSystem.Hibernated", Risk::Error));
    let mut off = sound();
    off.files.push(("/hiberfil.sys", vec![0; 16]));
    assert_eq!(problems(&off.examined()), [], "the file alone is not a hibernated system");
}

#[test]
fn damaged_hives_are_said_and_everything_else_is_looked_at() {
    let made = sound().file_system().with("/Windows/System32/config/SOFTWARE", b"regf and no more");
    let damaged = examined(made);
    assert!(problems(&damaged).contains(&("Registry.Unreadable", Risk::High)));
    assert_eq!(damaged.os.host_name.as_deref(), Some("WIN-MADE"));
    assert!(damaged.items.iter().any(|item| item.name == ItemName::Virtio && item.risk.is_none()));

    let unreadable = examined(sound().file_system().breaking("/Windows/System32/config/SYSTEM"));
    assert!(problems(&unreadable).contains(&("Registry.Unreadable", Risk::Error)));
}

#[test]
fn secrets_are_found_by_their_places() {
    let mut sound = sound();
    sound.files.extend([
        ("/Windows/Panther/unattend.xml", b"x".to_vec()),
        ("/unattend.xml", Vec::new()),
        ("/ProgramData/ssh/ssh_host_ed25519_key", b"x".to_vec()),
        ("/ProgramData/ssh/ssh_host_ed25519_key.pub", b"x".to_vec()),
        ("/Users/Ann/.ssh/id_rsa", b"x".to_vec()),
    ]);
    sound.set(software, "Microsoft\\Windows NT\\CurrentVersion\\Winlogon", "DefaultPassword", Value::Text("secret"));
    let examined = sound.examined();
    let found: Vec<_> =
        examined.findings.iter().map(|finding| (finding.kind.as_str(), finding.path.as_str())).collect();
    assert_eq!(
        found,
        [
            ("installer-answers", "/Windows/Panther/unattend.xml"),
            ("ssh-host-key", "/ProgramData/ssh/ssh_host_ed25519_key"),
            ("private-key", "/Users/Ann/.ssh/id_rsa"),
            ("stored-password", "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon\\DefaultPassword"),
        ]
    );
    assert!(!format!("{examined:?}").contains("secret"));
}

#[test]
fn encrypted_volumes_are_named() {
    let volume =
        |content: &str| Volume { name: "3".to_owned(), content: Some(content.to_owned()), ..Volume::default() };
    let found = |content| [Found { volume: volume(content), fs: None, source: None, trouble: None }];
    let item = locked_item(&found("BitLocker")).unwrap();
    assert_eq!((item.code.as_deref(), item.risk), (Some("FileSystem.BitLocker"), Some(Risk::Error)));
    assert_eq!(locked_item(&found("ntfs")), None);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Whatever stands in the hives, an examination ends, and says what the system is as far as it can.
    #[test]
    fn damaged_registries_do_no_harm(changes in proptest::collection::vec(proptest::prelude::any::<(proptest::sample::Index, u8)>(), 1..32)) {
        let sound = sound();
        let damaged = |values: &Values| {
            let mut bytes = hive(values);
            for (place, byte) in &changes {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
            }
            bytes
        };
        let made = sound
            .file_system()
            .with("/Windows/System32/config/SYSTEM", damaged(&sound.system))
            .with("/Windows/System32/config/SOFTWARE", damaged(&sound.software))
            .with("/Boot/BCD", damaged(&sound.store));
        let examined = examined(made);
        proptest::prop_assert!(examined.trouble.is_none());
        proptest::prop_assert_eq!(&examined.os.kind, "windows");
        proptest::prop_assert!(examined.items.iter().any(|item| item.name == ItemName::Registry));
    }
}
