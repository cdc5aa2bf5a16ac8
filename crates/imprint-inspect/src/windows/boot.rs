//! What firmware starts: boot managers, their configuration, and the loader that it names.

use super::hive::{Hive, Value};
use super::machine::{Machine, damaged_is_none};
use crate::error::Result;
use crate::guest_file::{Bytes, GuestFile};
use crate::report::{Item, ItemName, Os, Risk};
use crate::tree::Tree;

/// How the disk starts.
pub(super) struct Start {
    pub(super) boots_bios: bool,
    pub(super) boots_uefi: bool,
    pub(super) items: Vec<Item>,
}

/// Boot managers of BIOS firmware, the current one first; the other is from before Vista and has no configuration
/// database.
const BIOS_MANAGERS: [&str; 2] = ["/bootmgr", OLD_MANAGER];
const OLD_MANAGER: &str = "/ntldr";
const BIOS_STORE: &str = "/Boot/BCD";

/// Boot managers of UEFI firmware: Windows' own, and those that firmware takes when it remembers none.
const UEFI_MANAGERS: [&str; 3] =
    ["/EFI/Microsoft/Boot/bootmgfw.efi", "/EFI/Boot/bootx64.efi", "/EFI/Boot/bootaa64.efi"];
const UEFI_STORE: &str = "/EFI/Microsoft/Boot/BCD";

/// The boot manager's object in a configuration, its element with the default system, and a system's element with the
/// loader's path. In a hive, the content of every element is its value `Element`.
const MANAGER_OBJECT: &str = "{9dea862c-5cdd-4e70-acc1-f32b344d4795}";
const DEFAULT_ELEMENT: &str = "23000003";
const LOADER_ELEMENT: &str = "12000002";

/// What was found of one kind of firmware's files on all volumes.
#[derive(Default)]
struct Files {
    /// Where boot managers are, with their lengths.
    managers: Vec<(String, u64)>,
    /// What is wrong with each configuration.
    stores: Vec<Store>,
}

struct Store {
    place: String,
    problem: Option<Problem>,
}

struct Problem {
    risk: Risk,
    code: &'static str,
    detail: String,
}

/// Looks for boot managers and their configuration on all volumes.
pub(super) fn examine(machine: &Machine<'_>) -> Result<Start> {
    let (mut bios, mut uefi) = (Files::default(), Files::default());
    for found in machine.scene.volumes {
        let Some(fs) = &found.fs else { continue };
        let tree = Tree::new(fs.clone(), fs.root(), machine.tree().budget().clone());
        let name = &found.volume.name;
        bios.look(machine, &tree, name, &BIOS_MANAGERS, BIOS_STORE)?;
        uefi.look(machine, &tree, name, &UEFI_MANAGERS, UEFI_STORE)?;
    }
    let (boots_bios, boots_uefi) = (!bios.managers.is_empty(), !uefi.managers.is_empty());
    let mut items = vec![mode_item(boots_bios, boots_uefi), manager_item(&bios, &uefi)];
    let is_old = bios.stores.is_empty() && bios.managers.iter().any(|(place, _)| place.starts_with(OLD_MANAGER));
    if !is_old {
        items.push(store_item(&bios, &uefi));
    }
    Ok(Start { boots_bios, boots_uefi, items })
}

impl Files {
    fn look(&mut self, machine: &Machine<'_>, tree: &Tree, volume: &str, managers: &[&str], store: &str) -> Result<()> {
        for path in managers {
            // a volume whose directories are damaged holds nothing that could be started
            if let Some(file) = damaged_is_none(tree.open(path))? {
                self.managers.push((format!("{path} on volume {volume}"), file.size_bytes()));
            }
        }
        let Some(file) = damaged_is_none(GuestFile::open(tree, store))? else { return Ok(()) };
        let problem = match check_store(machine, file) {
            Ok(problem) => problem,
            Err(error) if error.ends_the_check() => return Err(error),
            Err(error) => {
                Some(Problem { risk: Risk::High, code: "Unreadable", detail: format!("it cannot be read: {error}") })
            }
        };
        self.stores.push(Store { place: format!("{store} on volume {volume}"), problem });
        Ok(())
    }
}

