//! What can be changed of an image, in the words of the model. A dialect turns its patch into a list of these.

use std::collections::BTreeSet;

use imprint_model::{
    Architecture, BootMode, ContainerFormat, DiskFormat, FactKey, Facts, Image, Licence, MetadataAccess, OsType,
    ProjectId, Status, Visibility, platform_word, split_tag,
};

use crate::error::{Error, Field};
use crate::limits::Limits;

/// What a change of a property expects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// The property, or not.
    Any,
    /// The property, with whatever value.
    Present,
    /// No such property.
    Absent,
}

/// One change. A list of them is applied in order, and all of it or nothing is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// New name, or none.
    Name(Option<String>),
    /// Who may see it.
    Visibility(Visibility),
    /// Left out of lists or not.
    Hidden(bool),
    /// Refuses deletion or not.
    Protected(bool),
    /// Whose it is.
    Owner(ProjectId),
    /// Declared format of the bytes; only before there are any.
    DiskFormat(Option<DiskFormat>),
    /// Declared wrapping of the bytes; only before there are any.
    ContainerFormat(Option<ContainerFormat>),
    /// Smallest disk, GiB.
    MinDiskGib(u32),
    /// Least memory, MiB.
    MinRamMib(u32),
    /// All tags at once.
    Tags(BTreeSet<String>),
    /// A property's value.
    SetProperty {
        /// Its name.
        name: String,
        /// Its value; `None` for a known property without one.
        value: Option<String>,
        /// What must be there before.
        expects: Presence,
    },
    /// Takes a property away; it must be there.
    RemoveProperty(String),
    /// Takes a property away, if it is there.
    ForgetProperty(String),
    /// Changes nothing, but expects something to be known, as a fact or as a property.
    Expect {
        /// The name of the property, for the error too.
        property: String,
        /// The fact.
        fact: FactKey,
        /// What must be there.
        presence: Presence,
    },
    /// A fact.
    Fact(FactChange),
    /// Facts and properties that say which platform it is: nothing changes when its platform has this word already (see
    /// [`platform_word`]), for a word may stand for more than one.
    Platform {
        /// The word.
        word: String,
        /// What it is to become otherwise.
        changes: Vec<Change>,
    },
    /// No longer offered, or offered again. Unlike [`Change::Hidden`] it has to be a change, of an image in use, and
    /// nobody else may have been given an image that is no longer offered.
    Deprecated(bool),
    /// Adds tags; one whose key is there already takes the place of that one.
    AddTags(BTreeSet<String>),
    /// Takes away the tags of these keys, whatever their values.
    RemoveTagKeys(BTreeSet<String>),
}

/// A fact's new value; none takes it away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactChange {
    /// See [`Facts::description`].
    Description(Option<String>),
    /// See [`Facts::family`].
    Family(Option<String>),
    /// See [`Facts::version`].
    Version(Option<String>),
    /// See [`Facts::architecture`].
    Architecture(Option<Architecture>),
    /// See [`Facts::boot_mode`].
    BootMode(Option<BootMode>),
    /// See [`Facts::os_type`].
    OsType(Option<OsType>),
    /// See [`Facts::platform`].
    Platform(Option<String>),
    /// See [`Facts::os_name`].
    OsName(Option<String>),
    /// See [`Facts::nvme`].
    Nvme(Option<bool>),
    /// See [`Facts::metadata_access`].
    MetadataAccess(Option<MetadataAccess>),
    /// See [`Facts::licence`].
    Licence(Option<Licence>),
    /// See [`Facts::secure_boot`].
    SecureBoot(Option<bool>),
    /// See [`Facts::login_as_non_root`].
    LoginAsNonRoot(Option<bool>),
    /// See [`Facts::resource_group`].
    ResourceGroup(Option<String>),
}

impl FactChange {
    fn apply(self, facts: &mut Facts) {
        match self {
            FactChange::Description(value) => facts.description = value,
            FactChange::Family(value) => facts.family = value,
            FactChange::Version(value) => facts.version = value,
            FactChange::Architecture(value) => facts.architecture = value,
            FactChange::BootMode(value) => facts.boot_mode = value,
            FactChange::OsType(value) => facts.os_type = value,
            FactChange::Platform(value) => facts.platform = value,
            FactChange::OsName(value) => facts.os_name = value,
            FactChange::Nvme(value) => facts.nvme = value,
            FactChange::MetadataAccess(value) => facts.metadata_access = value,
            FactChange::Licence(value) => facts.licence = value,
            FactChange::SecureBoot(value) => facts.secure_boot = value,
            FactChange::LoginAsNonRoot(value) => facts.login_as_non_root = value,
            FactChange::ResourceGroup(value) => facts.resource_group = value,
        }
    }
}

