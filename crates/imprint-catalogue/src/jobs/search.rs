//! Jobs of an account by everything that people look for them by, newest first, page by page.

use imprint_model::{ImageId, Job, JobId, JobState, ProjectId, Timestamp};

use super::{COLUMNS, read};
use crate::{Error, ErrorKind, Tx, Value};

/// Values that one condition may name at most.
const VALUES_MAX: usize = 1000;

/// Which jobs of an account a list holds: those that meet everything that is said here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobQuery {
    /// Of this account.
    pub owner: ProjectId,
    /// One of these.
    pub ids: Option<Vec<JobId>>,
    /// Of one of these kinds.
    pub kinds: Option<Vec<String>>,
    /// In one of these states.
    pub states: Option<Vec<JobState>>,
    /// On one of these images.
    pub images: Option<Vec<ImageId>>,
    /// Asked for then or later.
    pub since: Option<Timestamp>,
    /// Asked for then or earlier.
    pub until: Option<Timestamp>,
    /// The page, from 1.
    pub number: u32,
    /// Jobs a page.
    pub size: u32,
}

impl JobQuery {
    /// A page of all jobs of an account.
    pub fn of(owner: ProjectId, number: u32, size: u32) -> Self {
        Self { owner, ids: None, kinds: None, states: None, images: None, since: None, until: None, number, size }
    }
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobListing {
    /// Its jobs, newest first.
    pub jobs: Vec<Job>,
    /// How many there are on all pages.
    pub total: u64,
}

/// The page that `query` asks for.
///
/// # Errors
/// [`ErrorKind::Other`] when a condition names too many values.
pub fn search(tx: &mut Tx<'_>, query: &JobQuery) -> Result<JobListing, Error> {
    tx.at_one_moment(|tx| search_now(tx, query))
}

fn search_now(tx: &mut Tx<'_>, query: &JobQuery) -> Result<JobListing, Error> {
    let JobQuery { owner, ids, kinds, states, images, since, until, number, size } = query;
    let mut values: Vec<Value> = vec![owner.into()];
    let mut conditions = vec!["owner = ?1".to_owned()];
    let wanted = [
        ("id", ids.as_ref().map(|all| all.iter().map(Value::from).collect::<Vec<Value>>())),
        ("kind", kinds.as_ref().map(|all| all.iter().map(Value::from).collect())),
        ("state", states.as_ref().map(|all| all.iter().map(|state| state.as_str().into()).collect())),
        ("image_id", images.as_ref().map(|all| all.iter().map(Value::from).collect())),
    ];
    for (column, some) in wanted {
        let Some(some) = some else { continue };
        if some.len() > VALUES_MAX {
            return Err(Error::new(ErrorKind::Other, format!("a condition names more than {VALUES_MAX} values")));
        }
        let first = values.len() + 1;
        values.extend(some);
        let places: Vec<String> = (first..=values.len()).map(|place| format!("?{place}")).collect();
        let none = places.is_empty();
        conditions.push(if none { "1 = 0".to_owned() } else { format!("{column} IN ({})", places.join(", ")) });
    }
    for (sign, time) in [(">=", since), ("<=", until)] {
        if let Some(time) = time {
            values.push((*time).into());
            conditions.push(format!("created_at {sign} ?{}", values.len()));
        }
    }
    let condition = conditions.join(" AND ");
    let counted = tx.query_opt(&format!("SELECT COUNT(*) FROM job WHERE {condition}"), &values)?;
    let total: u64 = counted.ok_or_else(|| Error::corrupt("a count gave no row"))?.get(0)?;
    let offset = u64::from((*number).max(1) - 1) * u64::from(*size);
    if offset >= total {
        return Ok(JobListing { jobs: Vec::new(), total });
    }
    values.extend([(*size).into(), offset.into()]);
    let text = format!(
        "SELECT {COLUMNS} FROM job WHERE {condition} ORDER BY created_at DESC, id DESC LIMIT ?{} OFFSET ?{}",
        values.len() - 1,
        values.len()
    );
    let jobs = tx.query(&text, &values)?.iter().map(read).collect::<Result<_, _>>()?;
    Ok(JobListing { jobs, total })
}
