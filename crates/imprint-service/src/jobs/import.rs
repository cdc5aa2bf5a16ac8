//! Import: an image gets its data from what was staged, from a URL, or from another service.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use imprint_catalogue::{Tx, images};
use imprint_disk::{Inspection, Inspector};
use imprint_model::{Action, Caller, ContainerFormat, Content, DiskFormat, Event, Image, ImageId, Job, JobId, Status};
use serde_json::{Value, json};

use super::{Asker, Ending, ImportSource, JobMark, Secret, Work, enqueue};
use crate::Service;
use crate::access::{load, note};
use crate::disks::{Noted, is_wrapped};
use crate::error::{Error, Field};
use crate::fetch::failed;
use crate::images::{Verdict, require_formats, require_no_copy_waits};
use crate::ingest::{Digests, Ingest, Ingested};
use crate::settings::ImportConversion;

/// The property that holds the id of the job that is importing.
pub const KEY_IMPORT_TASK: &str = "imprint:import_task";
/// The property that names the stores that an import still has to fill.
pub const KEY_IMPORTING_TO: &str = "imprint:importing_to_stores";
/// The property that names the stores that an import could not fill.
pub const KEY_FAILED_IMPORT: &str = "imprint:failed_import";
/// The one store there is.
const STORE: &str = "default";
/// Bytes between two notes of progress.
const PROGRESS_BYTES: u64 = 16 << 20;
/// Longest time that an import may take.
const IMPORT_MAX: Duration = Duration::from_secs(24 * 3600);
/// Longest record that another service may answer with.
const RECORD_BYTES_MAX: u64 = 1 << 20;

/// What an import brought in.
#[derive(Debug)]
struct Brought {
    content: Content,
    /// What the safety rules have against the bytes.
    concerns: Option<String>,
    /// Protects bytes that no row names yet.
    kept: Option<Ingested>,
    record: RemoteRecord,
}

/// What is taken over from another service's record of an image.
#[derive(Debug, Clone, Default)]
struct RemoteRecord {
    disk_format: Option<DiskFormat>,
    container_format: Option<ContainerFormat>,
    properties: BTreeMap<String, String>,
}

impl RemoteRecord {
    /// What it says goes before what the image said of itself.
    fn apply(&self, image: &mut Image) {
        image.disk_format = self.disk_format.or(image.disk_format);
        image.container_format = self.container_format.or(image.container_format);
        for (name, value) in &self.properties {
            image.properties.insert(name.clone(), Some(value.clone()));
        }
    }
}

/// An import that is wanted.
#[derive(Debug, Clone)]
pub struct ImportImage {
    /// From where.
    pub source: ImportSource,
    /// The request as it was sent.
    pub request: Value,
    /// A token for the other service; kept in memory only.
    pub credential: Option<Secret>,
}

impl Service {
    /// Begins an import; the job does the rest.
    ///
    /// # Errors
    /// [`Error::WrongStatus`], [`Error::Missing`] formats, [`Error::Invalid`] source, [`Error::NotFound`],
    /// [`Error::Denied`].
    pub async fn import_image(&self, caller: &Caller, id: ImageId, wanted: ImportImage) -> Result<Job, Error> {
        self.import_image_as(caller, id, wanted, JobMark::plain(JobId::random())).await
    }

