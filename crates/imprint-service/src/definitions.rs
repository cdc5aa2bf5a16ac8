//! Definitions of image metadata: which properties and tags there are and what they mean, in named sets. The service
//! knows who may see and change a set, what is unique and how much it may hold; what a definition says is the
//! dialects' business, and never looked into here.

use imprint_catalogue::{ErrorKind, Tx, audit, definitions as rows};
use imprint_model::{Caller, ProjectId, Timestamp, Visibility, role};
use serde_json::{Value, json};

pub use imprint_catalogue::definitions::{Item as Definition, ItemKind as DefinitionKind, Namespace, NamespaceSort};

use crate::Service;
use crate::error::{Error, Field, Resource};

/// Longest name of a namespace, of what it holds, and longest display name, in characters.
pub const DEFINITION_NAME_CHARS_MAX: usize = 80;
/// Longest description of a namespace, in characters.
pub const DEFINITION_TEXT_CHARS_MAX: usize = 500;
/// Longest body of one definition, in bytes of its JSON.
const BODY_BYTES_MAX: usize = 32 << 10;
/// Definitions of one kind in one namespace.
const KIND_MAX: usize = 1_000;
/// Longest owner, in characters.
const OWNER_CHARS_MAX: usize = 255;
/// Namespaces on one page.
const PAGE_MAX: u32 = 1_000;
/// Types of resource that one list is narrowed to.
const RESOURCE_TYPES_MAX: usize = 100;

/// What a namespace says of itself. All of it is written at once: there is no change of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceDetails {
    /// Unique among all accounts.
    pub name: String,
    /// For people.
    pub display_name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Public or private.
    pub visibility: Visibility,
    /// Nothing of it can be removed.
    pub protected: bool,
    /// The owner; when none is given it stays whose it is, or becomes the caller's account's.
    pub owner: Option<ProjectId>,
}

/// A definition as it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDefinition {
    /// What it is.
    pub kind: DefinitionKind,
    /// Unique among those of its kind in its namespace.
    pub name: String,
    /// What it says.
    pub body: Value,
}

/// A namespace and what it holds, as far as it was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct NamespaceContent {
    /// The namespace.
    pub namespace: Namespace,
    /// Its definitions.
    pub definitions: Vec<Definition>,
}

/// Which namespaces are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListNamespaces {
    /// Only of this visibility.
    pub visibility: Option<Visibility>,
    /// Only those meant for one of these types of resource; empty means all.
    pub resource_types: Vec<String>,
    /// In which order.
    pub sort: NamespaceSort,
    /// Largest first.
    pub descending: bool,
    /// Only those after the namespace of this name.
    pub after: Option<String>,
    /// At most so many, and never more than 1,000.
    pub limit: u32,
}

/// What becomes of the definitions of a kind when others are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Present {
    /// They stay.
    Kept,
    /// They go.
    Replaced,
}

impl Service {
    /// Adds a namespace with all that it holds from the start.
    ///
    /// # Errors
    /// [`Error::Denied`] but to administrators, [`Error::Invalid`], [`Error::Missing`] of an owner when the caller has
    /// no account either, [`Error::Duplicate`] of a name.
    pub async fn create_namespace(
        &self,
        caller: &Caller,
        details: NamespaceDetails,
        definitions: Vec<NewDefinition>,
    ) -> Result<NamespaceContent, Error> {
        require_admin(caller)?;
        check_details(&details)?;
        definitions.iter().try_for_each(check_definition)?;
        let owner = details.owner.clone().or_else(|| caller.project.clone()).ok_or(Error::Missing(Field::Owner))?;
        let now = self.clock.now();
        let namespace = apply(details, owner, now, now);
        let caller = caller.clone();
        self.catalogue
            .write(move |tx| {
                rows::insert_namespace(tx, &namespace).map_err(taken)?;
                let definitions: Vec<Definition> = definitions
                    .iter()
                    .map(|wanted| insert(tx, &namespace.name, wanted, now))
                    .collect::<Result<_, Error>>()?;
                DefinitionKind::ALL.iter().try_for_each(|&kind| {
                    check_count(definitions.iter().filter(|definition| definition.kind == kind).count())
                })?;
                note(tx, &caller, now, "create definition namespace", &namespace.name, Value::Null)?;
                Ok(NamespaceContent { namespace: namespace.clone(), definitions })
            })
            .await
    }

