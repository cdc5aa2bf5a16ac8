//! The whole check, from the bytes of a disk to its report.
//!
//! What lives here: the order of the work, and that it never fails. What never does: any single thing that is looked at.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use imprint_disk::ReadAt;

use crate::boot::{Boot, Firmware, Kernel, Places};
use crate::budget::{Budget, Limits};
use crate::drivers::Drivers;
use crate::error::Error;
use crate::findings;
use crate::guest::Guest;
use crate::initramfs::{Initramfs, Part};
use crate::items::{self, Scene};
use crate::report::{ItemName, Os, Report, Volume};
use crate::roots::{self, Kind, Mounted, Root};
use crate::text::clean;
use crate::volumes::{Found, Volumes};
use crate::{boot, os, packages, volumes, windows};

/// How many files of one initramfs are read.
const INITRDS_MAX: usize = 4;
/// The longest sentence of a report, in characters.
const SENTENCE_CHARS_MAX: usize = 2048;

/// Checks a disk: what a guest would see. Never fails, and takes no longer than its limits: what could not be learned is
/// said in [`Report::incomplete`] or by an item.
#[must_use]
pub fn inspect(disk: &Arc<dyn ReadAt>, limits: Limits) -> Report {
    let budget = Arc::new(Budget::new(limits));
    // A parser that panics on hostile bytes must not take the service's worker with it. What is shared with the work is
    // only read afterwards if it was written whole.
    let mut report = Report::default();
    let outcome = catch_unwind(AssertUnwindSafe(|| check(disk, &budget, &mut report)));
    let ended = match outcome {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("the check stopped: the disk's records led it into a fault of its own".to_owned()),
    };
    if report.incomplete.is_none() {
        report.incomplete = ended;
    }
    finish(&mut report);
    report
}

fn check(disk: &Arc<dyn ReadAt>, budget: &Arc<Budget>, report: &mut Report) -> Result<(), Error> {
    let Volumes { disk, partition_table, table_trouble, found, ended, .. } = volumes::find(disk, budget);
    report.partition_table = partition_table.map(str::to_owned);
    report.volumes = found.iter().map(described).collect();
    report.items.push(items::file_systems(&found, &table_trouble));
    ended.map_or(Ok(()), Err)?;
    examine(&*disk, &found, report, budget)
}

/// Everything past the volumes, which are described in the report.
fn examine(disk: &dyn ReadAt, found: &[Found], report: &mut Report, budget: &Arc<Budget>) -> Result<(), Error> {
    let Some(root) = roots::choose(found, budget)? else {
        return without_system(disk, found, report);
    };
    let mounted = roots::mount(&root, found, &report.volumes, budget)?;
    for (volume, path) in &mounted.mount_points {
        report.volumes[*volume].mount_point.get_or_insert_with(|| path.clone());
    }
    match root.kind {
        Kind::Linux => linux(disk, &root, mounted, report, budget),
        Kind::Windows => of_windows(&root, &mounted, found, report),
        Kind::Other(name) => {
            let pretty_name = name.to_owned();
            let os = Os {
                kind: pretty_name.clone(),
                distribution: pretty_name.clone(),
                pretty_name,
                root: root_name(&root, report),
                ..Os::default()
            };
            report.items.push(items::platform_of(&os));
            report.os = Some(os);
            Ok(())
        }
    }
}

/// What the report says of a volume, with what its file system knows.
fn described(found: &Found) -> Volume {
    let mut volume = found.volume.clone();
    volume.clean = volume.clean.or_else(|| found.fs.as_ref().map(|fs| fs.is_clean()));
    volume
}

fn without_system(disk: &dyn ReadAt, found: &[Found], report: &mut Report) -> Result<(), Error> {
    report.items.push(windows::locked_item(found).unwrap_or_else(|| items::no_system(&report.volumes)));
    report.items.push(items::boot_mode(&Firmware::find(disk, &report.volumes, None)));
    Ok(())
}

fn of_windows(root: &Root, mounted: &Mounted, found: &[Found], report: &mut Report) -> Result<(), Error> {
    let name = report.volumes[root.volume].name.clone();
    let examined = windows::examine(&windows::Scene { tree: &mounted.tree, root: &name, volumes: found });
    report.os = Some(examined.os);
    report.items.extend(examined.items);
    report.findings = examined.findings;
    examined.trouble.map_or(Ok(()), Err)
}

/// The volume of the root, with its subvolume if it has one.
fn root_name(root: &Root, report: &Report) -> String {
    let volume = report.volumes.get(root.volume).map_or("", |volume| volume.name.as_str());
    if root.subvolume.is_empty() { volume.to_owned() } else { format!("{volume}:{}", root.subvolume) }
}