    /// [`Service::import_image`] by a job that the dialect knows again.
    ///
    /// # Errors
    /// The same; of an object also [`Error::NotFound`] of it or of its bucket, and [`Error::Invalid`] of
    /// [`Field::Object`] or, without bytes, of [`Field::Data`].
    pub async fn import_image_as(
        &self,
        caller: &Caller,
        id: ImageId,
        wanted: ImportImage,
        mark: JobMark,
    ) -> Result<Job, Error> {
        match &wanted.source {
            ImportSource::Url { url } => drop(self.fetch_rules().accept(url)?),
            ImportSource::Object { place, .. } => self.require_object(place).await.map(|_| ())?,
            ImportSource::Staged | ImportSource::Remote { .. } => {}
        }
        let (asker, service, source) = (caller.clone(), self.clone(), wanted.source.clone());
        let job_id = mark.id;
        let work = Work::Import { source: wanted.source, request: wanted.request };
        let begin = move |tx: &mut Tx<'_>| {
            let mut image = load(tx, &asker, Action::Write, id)?;
            require_source(&image, &source)?;
            require_no_copy_waits(&image)?;
            image.apply(Event::BeginImport)?;
            service.require_room(tx, &image.owner, 0, 1)?;
            let now = service.clock.now();
            let job = enqueue(tx, &mark, &asker, &image.owner, Some(id), &work, now)?;
            image.properties.insert(KEY_IMPORT_TASK.to_owned(), Some(job.id.to_string()));
            image.properties.insert(KEY_IMPORTING_TO.to_owned(), Some(STORE.to_owned()));
            image.properties.insert(KEY_FAILED_IMPORT.to_owned(), Some(String::new()));
            image.updated_at = now;
            images::update(tx, &image)?;
            note(tx, &asker, now, "import", id)?;
            Ok::<_, Error>(job)
        };
        // before the row: whoever takes the job must find it
        if let Some(credential) = wanted.credential {
            self.credentials.lock().insert(job_id, credential);
        }
        let begun = self.catalogue.write(begin).await;
        match &begun {
            Ok(_) => self.wake.notify_one(),
            Err(_) => drop(self.credentials.lock().remove(&job_id)),
        }
        begun
    }

    /// Whether an import may fetch from `url`, as far as its text tells.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it may not.
    pub fn check_source(&self, url: &str) -> Result<(), Error> {
        self.fetch_rules().accept(url).map(|_| ())
    }

    /// Whether the caller may have the image copied to other stores, and there is something to copy.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::WrongStatus`] without data.
    pub async fn check_copy(&self, caller: &Caller, id: ImageId) -> Result<(), Error> {
        let caller = caller.clone();
        self.catalogue.read(move |tx| load_for_copy(tx, &caller, id).map(|_| ())).await
    }

    /// Notes that an image is in every store there is; for administrators, who may ask for that.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::WrongStatus`] without data.
    pub async fn note_copied(&self, caller: &Caller, id: ImageId) -> Result<(), Error> {
        let (caller, clock) = (caller.clone(), self.clock.clone());
        self.catalogue
            .write(move |tx| {
                let mut image = load_for_copy(tx, &caller, id)?;
                for key in [KEY_IMPORTING_TO, KEY_FAILED_IMPORT] {
                    image.properties.insert(key.to_owned(), Some(String::new()));
                }
                image.updated_at = clock.now();
                images::update(tx, &image)?;
                note(tx, &caller, image.updated_at, "copy", id)
            })
            .await
    }

    /// Brings in what an import asks for. What becomes of the image is decided when the job ends.
    pub(super) async fn run_import(&self, job: &Job, source: &ImportSource) -> Result<Ending, Error> {
        let id = job.image.ok_or_else(|| Error::internal("an import without an image"))?;
        let image = self.catalogue.read(move |tx| Ok::<_, Error>(images::get(tx, id)?)).await?;
        let image = image.filter(|image| is_importing(image, job.id)).ok_or(Error::Gone)?;
        let converted = async {
            let brought = self.bring_in(job, image.clone(), source).await?;
            self.convert(job, &image, brought).await
        };
        let brought = tokio::time::timeout(IMPORT_MAX, converted).await;
        let brought = brought.unwrap_or_else(|_| Err(failed()))?;
        if let Some(kept) = &brought.kept {
            kept.ensure_live().await?;
        }
        let (service, job) = (self.clone(), job.clone());
        Ok(Box::new(move |tx| service.settle_import(tx, &job, &brought)))
    }

    async fn bring_in(&self, job: &Job, mut image: Image, source: &ImportSource) -> Result<Brought, Error> {
        match source {
            ImportSource::Staged => {
                let (content, concerns) = self.import_staged(&image).await?;
                Ok(Brought { content, concerns, kept: None, record: RemoteRecord::default() })
            }
            ImportSource::Url { url } => self.import_url(job, &image, url, None).await,
            ImportSource::Object { place, as_found } => {
                image.disk_format = image.disk_format.filter(|&format| !as_found || format == DiskFormat::Iso);
                // a disk is taken out of what it came in
                image.container_format.take_if(|container| *container == ContainerFormat::Compressed);
                image.container_format.get_or_insert(ContainerFormat::Bare);
                let (content, kept, format) = self.take_one_object(job, &image, place).await?;
                let (disk_format, container_format) = (Some(format), image.container_format);
                let record = RemoteRecord { disk_format, container_format, ..RemoteRecord::default() };
                Ok(Brought { content, concerns: None, kept: Some(kept), record })
            }
            ImportSource::Remote { record_url, data_url, property_prefixes, property_names } => {
                let token = self.credentials.lock().get(&job.id).cloned();
                let Some(Secret(token)) = token else {
                    return Err(Error::Unavailable("the credential is with another node".to_owned()));
                };
                let wanted = |name: &str| {
                    property_names.iter().any(|known| known == name)
                        || property_prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()))
                };
                let record = self.fetch_record(record_url, &token, wanted).await?;
                record.apply(&mut image);
                let brought = self.import_url(job, &image, data_url, Some(&token)).await?;
                Ok(Brought { record, ..brought })
            }
        }
    }

    /// Makes of what was brought in what the operator wants imports to be. What something speaks against, and what was
    /// not looked into, stays as it came. The new digests are computed: clients compare them.
    async fn convert(&self, job: &Job, image: &Image, mut brought: Brought) -> Result<Brought, Error> {
        let looked_into = brought.content.virtual_size_bytes.is_some() && brought.concerns.is_none();
        let format = brought.record.disk_format.or(image.disk_format).filter(|&format| is_wrapped(format));
        let (ImportConversion::Raw, true, Some(format)) = (self.settings.import_conversion, looked_into, format) else {
            return Ok(brought);
        };
        let disk = self.to_guest_disk((job, Noted::Own), &brought.content, format, Digests::Computed).await?;
        brought.content = disk.content(Some(disk.written.size_bytes));
        brought.record.disk_format = Some(DiskFormat::Raw);
        brought.kept = Some(disk);
        Ok(brought)
    }

    async fn import_staged(&self, image: &Image) -> Result<(Content, Option<String>), Error> {
        let staged = image.staged.clone().ok_or_else(|| Error::Incomplete("nothing was staged".to_owned()))?;
        let reader = self.store.reader(staged.map).await?;
        let mut parts = std::pin::pin!(reader.stream(0..staged.size_bytes));
        let mut inspector = Inspector::new();
        while let Some(part) = parts.next().await {
            inspector.feed(&part?);
        }
        let verdict = self.accept(image, &inspector.finish())?;
        Ok((Content { virtual_size_bytes: verdict.virtual_size_bytes, ..staged }, verdict.concerns))
    }

    async fn import_url(&self, job: &Job, image: &Image, url: &str, token: Option<&str>) -> Result<Brought, Error> {
        let rules = self.fetch_rules();
        let response = match token {
            // another service of this installation: the operator named it
            Some(_) => rules.trusting(url).get(url.parse().map_err(|_| failed())?, token).await?,
            None => rules.get(rules.accept(url)?, None).await?,
        };
        let total_bytes = response.content_length();
        let mut ingest = self.ingest().await?;
        let mut parts = std::pin::pin!(response.bytes_stream());
        let mut noted_bytes = 0;
        while let Some(part) = parts.next().await {
            ingest.write(part.map_err(|_| failed())?).await?;
            if ingest.received_bytes() >= noted_bytes + PROGRESS_BYTES {
                noted_bytes = ingest.received_bytes();
                self.note_progress(job, noted_bytes, total_bytes).await;
            }
        }
        let (ingested, verdict) = self.finish_ingest(image, ingest).await?;
        let content = ingested.content(verdict.virtual_size_bytes);
        Ok(Brought { content, concerns: verdict.concerns, kept: Some(ingested), record: RemoteRecord::default() })
    }

    /// Makes the bytes durable, once they are acceptable as what the image declares.
    async fn finish_ingest(&self, image: &Image, ingest: Ingest) -> Result<(Ingested, Verdict), Error> {
        let mut verdict = Verdict::default();
        let accept = |inspection: &Inspection| {
            verdict = self.accept(image, inspection)?;
            Ok(())
        };
        let ingested = ingest.finish(accept).await?;
        Ok((ingested, verdict))
    }

    async fn fetch_record(
        &self,
        record_url: &str,
        token: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<RemoteRecord, Error> {
        let url = record_url.parse().map_err(|_| failed())?;
        let response = self.fetch_rules().trusting(record_url).get(url, Some(token)).await?;
        let mut body = Vec::new();
        let mut parts = std::pin::pin!(response.bytes_stream());
        while let Some(part) = parts.next().await {
            body.extend_from_slice(&part.map_err(|_| failed())?);
            if body.len() as u64 > RECORD_BYTES_MAX {
                return Err(failed());
            }
        }
        let record: BTreeMap<String, Value> = serde_json::from_slice(&body).map_err(|_| failed())?;
        let word = |name: &str| record.get(name).and_then(Value::as_str);
        let disk_format = word("disk_format").and_then(|word| word.parse().ok());
        let container_format = word("container_format").and_then(|word| word.parse().ok());
        let mut properties = BTreeMap::new();
        for (name, value) in record.iter().filter(|(name, _)| wanted(name)) {
            if let Some(text) = value.as_str() {
                let name = self.settings.limits.text(Field::Property, name.clone())?;
                let text = self.settings.limits.property_value(&name, text.to_owned())?;
                properties.insert(name, text);
            }
        }
        Ok(RemoteRecord { disk_format, container_format, properties })
    }

    /// Gives the image its data; in the transaction that ends the job, so that a job that has ended never leaves an
    /// image behind that still waits for it.
    fn settle_import(&self, tx: &mut Tx<'_>, job: &Job, brought: &Brought) -> Result<Value, Error> {
        // deleted meanwhile: there is nothing to give the data to
        let mut image = importing(tx, job)?.ok_or(Error::Gone)?;
        // what was staged counts already
        let staged_bytes = image.staged.as_ref().map_or(0, |staged| staged.size_bytes);
        self.require_room(tx, &image.owner, brought.content.size_bytes.saturating_sub(staged_bytes), 0)?;
        image.content = Some(brought.content.clone());
        image.staged = None;
        brought.record.apply(&mut image);
        self.settings.limits.check(&image)?;
        self.complete(&mut image, brought.concerns.as_ref())?;
        self.begin_check(tx, &mut image, &Asker::of_job(job))?;
        self.put_import_away(tx, image)?;
        Ok(json!({ "image_id": job.image }))
    }

    /// Returns the image to what it was before the import, as far as that can be.
    pub(super) fn settle_failed_import(&self, tx: &mut Tx<'_>, job: &Job, error: &Error) -> Result<(), Error> {
        let Some(mut image) = importing(tx, job)? else { return Ok(()) };
        image.properties.insert(KEY_FAILED_IMPORT.to_owned(), Some(STORE.to_owned()));
        // staged data that nothing is wrong with is not thrown away
        if error.is_passing() && image.staged.is_some() {
            image.apply(Event::PutBack)?;
        } else {
            image.staged = None;
            image.apply(Event::DataLost)?;
        }
        self.put_import_away(tx, image)
    }

    /// Writes the record of an image that no import works on any more.
    fn put_import_away(&self, tx: &mut Tx<'_>, mut image: Image) -> Result<(), Error> {
        image.properties.remove(KEY_IMPORT_TASK);
        image.properties.insert(KEY_IMPORTING_TO.to_owned(), Some(String::new()));
        image.updated_at = self.clock.now();
        Ok(images::update(tx, &image)?)
    }
}

