//! Which of the volumes is the root of the system that would start, and what it mounts where.
//!
//! What lives here: telling roots from other volumes, and applying the table of file systems. What never does: what the
//! system in the root is (`os`, `windows`).

use std::sync::Arc;

use crate::budget::Budget;
use crate::device::{Device, Leads};
use crate::error::{Error, Result};
use crate::file_system::{FileSystem, Node};
use crate::fstab;
use crate::report::Volume;
use crate::tree::Tree;
use crate::volumes::Found;
use crate::windows;

/// How many subvolumes of a file system are looked at.
const SUBVOLUMES_MAX: usize = 256;
/// How many lines of the table of file systems are applied.
const MOUNTS_MAX: usize = 64;

/// What kind of system a root holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Linux,
    Windows,
    /// A system that is recognised and not looked into.
    Other(&'static str),
}

/// A root.
pub(crate) struct Root {
    /// Which volume it is on.
    pub(crate) volume: usize,
    /// Path of its subvolume from the top of the file system; empty for none.
    pub(crate) subvolume: String,
    pub(crate) kind: Kind,
    node: Node,
    score: u8,
}

/// A root with everything mounted.
pub(crate) struct Mounted {
    pub(crate) tree: Tree,
    /// The table of file systems, if there is one.
    pub(crate) fstab: Option<fstab::Table>,
    /// Which volume is mounted where.
    pub(crate) mount_points: Vec<(usize, String)>,
    /// Where the EFI system partition is in the tree; it may be there only for us.
    pub(crate) esp: Option<String>,
    /// Subvolumes that loaders' paths may begin with.
    pub(crate) subvolumes: Vec<String>,
    /// What could not be mounted, and why.
    pub(crate) troubles: Vec<String>,
}

/// Finds the root: the first volume of the best kind there is.
///
/// # Errors
/// Those that end the check.
pub(crate) fn choose(found: &[Found], budget: &Arc<Budget>) -> Result<Option<Root>> {
    let mut best: Option<Root> = None;
    for (volume, found) in found.iter().enumerate() {
        let Some(fs) = &found.fs else { continue };
        let root = match root_of(fs, volume, budget) {
            Ok(root) => root,
            Err(error) if error.ends_the_check() => return Err(error),
            // A damaged volume is no root that could be read; that it is damaged is told with the volume.
            Err(_) => None,
        };
        if let Some(root) = root
            && best.as_ref().is_none_or(|best| root.score > best.score)
        {
            best = Some(root);
        }
    }
    Ok(best)
}

/// The root on one file system: its default tree or one of its subvolumes.
fn root_of(fs: &Arc<dyn FileSystem>, volume: usize, budget: &Arc<Budget>) -> Result<Option<Root>> {
    let subvolumes = fs.subvolumes();
    let default = fs.root();
    let name = subvolumes.iter().find(|(_, node)| *node == default).map(|(name, _)| name.clone()).unwrap_or_default();
    let mut candidates = vec![(name, default)];
    // Old states of a root look like roots: they come last.
    let is_state = |name: &str| name.contains(".snapshots/") || name.contains("snap");
    let (states, others): (Vec<_>, Vec<_>) =
        subvolumes.into_iter().filter(|(_, node)| *node != default).partition(|(name, _)| is_state(name));
    candidates.extend(others.into_iter().chain(states).take(SUBVOLUMES_MAX));
    let mut best: Option<Root> = None;
    for (index, (subvolume, node)) in candidates.into_iter().enumerate() {
        budget.step()?;
        let tree = Tree::new(fs.clone(), node, budget.clone());
        let Some(kind) = kind_of(&tree)? else { continue };
        let score = score(&tree, kind, index == 0, &subvolume)?;
        if best.as_ref().is_none_or(|best| score > best.score) {
            best = Some(Root { volume, subvolume, kind, node, score });
        }
    }
    Ok(best)
}

/// How likely a root is the one that starts: its own table names its subvolume, a system rather than remains of one.
fn score(tree: &Tree, kind: Kind, is_default: bool, subvolume: &str) -> Result<u8> {
    if kind != Kind::Linux {
        return Ok(1);
    }
    let table = tree.text("/etc/fstab")?.map(|text| fstab::Table::parse(&text)).unwrap_or_default();
    let named = table.at("/").and_then(|line| line.value_of("subvol")).map(|name| name.trim_matches('/').to_owned());
    let fits = match named {
        Some(name) => name == subvolume,
        None => is_default,
    };
    let starts = tree.is_dir("/boot")? && (tree.is_dir("/lib/modules")? || tree.is_dir("/usr/lib/modules")?);
    Ok(2 + 2 * u8::from(fits) + u8::from(starts))
}

/// What kind of root a tree is, if it is one.
fn kind_of(tree: &Tree) -> Result<Option<Kind>> {
    for (path, name) in [("/etc/freebsd-update.conf", "freebsd"), ("/netbsd", "netbsd"), ("/bsd", "openbsd")] {
        if tree.is_file(path)? {
            return Ok(Some(Kind::Other(name)));
        }
    }
    // With a separate /usr, /bin is a link that leads nowhere yet.
    let has_programs = tree.is_dir("/bin")? || tree.resolve_link("/bin")?.is_some() || tree.is_dir("/usr/bin")?;
    if has_programs && tree.is_dir("/etc")? {
        for path in ["/etc/fstab", "/etc/hosts", "/etc/os-release", "/usr/lib/os-release", "/etc/passwd"] {
            if tree.resolve_link(path)?.is_some() {
                return Ok(Some(Kind::Linux));
            }
        }
    }
    Ok(windows::directory(tree)?.map(|_| Kind::Windows))
}

