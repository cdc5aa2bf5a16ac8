//! Policy documents: from text to statements, with every rule checked and every refusal saying why.
//!
//! A key that stands twice in one object is refused like any other mistake: whichever of the two one took, the other
//! reader would be surprised, and what is lost might be a condition.

use std::fmt;
use std::marker::PhantomData;

use imprint_model::{Effect, Operator, Statement};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

/// Longest document, in bytes.
pub const DOCUMENT_LEN_MAX: usize = 6_144;
/// Most statements of one document.
pub const STATEMENTS_MAX: usize = 100;
/// Longest condition key, in bytes.
const KEY_LEN_MAX: usize = 128;
/// The one version of the grammar.
const VERSION: &str = "1";

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the policy document is malformed: {0}")]
pub struct DocumentError(String);

/// Reads a document that is attached to users and roles.
///
/// # Errors
/// [`DocumentError`], naming the statement and what is wrong with it.
pub fn parse_document(text: &str) -> Result<Vec<Statement>, DocumentError> {
    let texts = read::<StatementText>(text)?;
    let numbered = texts.into_iter().enumerate();
    numbered.map(|(at, statement)| statement.checked().map_err(|why| DocumentError(place(at, &why)))).collect()
}

/// Who a role trusts to take it on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trust {
    /// Whom it is about: patterns of principals.
    pub(crate) principals: Vec<String>,
    /// What it says about them.
    pub(crate) statement: Statement,
}

/// Reads the document that says who may take on a role.
///
/// # Errors
/// [`DocumentError`].
pub(crate) fn parse_trust(text: &str) -> Result<Vec<Trust>, DocumentError> {
    let texts = read::<TrustText>(text)?;
    let numbered = texts.into_iter().enumerate();
    numbered.map(|(at, trust)| trust.checked().map_err(|why| DocumentError(place(at, &why)))).collect()
}

fn place(at: usize, why: &str) -> String {
    format!("statement {}: {why}", at + 1)
}

fn read<'a, S: Deserialize<'a>>(text: &'a str) -> Result<Vec<S>, DocumentError> {
    if text.len() > DOCUMENT_LEN_MAX {
        return Err(DocumentError(format!("it is longer than {DOCUMENT_LEN_MAX} bytes")));
    }
    let Object(document) =
        serde_json::from_str::<Object<Document<S>>>(text).map_err(|why| DocumentError(why.to_string()))?;
    if document.version != VERSION {
        return Err(DocumentError(format!("its version is not \"{VERSION}\"")));
    }
    if document.statement.is_empty() || document.statement.len() > STATEMENTS_MAX {
        return Err(DocumentError(format!("it has 1 to {STATEMENTS_MAX} statements")));
    }
    Ok(document.statement.into_iter().map(|Object(statement)| statement).collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "S: Deserialize<'de>")]
struct Document<S> {
    version: String,
    statement: Vec<Object<S>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct StatementText {
    effect: EffectWord,
    action: Option<Texts>,
    not_action: Option<Texts>,
    resource: Texts,
    #[serde(default)]
    condition: Pairs<Pairs<Texts>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TrustText {
    effect: EffectWord,
    action: Texts,
    principal: Pairs<Texts>,
    #[serde(default)]
    condition: Pairs<Pairs<Texts>>,
}

#[derive(Deserialize)]
enum EffectWord {
    Allow,
    Deny,
}

impl From<EffectWord> for Effect {
    fn from(word: EffectWord) -> Self {
        match word {
            EffectWord::Allow => Self::Allow,
            EffectWord::Deny => Self::Deny,
        }
    }
}

impl StatementText {
    fn checked(self) -> Result<Statement, String> {
        let (Texts(actions), actions_excluded) = match (self.action, self.not_action) {
            (Some(actions), None) => (actions, false),
            (None, Some(actions)) => (actions, true),
            (Some(_), Some(_)) => return Err("it has both Action and NotAction".to_owned()),
            (None, None) => return Err("it has neither Action nor NotAction".to_owned()),
        };
        let Texts(resources) = self.resource;
        if actions.is_empty() || resources.is_empty() {
            return Err("it names no action or no resource".to_owned());
        }
        actions.iter().try_for_each(|action| check_action(action))?;
        resources.iter().try_for_each(|resource| check_resource(resource))?;
        let conditions = check_conditions(self.condition)?;
        Ok(Statement { effect: self.effect.into(), actions, actions_excluded, resources, conditions })
    }
}

impl TrustText {
    fn checked(self) -> Result<Trust, String> {
        let Texts(actions) = self.action;
        if actions.iter().any(|action| !action.eq_ignore_ascii_case("sts:AssumeRole")) || actions.is_empty() {
            return Err("its action is not sts:AssumeRole".to_owned());
        }
        let mut principals = Vec::new();
        for (kind, Texts(named)) in self.principal.0 {
            match kind.as_str() {
                "RAM" => {
                    if let Some(bad) = named.iter().find(|name| !name.starts_with("acs:ram::")) {
                        return Err(format!("{bad:?} is not a principal: acs:ram::ACCOUNT:root, :user/… or :role/…"));
                    }
                    principals.extend(named);
                }
                // there are no such principals here, so that nobody is trusted by it
                "Service" | "Federated" => {}
                other => return Err(format!("{other:?} is no kind of principal: RAM, Service or Federated")),
            }
        }
        let conditions = check_conditions(self.condition)?;
        let (effect, resources) = (self.effect.into(), vec!["*".to_owned()]);
        let statement = Statement { effect, actions, actions_excluded: false, resources, conditions };
        Ok(Trust { principals, statement })
    }
}

fn check_action(action: &str) -> Result<(), String> {
    let part = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"*?-_/:".contains(&byte))
    };
    let good = action == "*" || action.split_once(':').is_some_and(|(service, name)| part(service) && part(name));
    if good { Ok(()) } else { Err(format!("{action:?} is not an action: \"*\" or \"service:Name\"")) }
}

