//! The body of a request that makes an image: its members by name, and what all such requests say of the image.

use std::collections::{BTreeMap, BTreeSet};

use imprint_model::{Architecture, BootMode, Facts, OsType, role};
use imprint_service::{JobMark, NewImage};
use serde_json::{Map, Value};

use super::tags;
use crate::call::Call;
use crate::fault::{Code, Fault, code, img};
use crate::words::ENVIRONMENT;
use crate::{os, values};

/// Longest name of a system, characters.
const SYSTEM_CHARS_MAX: usize = 255;
/// Longest text of any other member, bytes.
const TEXT_BYTES_MAX: usize = 4_096;

/// An object of a body. A member that is `null` or an empty text is not there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Members<'a>(pub(crate) &'a Map<String, Value>);

impl<'a> Members<'a> {
    /// A member.
    pub(crate) fn get(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null() && value.as_str() != Some(""))
    }

    /// A text.
    pub(crate) fn text(self, name: &str) -> Result<Option<&'a str>, Fault> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let text = value.as_str().filter(|text| text.len() <= TEXT_BYTES_MAX && !text.chars().any(char::is_control));
        text.map(Some).ok_or_else(|| bad(name))
    }

    /// A text that must be there.
    pub(crate) fn need(self, name: &str, missing: Code) -> Result<&'a str, Fault> {
        self.text(name)?.ok_or_else(|| missing.fault())
    }

    /// A truth, false when it is not there. Clients send it as text, too.
    pub(crate) fn truth(self, name: &str) -> Result<bool, Fault> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(truth)) => Ok(*truth),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err(bad(name)),
        }
    }

    /// Objects, at most `most` of them.
    pub(crate) fn objects(self, name: &str, most: usize) -> Result<Vec<Members<'a>>, Fault> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        let list = value.as_array().filter(|list| list.len() <= most).ok_or_else(|| bad(name))?;
        list.iter().map(|one| one.as_object().map(Members).ok_or_else(|| bad(name))).collect()
    }

    /// GiB of a disk, which must be given and within these bounds.
    pub(crate) fn gib(self, name: &str, bounds: std::ops::RangeInclusive<u32>) -> Result<u32, Fault> {
        let size = values::memory(self.get(name).ok_or_else(|| code::BAD_SIZE.fault())?)?;
        if bounds.contains(&size) { Ok(size) } else { Err(code::BAD_SIZE.fault()) }
    }

    /// The name, which must be given.
    pub(crate) fn name(self) -> Result<String, Fault> {
        values::name(self.get("name").ok_or_else(|| code::NAME_MISSING.fault())?)
    }

    fn memory(self, name: &str) -> Result<Option<u32>, Fault> {
        self.get(name).map(values::memory).transpose()
    }
}

/// `IMG.0001` for a member.
pub(crate) fn bad(name: &str) -> Fault {
    code::BAD_BODY.with_message(format!("The request message format is invalid: {name} is not what it should be."))
}

/// Whoever may not make anything need not be told what buckets there are.
pub(crate) fn require_maker(call: &Call) -> Result<(), Fault> {
    if call.caller.has_role(role::MEMBER) { Ok(()) } else { Err(code::FORBIDDEN.fault()) }
}

/// What every request says of the image it makes.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) facts: Facts,
    pub(crate) tags: BTreeSet<String>,
    pub(crate) min_ram_mib: u32,
    pub(crate) properties: BTreeMap<String, String>,
}

impl Told {
    /// Codes of what is wrong with it.
    pub(crate) const CODES: &[Code] = &[
        code::EMPTY_BODY,
        code::NAME_MISSING,
        code::NAME_TOO_LONG,
        code::NAME_FORMAT,
        code::DESCRIPTION_TOO_LONG,
        code::DESCRIPTION_FORMAT,
        code::BAD_SIZE,
        code::BAD_TAG,
        code::QUOTA_TAGS,
        code::ENTERPRISE_PROJECT,
        code::QUOTA_IMAGES,
        NO_SUCH_KEY,
    ];

    /// Reads it.
    pub(crate) fn read(members: Members<'_>) -> Result<Self, Fault> {
        let name = members.name()?;
        Self::read_named(members, name)
    }

