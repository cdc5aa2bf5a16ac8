//! Who changed what, and when: written in the transaction that makes the change.

use imprint_model::{ProjectId, Timestamp, UserId};

use crate::{Error, Tx, Value, params, to_json};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub user: UserId,
    /// On whose behalf.
    pub project: Option<ProjectId>,
    /// In which request.
    pub request_id: String,
    /// What was done.
    pub action: String,
    /// To what, by its id.
    pub resource: String,
    /// Whatever else is worth knowing; never a secret.
    pub detail: serde_json::Value,
}

/// Writes an entry.
///
/// # Errors
/// The engine's.
pub fn record(tx: &mut Tx<'_>, entry: &AuditEntry) -> Result<(), Error> {
    let AuditEntry { at, user, project, request_id, action, resource, detail } = entry;
    let id = uuid::Uuid::new_v4().to_string();
    tx.execute(
        "INSERT INTO audit (id, at, user_id, project, request_id, action, resource, detail) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![id, *at, user, project.as_ref(), request_id, action, resource, to_json(detail)?],
    )?;
    Ok(())
}

/// The newest entries, of one resource if it is given, from before `before` if that is given; newest first.
///
/// # Errors
/// The engine's.
pub fn list(
    tx: &mut Tx<'_>,
    resource: Option<&str>,
    before: Option<Timestamp>,
    limit: u32,
) -> Result<Vec<AuditEntry>, Error> {
    let mut values: Vec<Value> = vec![before.unwrap_or(Timestamp(i64::MAX)).into(), limit.into()];
    let one = if let Some(resource) = resource {
        values.push(resource.into());
        " AND resource = ?3"
    } else {
        ""
    };
    let text = format!(
        "SELECT at, user_id, project, request_id, action, resource, detail FROM audit WHERE at < ?1{one} \
         ORDER BY at DESC, id DESC LIMIT ?2"
    );
    let rows = tx.query(&text, &values)?;
    let read = |row: &crate::Row| {
        Ok(AuditEntry {
            at: row.get(0)?,
            user: row.get(1)?,
            project: row.get(2)?,
            request_id: row.get(3)?,
            action: row.get(4)?,
            resource: row.get(5)?,
            detail: row.json(6)?,
        })
    };
    rows.iter().map(read).collect()
}

/// Removes entries from before `time`; returns how many.
///
/// # Errors
/// The engine's.
pub fn delete_before(tx: &mut Tx<'_>, time: Timestamp) -> Result<u64, Error> {
    tx.execute("DELETE FROM audit WHERE at < ?1", params![time])
}
