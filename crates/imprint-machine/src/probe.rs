//! Whether the processor really helps: inside other machines its device may be there and still not run a guest.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::faults::unless_missing;
use crate::hypervisor::{Architecture, Error};
use crate::place::Place;
use crate::settings::Accelerator;
use crate::start;

/// How long the smallest machine may take.
const LIMIT: Duration = Duration::from_secs(10);
/// A ROM that stands under the end of the first 4 GiB, where a processor begins.
const ROM_BYTES: usize = 64 << 10;
/// What the processor runs first: `mov al,0x10; out 0xf4,al; hlt`. The device at that port ends the machine.
const PROGRAM: &[u8] = b"\xb0\x10\xe6\xf4\xf4";
/// With this (twice what was written, and one).
const ENDED_WITH: i32 = 0x21;

/// What machines of this node shall run on. Where it is to be found out, a machine of five bytes says whether the
/// processor helps.
pub(crate) async fn accelerator(wanted: Accelerator, place: &Place) -> Result<Accelerator, Error> {
    let is_open = wanted == Accelerator::Auto && wanted.names(Architecture::X86_64).contains(&"kvm");
    let Some(program) = start::program(Architecture::X86_64).ok().filter(|_| is_open) else { return Ok(wanted) };
    let rom = place.tools().join("probe.rom");
    let mut bytes = vec![0xf4; ROM_BYTES];
    bytes[ROM_BYTES - 16..][..PROGRAM.len()].copy_from_slice(PROGRAM);
    tokio::fs::write(&rom, bytes).await.map_err(Error::at("writing", &rom))?;
    let helps = helps(&program, &rom).await;
    unless_missing(tokio::fs::remove_file(&rom).await).map_err(Error::at("removing", &rom))?;
    if helps {
        return Ok(wanted);
    }
    tracing::warn!("KVM is there but runs no machine: machines are translated, which is slow");
    Ok(Accelerator::Tcg)
}

async fn helps(program: &Path, rom: &Path) -> bool {
    let mut command = Command::new(program);
    command.args(["-nodefaults", "-no-user-config", "-display", "none", "-machine", "q35", "-accel", "kvm"]);
    command.args(["-cpu", "max", "-m", "16", "-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-bios"]).arg(rom);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let Ok(mut child) = command.spawn() else { return false };
    match tokio::time::timeout(LIMIT, child.wait()).await {
        Ok(Ok(status)) => status.code() == Some(ENDED_WITH),
        _ => false,
    }
}