    /// Reads it but for its name.
    pub(crate) fn read_named(members: Members<'_>, name: String) -> Result<Self, Fault> {
        if members.get("cmk_id").is_some() {
            return Err(NO_SUCH_KEY.fault());
        }
        let facts = Facts {
            description: members.get("description").map(values::description).transpose()?,
            resource_group: members.get("enterprise_project_id").map(values::group).transpose()?.flatten(),
            ..Facts::default()
        };
        let most = members.memory("max_ram")?.map(|mib| ("max_ram".to_owned(), mib.to_string()));
        Ok(Self {
            name,
            facts,
            tags: tags::read(members)?,
            min_ram_mib: members.memory("min_ram")?.unwrap_or(0),
            properties: most.into_iter().collect(),
        })
    }

    /// Notes a property.
    pub(crate) fn note(&mut self, name: &str, value: impl Into<String>) {
        self.properties.insert(name.to_owned(), value.into());
    }

    /// What the engine wants to know besides, for an image that the job of this name makes.
    pub(crate) fn new_image(&self, min_disk_gib: u32, label: &str) -> NewImage {
        NewImage {
            min_disk_gib,
            min_ram_mib: self.min_ram_mib,
            properties: self.properties.clone(),
            ..NewImage::by(JobMark::new(label))
        }
    }
}

/// GiB of a system disk.
pub(crate) const SYSTEM_GIB: std::ops::RangeInclusive<u32> = 1..=1_024;
/// GiB of a data disk.
pub(crate) const DATA_GIB: std::ops::RangeInclusive<u32> = 1..=2_048;
/// What images of data disks are for.
pub(crate) const DATA_ENVIRONMENT: (&str, &str) = (ENVIRONMENT, "DataImage");
/// The type of an image that cannot be.
pub(crate) const BAD_TYPE: Code = img("IMG.0024");
/// The system must be told.
pub(crate) const SYSTEM_NEEDED: Code = img("IMG.0159");
/// Nothing is encrypted here, so there is no key.
pub(crate) const NO_SUCH_KEY: Code = img("IMG.0095");
/// A system that cannot be.
pub(crate) const BAD_SYSTEM: Code = img("IMG.0056");
/// A kind of system that cannot be.
pub(crate) const BAD_SYSTEM_KIND: Code = img("IMG.0122");
/// A processor that cannot be.
pub(crate) const BAD_ARCHITECTURE: Code = img("IMG.0212");

/// What machine an image of a system is for, by its `type`; a word that means no machine is given back.
pub(crate) fn read_machine<'a>(members: Members<'a>, told: &mut Told) -> Result<Option<&'a str>, Fault> {
    match members.text("type")? {
        None | Some("ECS" | "FusionCompute") => {}
        Some("BMS" | "Ironic") => told.note(ENVIRONMENT, "Ironic"),
        other => return Ok(other),
    }
    Ok(None)
}

/// What is said of the system inside goes into the facts: its name tells platform, kind and width.
pub(crate) fn read_system(members: Members<'_>, facts: &mut Facts) -> Result<(), Fault> {
    let architecture = match members.text("architecture")? {
        None => None,
        Some("x86") => Some(Architecture::X86_64),
        Some("arm") => Some(Architecture::Arm64),
        Some(_) => return Err(BAD_ARCHITECTURE.fault()),
    };
    facts.os_type = match members.text("os_type")? {
        None | Some("Other") => None,
        Some("Linux") => Some(OsType::Linux),
        Some("Windows") => Some(OsType::Windows),
        Some(_) => return Err(BAD_SYSTEM_KIND.fault()),
    };
    facts.architecture = architecture;
    if let Some(version) = members.text("os_version").map_err(|_| BAD_SYSTEM.fault())? {
        if version.trim() != version || version.chars().count() > SYSTEM_CHARS_MAX {
            return Err(BAD_SYSTEM.fault());
        }
        name_system(version, facts);
    }
    facts.boot_mode = members.get("hw_firmware_type").map(values::firmware).transpose()?;
    if facts.architecture == Some(Architecture::Arm64) {
        facts.boot_mode.get_or_insert(BootMode::Uefi);
    }
    Ok(())
}

/// What the name of a system tells.
fn name_system(version: &str, facts: &mut Facts) {
    let told = os::derive(version);
    facts.os_name = Some(version.to_owned());
    facts.platform = Some(told.platform).filter(|&platform| platform != "Other").map(str::to_owned);
    facts.os_type = match told.kind {
        "Linux" => Some(OsType::Linux),
        "Windows" => Some(OsType::Windows),
        _ => facts.os_type,
    };
    let width = if told.bits == "32" { Architecture::I386 } else { Architecture::X86_64 };
    if facts.architecture != Some(Architecture::Arm64) {
        facts.architecture = Some(width);
    }
}