    /// A page of the namespaces the caller can see, each with the types of resource it is meant for.
    ///
    /// # Errors
    /// [`Error::Denied`] to a caller that is neither administrator nor reader in an account, [`Error::NotFound`] of
    /// the namespace to go on after, [`Error::Invalid`].
    pub async fn namespaces(&self, caller: &Caller, wanted: ListNamespaces) -> Result<Vec<NamespaceContent>, Error> {
        let visible_to = reach(caller)?;
        if wanted.resource_types.len() > RESOURCE_TYPES_MAX {
            let why = format!("more than {RESOURCE_TYPES_MAX} types of resource");
            return Err(Error::invalid(Field::Definition, why));
        }
        let ListNamespaces { visibility, resource_types, sort, descending, after, limit } = wanted;
        let limit = limit.min(PAGE_MAX);
        let filter = rows::NamespaceFilter { visible_to, visibility, resource_types, sort, descending, after, limit };
        self.catalogue
            .scan(move |tx| {
                let found = rows::list_namespaces(tx, &filter).map_err(|error| match error.kind() {
                    ErrorKind::UnknownMarker => absent("namespace", filter.after.as_deref().unwrap_or_default()),
                    _ => error.into(),
                })?;
                found
                    .into_iter()
                    .map(|namespace| {
                        let definitions = rows::list_items(tx, &namespace.name, DefinitionKind::ResourceType)?;
                        Ok(NamespaceContent { namespace, definitions })
                    })
                    .collect()
            })
            .await
    }

    /// A namespace with all that it holds.
    ///
    /// # Errors
    /// [`Error::NotFound`], also of one the caller cannot see.
    pub async fn namespace(&self, caller: &Caller, name: &str) -> Result<NamespaceContent, Error> {
        let (caller, name) = (caller.clone(), name.to_owned());
        self.catalogue
            .scan(move |tx| {
                let namespace = seen(tx, &caller, &name)?;
                let mut definitions = Vec::new();
                for &kind in DefinitionKind::ALL {
                    definitions.extend(rows::list_items(tx, &name, kind)?);
                }
                Ok(NamespaceContent { namespace, definitions })
            })
            .await
    }

    /// Writes all of what a namespace says of itself; what it holds stays.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Invalid`], [`Error::Duplicate`] of a new name.
    pub async fn update_namespace(
        &self,
        caller: &Caller,
        name: &str,
        details: NamespaceDetails,
    ) -> Result<Namespace, Error> {
        check_details(&details)?;
        let (caller, name, now) = (caller.clone(), name.to_owned(), self.clock.now());
        self.catalogue
            .write(move |tx| {
                let present = changeable(tx, &caller, &name)?;
                let owner = details.owner.clone().unwrap_or(present.owner);
                let namespace = apply(details.clone(), owner, present.created_at, now);
                rows::update_namespace(tx, &name, &namespace).map_err(taken)?;
                note(tx, &caller, now, "update definition namespace", &name, json!({ "name": namespace.name }))?;
                Ok(namespace)
            })
            .await
    }

    /// Removes a namespace with all that it holds.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Protected`].
    pub async fn delete_namespace(&self, caller: &Caller, name: &str) -> Result<(), Error> {
        let (caller, name, now) = (caller.clone(), name.to_owned(), self.clock.now());
        self.catalogue
            .write(move |tx| {
                removable(tx, &caller, &name)?;
                rows::delete_namespace(tx, &name)?;
                note(tx, &caller, now, "delete definition namespace", &name, Value::Null)
            })
            .await
    }

    /// Adds definitions of one kind, all or none.
    ///
    /// # Errors
    /// [`Error::NotFound`] of the namespace, [`Error::Denied`], [`Error::Invalid`], [`Error::Duplicate`] of a name,
    /// [`Error::Protected`] when the present ones should go but may not.
    pub async fn add_definitions(
        &self,
        caller: &Caller,
        namespace: &str,
        kind: DefinitionKind,
        wanted: Vec<NewDefinition>,
        present: Present,
    ) -> Result<Vec<Definition>, Error> {
        wanted.iter().try_for_each(check_definition)?;
        let (caller, namespace, now) = (caller.clone(), namespace.to_owned(), self.clock.now());
        self.catalogue
            .write(move |tx| {
                let held = changeable(tx, &caller, &namespace)?;
                if present == Present::Replaced && rows::delete_items(tx, &namespace, kind)? > 0 && held.protected {
                    return Err(Error::Protected);
                }
                let added = wanted
                    .iter()
                    .map(|wanted| insert(tx, &namespace, wanted, now))
                    .collect::<Result<Vec<_>, Error>>()?;
                check_count(rows::list_items(tx, &namespace, kind)?.len())?;
                let names: Vec<&str> = wanted.iter().map(|wanted| wanted.name.as_str()).collect();
                note(tx, &caller, now, "add definitions", &namespace, json!({ "kind": kind, "names": names }))?;
                Ok(added)
            })
            .await
    }