/// The root's tree with everything that its table mounts, and the EFI system partition.
pub(crate) fn mount(root: &Root, found: &[Found], volumes: &[Volume], budget: &Arc<Budget>) -> Result<Mounted> {
    let Some(fs) = found.get(root.volume).and_then(|found| found.fs.clone()) else {
        return Err(Error::corrupt("the root has no file system"));
    };
    let tree = Tree::new(fs, root.node, budget.clone());
    let subvolumes = if root.subvolume.is_empty() { Vec::new() } else { vec![root.subvolume.clone()] };
    let mount_points = if root.kind == Kind::Linux { vec![(root.volume, "/".to_owned())] } else { Vec::new() };
    let mut mounted = Mounted { tree, fstab: None, mount_points, esp: None, subvolumes, troubles: Vec::new() };
    if root.kind == Kind::Linux {
        let text = match mounted.tree.text("/etc/fstab") {
            Ok(text) => text,
            Err(error) => mounted.note("/etc/fstab", error).map(|()| None)?,
        };
        mounted.fstab = text.map(|text| fstab::Table::parse(&text));
        mounted.apply(found, volumes)?;
        mounted.find_boot(found)?;
        mounted.find_esp(found)?;
    }
    Ok(mounted)
}

impl Mounted {
    /// Keeps an error that does not end the check.
    fn note(&mut self, what: &str, error: Error) -> Result<()> {
        if error.ends_the_check() {
            return Err(error);
        }
        self.troubles.push(format!("{what}: {error}"));
        Ok(())
    }

    fn apply(&mut self, found: &[Found], volumes: &[Volume]) -> Result<()> {
        let mut lines = self.fstab.clone().unwrap_or_default().lines;
        lines.retain(|line| line.mount_point.starts_with('/') && line.mount_point != "/" && !line.is_virtual());
        lines.sort_by_key(|line| line.mount_point.matches('/').count());
        for line in lines.into_iter().take(MOUNTS_MAX) {
            let Leads::To(volume) = Device::parse(&line.device).find(volumes) else { continue };
            let Some(fs) = found.get(volume).and_then(|found| found.fs.clone()) else { continue };
            let node = match line.value_of("subvol").map(|name| name.trim_matches('/').to_owned()) {
                Some(name) => {
                    let Some((_, node)) = fs.subvolumes().into_iter().find(|(path, _)| *path == name) else { continue };
                    if line.mount_point.starts_with("/boot") {
                        self.subvolumes.push(name);
                    }
                    node
                }
                None => fs.root(),
            };
            self.put(volume, &line.mount_point, fs, node)?;
            self.mount_points.push((volume, line.mount_point));
        }
        Ok(())
    }

    fn put(&mut self, volume: usize, path: &str, fs: Arc<dyn FileSystem>, node: Node) -> Result<()> {
        match self.tree.mount(path, fs, node) {
            Ok(()) => Ok(()),
            Err(error) => self.note(&format!("volume {volume} at {path}"), error),
        }
    }

    /// A volume that looks like `/boot` when the table does not say where that is.
    fn find_boot(&mut self, found: &[Found]) -> Result<()> {
        let has_kernel =
            |names: Vec<String>| names.iter().any(|name| name.starts_with("vmlinuz") || name.starts_with("grub"));
        if self.mount_points.iter().any(|(_, path)| path == "/boot")
            || has_kernel(self.tree.list("/boot").unwrap_or_default())
        {
            return Ok(());
        }
        for (volume, fs) in self.unused(found) {
            let top = Tree::new(fs.clone(), fs.root(), self.tree.budget().clone());
            let is_boot = [
                "/grub/grub.cfg",
                "/grub2/grub.cfg",
                "/grub/menu.lst",
                "/grub/grub.conf",
                "/loader/entries",
                "/extlinux.conf",
            ]
            .iter()
            .map(|path| top.exists(path))
            .collect::<Result<Vec<bool>>>();
            match is_boot {
                Ok(is) if is.contains(&true) => {
                    let node = fs.root();
                    return self.put(volume, "/boot", fs, node);
                }
                Ok(_) => {}
                Err(error) => self.note(&format!("volume {volume}"), error)?,
            }
        }
        Ok(())
    }

    /// The EFI system partition: where the table mounts it, or else at a place where it usually is.
    fn find_esp(&mut self, found: &[Found]) -> Result<()> {
        let is_fat = |volume: usize| {
            found.get(volume).and_then(|found| found.fs.as_ref()).is_some_and(|fs| fs.type_name() == "vfat")
        };
        for (volume, path) in &self.mount_points {
            if is_fat(*volume) && self.tree.is_dir(format!("{path}/EFI")).unwrap_or_default() {
                self.esp = Some(path.clone());
                return Ok(());
            }
        }
        for (volume, fs) in self.unused(found) {
            if fs.type_name() != "vfat" {
                continue;
            }
            let top = Tree::new(fs.clone(), fs.root(), self.tree.budget().clone());
            match top.is_dir("/EFI") {
                Ok(true) => {
                    self.esp = Some("/boot/efi".to_owned());
                    let node = fs.root();
                    return self.put(volume, "/boot/efi", fs, node);
                }
                Ok(false) => {}
                Err(error) => self.note(&format!("volume {volume}"), error)?,
            }
        }
        Ok(())
    }

    /// File systems that are mounted nowhere.
    fn unused(&self, found: &[Found]) -> Vec<(usize, Arc<dyn FileSystem>)> {
        let used = |volume: usize| self.mount_points.iter().any(|(used, _)| *used == volume);
        let with_fs = found.iter().enumerate().filter_map(|(volume, found)| Some((volume, found.fs.clone()?)));
        with_fs.filter(|(volume, _)| !used(*volume)).collect()
    }
}

#[cfg(test)]
mod tests;
