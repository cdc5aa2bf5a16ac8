//! Verbs: every rule that holds for an image, whatever dialect asked. Knows neither HTTP nor SQL text; a verb loads and
//! authorises, checks the rules, and changes everything it changes in one transaction.

mod access;
mod ask;
mod buckets;
mod checks;
mod definitions;
mod disks;
mod elsewhere;
mod error;
mod fetch;
mod figures;
mod groups;
mod hash;
mod images;
mod ingest;
mod inventory;
mod jobs;
mod limits;
mod machines;
mod maintenance;
mod nbd;
mod quotas;
mod settings;
mod tagging;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod usage;
mod warm;

use std::sync::Arc;

use imprint_catalogue::Catalogue;
use imprint_model::Clock;
use imprint_store::Store;
use tokio::sync::{Notify, Semaphore};

pub use ask::{Ask, Once};
pub use checks::{CheckOutcome, Checked};
pub use definitions::{
    DEFINITION_NAME_CHARS_MAX, DEFINITION_TEXT_CHARS_MAX, Definition, DefinitionKind, ListNamespaces, Namespace,
    NamespaceContent, NamespaceDetails, NamespaceSort, NewDefinition, Present,
};
pub use disks::{DiskExport, ExportFormat};
pub use elsewhere::{Elsewhere, Errand, Parcel, Told};
pub use error::{Conflict, Error, Field, Quota, Resource};
pub use figures::Figures;
pub use groups::CreateGroup;
pub use images::{
    Annotation, Change, ChangeOffers, CopyImage, CreateImage, DiskWanted, Download, FactChange, ImageSource,
    ListImages, Listing, MakeImage, NewImage, OfferStep, Presence, Progress, ProvenChunk, Seen, Sharing, UpdateRules,
    Upload, possession_key, prove_possession,
};
pub use imprint_catalogue::disks::DiskQuery;
pub use imprint_catalogue::instances::InstanceQuery;
pub use imprint_catalogue::inventory::{ItemPage, Items, TagWanted};
pub use imprint_catalogue::resource_groups::ResourceGroup;
pub use imprint_catalogue::snapshots::{SnapshotQuery, Uses};
pub use imprint_inspect as inspect;
pub use inventory::{
    AttachDisk, ChangeDisk, ChangeInstance, ChangeSnapshot, CreateDisk, CreateSnapshot, DataDisk, DeleteInstances,
    DeleteSnapshot, DetachDisk, MACHINES_AT_ONCE_MAX, MakeInstances, NewMachine, RebootInstance, ReplaceSystemDisk,
    ResetDisk, ResizeDisk, SizesOf, StopInstance, SystemDisk,
};
pub use jobs::{
    Cause, CopyElsewhere, ExportImage, ExportTo, ImportImage, ImportObjects, ImportSource, JobFilter, JobListing,
    JobMark, JobQuery, JobSort, KEY_FAILED_IMPORT, KEY_IMPORT_TASK, KEY_IMPORTING_TO, ObjectDisk, Runner, Secret, Work,
    job_cause, job_label, jobs_with,
};
pub use limits::{Limits, PROPERTY_VALUE_BYTES_MAX, TEXT_CHARS_MAX};
pub use machines::Keeper;
pub use nbd::{ChunkFigures, LocalExports, NBD_TTL_SECS_MAX, NbdOffer, PublicExports};
pub use quotas::AccountQuota;
pub use settings::{CheckPolicy, HashAlgorithm, ImportConversion, NbdListener, SafetyPolicy, Settings};
pub use tagging::{ListTags, TagChange, Tagged, TaggedIds};
pub use usage::Usage;
pub use warm::{WarmImage, WarmPart};

/// The engine under every dialect. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Service {
    catalogue: Catalogue,
    store: Store,
    clock: Arc<dyn Clock>,
    settings: Arc<Settings>,
    credentials: Arc<jobs::Credentials>,
    /// Other installations that images can be copied to.
    elsewhere: Arc<dyn Elsewhere>,
    /// Rung when a job was enqueued on this node.
    wake: Arc<Notify>,
    /// The same for jobs that nobody waits for.
    wake_aside: Arc<Notify>,
    /// Places for exports that are compressed.
    compressing: Arc<Semaphore>,
    warm: Arc<warm::WarmSet>,
    figures: Arc<parking_lot::Mutex<Figures>>,
    /// Disks that are read over NBD.
    nbd: Arc<nbd::Views>,
    /// What runs machines here.
    machines: Arc<machines::Machines>,
}

impl Service {
    /// Puts the engine together from its parts.
    pub fn new(catalogue: Catalogue, store: Store, clock: Arc<dyn Clock>, settings: Settings) -> Self {
        Self {
            nbd: Arc::new(nbd::Views::new(settings.nbd_cache_mib << 20)),
            catalogue,
            store,
            clock,
            settings: Arc::new(settings),
            credentials: Arc::default(),
            elsewhere: Arc::new(elsewhere::Nowhere::default()),
            wake: Arc::default(),
            wake_aside: Arc::default(),
            compressing: Arc::new(Semaphore::new(disks::COMPRESSED_AT_ONCE)),
            warm: Arc::default(),
            figures: Arc::default(),
            machines: Arc::default(),
        }
    }

    /// The engine that can copy images to other installations. Once, before anything is served.
    #[must_use]
    pub fn with_elsewhere(self, elsewhere: Arc<dyn Elsewhere>) -> Self {
        Self { elsewhere, ..self }
    }

    /// What the operator set.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Brings up to date what an older version left behind. Once at start, before anything is served.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn prepare(&self) -> Result<(), Error> {
        let home = self.settings.home_region().to_owned();
        let adopted =
            self.catalogue.write(move |tx| Ok::<_, Error>(imprint_catalogue::images::adopt_region(tx, &home)?)).await?;
        if adopted > 0 {
            tracing::info!(images = adopted, region = self.settings.home_region(), "images are in this region now");
        }
        Ok(())
    }

    /// Whether database and store answer.
    ///
    /// # Errors
    /// [`Error::Unavailable`] naming the one that does not.
    pub async fn check(&self) -> Result<(), Error> {
        self.catalogue.check().await?;
        self.store.check().await?;
        Ok(())
    }

    fn fetch_rules(&self) -> fetch::Rules {
        let (ports, trusted_hosts) = (self.settings.import_ports.clone(), self.settings.import_trusted_hosts.clone());
        fetch::Rules { ports, trusted_hosts, trusted_origin: None }
    }
}