    /// One definition.
    ///
    /// # Errors
    /// [`Error::NotFound`] of the namespace or of the definition.
    pub async fn definition(
        &self,
        caller: &Caller,
        namespace: &str,
        kind: DefinitionKind,
        name: &str,
    ) -> Result<Definition, Error> {
        let (caller, namespace, name) = (caller.clone(), namespace.to_owned(), name.to_owned());
        self.catalogue
            .scan(move |tx| {
                seen(tx, &caller, &namespace)?;
                rows::item(tx, &namespace, kind, &name)?.ok_or_else(|| absent(kind.as_str(), &name))
            })
            .await
    }

    /// All definitions of a kind, by name.
    ///
    /// # Errors
    /// [`Error::NotFound`] of the namespace.
    pub async fn definitions(
        &self,
        caller: &Caller,
        namespace: &str,
        kind: DefinitionKind,
    ) -> Result<Vec<Definition>, Error> {
        let (caller, namespace) = (caller.clone(), namespace.to_owned());
        self.catalogue
            .scan(move |tx| {
                seen(tx, &caller, &namespace)?;
                Ok(rows::list_items(tx, &namespace, kind)?)
            })
            .await
    }

    /// Writes a definition anew, perhaps under another name.
    ///
    /// # Errors
    /// [`Error::NotFound`] of the namespace or of the definition, [`Error::Denied`], [`Error::Invalid`],
    /// [`Error::Duplicate`] of a new name.
    pub async fn update_definition(
        &self,
        caller: &Caller,
        namespace: &str,
        name: &str,
        wanted: NewDefinition,
    ) -> Result<Definition, Error> {
        check_definition(&wanted)?;
        let (caller, namespace, name) = (caller.clone(), namespace.to_owned(), name.to_owned());
        let now = self.clock.now();
        self.catalogue
            .write(move |tx| {
                changeable(tx, &caller, &namespace)?;
                let kind = wanted.kind;
                let present = rows::item(tx, &namespace, kind, &name)?.ok_or_else(|| absent(kind.as_str(), &name))?;
                let (new_name, body) = (wanted.name.clone(), wanted.body.clone());
                let definition = Definition { name: new_name, body, updated_at: now, ..present };
                rows::update_item(tx, &name, &definition).map_err(taken)?;
                note(tx, &caller, now, "update definition", &namespace, json!({ "kind": kind, "name": name }))?;
                Ok(definition)
            })
            .await
    }

    /// Removes one definition.
    ///
    /// # Errors
    /// [`Error::NotFound`] of the namespace or of the definition, [`Error::Denied`], [`Error::Protected`].
    pub async fn delete_definition(
        &self,
        caller: &Caller,
        namespace: &str,
        kind: DefinitionKind,
        name: &str,
    ) -> Result<(), Error> {
        let (caller, namespace, name) = (caller.clone(), namespace.to_owned(), name.to_owned());
        let now = self.clock.now();
        self.catalogue
            .write(move |tx| {
                removable(tx, &caller, &namespace)?;
                if !rows::delete_item(tx, &namespace, kind, &name)? {
                    return Err(absent(kind.as_str(), &name));
                }
                note(tx, &caller, now, "delete definition", &namespace, json!({ "kind": kind, "name": name }))
            })
            .await
    }

    /// Removes all definitions of a kind; none is fine.
    ///
    /// # Errors
    /// [`Error::NotFound`] of the namespace, [`Error::Denied`], [`Error::Protected`].
    pub async fn delete_definitions(
        &self,
        caller: &Caller,
        namespace: &str,
        kind: DefinitionKind,
    ) -> Result<(), Error> {
        let (caller, namespace, now) = (caller.clone(), namespace.to_owned(), self.clock.now());
        self.catalogue
            .write(move |tx| {
                removable(tx, &caller, &namespace)?;
                rows::delete_items(tx, &namespace, kind)?;
                note(tx, &caller, now, "delete definitions", &namespace, json!({ "kind": kind }))
            })
            .await
    }

    /// Every type of resource that any namespace is meant for, with the time it was first named. Types are common to
    /// all accounts.
    ///
    /// # Errors
    /// [`Error::Denied`] to a caller that is neither administrator nor reader in an account.
    pub async fn resource_types(&self, caller: &Caller) -> Result<Vec<(String, Timestamp)>, Error> {
        reach(caller)?;
        self.catalogue.scan(|tx| Ok(rows::resource_types(tx)?)).await
    }
}

/// Whose private namespaces the caller sees; `None` for all.
fn reach(caller: &Caller) -> Result<Option<ProjectId>, Error> {
    if caller.is_admin() {
        return Ok(None);
    }
    match &caller.project {
        Some(project) if caller.has_role(role::READER) => Ok(Some(project.clone())),
        _ => Err(Error::Denied("listing metadata definitions".into())),
    }
}

fn require_admin(caller: &Caller) -> Result<(), Error> {
    if caller.is_admin() { Ok(()) } else { Err(Error::Denied("writing metadata definitions".into())) }
}