fn linux(
    disk: &dyn ReadAt,
    root: &Root,
    mounted: Mounted,
    report: &mut Report,
    budget: &Arc<Budget>,
) -> Result<(), Error> {
    let Mounted { tree, fstab, esp, subvolumes, troubles, .. } = mounted;
    let guest = Guest::new(tree);
    let mut os = os::detect(&guest);
    os.root = root_name(root, report);
    let installed = packages::list(guest.tree(), &os, budget);
    os.package_format = installed.format;
    report.packages = installed.packages;
    let boot = Boot::find(&guest, &Places { subvolumes, esp: esp.clone() });
    let firmware = Firmware::find(disk, &report.volumes, esp.as_deref().map(|esp| (&guest, esp)));
    (os.boots_bios, os.boots_uefi) = (firmware.bios, firmware.uefi);
    let kernel = boot.default_entry().and_then(|entry| {
        let mut kernel = Kernel::read(&guest, entry.kernel.as_deref()?);
        // An entry's own claim is better than nothing, and worse than the kernel's word.
        kernel.name_version = kernel.name_version.or_else(|| entry.version.clone());
        Some(kernel)
    });
    os.kernel = kernel.as_ref().and_then(Kernel::version).map(str::to_owned).or_else(|| only_modules(&guest));
    let initramfs = read_initramfs(&guest, &boot, budget)?;
    let drivers = os.kernel.as_deref().map(|version| {
        let path = kernel.as_ref().map_or("", |kernel| kernel.path.as_str());
        Drivers::read(&guest, path, version, initramfs.as_ref())
    });
    report.os = Some(os);
    end_of(&guest, installed.trouble.filter(Error::ends_the_check))?;
    // What was not readable on the way here is told again by the items that need it.
    guest.take_troubles();

    let os = report.os.clone().unwrap_or_default();
    let scene = Scene {
        guest: &guest,
        volumes: &report.volumes,
        root: root.volume,
        os: &os,
        packages: &report.packages,
        fstab: fstab.as_ref(),
        boot: &boot,
        firmware: &firmware,
        kernel: kernel.as_ref(),
        initramfs: initramfs.as_ref(),
        drivers: drivers.as_ref(),
    };
    let mut items = items::all(&scene);
    if let Some(item) = items.iter_mut().find(|item| item.name == ItemName::SystemImage)
        && !troubles.is_empty()
    {
        item.detail = format!("{} Not everything could be mounted: {}.", item.detail, troubles.join("; "));
    }
    report.items.extend(items);
    report.findings = findings::find(&guest);
    end_of(&guest, None)
}

/// The error that ended the reading of a guest, if one did.
fn end_of(guest: &Guest, error: Option<Error>) -> Result<(), Error> {
    match (error, guest.ended()) {
        (Some(error), _) => Err(error),
        // The guest keeps its error as text; what kind it was does not matter any more.
        (None, Some(text)) => Err(Error::Corrupt(text)),
        (None, None) => Ok(()),
    }
}

/// The version of the only kernel that there are modules for.
fn only_modules(guest: &Guest) -> Option<String> {
    let mut versions = [guest.list("/lib/modules"), guest.list("/usr/lib/modules")].concat();
    versions.sort_unstable();
    versions.dedup();
    versions.retain(|version| boot::version_from_name(&format!("-{version}")).is_some());
    match versions.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    }
}

/// The initramfs of the default entry: all of its files as one, as the kernel takes them.
fn read_initramfs(guest: &Guest, boot: &Boot, budget: &Budget) -> Result<Option<Initramfs>, Error> {
    let Some(entry) = boot.default_entry() else { return Ok(None) };
    let files = entry.initrds.iter().take(INITRDS_MAX).filter_map(|path| {
        let file = guest.open(path)?;
        Some(match (boot.loader, boot::unified_initrd(guest, path)) {
            (Some("uki"), Some((offset, len))) => Part { file, offset, len },
            _ => Part { len: file.size_bytes(), offset: 0, file },
        })
    });
    let files: Vec<Part> = files.collect();
    if files.is_empty() { Ok(None) } else { Initramfs::read(&files, budget).map(Some) }
}

/// Makes every text fit to be shown, and puts the items into their order.
fn finish(report: &mut Report) {
    // Of two that looked at one thing, the worse is kept; of two alike the later, which knew more.
    report.items.sort_by_key(|item| (item.name, item.risk));
    report.items.reverse();
    report.items.dedup_by_key(|item| item.name);
    report.items.reverse();
    let sentence = |text: &mut String| *text = clean(&text, SENTENCE_CHARS_MAX);
    let word = |text: &mut String| *text = crate::text::clean_word(&text);
    for volume in &mut report.volumes {
        word(&mut volume.name);
        let Volume { partition_type, partition_uuid, partition_label, content, uuid, label, mount_point, .. } = volume;
        [partition_type, partition_uuid, partition_label, content, uuid, label, mount_point]
            .into_iter()
            .flatten()
            .for_each(word);
    }
    if let Some(Os { kind, distribution, version, pretty_name, architecture, host_name, kernel, root, .. }) =
        &mut report.os
    {
        [kind, distribution, version, pretty_name, root].into_iter().for_each(word);
        [architecture, host_name, kernel].into_iter().flatten().for_each(word);
    }
    for item in &mut report.items {
        word(&mut item.value);
        sentence(&mut item.detail);
    }
    for finding in &mut report.findings {
        sentence(&mut finding.path);
    }
    report.incomplete.iter_mut().for_each(sentence);
}

/// The report of volumes made for a test.
#[cfg(test)]
pub(crate) fn inspect_made(disk: &dyn ReadAt, found: &[Found], limits: Limits) -> Report {
    let mut report = Report { volumes: found.iter().map(described).collect(), ..Report::default() };
    report.items.push(items::file_systems(found, &[]));
    let ended = examine(disk, found, &mut report, &Arc::new(Budget::new(limits))).err();
    report.incomplete = ended.map(|error| error.to_string());
    finish(&mut report);
    report
}
