//! Records of images, as one installation tells another.

use std::collections::{BTreeMap, BTreeSet};

use imprint_model::{ContainerFormat, DiskFormat, Facts, ImageId};
use serde::{Deserialize, Serialize};

/// An image to be made; its bytes are pushed afterwards.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateImage {
    /// The id it will have.
    pub id: ImageId,
    /// Name.
    #[serde(default)]
    pub name: Option<String>,
    /// How its bytes encode a disk.
    #[serde(default)]
    pub disk_format: Option<DiskFormat>,
    /// What the disk is wrapped in.
    #[serde(default)]
    pub container_format: Option<ContainerFormat>,
    /// Smallest disk it fits on, GiB.
    #[serde(default)]
    pub min_disk_gib: u32,
    /// Least memory it needs, MiB.
    #[serde(default)]
    pub min_ram_mib: u32,
    /// Properties.
    #[serde(default)]
    pub properties: BTreeMap<String, Option<String>>,
    /// Labels.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// What it is.
    #[serde(default)]
    pub facts: Facts,
}

/// An image that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedImage {
    /// Its id.
    pub id: String,
    /// The region it is in.
    pub region: String,
}
