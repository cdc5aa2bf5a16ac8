//! Definitions of image metadata: namespaces, and what each holds. What a definition says is JSON that nobody here
//! looks into.

use imprint_model::{ProjectId, Timestamp, Visibility};
use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Row, Tx, Value, params, to_json};

/// Rows of one namespace listed at most.
const ITEMS_MAX: u32 = 10_000;

/// A named set of definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// Unique among all accounts.
    pub name: String,
    /// For people.
    pub display_name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// `Public`, or `Private` to its owner.
    pub visibility: Visibility,
    /// Refuses to be deleted.
    pub protected: bool,
    /// Whose it is.
    pub owner: ProjectId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

imprint_model::words! {
    /// What a namespace holds.
    ItemKind {
        /// A group of properties.
        Object = "object",
        /// One property.
        Property = "property",
        /// A tag.
        Tag = "tag",
        /// A type of resource that the namespace is meant for.
        ResourceType = "resource_type",
    }
}

/// One definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// In which namespace.
    pub namespace: String,
    /// What it is.
    pub kind: ItemKind,
    /// Unique among those of its kind in its namespace.
    pub name: String,
    /// What it says.
    pub body: serde_json::Value,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

imprint_model::words! {
    /// What namespaces are listed by. Ties are broken by the name.
    NamespaceSort {
        /// Time of making.
        CreatedAt = "created_at",
        /// Time of the last change.
        UpdatedAt = "updated_at",
        /// Name.
        Name = "name",
    }
}

/// Which namespaces a list holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceFilter {
    /// Only what this account can see: public ones and its own; `None` sees all.
    pub visible_to: Option<ProjectId>,
    /// Only of this visibility.
    pub visibility: Option<Visibility>,
    /// Only those meant for one of these types of resource; empty means all.
    pub resource_types: Vec<String>,
    /// In which order.
    pub sort: NamespaceSort,
    /// Largest first.
    pub descending: bool,
    /// Only those after the namespace of this name in the order.
    pub after: Option<String>,
    /// At most so many.
    pub limit: u32,
}

const NAMESPACE: &str = "name, display_name, description, visibility, protected, owner, created_at, updated_at";
const ITEM: &str = "namespace, kind, name, body, created_at, updated_at";

fn read_namespace(row: &Row) -> Result<Namespace, Error> {
    Ok(Namespace {
        name: row.get(0)?,
        display_name: row.get(1)?,
        description: row.get(2)?,
        visibility: row.parse(3)?,
        protected: row.get(4)?,
        owner: row.get(5)?,
        created_at: row.get(6)?,
        updated_at: row.get(7)?,
    })
}

fn namespace_values(namespace: &Namespace) -> Vec<Value> {
    let Namespace { name, display_name, description, visibility, protected, owner, created_at, updated_at } = namespace;
    vec![
        name.into(),
        display_name.as_ref().into(),
        description.as_ref().into(),
        visibility.as_str().into(),
        (*protected).into(),
        owner.into(),
        (*created_at).into(),
        (*updated_at).into(),
    ]
}