fn check_resource(resource: &str) -> Result<(), String> {
    let good = resource == "*" || (resource.starts_with("acs:") && resource.splitn(5, ':').count() == 5);
    if good {
        return Ok(());
    }
    Err(format!("{resource:?} is not a resource: \"*\" or \"acs:service:region:account:name\""))
}

fn check_conditions(Pairs(blocks): Pairs<Pairs<Texts>>) -> Result<Vec<(Operator, String, Vec<String>)>, String> {
    let mut conditions = Vec::new();
    for (word, Pairs(keys)) in blocks {
        let operator: Operator = word.parse().map_err(|_| format!("{word:?} is no condition operator"))?;
        for (key, Texts(values)) in keys {
            if key.is_empty() || key.len() > KEY_LEN_MAX {
                return Err(format!("a condition key has 1 to {KEY_LEN_MAX} bytes"));
            }
            if values.is_empty() {
                return Err(format!("the condition on {key:?} has no value"));
            }
            if let Some(bad) = values.iter().find(|value| !operator.takes(value)) {
                return Err(format!("{word} cannot compare {key:?} with {bad:?}"));
            }
            conditions.push((operator, key, values));
        }
    }
    Ok(conditions)
}

/// A text or a list of them. Numbers and truths may stand without quotation marks.
struct Texts(Vec<String>);

/// One of them.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Texts(mut one) = from.deserialize_any(TextsVisitor { lists: false })?;
        one.pop().map(Self).ok_or_else(|| de::Error::custom("a text is missing"))
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(TextsVisitor { lists: true })
    }
}

struct TextsVisitor {
    lists: bool,
}

impl TextsVisitor {
    fn one(text: impl fmt::Display) -> Texts {
        Texts(vec![text.to_string()])
    }
}

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.lists { "a text or a list of texts" } else { "a text" })
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Texts, E> {
        Ok(Self::one(text))
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Texts, E> {
        Ok(Self::one(truth))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Texts, E> {
        Ok(Self::one(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Texts, E> {
        Ok(Self::one(number))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Texts, E> {
        Ok(Self::one(number))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts, A::Error> {
        if !self.lists {
            return Err(de::Error::invalid_type(de::Unexpected::Seq, &self));
        }
        let mut texts = Vec::new();
        while let Some(Text(text)) = list.next_element()? {
            texts.push(text);
        }
        Ok(Texts(texts))
    }
}

/// Something that is written as an object, and not as the list of its values either.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(object)).map(Object)
    }
}

/// An object whose keys are all different, in their order.
struct Pairs<T>(Vec<(String, T)>);

impl<T> Default for Pairs<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(PairsVisitor(PhantomData))
    }
}

struct PairsVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for PairsVisitor<T> {
    type Value = Pairs<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Pairs<T>, A::Error> {
        let mut pairs: Vec<(String, T)> = Vec::new();
        while let Some((key, value)) = object.next_entry::<String, T>()? {
            if pairs.iter().any(|(known, _)| *known == key) {
                return Err(de::Error::custom(format!("{key:?} stands twice")));
            }
            pairs.push((key, value));
        }
        Ok(Pairs(pairs))
    }
}

#[cfg(test)]
mod tests;