/// The image of an import, when it still waits for it.
fn importing(tx: &mut Tx<'_>, job: &Job) -> Result<Option<Image>, Error> {
    let Some(id) = job.image else { return Ok(None) };
    Ok(images::get(tx, id)?.filter(|image| is_importing(image, job.id)))
}

/// An image that can be copied, for those who may have it copied.
fn load_for_copy(tx: &mut Tx<'_>, caller: &Caller, id: ImageId) -> Result<Image, Error> {
    let image = load(tx, caller, Action::Operate, id)?;
    if image.status == Status::Available { Ok(image) } else { Err(Error::WrongStatus(image.status)) }
}

fn is_importing(image: &Image, job: JobId) -> bool {
    image.status == Status::Importing
        && image.properties.get(KEY_IMPORT_TASK).is_some_and(|task| *task == Some(job.to_string()))
}

/// Staged bytes can only be imported once they are all there; a source elsewhere only into an image without any.
fn require_source(image: &Image, source: &ImportSource) -> Result<(), Error> {
    let fits = match source {
        ImportSource::Staged => image.status == Status::Staged && image.staged.is_some(),
        ImportSource::Url { .. } | ImportSource::Object { .. } | ImportSource::Remote { .. } => {
            image.status == Status::Queued
        }
    };
    if !fits {
        return Err(Error::WrongStatus(image.status));
    }
    // what an object is, is found out, unless it was told
    if matches!(source, ImportSource::Object { .. }) { Ok(()) } else { require_formats(image) }
}
