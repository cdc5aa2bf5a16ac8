//! Namespaces of definitions and what they hold.

use imprint_catalogue::definitions::{self as defs, Item, ItemKind, Namespace, NamespaceFilter, NamespaceSort};
use imprint_catalogue::{Catalogue, ErrorKind};
use imprint_model::{ProjectId, Timestamp, Visibility};
use serde_json::json;

use crate::support::{on_each_engine, read, write};

fn namespace(name: &str, owner: &str, visibility: Visibility, at: i64) -> Namespace {
    Namespace {
        name: name.to_owned(),
        display_name: Some(format!("{name}!")),
        description: None,
        visibility,
        protected: true,
        owner: ProjectId::from(owner),
        created_at: Timestamp(at),
        updated_at: Timestamp(10 - at),
    }
}

fn item(namespace: &str, kind: ItemKind, name: &str) -> Item {
    Item {
        namespace: namespace.to_owned(),
        kind,
        name: name.to_owned(),
        body: json!({"type": "string", "z": 1, "a": 2}),
        created_at: Timestamp(3),
        updated_at: Timestamp(4),
    }
}

fn add(catalogue: &Catalogue, namespace: Namespace) {
    write(catalogue, move |tx| defs::insert_namespace(tx, &namespace)).expect("added");
}

#[test]
fn a_namespace_takes_its_items_along() {
    on_each_engine(|catalogue| {
        let first = namespace("a", "p", Visibility::Private, 1);
        add(catalogue, first.clone());
        let insert = |item: Item| write(catalogue, move |tx| defs::insert_item(tx, &item));
        insert(item("a", ItemKind::Property, "x")).expect("added");
        insert(item("a", ItemKind::Tag, "x")).expect("another kind");
        let refused = |item: Item| insert(item).expect_err("refused").kind();
        assert_eq!(refused(item("a", ItemKind::Tag, "x")), ErrorKind::Duplicate);
        assert_eq!(refused(item("nowhere", ItemKind::Tag, "x")), ErrorKind::Reference);
        let twice = first.clone();
        let twice = write(catalogue, move |tx| defs::insert_namespace(tx, &twice)).expect_err("taken");
        assert_eq!(twice.kind(), ErrorKind::Duplicate);
        let renamed = Namespace { name: "b".to_owned(), protected: false, ..first };
        let row = renamed.clone();
        assert!(write(catalogue, move |tx| defs::update_namespace(tx, "a", &row)).expect("renamed"));
        assert_eq!(read(catalogue, |tx| defs::namespace(tx, "a")).expect("get"), None);
        assert_eq!(read(catalogue, |tx| defs::namespace(tx, "b")).expect("get"), Some(renamed));
        let found = read(catalogue, |tx| defs::item(tx, "b", ItemKind::Property, "x")).expect("get");
        assert_eq!(found, Some(item("b", ItemKind::Property, "x")));
        assert!(write(catalogue, |tx| defs::delete_namespace(tx, "b")).expect("deleted"));
        assert!(!write(catalogue, |tx| defs::delete_namespace(tx, "b")).expect("gone"));
        let left = read(catalogue, |tx| defs::list_items(tx, "b", ItemKind::Tag)).expect("list");
        assert_eq!(left, []);
    });
}

#[test]
fn items_are_changed_renamed_and_removed() {
    on_each_engine(|catalogue| {
        add(catalogue, namespace("a", "p", Visibility::Public, 1));
        write(catalogue, |tx| {
            ["z", "y", "x"].iter().try_for_each(|name| defs::insert_item(tx, &item("a", ItemKind::ResourceType, name)))
        })
        .expect("added");
        let changed = Item { body: json!([1]), ..item("a", ItemKind::ResourceType, "w") };
        let row = changed.clone();
        assert!(write(catalogue, move |tx| defs::update_item(tx, "z", &row)).expect("changed"));
        let row = changed.clone();
        assert!(!write(catalogue, move |tx| defs::update_item(tx, "z", &row)).expect("gone"));
        let names = || {
            let items = read(catalogue, |tx| defs::list_items(tx, "a", ItemKind::ResourceType)).expect("list");
            items.into_iter().map(|item| item.name).collect::<Vec<_>>()
        };
        assert_eq!(names(), ["w", "x", "y"]);
        let types = read(catalogue, defs::resource_types).expect("types");
        assert_eq!(types.first(), Some(&("w".to_owned(), Timestamp(3))));
        assert!(write(catalogue, |tx| defs::delete_item(tx, "a", ItemKind::ResourceType, "w")).expect("deleted"));
        let rest = write(catalogue, |tx| defs::delete_items(tx, "a", ItemKind::ResourceType)).expect("deleted");
        assert_eq!((rest, names()), (2, vec![]));
    });
}

#[test]
fn namespaces_are_listed_by_what_is_asked() {
    on_each_engine(|catalogue| {
        add(catalogue, namespace("pub", "p", Visibility::Public, 3));
        add(catalogue, namespace("mine", "me", Visibility::Private, 2));
        add(catalogue, namespace("theirs", "p", Visibility::Private, 1));
        write(catalogue, |tx| defs::insert_item(tx, &item("pub", ItemKind::ResourceType, "volume"))).expect("added");
        let all = NamespaceFilter {
            visible_to: None,
            visibility: None,
            resource_types: vec![],
            sort: NamespaceSort::CreatedAt,
            descending: true,
            after: None,
            limit: 10,
        };
        let me = NamespaceFilter { visible_to: Some(ProjectId::from("me")), ..all.clone() };
        let list = |filter: NamespaceFilter| {
            let found = read(catalogue, |tx| defs::list_namespaces(tx, &filter));
            found.map(|found| found.into_iter().map(|namespace| namespace.name).collect::<Vec<_>>())
        };
        let names = |filter| list(filter).expect("listed");
        assert_eq!(names(all.clone()), ["pub", "mine", "theirs"]);
        assert_eq!(names(NamespaceFilter { sort: NamespaceSort::Name, ..all.clone() }), ["theirs", "pub", "mine"]);
        let by_update = NamespaceFilter { sort: NamespaceSort::UpdatedAt, descending: false, ..all.clone() };
        assert_eq!(names(NamespaceFilter { after: Some("pub".to_owned()), ..by_update }), ["mine", "theirs"]);
        assert_eq!(names(me.clone()), ["pub", "mine"]);
        let private = Some(Visibility::Private);
        assert_eq!(names(NamespaceFilter { visibility: private, ..me.clone() }), ["mine"]);
        let types = vec!["image".to_owned(), "volume".to_owned()];
        assert_eq!(names(NamespaceFilter { resource_types: types, ..all.clone() }), ["pub"]);
        assert_eq!(names(NamespaceFilter { limit: 1, ..all }), ["pub"]);
        let refused = list(NamespaceFilter { after: Some("theirs".to_owned()), ..me }).expect_err("invisible");
        assert_eq!(refused.kind(), ErrorKind::UnknownMarker);
    });
}
