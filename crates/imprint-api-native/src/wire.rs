//! The JSON bodies, for both ends. What is not known is refused by the service and ignored by the client, so that a
//! newer service goes on serving an older command line.

mod account;
mod check;
mod image;
mod machines;
mod nbd;

use serde::{Deserialize, Serialize};

pub use account::{
    AccountQuota, BoundUser, ChangePolicy, CreateBoundUser, CreatePolicy, NewBoundUser, Policy, SetQuota,
};
pub use check::{Check, CheckBegun};
pub use image::{CreateImage, CreatedImage};
pub use machines::{
    Console, CreateDisk, CreateSnapshot, Disk, Instance, Made, OfInstance, RunInstances, Snapshot, Stop,
};
pub use nbd::{NbdOffer, OfferNbd};

/// The body of every refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorText,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorText {
    /// For programs: one of a fixed list.
    pub code: String,
    /// For people.
    pub message: String,
}

/// A proof of holding an access key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Which key.
    pub access_key_id: String,
    /// The time now, ISO 8601.
    pub timestamp: String,
    /// 8 to 64 characters, never used before.
    pub nonce: String,
    /// HMAC-SHA256, in hexadecimal digits, under the key's secret, of [`login_message`].
    pub signature: String,
}

/// What a login signs.
pub fn login_message(access_key_id: &str, timestamp: &str, nonce: &str) -> String {
    format!("imprint-token\n{access_key_id}\n{timestamp}\n{nonce}")
}

/// A token, and what it is good for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LoggedIn {
    /// For the header `X-Auth-Token` of both this API and the image API.
    pub token: String,
    /// Until when, ISO 8601.
    pub expires_at: String,
    /// Whose it is.
    pub user_id: String,
    /// On behalf of which account.
    pub project_id: Option<String>,
    /// Names of the roles held there.
    pub roles: Vec<String>,
}

/// A list of things.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Items<T> {
    /// The things.
    pub items: Vec<T>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// 16 decimal digits.
    pub account_id: String,
    /// The same account as its images name it.
    pub project_id: String,
    /// Name.
    pub name: String,
    /// Whether anybody may act for it.
    pub enabled: bool,
    /// Since when there is it, ISO 8601.
    pub created_at: String,
}

/// An account to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateAccount {
    /// Name.
    pub name: String,
}

/// A new account: the one time its first key's secret is shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewAccount {
    /// 16 decimal digits.
    pub account_id: String,
    /// The same account as its images name it.
    pub project_id: String,
    /// Name.
    pub name: String,
    /// Its user, of the same name.
    pub user_id: String,
    /// Its first access key.
    pub access_key_id: String,
    /// The secret of that.
    pub access_key_secret: String,
}

/// Switches an account or a key on or off.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    /// On or off.
    pub enabled: bool,
}

/// An access key without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// Its id.
    pub access_key_id: String,
    /// Whose.
    pub user_id: String,
    /// On behalf of which account it acts.
    pub project_id: String,
    /// Whether it may be used.
    pub enabled: bool,
    /// Since when there is it, ISO 8601.
    pub created_at: String,
}

/// An access key to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    /// For which account: its number, project id or name.
    pub account: String,
    /// For which user, by id or name; the one of the account's name when absent.
    #[serde(default)]
    pub user: Option<String>,
}

/// A new access key: the one time its secret is shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewKey {
    /// Its id.
    pub access_key_id: String,
    /// Its secret.
    pub access_key_secret: String,
    /// Whose.
    pub user_id: String,
    /// On behalf of which account it acts.
    pub project_id: String,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Id.
    pub user_id: String,
    /// Name.
    pub name: String,
    /// Its domain.
    pub domain_id: String,
    /// Whether it may log in.
    pub enabled: bool,
    /// The account meant when none is named.
    pub project_id: Option<String>,
    /// Since when there is it, ISO 8601.
    pub created_at: String,
}

