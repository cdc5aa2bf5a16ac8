//! Who sees and changes definitions of metadata, what is unique, and what protection keeps.

use imprint_model::{Caller, Visibility};
use serde_json::json;

use crate::testing::{World, caller};
use crate::{DefinitionKind, Error, Field, ListNamespaces, NamespaceDetails, NamespaceSort, NewDefinition, Present};

fn details(name: &str, visibility: Visibility) -> NamespaceDetails {
    NamespaceDetails {
        name: name.to_owned(),
        display_name: None,
        description: None,
        visibility,
        protected: false,
        owner: None,
    }
}

fn tag(name: &str) -> NewDefinition {
    NewDefinition { kind: DefinitionKind::Tag, name: name.to_owned(), body: json!({}) }
}

async fn listed(world: &World, who: &Caller) -> Vec<String> {
    let wanted = ListNamespaces {
        visibility: None,
        resource_types: Vec::new(),
        sort: NamespaceSort::Name,
        descending: false,
        after: None,
        limit: 10,
    };
    let found = world.service.namespaces(who, wanted).await.expect("a list");
    found.into_iter().map(|content| content.namespace.name).collect()
}

#[tokio::test]
async fn private_namespaces_of_others_do_not_exist_and_only_administrators_write() {
    let world = World::new();
    let (admin, reader, stranger) = (caller("p", "admin"), caller("p", "reader"), caller("q", "member"));
    for (name, visibility) in [("open", Visibility::Public), ("own", Visibility::Private)] {
        world.service.create_namespace(&admin, details(name, visibility), vec![tag("t")]).await.expect("made");
    }
    assert_eq!(listed(&world, &admin).await, ["open", "own"]);
    assert_eq!(listed(&world, &reader).await, ["open", "own"]);
    assert_eq!(listed(&world, &stranger).await, ["open"]);
    let mine = details("mine", Visibility::Private);
    assert!(matches!(world.service.create_namespace(&stranger, mine, vec![]).await, Err(Error::Denied(_))));
    for (who, name, hidden) in [(&reader, "own", false), (&stranger, "open", false), (&stranger, "own", true)] {
        let shown = world.service.definition(who, name, DefinitionKind::Tag, "t").await;
        assert_eq!(matches!(shown, Err(Error::NotFound(_))), hidden, "{name}");
        let gone = world.service.delete_definition(who, name, DefinitionKind::Tag, "t").await;
        let refused =
            if hidden { matches!(gone, Err(Error::NotFound(_))) } else { matches!(gone, Err(Error::Denied(_))) };
        assert!(refused, "{name}: {gone:?}");
    }
    let nobody = Caller { project: None, ..stranger };
    assert!(matches!(world.service.namespace(&nobody, "open").await, Err(Error::NotFound(_))));
    assert!(matches!(world.service.resource_types(&nobody).await, Err(Error::Denied(_))));
}

#[tokio::test]
async fn names_are_unique_and_a_refused_write_leaves_nothing() {
    let (world, admin) = (World::new(), caller("p", "admin"));
    let twice = vec![tag("t"), tag("t")];
    let refused = world.service.create_namespace(&admin, details("n", Visibility::Public), twice).await;
    assert!(matches!(refused, Err(Error::Duplicate(Field::Definition))));
    assert!(listed(&world, &admin).await.is_empty());
    for name in ["n", "m"] {
        world.service.create_namespace(&admin, details(name, Visibility::Public), vec![]).await.expect("made");
    }
    let renamed = world.service.update_namespace(&admin, "n", details("m", Visibility::Public)).await;
    assert!(matches!(renamed, Err(Error::Duplicate(Field::Definition))));
    let add = |names: [&str; 2], present| {
        let wanted = names.map(tag).to_vec();
        world.service.add_definitions(&admin, "n", DefinitionKind::Tag, wanted, present)
    };
    add(["a", "b"], Present::Replaced).await.expect("added");
    assert!(matches!(add(["c", "a"], Present::Kept).await, Err(Error::Duplicate(Field::Definition))));
    let held = world.service.definitions(&admin, "n", DefinitionKind::Tag).await.expect("listed");
    assert_eq!(held.iter().map(|tag| tag.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    let renamed = world.service.update_definition(&admin, "n", "a", tag("b")).await;
    assert!(matches!(renamed, Err(Error::Duplicate(Field::Definition))));
}

#[tokio::test]
async fn what_a_protected_namespace_holds_stays() {
    let (world, admin) = (World::new(), caller("p", "admin"));
    let protected = NamespaceDetails { protected: true, ..details("n", Visibility::Public) };
    world.service.create_namespace(&admin, protected, vec![tag("t")]).await.expect("made");
    let service = &world.service;
    let refusals = [
        service.delete_namespace(&admin, "n").await,
        service.delete_definition(&admin, "n", DefinitionKind::Tag, "t").await,
        service.delete_definitions(&admin, "n", DefinitionKind::Tag).await,
        service.add_definitions(&admin, "n", DefinitionKind::Tag, vec![tag("u")], Present::Replaced).await.map(drop),
    ];
    for refused in refusals {
        assert!(matches!(refused, Err(Error::Protected)), "{refused:?}");
    }
    let held = service.definitions(&admin, "n", DefinitionKind::Tag).await.expect("listed");
    assert_eq!(held[0].name, "t");
}

#[tokio::test]
async fn everything_written_is_bounded() {
    let (world, admin) = (World::new(), caller("p", "admin"));
    let open = |name: &str| details(name, Visibility::Public);
    for bad in [
        open(""),
        open(&"x".repeat(81)),
        open("a\0b"),
        details("n", Visibility::Shared),
        NamespaceDetails { display_name: Some("x".repeat(81)), ..open("n") },
        NamespaceDetails { description: Some("x".repeat(501)), ..open("n") },
        NamespaceDetails { owner: Some("x".repeat(256).as_str().into()), ..open("n") },
    ] {
        let refused = world.service.create_namespace(&admin, bad, vec![]).await;
        assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
    }
    let large = NewDefinition { body: json!("x".repeat(40_000)), ..tag("t") };
    let refused = world.service.create_namespace(&admin, open("n"), vec![large]).await;
    assert!(matches!(refused, Err(Error::Invalid { .. })));
    let many: Vec<_> = (0..1_001).map(|number| tag(&number.to_string())).collect();
    let refused = world.service.create_namespace(&admin, open("n"), many).await;
    assert!(matches!(refused, Err(Error::Invalid { .. })));
}
