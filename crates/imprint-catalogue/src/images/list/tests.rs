//! How SQLite means to carry out the lists that everybody asks for: it must walk indexes and sort no more than a page.

use imprint_model::{
    Direction, FactKey, Filter, ImageQuery, MemberStatus, Page, ProjectId, Reach, SharedWith, SnapshotId, SortKey,
    Status, Visibility,
};

use super::condition::label_of;
use super::driver::Driver;
use super::order::Order;
use super::statement::{Slice, Statement};
use crate::{Catalogue, Error, Settings, Value};

fn page(query: &ImageQuery, marker: Option<usize>) -> Statement {
    let order = Order::of(&query.sort);
    let marker = marker.map(|keys| vec![Value::from("0"); keys]);
    let label = query.filters.iter().find(|filter| label_of(filter).is_some());
    let driver = label.map_or(Driver::Order, Driver::Label);
    let statement = Statement::page(query, driver, &order, &Slice { marker, offset: 0, limit: 20 });
    statement.expect("a valid query").expect("something to look for")
}

/// The steps of the plan, each with the number of the step that it is a part of.
fn plan(statement: &Statement) -> Vec<(i64, String)> {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}/imprint.db", folder.path().display());
    let catalogue = Catalogue::open(&Settings { url, ..Settings::default() }).expect("opens");
    let Statement { text, values } = statement;
    let rows = catalogue
        .read_blocking(|tx| tx.query(&format!("EXPLAIN QUERY PLAN {text}"), values))
        .map_err(|error: Error| error)
        .expect("a plan");
    rows.iter().map(|row| (row.int(1).expect("a parent"), row.text(3).expect("a step"))).collect()
}

fn check(name: &str, query: &ImageQuery, marker: Option<usize>, indexes: &[&str]) {
    check_plan(name, &page(query, marker), indexes);
}

fn check_plan(name: &str, statement: &Statement, indexes: &[&str]) {
    let plan = plan(statement);
    let shown = format!("{name}: {plan:#?}");
    for (parent, step) in &plan {
        assert!(!["SCAN i", "SCAN l", "SCAN m", "SCAN n"].iter().any(|scan| step.starts_with(scan)), "{shown}");
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
        assert!(plan.iter().any(|(_, step)| step.contains(&format!("{index} "))), "{index} is not used: {shown}");
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

/// What an account asks for of a region.
fn of_region(filters: Vec<Filter>) -> ImageQuery {
    user([vec![Filter::Region("r".to_owned())], filters].concat(), vec![])
}

#[test]
fn lists_of_a_region_walk_its_index() {
    let available = || Filter::Statuses(vec![Status::Available]);
    let indexes = ["image_own_region", "image_seen_region", "image_member_offers"];
    check("usable", &of_region(vec![available()]), None, &indexes);
    check("usable, next page", &of_region(vec![available()]), Some(2), &indexes);
    let states = Filter::States(vec![(Status::Available, Some(false)), (Status::Queued, None)]);
    check("in two states", &of_region(vec![states]), None, &indexes);
    let others = Filter::NotOwner(ProjectId::from("me"));
    check("of others", &of_region(vec![available(), others]), None, &["image_seen_region", "image_member_offers"]);
    let own = Filter::Owner(ProjectId::from("me"));
    check("own", &of_region(vec![available(), own]), None, &["image_own_region"]);
    check("in any state", &of_region(vec![]), None, &["image_own_created"]);
    let group = Filter::ResourceGroups(vec![None]);
    check("of a group", &of_region(vec![available(), group]), None, &indexes);
    check("used", &of_region(vec![available(), Filter::UsedByInstance(true)]), None, &["instance_image"]);
    check("named alike", &of_region(vec![available(), Filter::NameLike("*a".to_owned())]), None, &indexes);
}

#[test]
fn lists_by_name_walk_names() {
    let names = ["image_own_name", "image_seen_name"];
    let named = Filter::Names(vec!["n".to_owned(), "m".to_owned()]);
    check("named", &of_region(vec![Filter::Statuses(vec![Status::Available]), named]), None, &names);
    let like = of_region(vec![Filter::Statuses(vec![Status::Available]), Filter::NameLike("n*".to_owned())]);
    let order = Order::of(&[]);
    let slice = Slice { marker: None, offset: 0, limit: 20 };
    for pattern in ["n*", "*n", "\u{10ffff}*"] {
        let page = Statement::page(&like, Driver::Names(pattern), &order, &slice);
        let plan = plan(&page.expect("valid").expect("something to look for"));
        assert!(plan.iter().all(|(_, step)| !step.starts_with("SCAN i")), "{plan:#?}");
        let used = |index: &str| plan.iter().any(|(_, step)| step.contains(&format!("{index} ")));
        assert!(names.into_iter().all(used), "{plan:#?}");
        let counted = Statement::count(&like, Driver::Names(pattern)).expect("valid").expect("something to count");
        check_plan("counted", &counted, &names);
        let bounded = Statement::named(&like, pattern, 9).expect("valid").expect("something to count");
        check_plan("bounded", &bounded, &names);
    }
}

#[test]
fn lists_by_label_walk_labels() {
    let labels = ["image_label_own", "image_label_seen"];
    let facts = [
        Filter::Fact(FactKey::Family, "f".to_owned()),
        Filter::Fact(FactKey::OsType, "linux".to_owned()),
        Filter::TagKey("k".to_owned()),
        Filter::Snapshot(SnapshotId::random()),
    ];
    for fact in facts {
        let name = format!("{fact:?}");
        check(&name, &of_region(vec![Filter::Statuses(vec![Status::Available]), fact]), None, &labels);
    }
}

#[test]
fn what_no_status_allows_is_not_walked() {
    let states = Filter::States(vec![(Status::Available, Some(false))]);
    let query = ImageQuery { filters: vec![states, Filter::Tag("t".to_owned())], ..user(vec![], vec![]) };
    assert!(!page(&query, None).text.contains("hidden = 1"));
}

#[test]
fn kept_numbers_are_found_by_their_keys() {
    let kept = |filters| Statement::kept(&of_region(filters)).expect("valid").expect("something to count");
    let indexes = ["PRIMARY KEY", "image_count_seen", "image_member_offers"];
    let state = || Filter::Statuses(vec![Status::Available]);
    check_plan("all", &kept(vec![]), &indexes);
    check_plan("usable", &kept(vec![state()]), &indexes);
    let anywhere = Statement::kept(&user(vec![state()], vec![])).expect("valid").expect("something to count");
    check_plan("anywhere", &anywhere, &indexes);
    let labelled = vec![state(), Filter::Tag("t".to_owned()), Filter::Fact(FactKey::OsType, "linux".to_owned())];
    check_plan("tagged", &kept(labelled.clone()), &indexes);
    let walked = Statement::walked(&of_region(labelled.clone()), Some(&labelled[1]));
    check_plan("walked", &walked.expect("valid").expect("something to count"), &["PRIMARY KEY", "image_count_seen"]);
}
