//! A Windows with its hives opened: what all looks at it share.

use super::hive::{Hive, Key, Value};
use super::{Scene, directory};
use crate::error::{Error, Result};
use crate::guest_file::GuestFile;
use crate::report::{Item, ItemName, Risk};
use crate::tree::Tree;

/// A Windows that is examined.
pub(super) struct Machine<'a> {
    pub(super) scene: &'a Scene<'a>,
    /// The Windows directory, as a path of the tree.
    pub(super) windows: &'static str,
    software: Option<Hive<'a>>,
    system: Option<Hive<'a>>,
    /// The name of the set of settings that the next start uses: `ControlSet001`.
    control_set: String,
    /// What is wrong with which hive.
    troubles: Vec<(&'static str, Error)>,
    missing: Vec<&'static str>,
    unfinished: Vec<&'static str>,
}

/// A service or driver as the registry knows it.
pub(super) struct Service {
    /// When it starts: 0 by the loader, 1 by the kernel, 2 on its own, 3 when asked, 4 never.
    pub(super) start: u64,
    /// Where its file is, as a path of the tree.
    pub(super) file: String,
}

/// Starts by the loader: what a disk that holds the system needs.
pub(super) const START_BY_LOADER: u64 = 0;

/// Starts on its own.
pub(super) const START_ON_ITS_OWN: u64 = 2;

/// Never starts.
pub(super) const START_NEVER: u64 = 4;

/// Hives that are only looked for: without them nobody can log on.
const OTHER_HIVES: [&str; 2] = ["SAM", "SECURITY"];

