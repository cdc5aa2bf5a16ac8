//! How SQLite means to carry out the lists that everybody asks for: it must walk indexes and sort no more than a page.

use imprint_model::{
    Direction, Filter, ImageQuery, MemberStatus, Page, ProjectId, Reach, SharedWith, SortKey, Status, Visibility,
};

use super::condition::label_of;
use super::order::Order;
use super::statement::{Slice, Statement};
use crate::{Catalogue, Error, Settings, Value};

/// The steps of the plan, each with the number of the step that it is a part of.
fn plan(catalogue: &Catalogue, query: &ImageQuery, marker: Option<usize>) -> Vec<(i64, String)> {
    let order = Order::of(&query.sort);
    let marker = marker.map(|keys| vec![Value::from("0"); keys]);
    let driver = query.filters.iter().find(|filter| label_of(filter).is_some());
    let statement = Statement::page(query, driver, &order, &Slice { marker, offset: 0, limit: 20 });
    let Statement { text, values } = statement.expect("a valid query").expect("something to look for");
    let rows = catalogue
        .read_blocking(|tx| tx.query(&format!("EXPLAIN QUERY PLAN {text}"), &values))
        .map_err(|error: Error| error)
        .expect("a plan");
    rows.iter().map(|row| (row.int(1).expect("a parent"), row.text(3).expect("a step"))).collect()
}

fn check(name: &str, query: &ImageQuery, marker: Option<usize>, indexes: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}/imprint.db", folder.path().display());
    let catalogue = Catalogue::open(&Settings { url, ..Settings::default() }).expect("opens");
    let plan = plan(&catalogue, query, marker);
    let shown = format!("{name}: {plan:#?}");
    for (parent, step) in &plan {
        assert!(!["SCAN i", "SCAN l", "SCAN m"].iter().any(|scan| step.starts_with(scan)), "{shown}");
        if step.contains("TEMP B-TREE") {
            // Sorted may be only what a part gives (q…), the merge of those (u), the page (p), and what has one digest.
            let walk = |step: &str| step.starts_with("SCAN ") || step.starts_with("SEARCH ");
            let sorted = plan.iter().find(|(other, step)| other == parent && walk(step));
            let few = |step: &str| {
                ["SCAN q", "SCAN u", "SCAN p", "SEARCH i USING INDEX image_md5 ", "SEARCH i USING INDEX image_hash "]
                    .iter()
                    .any(|walk| step.starts_with(walk))
            };
            assert!(sorted.is_some_and(|(_, step)| few(step)), "{shown}");
        }
    }
    for index in indexes {
        assert!(plan.iter().any(|(_, step)| step.contains(&format!("INDEX {index} "))), "{index} is not used: {shown}");
    }
}

fn user(filters: Vec<Filter>, sort: Vec<(SortKey, Direction)>) -> ImageQuery {
    let me = ProjectId::from("me");
    let shared = Some(SharedWith { project: me.clone(), statuses: vec![MemberStatus::Accepted] });
    let reach = Reach { everything: false, own: Some(me), public: true, community: true, shared };
    let page = Page::After { after: None, limit: 20 };
    ImageQuery { reach, filters: [vec![Filter::Hidden(false)], filters].concat(), sort, page }
}

#[test]
fn the_default_list_walks_indexes() {
    let indexes = ["image_own_created", "image_seen_created", "image_member_offers"];
    let query = user(vec![], vec![]);
    check("first page", &query, None, &indexes);
    check("next page", &query, Some(2), &indexes);
    let all = Reach { everything: true, own: None, public: true, community: true, shared: None };
    check("everything", &ImageQuery { reach: all, ..query.clone() }, Some(2), &["image_seen_created"]);
    let query = ImageQuery { filters: vec![], ..query };
    check("hidden ones too", &query, None, &indexes);
}

#[test]
fn every_usual_order_has_its_index() {
    let keys = [
        (SortKey::UpdatedAt, "updated"),
        (SortKey::Name, "name"),
        (SortKey::Size, "size"),
        (SortKey::Status, "status"),
    ];
    for (key, index) in keys {
        for direction in [Direction::Ascending, Direction::Descending] {
            // What is shared with the caller is sorted: it is little.
            let mut query = user(vec![], vec![(key, direction)]);
            query.reach.shared = None;
            let own = format!("image_own_{index}");
            check(index, &query, Some(3), &[&own, &format!("image_seen_{index}")]);
        }
    }
}

#[test]
fn conditions_that_leave_few_find_those() {
    let property = Filter::Property("a".to_owned(), "b".to_owned());
    let labels = ["image_label_own", "image_label_seen"];
    check("property", &user(vec![property.clone()], vec![]), None, &labels);
    check("property, next page", &user(vec![property.clone()], vec![]), Some(2), &labels);
    check("property and tag", &user(vec![property, Filter::Tag("t".to_owned())], vec![]), None, &labels);
    let name = Filter::Names(vec!["n".to_owned()]);
    check("name", &user(vec![name], vec![]), None, &["image_own_name", "image_seen_name"]);
    let status = Filter::Statuses(vec![Status::Available, Status::Queued]);
    check("status", &user(vec![status], vec![]), Some(2), &["image_own_status", "image_seen_status"]);
    check("digest", &user(vec![Filter::Md5("m".to_owned())], vec![]), None, &["image_md5"]);
    check("strong digest", &user(vec![Filter::HashValue("h".to_owned())], vec![]), None, &["image_hash"]);
    let owner = vec![Filter::Owner(ProjectId::from("other")), Filter::Visibility(Visibility::Public)];
    check("owner", &user(owner, vec![]), None, &["image_own_created"]);
}
