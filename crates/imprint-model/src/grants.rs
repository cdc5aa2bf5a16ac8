//! What the owner of an account lets one of its users do: statements that allow or deny operations on resources under
//! conditions. Pure evaluation; the words of operations and resources are the dialect's that wrote the document.
//!
//! An explicit denial wins; else one permission is needed; else the answer is no.

mod condition;
mod wildcard;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use condition::Operator;
use wildcard::{Capitals, fits};

use crate::{Action, Image};

/// What a statement does to what it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Permits it.
    Allow,
    /// Forbids it, whatever permits it.
    Deny,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What it does.
    pub effect: Effect,
    /// Patterns of operations, capitals aside.
    pub actions: Vec<String>,
    /// Whether it is about all operations but those.
    pub actions_excluded: bool,
    /// Patterns of resources; capitals count.
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
    /// What this session of the user was narrowed to: it must permit, too. `None` for a session that was not.
    pub session: Option<Vec<Statement>>,
    /// The operations that stand for an action when another dialect than the documents' asks. All must be permitted,
    /// for an action is as much as all of them together; one without operations is not permitted.
    pub operations: BTreeMap<Action, Vec<String>>,
    /// What an image is called there: `{region}` and `{id}` (see [`crate::ImageId::short`]) are filled in.
    pub image_resource: String,
    /// The operations that stand for making an image there.
    pub creation: Vec<String>,
    /// What an image is called there before it is made: `{region}` is filled in.
    pub creation_resource: String,
    /// What stands before a tag's key in the condition keys that speak of an image's tags.
    pub tag_keys: Vec<String>,
}

/// What to make of a condition on a key that the facts do not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unknown<'a> {
    /// The facts are complete: the request has no such thing.
    IsAbsent,
    /// The facts are complete only for keys that begin so; for others the worst is taken for true: a denial counts,
    /// a permission does not.
    IsFeared { but_for: &'a [String] },
}

impl Grants {
    /// Whether an operation on a resource is permitted, by all that is known about the request.
    pub fn decide(&self, action: &str, resource: &str, facts: &Facts) -> Decision {
        self.weigh(action, resource, facts, Unknown::IsAbsent)
    }

    /// Whether an action on an image is permitted to a request of another dialect than the documents'. Such a request
    /// brings nothing that conditions ask about but the image's tags: a denial under other conditions counts, a
    /// permission under them does not.
    pub fn permits(&self, action: Action, image: &Image) -> Decision {
        let operations = self.operations.get(&action).map_or(&[][..], Vec::as_slice);
        let mut facts = Facts::new();
        for tag in &image.tags {
            let (key, value) = crate::split_tag(tag);
            for before in &self.tag_keys {
                facts.entry(format!("{before}{key}")).or_default().push(value.unwrap_or_default().to_owned());
            }
        }
        let resource = self.image_resource.replace("{region}", &image.region).replace("{id}", &image.id.short());
        self.weigh_all(operations, &resource, &facts)
    }

    /// Whether making an image in a region is permitted to such a request.
    pub fn permits_new(&self, region: &str) -> Decision {
        self.weigh_all(&self.creation, &self.creation_resource.replace("{region}", region), &Facts::new())
    }

    fn weigh_all(&self, operations: &[String], resource: &str, facts: &Facts) -> Decision {
        let unknown = Unknown::IsFeared { but_for: &self.tag_keys };
        let decisions: Vec<Decision> =
            operations.iter().map(|operation| self.weigh(operation, resource, facts, unknown)).collect();
        if decisions.contains(&Decision::ExplicitlyDenied) {
            Decision::ExplicitlyDenied
        } else if decisions.is_empty() || decisions.contains(&Decision::ImplicitlyDenied) {
            Decision::ImplicitlyDenied
        } else {
            Decision::Allowed
        }
    }

    fn weigh(&self, action: &str, resource: &str, facts: &Facts, unknown: Unknown<'_>) -> Decision {
        let asked = Asked { action, resource, facts, unknown };
        let base = decide_by(&self.statements, asked);
        let session = self.session.as_ref().map_or(Decision::Allowed, |statements| decide_by(statements, asked));
        match (base, session) {
            (Decision::ExplicitlyDenied, _) | (_, Decision::ExplicitlyDenied) => Decision::ExplicitlyDenied,
            (Decision::Allowed, Decision::Allowed) => Decision::Allowed,
            _ => Decision::ImplicitlyDenied,
        }
    }
}

#[derive(Clone, Copy)]
struct Asked<'a> {
    action: &'a str,
    resource: &'a str,
    facts: &'a Facts,
    unknown: Unknown<'a>,
}

fn decide_by(statements: &[Statement], asked: Asked<'_>) -> Decision {
    let mut decision = Decision::ImplicitlyDenied;
    for statement in statements.iter().filter(|statement| statement.is_about(asked)) {
        match statement.effect {
            Effect::Deny => return Decision::ExplicitlyDenied,
            Effect::Allow => decision = Decision::Allowed,
        }
    }
    decision
}

impl Statement {
    fn is_about(&self, asked: Asked<'_>) -> bool {
        let named = self.actions.iter().any(|pattern| fits(pattern, asked.action, Capitals::Alike));
        named != self.actions_excluded
            && self.resources.iter().any(|pattern| fits(pattern, asked.resource, Capitals::Differ))
            && self.conditions.iter().all(|(operator, key, wanted)| {
                let known = asked.facts.get(key).map_or(&[][..], Vec::as_slice);
                match asked.unknown {
                    Unknown::IsFeared { but_for } if known.is_empty() && !begins_with_one(key, but_for) => {
                        self.effect == Effect::Deny
                    }
                    _ => operator.holds(known, wanted),
                }
            })
    }
}

fn begins_with_one(key: &str, beginnings: &[String]) -> bool {
    beginnings.iter().any(|before| key.starts_with(before.as_str()))
}
