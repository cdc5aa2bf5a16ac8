//! What the owner of an account lets one of its users do: statements that allow or deny operations on resources under
//! conditions. Pure evaluation; the words of operations and resources are the dialect's that wrote the document.
//!
//! An explicit denial wins; else one permission is needed; else the answer is no.

use std::collections::BTreeMap;

use crate::Action;

/// What a statement does to what it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Permits it.
    Allow,
    /// Forbids it, whatever permits it.
    Deny,
}

/// How a condition compares. Values of one key are alternatives, but for the negative operators, where all must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// Same text.
    StringEquals,
    /// Other text.
    StringNotEquals,
    /// Same text, capitals aside.
    StringEqualsIgnoreCase,
    /// Other text, capitals aside.
    StringNotEqualsIgnoreCase,
    /// Matches a pattern with `*` and `?`.
    StringLike,
    /// Matches no such pattern.
    StringNotLike,
    /// Same number.
    NumericEquals,
    /// Other number.
    NumericNotEquals,
    /// Smaller.
    NumericLessThan,
    /// Not larger.
    NumericLessThanEquals,
    /// Larger.
    NumericGreaterThan,
    /// Not smaller.
    NumericGreaterThanEquals,
    /// Same time.
    DateEquals,
    /// Other time.
    DateNotEquals,
    /// Earlier.
    DateLessThan,
    /// Not later.
    DateLessThanEquals,
    /// Later.
    DateGreaterThan,
    /// Not earlier.
    DateGreaterThanEquals,
    /// Same truth.
    Bool,
    /// Within an address range.
    IpAddress,
    /// Outside all address ranges.
    NotIpAddress,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What it does.
    pub effect: Effect,
    /// Patterns of operations.
    pub actions: Vec<String>,
    /// Whether it is about all operations but those.
    pub actions_excluded: bool,
    /// Patterns of resources.
    pub resources: Vec<String>,
    /// All must hold: operator, key, values.
    pub conditions: Vec<(Operator, String, Vec<String>)>,
}

/// What is known about a request, by condition key.
pub type Facts = BTreeMap<String, Vec<String>>;

/// How it was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// A statement permits it and none forbids it.
    Allowed,
    /// A statement forbids it.
    ExplicitlyDenied,
    /// No statement permits it.
    ImplicitlyDenied,
}

/// All statements that hold for one user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    /// Of every document attached to the user.
    pub statements: Vec<Statement>,
    /// The operations that stand for an action when another dialect than the documents' asks: one must be permitted,
    /// none may be forbidden.
    pub operations: BTreeMap<Action, Vec<String>>,
    /// What an image is called there: `{region}` and `{id}` (see [`crate::ImageId::short`]) are filled in.
    pub image_resource: String,
}
