//! The architecture of a system, by the programs that every system has.

use crate::guest::Guest;

/// Programs to look at, the most usual first.
const PROGRAMS: [&str; 14] = [
    "/bin/bash",
    "/bin/ls",
    "/bin/echo",
    "/bin/rm",
    "/bin/sh",
    "/bin/busybox",
    "/usr/bin/bash",
    "/usr/bin/ls",
    "/usr/bin/busybox",
    "/usr/lib/systemd/systemd",
    "/lib/systemd/systemd",
    "/sbin/init",
    "/usr/bin/coreutils",
    "/usr/sbin/sshd",
];

/// The architecture that the first readable program was made for.
pub(super) fn detect(guest: &Guest) -> Option<String> {
    PROGRAMS.iter().find_map(|path| of_elf(&guest.start(path, 20)?))
}

/// The architecture in an ELF header: class, byte order, machine.
fn of_elf(header: &[u8]) -> Option<String> {
    let (magic, rest) = header.split_first_chunk::<4>()?;
    let (&[class, order], machine) = (rest.first_chunk::<2>()?, header.get(18..20)?);
    let little = order == 1;
    let machine = [machine[0], machine[1]];
    let machine = if little { u16::from_le_bytes(machine) } else { u16::from_be_bytes(machine) };
    if *magic != *b"\x7fELF" {
        return None;
    }
    let name = match (machine, class, little) {
        (3, ..) => "i386",
        (62, 1, _) => "x32",
        (62, ..) => "x86_64",
        (40, ..) => "arm",
        (183, ..) => "aarch64",
        (20, ..) => "ppc",
        (21, _, true) => "ppc64le",
        (21, ..) => "ppc64",
        (22, 2, _) => "s390x",
        (22, ..) => "s390",
        (243, 2, _) => "riscv64",
        (243, ..) => "riscv32",
        (258, ..) => "loongarch64",
        (8, _, true) => "mipsel",
        (8, ..) => "mips",
        (2 | 18 | 43, ..) => "sparc",
        (50, ..) => "ia64",
        _ => return None,
    };
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_elf_header_tells() {
        let elf = |class: u8, order: u8, machine: [u8; 2]| {
            let mut header = b"\x7fELF".to_vec();
            header.extend([class, order]);
            header.resize(18, 0);
            header.extend(machine);
            of_elf(&header)
        };
        assert_eq!(elf(2, 1, [62, 0]).as_deref(), Some("x86_64"));
        assert_eq!(elf(1, 1, [3, 0]).as_deref(), Some("i386"));
        assert_eq!(elf(2, 1, [183, 0]).as_deref(), Some("aarch64"));
        assert_eq!(elf(2, 2, [0, 22]).as_deref(), Some("s390x"));
        assert_eq!(elf(2, 1, [255, 255]), None);
        assert_eq!(of_elf(b"#!/bin/sh"), None);
        assert_eq!(of_elf(b"#!/bin/sh is a long enough script"), None);
    }
}