/// A user to be made.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateUser {
    /// Name, unique in the default domain.
    pub name: String,
    /// Password; none means that it cannot log in by password.
    #[serde(default)]
    pub password: Option<String>,
    /// The account it works in: number, project id or name.
    #[serde(default)]
    pub account: Option<String>,
    /// The role it gets there.
    #[serde(default)]
    pub role: Option<String>,
}

impl std::fmt::Debug for CreateUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreateUser").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Sizes of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreStats {
    /// Packs, condemned ones included.
    pub packs: u64,
    /// Packs that will be deleted.
    pub condemned_packs: u64,
    /// Bytes of all packs.
    pub stored_bytes: u64,
    /// Bytes of the condemned packs.
    pub condemned_bytes: u64,
    /// Chunks and pages of maps in all packs.
    pub records: u64,
    /// Their bytes once uncompressed.
    pub content_bytes: u64,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyReport {
    /// Whether nothing is damaged.
    pub clean: bool,
    /// Packs read.
    pub packs: u64,
    /// Records read and compared with their names.
    pub records: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Maps of images that were followed to every chunk.
    pub maps: u64,
    /// How many damages there are.
    pub damage_count: u64,
    /// Packs that interrupted work left behind; collection removes them.
    pub unlisted_packs: u64,
    /// Records that nothing finds any more: second copies whose first was collected.
    pub unindexed_records: u64,
    /// What is damaged, the first hundred.
    pub damages: Vec<String>,
}

/// How to collect.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collect {
    /// Seconds that unused bytes are kept; as the service is set up when absent.
    #[serde(default)]
    pub grace_secs: Option<u64>,
}

/// What a collection did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GcReport {
    /// Maps found in use.
    pub maps: u64,
    /// Map pages found in use.
    pub pages: u64,
    /// Packs there were.
    pub packs: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Packs newly condemned.
    pub condemned: u64,
    /// Packs whose condemnation was taken back.
    pub revived: u64,
    /// Packs deleted.
    pub deleted: u64,
    /// Bytes of these.
    pub deleted_bytes: u64,
    /// Packs whose live records were rewritten into others.
    pub rewritten: u64,
    /// Bytes that saved.
    pub rewritten_saved_bytes: u64,
    /// Remains of interrupted work that were removed.
    pub orphans: u64,
    /// Bytes of these.
    pub orphan_bytes: u64,
    /// How much of what images need is damaged; while there is any, nothing is removed.
    pub broken_count: u64,
    /// Its names, the first hundred.
    pub broken: Vec<String>,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// What kind of work.
    pub kind: String,
    /// `pending`, `running`, `succeeded`, `failed`.
    pub state: String,
    /// On whose behalf.
    pub project_id: String,
    /// The image it works on.
    pub image_id: Option<String>,
    /// Progress or the cause of failure.
    pub message: String,
    /// Bytes dealt with.
    pub done_bytes: u64,
    /// Bytes to deal with, when known.
    pub total_bytes: Option<u64>,
    /// How often a worker has taken it.
    pub attempts: u32,
    /// When it was asked for, ISO 8601.
    pub created_at: String,
    /// When it last changed, ISO 8601.
    pub updated_at: String,
    /// When it ended, ISO 8601.
    pub ended_at: Option<String>,
}

/// How the store cuts content; a client that cuts alike sends only what is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushParameters {
    /// Mean length of a chunk, bytes.
    pub chunk_mean_bytes: u32,
    /// Names in one question at most.
    pub ids_max: usize,
    /// Bytes of one batch of chunks at most, frames included.
    pub batch_bytes_max: u64,
    /// Chunks of one batch at most.
    pub batch_chunks_max: usize,
    /// Chunks that one disk is put together from at most.
    pub entries_max: usize,
}

/// An image whose bytes were put together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// Its id.
    pub id: String,
    /// Its size.
    pub size_bytes: u64,
}

/// Where an image has data, from a place on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extents {
    /// The size of the whole image.
    pub size_bytes: u64,
    /// Offset and length of ranges with data, ascending; between them are holes, which read as zeros.
    pub data: Vec<(u64, u64)>,
    /// Where the next page begins; absent on the last.
    pub next: Option<u64>,
}
