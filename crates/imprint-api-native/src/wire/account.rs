//! What an account has of its own: users that policies bind, the policies, and limits.

use serde::{Deserialize, Serialize};

/// A user of an account that may do only what policies permit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundUser {
    /// Its id.
    pub user_id: String,
    /// Unique within the account.
    pub name: String,
    /// What it is shown as.
    pub display_name: String,
    /// Free text.
    pub comments: String,
    /// Since when there is it, ISO 8601.
    pub created_at: String,
}

/// A user to be made that policies bind.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBoundUser {
    /// Unique within the account.
    pub name: String,
    /// What it is shown as; the name when absent.
    #[serde(default)]
    pub display_name: Option<String>,
    /// The password for tokens; none when absent.
    #[serde(default)]
    pub password: Option<String>,
}

/// A new user that policies bind: the one time its first key's secret is shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewBoundUser {
    /// Its id.
    pub user_id: String,
    /// Unique within the account.
    pub name: String,
    /// Its first access key.
    pub access_key_id: String,
    /// The secret of that.
    pub access_key_secret: String,
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Unique among those of its kind.
    pub name: String,
    /// `System`: every account's; `Custom`: one account's own.
    pub kind: String,
    /// Free text.
    pub description: String,
    /// The document: JSON as text, as it was given.
    pub document: String,
    /// When the document was last changed, ISO 8601; null for a system policy.
    pub updated_at: Option<String>,
}

/// A policy to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreatePolicy {
    /// Unique within the account.
    pub name: String,
    /// Free text.
    #[serde(default)]
    pub description: String,
    /// The document: JSON as text.
    pub document: String,
}

/// A policy's new document.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangePolicy {
    /// JSON as text.
    pub document: String,
}

/// A limit of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountQuota {
    /// What is limited.
    pub name: String,
    /// How many there may be; negative: any number.
    pub most: i64,
    /// Whether it was set for this account; otherwise it is everybody's.
    pub own: bool,
}

/// A limit to be set.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetQuota {
    /// How many there may be; negative: any number.
    pub most: i64,
}