/// Adds a namespace.
///
/// # Errors
/// [`ErrorKind::Duplicate`] when its name is taken.
pub fn insert_namespace(tx: &mut Tx<'_>, namespace: &Namespace) -> Result<(), Error> {
    let text = format!("INSERT INTO definition_namespace ({NAMESPACE}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    tx.execute(&text, &namespace_values(namespace)).map(drop)
}

/// One namespace.
///
/// # Errors
/// The engine's.
pub fn namespace(tx: &mut Tx<'_>, name: &str) -> Result<Option<Namespace>, Error> {
    let row = tx.query_opt(&format!("SELECT {NAMESPACE} FROM definition_namespace WHERE name = ?1"), params![name])?;
    row.as_ref().map(read_namespace).transpose()
}

/// Replaces the namespace called `name`, perhaps by one of another name; its items go along. False when there is none.
///
/// # Errors
/// [`ErrorKind::Duplicate`] when the new name is taken.
pub fn update_namespace(tx: &mut Tx<'_>, name: &str, namespace: &Namespace) -> Result<bool, Error> {
    let mut values = namespace_values(namespace);
    values.push(name.into());
    let text = "UPDATE definition_namespace SET name = ?1, display_name = ?2, description = ?3, visibility = ?4, \
                protected = ?5, owner = ?6, created_at = ?7, updated_at = ?8 WHERE name = ?9";
    Ok(tx.execute(text, &values)? > 0)
}

/// Removes a namespace with all its items. False when there is none.
///
/// # Errors
/// The engine's.
pub fn delete_namespace(tx: &mut Tx<'_>, name: &str) -> Result<bool, Error> {
    Ok(tx.execute("DELETE FROM definition_namespace WHERE name = ?1", params![name])? > 0)
}

/// The namespaces that `filter` asks for.
///
/// # Errors
/// [`ErrorKind::UnknownMarker`] when there is no namespace `filter.after` that the account can see.
pub fn list_namespaces(tx: &mut Tx<'_>, filter: &NamespaceFilter) -> Result<Vec<Namespace>, Error> {
    let NamespaceFilter { visible_to, visibility, resource_types, sort, descending, after, limit } = filter;
    let mut conditions = vec!["1 = 1".to_owned()];
    let mut values: Vec<Value> = Vec::new();
    let mut bind = |value: Value| {
        values.push(value);
        format!("?{}", values.len())
    };
    if let Some(project) = visible_to {
        conditions.push(format!("(n.visibility = 'public' OR n.owner = {})", bind(project.into())));
    }
    if let Some(visibility) = visibility {
        conditions.push(format!("n.visibility = {}", bind(visibility.as_str().into())));
    }
    if !resource_types.is_empty() {
        let types: Vec<String> = resource_types.iter().map(|name| bind(name.into())).collect();
        conditions.push(format!(
            "EXISTS (SELECT 1 FROM definition_item t WHERE t.namespace = n.name AND t.kind = 'resource_type' \
             AND t.name IN ({}))",
            types.join(", ")
        ));
    }
    let (sign, direction) = if *descending { ("<", "DESC") } else { (">", "ASC") };
    if let Some(after) = after {
        let marker = namespace(tx, after)?
            .filter(|found| match visible_to {
                Some(project) => found.visibility == Visibility::Public || found.owner == *project,
                None => true,
            })
            .ok_or_else(|| Error::new(ErrorKind::UnknownMarker, "no such namespace to go on after"))?;
        let key: Value = match sort {
            NamespaceSort::CreatedAt => marker.created_at.into(),
            NamespaceSort::UpdatedAt => marker.updated_at.into(),
            NamespaceSort::Name => (&marker.name).into(),
        };
        conditions.push(format!("(n.{sort}, n.name) {sign} ({}, {})", bind(key), bind(marker.name.into())));
    }
    let columns = NAMESPACE.split(", ").map(|column| format!("n.{column}")).collect::<Vec<_>>().join(", ");
    let limit = bind((*limit).into());
    let text = format!(
        "SELECT {columns} FROM definition_namespace n WHERE {} ORDER BY n.{sort} {direction}, n.name {direction} \
         LIMIT {limit}",
        conditions.join(" AND ")
    );
    tx.query(&text, &values)?.iter().map(read_namespace).collect()
}

fn read_item(row: &Row) -> Result<Item, Error> {
    Ok(Item {
        namespace: row.get(0)?,
        kind: row.parse(1)?,
        name: row.get(2)?,
        body: row.json(3)?,
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
    })
}

fn item_values(item: &Item) -> Result<Vec<Value>, Error> {
    let Item { namespace, kind, name, body, created_at, updated_at } = item;
    Ok(vec![
        namespace.into(),
        kind.as_str().into(),
        name.into(),
        to_json(body)?,
        (*created_at).into(),
        (*updated_at).into(),
    ])
}

/// Adds an item to a namespace.
///
/// # Errors
/// [`ErrorKind::Duplicate`] when the name is taken, [`ErrorKind::Reference`] when there is no such namespace.
pub fn insert_item(tx: &mut Tx<'_>, item: &Item) -> Result<(), Error> {
    let text = format!("INSERT INTO definition_item ({ITEM}) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    tx.execute(&text, &item_values(item)?).map(drop)
}

/// One item.
///
/// # Errors
/// The engine's.
pub fn item(tx: &mut Tx<'_>, namespace: &str, kind: ItemKind, name: &str) -> Result<Option<Item>, Error> {
    let text = format!("SELECT {ITEM} FROM definition_item WHERE namespace = ?1 AND kind = ?2 AND name = ?3");
    let row = tx.query_opt(&text, params![namespace, kind.as_str(), name])?;
    row.as_ref().map(read_item).transpose()
}

/// Replaces the item of `item`'s namespace and kind that is called `name`, perhaps by one of another name. False when
/// there is none.
///
/// # Errors
/// [`ErrorKind::Duplicate`] when the new name is taken.
pub fn update_item(tx: &mut Tx<'_>, name: &str, item: &Item) -> Result<bool, Error> {
    let mut values = item_values(item)?;
    values.push(name.into());
    let text = "UPDATE definition_item SET name = ?3, body = ?4, created_at = ?5, updated_at = ?6 \
                WHERE namespace = ?1 AND kind = ?2 AND name = ?7";
    Ok(tx.execute(text, &values)? > 0)
}

/// Removes an item. False when there is none.
///
/// # Errors
/// The engine's.
pub fn delete_item(tx: &mut Tx<'_>, namespace: &str, kind: ItemKind, name: &str) -> Result<bool, Error> {
    let text = "DELETE FROM definition_item WHERE namespace = ?1 AND kind = ?2 AND name = ?3";
    Ok(tx.execute(text, params![namespace, kind.as_str(), name])? > 0)
}

/// Removes all items of a kind; returns how many.
///
/// # Errors
/// The engine's.
pub fn delete_items(tx: &mut Tx<'_>, namespace: &str, kind: ItemKind) -> Result<u64, Error> {
    tx.execute("DELETE FROM definition_item WHERE namespace = ?1 AND kind = ?2", params![namespace, kind.as_str()])
}

/// All items of a kind, by name.
///
/// # Errors
/// The engine's.
pub fn list_items(tx: &mut Tx<'_>, namespace: &str, kind: ItemKind) -> Result<Vec<Item>, Error> {
    let text = format!(
        "SELECT {ITEM} FROM definition_item WHERE namespace = ?1 AND kind = ?2 ORDER BY name LIMIT {ITEMS_MAX}"
    );
    tx.query(&text, params![namespace, kind.as_str()])?.iter().map(read_item).collect()
}

/// Every type of resource that any namespace is meant for, with the time it was first named.
///
/// # Errors
/// The engine's.
pub fn resource_types(tx: &mut Tx<'_>) -> Result<Vec<(String, Timestamp)>, Error> {
    let text = format!(
        "SELECT name, MIN(created_at) FROM definition_item WHERE kind = 'resource_type' GROUP BY name \
         ORDER BY name LIMIT {ITEMS_MAX}"
    );
    tx.query(&text, &[])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}
