//! What can be changed of an image, in the words of the model. A dialect turns its patch into a list of these.

use std::collections::BTreeSet;

use imprint_model::{ContainerFormat, DiskFormat, Image, ProjectId, Status, Visibility};

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
        }
        Ok(())
    }
}

fn before_data(image: &Image, changes: bool) -> Result<(), Error> {
    if changes && image.status != Status::Queued { Err(Error::WrongStatus(image.status)) } else { Ok(()) }
}

fn set_property(
    image: &mut Image,
    name: String,
    value: Option<String>,
    expects: Presence,
    limits: &Limits,
) -> Result<(), Error> {
    let present = image.properties.contains_key(&name);
    match (expects, present) {
        (Presence::Present, false) => return Err(Error::PropertyAbsent(name)),
        (Presence::Absent, true) => return Err(Error::PropertyPresent(name)),
        _ => {}
    }
    let name = limits.text(Field::Property, name)?;
    let value = value.map(|value| limits.property_value(&name, value)).transpose()?;
    image.properties.insert(name, value);
    Ok(())
}
