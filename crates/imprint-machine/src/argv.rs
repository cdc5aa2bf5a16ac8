//! The command line of a machine. Nothing here touches anything.

use std::ffi::OsString;
use std::path::Path;

use serde_json::{Value, json};

use crate::agent;
use crate::firmware::Uefi;
use crate::hypervisor::{Architecture, Error, MachineDisk, MachineSpec};
use crate::nodes::{self, Names};
use crate::place::MachinePlace;

/// Disks that a machine can have, `a` to `z`: each has a port of its own, so that it can come and go.
pub(crate) const DISKS_MAX: u8 = 26;
/// The first place of the ports on the root bus; eight share one.
const PORTS_AT: u8 = 0x10;
/// The disk with what the first boot is told, and its port.
const SEED: &str = "seed";
/// Translated code of one machine that runs without hardware's help, MiB.
const TRANSLATED_MIB: u32 = 128;
/// System calls that a machine does not need.
const SANDBOX: &str = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";

/// What of the machine is not in its description.
#[derive(Debug)]
pub(crate) struct Around<'a> {
    /// Its directory.
    pub(crate) place: &'a MachinePlace,
    /// Its disks with their files.
    pub(crate) disks: Vec<(&'a MachineDisk, std::path::PathBuf)>,
    /// The socket of this node's NBD server.
    pub(crate) nbd_socket: &'a Path,
    /// Whether the processor's help is used, and whether there is another way.
    pub(crate) accelerators: &'static [&'static str],
    /// UEFI, when it begins with that; its variables are in the machine's directory.
    pub(crate) uefi: Option<&'a Uefi>,
    /// Whether there is a disk with what the first boot is told.
    pub(crate) has_seed: bool,
}

/// The device of a disk, as `-device` and `device_add` are told of it.
pub(crate) fn device(disk: &MachineDisk, is_nvme: bool) -> Result<Value, Error> {
    let names = Names::of(&disk.overlay.name);
    let number = number(disk.letter)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if disk.serial.len() > 20 || !disk.serial.bytes().all(plain) {
        return Err(Error::Refused("a disk's serial is of at most 20 letters and digits".to_owned()));
    }
    let driver = if is_nvme { "nvme" } else { "virtio-blk-pci" };
    // a BIOS shows the guest only the disks that stand in the order of booting
    Ok(json!({
        "driver": driver, "id": names.device(), "bus": format!("port-{}", disk.letter), "drive": names.top(),
        "serial": disk.serial, "bootindex": number,
    }))
}

/// Which of the ports a disk has.
fn number(letter: char) -> Result<u8, Error> {
    let number = u8::try_from(letter).ok().and_then(|letter| letter.checked_sub(b'a'));
    let none = || Error::Refused(format!("a machine has no place for a disk {letter:?}"));
    number.filter(|&number| number < DISKS_MAX).ok_or_else(none)
}

/// The words after the program's name.
pub(crate) fn words(machine: &MachineSpec, around: &Around<'_>) -> Result<Vec<OsString>, Error> {
    let mut words = Words::default();
    words.flags(&["-nodefaults", "-no-user-config", "-S"]);
    words.pair("-name", format!("guest={}", machine.name));
    words.pair("-sandbox", SANDBOX);
    words.pair("-display", "none");
    words.pair("-nic", "none");
    words.path("-pidfile", &around.place.process_file());
    processor(&mut words, machine, around);
    firmware(&mut words, around);
    channels(&mut words, around);
    for number in 0..DISKS_MAX {
        port(&mut words, &char::from(b'a' + number).to_string(), number);
    }
    port(&mut words, SEED, DISKS_MAX);
    for (disk, file) in &around.disks {
        let names = Names::of(&disk.overlay.name);
        for node in nodes::chain(&disk.overlay, file, around.nbd_socket) {
            words.pair("-blockdev", node.to_string());
        }
        words.pair("-blockdev", nodes::top(&names, &names.overlay()).to_string());
        words.pair("-device", flat(&device(disk, machine.nvme)?));
    }
    if around.has_seed {
        let file = json!({ "driver": "file", "filename": around.place.seed(), "read-only": true });
        words.pair(
            "-blockdev",
            json!({ "driver": "raw", "node-name": SEED, "read-only": true, "file": file }).to_string(),
        );
        // behind the last port: a guest names its disks in this order, and `a` is to be its first
        words.pair("-device", format!("virtio-blk-pci,bus=port-{SEED},drive={SEED},serial=cidata"));
    }
    Ok(words.0)
}

/// A place for one disk.
fn port(words: &mut Words, name: &str, number: u8) {
    let (at, function, chassis) = (PORTS_AT + number / 8, number % 8, number + 1);
    // without a window for I/O ports: there are too few for all, and no device here needs one
    words.pair("-device", format!(
        "pcie-root-port,id=port-{name},bus=pcie.0,addr={at:#x}.{function},multifunction=on,chassis={chassis},io-reserve=0"
    ));
}

fn processor(words: &mut Words, machine: &MachineSpec, around: &Around<'_>) {
    let mut kind = match machine.architecture {
        Architecture::X86_64 => "q35,vmport=off,usb=off".to_owned(),
        Architecture::Arm64 => "virt,gic-version=max".to_owned(),
    };
    if around.uefi.is_some() {
        kind.push_str(",pflash0=firmware,pflash1=variables");
    }
    words.pair("-machine", kind);
    for accelerator in around.accelerators {
        let tuned = format!("tcg,tb-size={TRANSLATED_MIB}");
        words.pair("-accel", if *accelerator == "tcg" { tuned } else { (*accelerator).to_owned() });
    }
    words.pair("-cpu", "max");
    words.pair("-smp", format!("cpus={}", machine.cpus));
    words.pair("-m", format!("size={}M", machine.memory_mib));
    words.pair("-rtc", "base=utc");
    words.pair("-boot", "strict=on");
    if machine.architecture == Architecture::X86_64 {
        // boot loaders expect a screen, though nobody looks at it
        words.pair("-device", "VGA,vgamem_mb=8");
    }
    words.pair("-object", "rng-random,id=random,filename=/dev/urandom");
    words.pair("-device", "virtio-rng-pci,rng=random");
}