/// Follows a configuration to the loader.
fn check_store(machine: &Machine<'_>, file: GuestFile) -> Result<Option<Problem>> {
    let problem = |code, detail: String| Ok(Some(Problem { risk: Risk::High, code, detail }));
    if file.size_bytes() == 0 {
        return problem("Empty", "it is empty".to_owned());
    }
    let hive = Hive::open(Box::new(file), machine.tree().budget())?;
    let Some(system) = element(&hive, MANAGER_OBJECT, DEFAULT_ELEMENT)? else {
        return problem("NoDefault", "it names no system to start".to_owned());
    };
    let Some(loader) = element(&hive, &system, LOADER_ELEMENT)? else {
        return problem("NoLoader", "the system that it names has no loader".to_owned());
    };
    if !machine.tree().is_file(machine.path_of(&loader))? {
        return problem("LoaderMissing", format!("the loader {} is not there", crate::text::clean_word(&loader)));
    }
    Ok(None)
}

fn element(hive: &Hive<'_>, object: &str, element: &str) -> Result<Option<String>> {
    let value = hive.value_at(&format!("Objects\\{object}\\Elements\\{element}"), "Element")?;
    Ok(value.and_then(Value::text))
}

fn mode_item(boots_bios: bool, boots_uefi: bool) -> Item {
    let fine = |value, detail| Item::fine(ItemName::BootMode, value, detail);
    match (boots_bios, boots_uefi) {
        (true, true) => fine("BIOS+UEFI", "There are boot managers for BIOS and for UEFI firmware."),
        (true, false) => fine("BIOS", "There is a boot manager for BIOS firmware."),
        (false, true) => fine("UEFI", "There is a boot manager for UEFI firmware."),
        (false, false) => Item::problem(
            ItemName::BootMode,
            "None",
            Risk::Error,
            "NoLoader",
            "No volume has a boot manager, neither for BIOS nor for UEFI firmware.",
        ),
    }
}

fn manager_item(bios: &Files, uefi: &Files) -> Item {
    let managers: Vec<_> = bios.managers.iter().chain(&uefi.managers).collect();
    match managers.iter().find(|(_, bytes)| *bytes == 0) {
        _ if managers.is_empty() => Item::problem(
            ItemName::BootMgr,
            "Missing",
            Risk::Error,
            "Missing",
            "No volume has a boot manager: repair the start with bcdboot.",
        ),
        Some((place, _)) => Item::problem(
            ItemName::BootMgr,
            "Empty",
            Risk::Error,
            "Empty",
            format!("The boot manager {place} is empty."),
        ),
        None => {
            let places: Vec<_> = managers.iter().map(|(place, _)| place.as_str()).collect();
            Item::fine(ItemName::BootMgr, "Present", format!("Found {}.", places.join(", ")))
        }
    }
}

fn store_item(bios: &Files, uefi: &Files) -> Item {
    let stores: Vec<_> = bios.stores.iter().chain(&uefi.stores).collect();
    let worst = stores.iter().filter_map(|store| Some((store, store.problem.as_ref()?))).max_by_key(|(_, p)| p.risk);
    match worst {
        _ if stores.is_empty() => Item::problem(
            ItemName::Bcd,
            "Missing",
            Risk::Error,
            "Missing",
            "No volume has a boot configuration: repair the start with bcdboot.",
        ),
        Some((store, problem)) => Item::problem(
            ItemName::Bcd,
            problem.code,
            problem.risk,
            problem.code,
            format!("The boot configuration {}: {}.", store.place, problem.detail),
        ),
        None => {
            let places: Vec<_> = stores.iter().map(|store| store.place.as_str()).collect();
            Item::fine(ItemName::Bcd, "Present", format!("Found {}; its loader is there.", places.join(", ")))
        }
    }
}

/// Whether the files are there that the loader needs.
pub(super) fn system_image(machine: &Machine<'_>, _: &Os) -> Result<Option<Item>> {
    let kernel = format!("{}/System32/ntoskrnl.exe", machine.windows);
    let loaders = ["winload.exe", "winload.efi"].map(|name| format!("{}/System32/{name}", machine.windows));
    let item = |problem, detail| Item::problem(ItemName::SystemImage, "Incomplete", Risk::Error, problem, detail);
    if !machine.tree().is_file(&kernel)? {
        return Ok(Some(item("NoKernel", format!("There is no kernel at {kernel}: Windows does not start."))));
    }
    let has_loader = loaders.iter().map(|path| machine.tree().is_file(path)).collect::<Result<Vec<_>>>()?;
    // before Vista the boot manager was the loader
    let is_old = machine.tree().is_file(OLD_MANAGER)?;
    if !is_old && !has_loader.contains(&true) {
        return Ok(Some(item(
            "NoLoader",
            "There is neither winload.exe nor winload.efi: Windows does not start.".to_owned(),
        )));
    }
    Ok(Some(Item::fine(ItemName::SystemImage, "Complete", format!("The kernel {kernel} and its loader are there."))))
}
