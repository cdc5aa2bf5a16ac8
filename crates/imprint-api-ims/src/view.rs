//! An image as JSON, with this API's types: only four members are numbers and three are truths, everything else is text.
//! Lists write hundreds of these: straight into one buffer, without a tree in between. Never here: which images a caller
//! sees.

mod object;
#[cfg(test)]
mod tests;

use imprint_model::{Image, ImageDisk, ProjectId};

use crate::attributes::{self, Absent, Attribute, Place, Wire};
use crate::words;

pub(crate) use object::Object;

/// About how many bytes one image takes, for reserving.
pub(crate) const IMAGE_BYTES_TYPICAL: usize = 2_048;
/// Bytes of a gibibyte.
const GIB: u64 = 1 << 30;

/// Who looks, and what is known of the image besides its record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look<'a> {
    /// The project of whoever looks.
    pub(crate) project: Option<&'a ProjectId>,
    /// Whether single accounts have been given the image: what the engine's `annotate` says.
    pub(crate) shared: bool,
}

/// Writes an image as one JSON object.
pub(crate) fn write_image(out: &mut Vec<u8>, image: &Image, look: Look<'_>) {
    let shown = Shown::of(image, look);
    let mut object = Object::begin(out);
    for attribute in attributes::TABLE {
        match attribute.place {
            Place::Record | Place::Fact => shown.write(&mut object, attribute),
            Place::Property => shown.write_property(&mut object, attribute),
        }
    }
    let rest = image.properties.iter().filter(|(name, _)| attributes::named(name).is_none());
    for (name, value) in rest.filter(|(name, _)| attributes::is_shown(name)) {
        object.text(name, value.as_deref().unwrap_or_default());
    }
    object.end();
}

/// An image on its own, ready to be sent.
pub(crate) fn image(image: &Image, look: Look<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(IMAGE_BYTES_TYPICAL);
    write_image(&mut out, image, look);
    out
}

/// An image with what follows from more than one of its fields.
struct Shown<'a> {
    image: &'a Image,
    system: words::System<'a>,
    reach: words::Reach,
}

impl<'a> Shown<'a> {
    fn of(image: &'a Image, look: Look<'_>) -> Self {
        Self { image, system: words::system(image), reach: words::reach(image, look.project, look.shared) }
    }

    /// An attribute that is a field or a fact, or follows from some.
    fn write(&self, object: &mut Object<'_>, attribute: &Attribute) {
        let (name, image) = (attribute.name, self.image);
        match name {
            "size" => object.number(name, image.size_bytes().unwrap_or_default()),
            "virtual_size" => object.number(name, self.virtual_size().unwrap_or_default()),
            "min_disk" => object.number(name, self.min_disk()),
            "min_ram" => object.number(name, u64::from(image.min_ram_mib)),
            "protected" => object.truth(name, image.protected),
            "deleted" => object.truth(name, false),
            "tags" => object.texts(name, image.tags.iter().map(String::as_str)),
            "file" => object.text(name, &format!("/v2/images/{}/file", image.id)),
            "self" => object.text(name, &format!("/v2/images/{}", image.id)),
            "id" => object.text(name, &image.id.to_string()),
            "created_at" => object.text(name, &image.created_at.to_rfc3339_seconds()),
            "updated_at" => object.text(name, &image.updated_at.to_rfc3339_seconds()),
            "__image_size" => {
                let size = image.content.as_ref().map_or(0, |content| content.size_bytes);
                object.text(name, &size.to_string());
            }
            "__originalimagename" => {
                let parent = image.facts.copied_from.filter(|_| self.reach.kind != "gold").map(|id| id.to_string());
                object.text(name, parent.as_deref().unwrap_or_default());
            }
            _ => write_text(object, attribute, self.text(name)),
        }
    }

    /// An attribute that is text as it stands.
    fn text(&self, name: &str) -> Option<&str> {
        let image = self.image;
        match name {
            "owner" => Some(image.owner.as_str()),
            "schema" => Some("/v2/schemas/image"),
            "status" => Some(words::status(image.status)),
            "visibility" => Some(self.reach.visibility),
            "__imagetype" => Some(self.reach.kind),
            "name" => image.name.as_deref(),
            "checksum" => image.content.as_ref().and_then(|content| content.md5.as_deref()),
            "container_format" => image.container_format.map(|format| format.as_str()),
            "disk_format" => image.disk_format.map(|format| format.as_str()),
            "__os_bit" => Some(self.system.bits),
            "__os_version" => Some(self.system.version),
            "__platform" => Some(self.system.platform),
            "__os_type" => Some(self.system.kind),
            "__description" => image.facts.description.as_deref().or_else(|| self.property(name)),
            "__isregistered" => Some("true"),
            "__image_source_type" => Some("uds"),
            "hw_firmware_type" => Some(words::firmware(image)),
            "enterprise_project_id" => image.facts.resource_group.as_deref(),
            "__support_arm" => words::is_arm(image).then_some("true"),
            _ => None,
        }
    }

    /// An attribute that is a property of its name.
    fn write_property(&self, object: &mut Object<'_>, attribute: &Attribute) {
        let name = attribute.name;
        match (name, self.property(name)) {
            ("virtual_env_type", None) => object.text(name, words::environment(self.image)),
            ("__data_origin", _) if self.reach.kind == "gold" => write_text(object, attribute, None),
            ("__data_origin", None) => write_text(object, attribute, self.origin().as_deref()),
            (_, Some(value)) if attribute.wire == Wire::Truth => object.truth(name, value == "true"),
            (_, value) => write_text(object, attribute, value),
        }
    }

    fn property(&self, name: &str) -> Option<&str> {
        self.image.properties.get(name)?.as_deref()
    }

    fn virtual_size(&self) -> Option<u64> {
        self.image.content.as_ref()?.virtual_size_bytes
    }

    /// What was asked for, or else the smallest that holds the content; never none.
    fn min_disk(&self) -> u64 {
        let needed = self.virtual_size().or(self.image.size_bytes()).unwrap_or_default().div_ceil(GIB);
        u64::from(self.image.min_disk_gib).max(needed).max(1)
    }

    /// The object it was made of: `file,bucket:object`.
    fn origin(&self) -> Option<String> {
        let place = self.image.disks.iter().find_map(|ImageDisk { imported_from, .. }| imported_from.as_ref())?;
        Some(format!("file,{}:{}", place.bucket, place.key))
    }
}

fn write_text(object: &mut Object<'_>, attribute: &Attribute, value: Option<&str>) {
    match (value, attribute.absent) {
        (Some(value), _) => object.text(attribute.name, value),
        (None, Absent::Text(value)) => object.text(attribute.name, value),
        (None, Absent::Null | Absent::Never) => object.null(attribute.name),
        (None, Absent::Omitted) => {}
    }
}