/// The namespace, when the caller can see it.
fn seen(tx: &mut Tx<'_>, caller: &Caller, name: &str) -> Result<Namespace, Error> {
    let found = rows::namespace(tx, name)?.filter(|namespace| match reach(caller) {
        Ok(None) => true,
        Ok(Some(project)) => namespace.visibility == Visibility::Public || namespace.owner == project,
        Err(_) => false,
    });
    found.ok_or_else(|| absent("namespace", name))
}

/// The namespace, when the caller may change it.
fn changeable(tx: &mut Tx<'_>, caller: &Caller, name: &str) -> Result<Namespace, Error> {
    let namespace = seen(tx, caller, name)?;
    require_admin(caller)?;
    Ok(namespace)
}

/// The namespace, when the caller may take things away from it.
fn removable(tx: &mut Tx<'_>, caller: &Caller, name: &str) -> Result<Namespace, Error> {
    let namespace = changeable(tx, caller, name)?;
    if namespace.protected { Err(Error::Protected) } else { Ok(namespace) }
}

fn apply(details: NamespaceDetails, owner: ProjectId, created_at: Timestamp, updated_at: Timestamp) -> Namespace {
    let NamespaceDetails { name, display_name, description, visibility, protected, owner: _ } = details;
    Namespace { name, display_name, description, visibility, protected, owner, created_at, updated_at }
}

fn insert(tx: &mut Tx<'_>, namespace: &str, wanted: &NewDefinition, now: Timestamp) -> Result<Definition, Error> {
    let NewDefinition { kind, name, body } = wanted.clone();
    let definition = Definition { namespace: namespace.to_owned(), kind, name, body, created_at: now, updated_at: now };
    rows::insert_item(tx, &definition).map_err(taken)?;
    Ok(definition)
}

fn check_details(details: &NamespaceDetails) -> Result<(), Error> {
    check_name(&details.name)?;
    let display_name = details.display_name.as_deref().unwrap_or_default();
    check_text("display name", display_name, DEFINITION_NAME_CHARS_MAX)?;
    check_text("description", details.description.as_deref().unwrap_or_default(), DEFINITION_TEXT_CHARS_MAX)?;
    check_text("owner", details.owner.as_ref().map_or("", |owner| &owner.0), OWNER_CHARS_MAX)?;
    match details.visibility {
        Visibility::Public | Visibility::Private => Ok(()),
        Visibility::Shared | Visibility::Community => {
            Err(Error::invalid(Field::Visibility, "a namespace is public or private"))
        }
    }
}

fn check_definition(wanted: &NewDefinition) -> Result<(), Error> {
    check_name(&wanted.name)?;
    if wanted.body.to_string().len() > BODY_BYTES_MAX {
        let why = format!("the definition is longer than {BODY_BYTES_MAX} bytes");
        return Err(Error::invalid(Field::Definition, why));
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Error> {
    if name.is_empty() {
        return Err(Error::invalid(Field::Definition, "a name cannot be empty"));
    }
    check_text("name", name, DEFINITION_NAME_CHARS_MAX)
}

fn check_text(what: &str, text: &str, chars_max: usize) -> Result<(), Error> {
    if text.chars().count() > chars_max {
        return Err(Error::invalid(Field::Definition, format!("the {what} is longer than {chars_max} characters")));
    }
    // NUL is valid Unicode, but no SQL engine of ours stores it faithfully
    if text.contains('\0') {
        return Err(Error::invalid(Field::Definition, format!("the {what} contains a NUL character")));
    }
    Ok(())
}

fn check_count(count: usize) -> Result<(), Error> {
    if count > KIND_MAX {
        let why = format!("a namespace holds at most {KIND_MAX} definitions of a kind");
        return Err(Error::invalid(Field::Definition, why));
    }
    Ok(())
}

fn absent(kind: &'static str, name: &str) -> Error {
    Error::NotFound(Resource::Definition(kind, name.to_owned()))
}

fn taken(error: imprint_catalogue::Error) -> Error {
    match error.kind() {
        ErrorKind::Duplicate => Error::Duplicate(Field::Definition),
        _ => error.into(),
    }
}

/// Notes in the same transaction who did what to which namespace.
fn note(
    tx: &mut Tx<'_>,
    caller: &Caller,
    at: Timestamp,
    action: &str,
    namespace: &str,
    detail: Value,
) -> Result<(), Error> {
    let entry = audit::AuditEntry {
        at,
        user: caller.user.clone(),
        project: caller.project.clone(),
        request_id: caller.request_id.clone(),
        action: action.to_owned(),
        resource: format!("definitions/{namespace}"),
        detail,
    };
    Ok(audit::record(tx, &entry)?)
}
