//! Jobs by what they are on, one after another, and those that an image waits for.

use imprint_model::{ImageId, Job, JobId, JobState, ProjectId};

use super::{COLUMNS, get, read};
use crate::{Error, ErrorKind, Tx, Value, params};

/// Images that one question names at most.
const IMAGES_MAX: usize = 1000;

/// In which order jobs are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JobSort {
    /// In the order they were asked for.
    #[default]
    OldestFirst,
    /// The other way round.
    NewestFirst,
}

/// Which jobs a list holds: those that meet everything that is said here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFilter {
    /// Of this account.
    pub owner: Option<ProjectId>,
    /// On this image.
    pub image: Option<ImageId>,
    /// Of this kind.
    pub kind: Option<String>,
    /// In this state.
    pub state: Option<JobState>,
    /// In which order.
    pub sort: JobSort,
    /// Only those that come after this one in the order.
    pub after: Option<JobId>,
    /// At most so many. Default 1000.
    pub limit: u32,
}

impl Default for JobFilter {
    fn default() -> Self {
        Self { owner: None, image: None, kind: None, state: None, sort: JobSort::default(), after: None, limit: 1000 }
    }
}

/// The jobs that `filter` asks for.
///
/// # Errors
/// [`ErrorKind::UnknownMarker`] when there is no job `filter.after`.
pub fn list(tx: &mut Tx<'_>, filter: &JobFilter) -> Result<Vec<Job>, Error> {
    let JobFilter { owner, image, kind, state, sort, after, limit } = filter;
    let mut text = format!("SELECT {COLUMNS} FROM job WHERE 1 = 1");
    let mut values: Vec<Value> = Vec::new();
    let wanted = [
        ("owner", owner.as_ref().map(Value::from)),
        ("image_id", image.as_ref().map(Value::from)),
        ("kind", kind.as_ref().map(Value::from)),
        ("state", state.map(|state| state.as_str().into())),
    ];
    for (column, value) in wanted {
        if let Some(value) = value {
            values.push(value);
            text.push_str(&format!(" AND {column} = ?{}", values.len()));
        }
    }
    let (sign, direction) = match sort {
        JobSort::OldestFirst => (">", "ASC"),
        JobSort::NewestFirst => ("<", "DESC"),
    };
    if let Some(after) = after {
        let job = get(tx, *after)?
            .ok_or_else(|| Error::new(ErrorKind::UnknownMarker, format!("no job {after} to go on after")))?;
        values.extend([job.created_at.into(), job.id.into()]);
        let count = values.len();
        text.push_str(&format!(" AND (created_at, id) {sign} (?{}, ?{count})", count - 1));
    }
    values.push((*limit).into());
    text.push_str(&format!(" ORDER BY created_at {direction}, id {direction} LIMIT ?{}", values.len()));
    tx.query(&text, &values)?.iter().map(read).collect()
}

/// The oldest job on an image that has not ended.
///
/// # Errors
/// The engine's.
pub fn open_of_image(tx: &mut Tx<'_>, image: ImageId) -> Result<Option<Job>, Error> {
    let text = format!("SELECT {COLUMNS} FROM job WHERE image_id = ?1 AND {OPEN} ORDER BY created_at, id LIMIT 1");
    tx.query_opt(&text, params![image])?.as_ref().map(read).transpose()
}

const OPEN: &str = "state IN ('pending', 'running')";

/// All jobs on these images that have not ended, oldest first.
///
/// # Errors
/// [`ErrorKind::Other`] when there are more than a thousand images.
pub fn open_of_images(tx: &mut Tx<'_>, images: &[ImageId]) -> Result<Vec<Job>, Error> {
    if images.is_empty() {
        return Ok(Vec::new());
    }
    if images.len() > IMAGES_MAX {
        return Err(Error::new(ErrorKind::Other, format!("a question names more than {IMAGES_MAX} images")));
    }
    let places: Vec<String> = (1..=images.len()).map(|place| format!("?{place}")).collect();
    let text = format!(
        "SELECT {COLUMNS} FROM job WHERE image_id IN ({}) AND {OPEN} ORDER BY created_at, id",
        places.join(", ")
    );
    let values: Vec<Value> = images.iter().map(Value::from).collect();
    tx.query(&text, &values)?.iter().map(read).collect()
}
