//! What a dialect says of a new image besides what it is made of, and how its names and its job are to be.

use std::collections::BTreeMap;

use imprint_model::{Image, JobId};

use crate::error::{Error, Field};
use crate::jobs::JobMark;
use crate::limits::Limits;

/// What is said of a new image besides what it is made of.
#[derive(Debug, Clone)]
pub struct NewImage {
    /// Smallest disk it fits on, GiB; more when its content needs more.
    pub min_disk_gib: u32,
    /// Least memory it needs, MiB.
    pub min_ram_mib: u32,
    /// Properties.
    pub properties: BTreeMap<String, String>,
    /// Whether another image of the account may have its name already.
    pub shares_name: bool,
    /// The job that will make it.
    pub job: JobMark,
}

impl NewImage {
    /// Nothing, but that the image is made by this job and need not have a name of its own.
    pub fn by(job: JobMark) -> Self {
        Self { min_disk_gib: 0, min_ram_mib: 0, properties: BTreeMap::new(), shares_name: true, job }
    }

    /// Nothing, of an image whose name is its own.
    pub(crate) fn plain() -> Self {
        Self { shares_name: false, ..Self::by(JobMark::plain(JobId::random())) }
    }

    /// Writes it into the record.
    pub(crate) fn describe(&self, image: &mut Image, limits: &Limits) -> Result<(), Error> {
        image.min_disk_gib = image.min_disk_gib.max(self.min_disk_gib);
        image.min_ram_mib = image.min_ram_mib.max(self.min_ram_mib);
        for (name, value) in &self.properties {
            let name = limits.text(Field::Property, name.clone())?;
            let value = limits.property_value(&name, value.clone())?;
            image.properties.insert(name, Some(value));
        }
        Ok(())
    }
}