fn firmware(words: &mut Words, around: &Around<'_>) {
    let Some(uefi) = around.uefi else { return };
    let variables = around.place.firmware_variables();
    for (name, file, is_read_only) in [("firmware", &uefi.code, true), ("variables", &variables, false)] {
        let file = json!({ "driver": "file", "filename": file, "read-only": is_read_only });
        let node = json!({ "driver": "raw", "node-name": name, "read-only": is_read_only, "file": file });
        words.pair("-blockdev", node.to_string());
    }
}

fn channels(words: &mut Words, around: &Around<'_>) {
    let sockets = [
        ("qmp", around.place.qmp_socket()),
        ("console", around.place.console_socket()),
        (agent::CHARDEV, around.place.agent_socket()),
    ];
    for (name, path) in sockets {
        let mut chardev = OsString::from(format!("socket,id={name},server=on,wait=off,path="));
        // a comma in a value is written twice
        chardev.push(path.to_string_lossy().replace(',', ",,"));
        words.pair("-chardev", chardev);
    }
    words.pair("-mon", "chardev=qmp,mode=control");
    words.pair("-serial", "chardev:console");
    words.pair("-device", "virtio-serial-pci");
    words.pair("-device", format!("virtserialport,chardev={},name=org.qemu.guest_agent.0", agent::CHARDEV));
}

/// A device's properties in the older form: with JSON some versions do not tell when it has gone.
fn flat(device: &Value) -> String {
    let properties = device.as_object().into_iter().flatten().map(|(key, value)| match value.as_str() {
        Some(text) => format!("{key}={text}"),
        None => format!("{key}={value}"),
    });
    properties.collect::<Vec<_>>().join(",")
}

#[derive(Debug, Default)]
struct Words(Vec<OsString>);

impl Words {
    fn flags(&mut self, flags: &[&str]) {
        self.0.extend(flags.iter().map(OsString::from));
    }

    fn pair(&mut self, option: &str, value: impl Into<OsString>) {
        self.0.extend([option.into(), value.into()]);
    }

    fn path(&mut self, option: &str, path: &Path) {
        self.pair(option, path.as_os_str());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypervisor::{Base, Firmware, OverlaySpec};
    use crate::place::Place;

    fn machine(architecture: Architecture) -> MachineSpec {
        let base = Some(Base { export: "content/ab/raw".to_owned(), size_bytes: 1 << 20 });
        let overlay = OverlaySpec { name: "disk-1".to_owned(), size_bytes: 1 << 30, base };
        MachineSpec {
            name: "m-1".to_owned(),
            architecture,
            firmware: Firmware::Uefi,
            cpus: 2,
            memory_mib: 512,
            nvme: architecture == Architecture::Arm64,
            disks: vec![MachineDisk { overlay, letter: 'a', serial: "serial1".to_owned() }],
            host_name: String::new(),
            user_data: None,
        }
    }

    fn line(machine: &MachineSpec) -> String {
        let place = Place::at("/a,b").machine(&machine.name).expect("a name");
        let uefi = Uefi { code: "/code".into(), variables: "/vars".into() };
        let around = Around {
            place: &place,
            disks: machine.disks.iter().map(|disk| (disk, "/f".into())).collect(),
            nbd_socket: Path::new("/nbd.sock"),
            accelerators: &["tcg"],
            uefi: Some(&uefi),
            has_seed: true,
        };
        let words = words(machine, &around).expect("words");
        words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn nothing_is_left_to_defaults_and_the_base_is_read_only() {
        let line = line(&machine(Architecture::X86_64));
        for part in [
            "-nodefaults -no-user-config -S",
            "-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
            "-nic none",
            "path=/a,,b/machines/m-1/qmp.sock",
            "-machine q35,vmport=off,usb=off,pflash0=firmware,pflash1=variables",
            r#""driver":"nbd","node-name":"base-"#,
            r#""read-only":true,"export":"content/ab/raw""#,
            "virtio-blk-pci,id=dev-",
            "serial=serial1,bootindex=0",
            "/a,b/machines/m-1/seed.iso",
            "id=port-z,bus=pcie.0,addr=0x13.1,",
            "id=port-seed,bus=pcie.0,addr=0x13.2,",
            "virtio-blk-pci,bus=port-seed,drive=seed",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }

    #[test]
    fn an_arm_machine_has_no_screen_and_nvme_when_told() {
        let line = line(&machine(Architecture::Arm64));
        assert!(line.contains("-machine virt") && line.contains("nvme,id=dev-") && !line.contains("VGA"), "{line}");
    }

    #[test]
    fn letters_and_serials_that_cannot_be_are_refused() {
        let mut disk = machine(Architecture::X86_64).disks.remove(0);
        for letter in ['A', '{', 'é', '`'] {
            assert!(device(&MachineDisk { letter, ..disk.clone() }, false).is_err(), "{letter}");
        }
        for letter in 'a'..='z' {
            assert!(device(&MachineDisk { letter, ..disk.clone() }, false).is_ok(), "{letter}");
        }
        disk.serial = "a,b".to_owned();
        assert!(device(&disk, false).is_err());
    }
}