impl<'a> Machine<'a> {
    /// Opens the hives. A damaged hive is remembered, not an error.
    pub(super) fn open(scene: &'a Scene<'a>) -> Result<Machine<'a>> {
        let windows = directory(scene.tree)?.ok_or_else(|| Error::corrupt("there is no Windows directory"))?;
        let mut machine = Machine {
            scene,
            windows,
            software: None,
            system: None,
            control_set: "ControlSet001".to_owned(),
            troubles: Vec::new(),
            missing: Vec::new(),
            unfinished: Vec::new(),
        };
        machine.software = machine.hive("SOFTWARE")?;
        machine.system = machine.hive("SYSTEM")?;
        for name in OTHER_HIVES {
            if !scene.tree.is_file(machine.hive_path(name))? {
                machine.missing.push(name);
            }
        }
        let current = match &machine.system {
            Some(hive) => hive.value_at("Select", "Current"),
            None => Ok(None),
        };
        match current {
            Ok(Some(Value::Number(number))) if number <= 999 => machine.control_set = format!("ControlSet{number:03}"),
            Ok(_) => {}
            Err(error) if error.ends_the_check() => return Err(error),
            Err(error) => machine.troubles.push(("SYSTEM", error)),
        }
        Ok(machine)
    }

    fn hive_path(&self, name: &str) -> String {
        format!("{}/System32/config/{name}", self.windows)
    }

    fn hive(&mut self, name: &'static str) -> Result<Option<Hive<'a>>> {
        let tree: &'a Tree = self.scene.tree;
        let opened = match GuestFile::open(tree, &self.hive_path(name)) {
            Ok(Some(file)) => Hive::open(Box::new(file), tree.budget()),
            Ok(None) => {
                self.missing.push(name);
                return Ok(None);
            }
            Err(error) => Err(error),
        };
        match opened {
            Ok(hive) => {
                if !hive.was_written_whole() {
                    self.unfinished.push(name);
                }
                Ok(Some(hive))
            }
            Err(error) if error.ends_the_check() => Err(error),
            Err(error) => {
                self.troubles.push((name, error));
                Ok(None)
            }
        }
    }

    pub(super) fn tree(&self) -> &'a Tree {
        self.scene.tree
    }

    /// A value of the hive `SOFTWARE`.
    pub(super) fn software(&self, path: &str, name: &str) -> Result<Option<Value>> {
        self.software.as_ref().map_or(Ok(None), |hive| hive.value_at(path, name))
    }

    /// The text of a value of the hive `SOFTWARE`.
    pub(super) fn software_text(&self, path: &str, name: &str) -> Result<Option<String>> {
        Ok(self.software(path, name)?.and_then(Value::text))
    }

    /// A key of the hive `SOFTWARE` with its hive.
    pub(super) fn software_key(&self, path: &str) -> Result<Option<(&Hive<'a>, Key)>> {
        key(self.software.as_ref(), path)
    }

    /// A value below the settings in use.
    pub(super) fn system(&self, path: &str, name: &str) -> Result<Option<Value>> {
        let path = format!("{}\\{path}", self.control_set);
        self.system.as_ref().map_or(Ok(None), |hive| hive.value_at(&path, name))
    }

    /// The number of a value below the settings in use.
    pub(super) fn system_number(&self, path: &str, name: &str) -> Result<Option<u64>> {
        Ok(self.system(path, name)?.and_then(|value| value.number()))
    }

    /// The text of a value below the settings in use.
    pub(super) fn system_text(&self, path: &str, name: &str) -> Result<Option<String>> {
        Ok(self.system(path, name)?.and_then(Value::text))
    }

    /// A key below the settings in use, with its hive.
    pub(super) fn system_key(&self, path: &str) -> Result<Option<(&Hive<'a>, Key)>> {
        key(self.system.as_ref(), &format!("{}\\{path}", self.control_set))
    }

    /// A value of the hive `SYSTEM` that belongs to no set.
    pub(super) fn setup(&self, name: &str) -> Result<Option<Value>> {
        self.system.as_ref().map_or(Ok(None), |hive| hive.value_at("Setup", name))
    }

    /// A service or driver.
    pub(super) fn service(&self, name: &str) -> Result<Option<Service>> {
        let path = format!("Services\\{name}");
        let Some((hive, key)) = self.system_key(&path)? else { return Ok(None) };
        let number = |value: Option<Value>| value.and_then(|value| value.number());
        // a key left over from an uninstalled driver has no start
        let Some(start) = number(hive.value(&key, "Start")?) else { return Ok(None) };
        // Setup overrides the start of drivers whose device was not there, by profile of the hardware
        let start = number(self.system(&format!("{path}\\StartOverride"), "0")?).unwrap_or(start);
        let image = hive.value(&key, "ImagePath")?.and_then(Value::text);
        let image = image.unwrap_or_else(|| format!("System32\\drivers\\{name}.sys"));
        Ok(Some(Service { start, file: self.path_of(&image) }))
    }

    /// Whether there is a service of that name which is not switched off.
    pub(super) fn has_service(&self, name: &str) -> Result<bool> {
        Ok(self.service(name)?.is_some_and(|service| service.start != START_NEVER))
    }

    /// The path in the tree of a path as Windows writes it. All drives are taken for the system's.
    pub(super) fn path_of(&self, image: &str) -> String {
        let image = image.trim().trim_matches('"').replace('\\', "/");
        let image = image.strip_prefix("/??/").unwrap_or(&image);
        for prefix in ["/SystemRoot/", "SystemRoot/", "%SystemRoot%/", "%windir%/"] {
            if let Some(rest) = image.get(..prefix.len()).filter(|start| start.eq_ignore_ascii_case(prefix)) {
                return format!("{}/{}", self.windows, &image[rest.len()..]);
            }
        }
        match image.as_bytes() {
            [drive, b':', b'/', ..] if drive.is_ascii_alphabetic() => image[2..].to_owned(),
            [b'/', ..] => image.to_owned(),
            _ => format!("{}/{image}", self.windows),
        }
    }

    /// What there is to say of the registry itself.
    pub(super) fn registry_item(&self) -> Item {
        let item = |value: &str, risk, problem: &str, detail: String| {
            Item::problem(ItemName::Registry, value, risk, problem, detail)
        };
        if let Some((name, error)) = self.troubles.first() {
            let risk = if self.troubles.iter().any(|(name, _)| *name == "SYSTEM") { Risk::Error } else { Risk::High };
            return item("Damaged", risk, "Unreadable", format!("The hive {name} cannot be read: {error}."));
        }
        if self.system.is_none() {
            return item(
                "Missing",
                Risk::Error,
                "Missing",
                "There is no hive SYSTEM, without which Windows does not start.".to_owned(),
            );
        }
        if !self.missing.is_empty() {
            return item("Missing", Risk::High, "Missing", format!("Hives are missing: {}.", self.missing.join(", ")));
        }
        if !self.unfinished.is_empty() {
            let detail = format!(
                "The last write of {} did not come to its end; the check saw the state before it. Shut Windows down before the image is made.",
                self.unfinished.join(", ")
            );
            return item("NotWrittenWhole", Risk::Low, "NotWrittenWhole", detail);
        }
        Item::fine(ItemName::Registry, "Readable", "The hives are there and can be read.")
    }
}

fn key<'h, 'a>(hive: Option<&'h Hive<'a>>, path: &str) -> Result<Option<(&'h Hive<'a>, Key)>> {
    let Some(hive) = hive else { return Ok(None) };
    Ok(hive.key(path)?.map(|key| (hive, key)))
}

/// What a damaged hive or file does not say is as if it were not there: that it is damaged, other items say.
pub(super) fn damaged_is_none<T>(outcome: Result<Option<T>>) -> Result<Option<T>> {
    match outcome {
        Err(error) if !error.ends_the_check() => Ok(None),
        outcome => outcome,
    }
}