impl Change {
    /// Applies the change to `image`. Who may do it has been decided before.
    ///
    /// # Errors
    /// What the change expects is not so, a value is out of bounds, or a limit is reached.
    pub(crate) fn apply(self, image: &mut Image, limits: &Limits) -> Result<(), Error> {
        match self {
            Change::Name(name) => image.name = name.map(|name| limits.text(Field::Name, name)).transpose()?,
            Change::Visibility(visibility) => image.visibility = visibility,
            Change::Hidden(hidden) => image.hidden = hidden,
            Change::Protected(protected) => image.protected = protected,
            Change::Owner(owner) => image.owner = ProjectId(limits.text(Field::Owner, owner.0)?),
            Change::DiskFormat(format) => {
                before_data(image, image.disk_format != format)?;
                image.disk_format = format;
            }
            Change::ContainerFormat(format) => {
                before_data(image, image.container_format != format)?;
                image.container_format = format;
            }
            Change::MinDiskGib(gib) => image.min_disk_gib = gib,
            Change::MinRamMib(mib) => image.min_ram_mib = mib,
            Change::Tags(tags) => {
                image.tags = tags.into_iter().map(|tag| limits.text(Field::Tag, tag)).collect::<Result<_, _>>()?;
            }
            Change::SetProperty { name, value, expects } => set_property(image, name, value, expects, limits)?,
            Change::RemoveProperty(name) => {
                image.properties.remove(&name).ok_or(Error::PropertyAbsent(name))?;
            }
            Change::ForgetProperty(name) => drop(image.properties.remove(&name)),
            Change::Expect { property, fact, presence } => {
                let known = image.facts.text(fact).is_some() || image.properties.contains_key(&property);
                expect(presence, known, property)?;
            }
            Change::Fact(change) => change.apply(&mut image.facts),
            Change::Platform { word, changes } => {
                if image.facts.platform.as_deref().is_none_or(|known| platform_word(known) != word) {
                    changes.into_iter().try_for_each(|change| change.apply(image, limits))?;
                }
            }
            Change::Deprecated(deprecated) => image.hidden = deprecated,
            Change::AddTags(tags) => add_tags(&mut image.tags, &tags),
            Change::RemoveTagKeys(keys) => remove_tag_keys(&mut image.tags, &keys),
        }
        Ok(())
    }
}

fn before_data(image: &Image, changes: bool) -> Result<(), Error> {
    if changes && image.status != Status::Queued { Err(Error::WrongStatus(image.status)) } else { Ok(()) }
}

/// Gives the name back when what is expected of it is so.
fn expect(presence: Presence, present: bool, name: String) -> Result<String, Error> {
    match (presence, present) {
        (Presence::Present, false) => Err(Error::PropertyAbsent(name)),
        (Presence::Absent, true) => Err(Error::PropertyPresent(name)),
        _ => Ok(name),
    }
}

/// Adds tags; one whose key is there already takes the place of that one.
pub(crate) fn add_tags(tags: &mut BTreeSet<String>, added: &BTreeSet<String>) {
    let keys: BTreeSet<&str> = added.iter().map(|tag| split_tag(tag).0).collect();
    tags.retain(|tag| !keys.contains(split_tag(tag).0));
    tags.extend(added.iter().cloned());
}

/// Takes away the tags of these keys, whatever their values.
pub(crate) fn remove_tag_keys(tags: &mut BTreeSet<String>, keys: &BTreeSet<String>) {
    tags.retain(|tag| !keys.contains(split_tag(tag).0));
}

fn set_property(
    image: &mut Image,
    name: String,
    value: Option<String>,
    expects: Presence,
    limits: &Limits,
) -> Result<(), Error> {
    let present = image.properties.contains_key(&name);
    let name = expect(expects, present, name)?;
    let name = limits.text(Field::Property, name)?;
    let value = value.map(|value| limits.property_value(&name, value)).transpose()?;
    image.properties.insert(name, value);
    Ok(())
}
