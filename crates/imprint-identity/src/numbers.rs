//! Accounts have two names: the project's id, under which images are kept, and a number. Neither ever changes, so both
//! directions are remembered for a while.

use std::collections::HashMap;
use std::time::Duration;

use imprint_catalogue::identity as tables;
use imprint_model::Timestamp;
use quick_cache::sync::Cache;

use crate::{Error, Identity, Kind};

/// Pairs kept in memory, for each direction.
const CACHED_MAX: usize = 10_000;
/// For how long: an account that was removed is known this much longer.
const CACHED_TTL: Duration = Duration::from_secs(60);

/// Pairs that were used lately.
pub(crate) struct NumberCache {
    by_project: Cache<String, (String, Timestamp)>,
    by_number: Cache<String, (String, Timestamp)>,
}

impl NumberCache {
    pub(crate) fn new() -> Self {
        Self { by_project: Cache::new(CACHED_MAX), by_number: Cache::new(CACHED_MAX) }
    }
}

impl Identity {
    /// The number of the account that a project is.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn account_number_of(&self, project_id: &str) -> Result<String, Error> {
        let mut known = self.account_numbers_of(&[project_id]).await?;
        known.remove(project_id).ok_or_else(|| Error::absent(Kind::Project, project_id))
    }

    /// The numbers of accounts by their projects' ids; what is not there is left out.
    ///
    /// # Errors
    /// [`Error::Catalogue`].
    pub async fn account_numbers_of(&self, project_ids: &[&str]) -> Result<HashMap<String, String>, Error> {
        let now = self.0.clock.now();
        let mut known = HashMap::with_capacity(project_ids.len());
        let mut unknown = Vec::new();
        for &id in project_ids {
            match self.0.numbers.by_project.get(id) {
                Some((number, until)) if now < until => drop(known.insert(id.to_owned(), number)),
                _ if unknown.iter().any(|wanted| wanted == id) => {}
                _ => unknown.push(id.to_owned()),
            }
        }
        if unknown.is_empty() {
            return Ok(known);
        }
        let read = self
            .read(move |tx| {
                let mut rows = Vec::with_capacity(unknown.len());
                for id in &unknown {
                    rows.extend(tables::project(tx, id)?);
                }
                Ok(rows)
            })
            .await?;
        for project in read {
            self.remember(&project.id, &project.account_number, now);
            known.insert(project.id, project.account_number);
        }
        Ok(known)
    }

    /// The project of the account with this number.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn project_of_account(&self, number: &str) -> Result<String, Error> {
        let now = self.0.clock.now();
        if let Some((project_id, until)) = self.0.numbers.by_number.get(number)
            && now < until
        {
            return Ok(project_id);
        }
        let wanted = number.to_owned();
        let project = self.read(move |tx| Ok(tables::project_by_account_number(tx, &wanted)?)).await?;
        let project = project.ok_or_else(|| Error::absent(Kind::Project, number))?;
        self.remember(&project.id, number, now);
        Ok(project.id)
    }

    fn remember(&self, project_id: &str, number: &str, now: Timestamp) {
        let until = now.after(CACHED_TTL);
        self.0.numbers.by_project.insert(project_id.to_owned(), (number.to_owned(), until));
        self.0.numbers.by_number.insert(number.to_owned(), (project_id.to_owned(), until));
    }
}
