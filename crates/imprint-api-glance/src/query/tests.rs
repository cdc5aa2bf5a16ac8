use imprint_model::{DiskFormat, FactKey, Status};

use super::*;

fn params(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn list(query: &str) -> ListImages {
    read(&params(query)).expect(query).list.expect(query)
}

fn filters(query: &str) -> Vec<Filter> {
    let mut filters = list(query).filters;
    assert_eq!(filters.pop(), Some(Filter::Hidden(false)), "{query}");
    filters
}

fn names(values: &[&str]) -> Vec<Filter> {
    vec![Filter::Names(values.iter().map(|&value| value.to_owned()).collect())]
}

#[test]
fn without_parameters_the_newest_of_what_concerns_the_caller() {
    let list = list("");
    assert_eq!(list.seen, Seen::Default);
    assert_eq!(list.member_statuses, [MemberStatus::Accepted]);
    assert_eq!(list.filters, [Filter::Hidden(false)]);
    assert_eq!(list.sort, [(SortKey::CreatedAt, Direction::Descending)]);
    assert_eq!(list.page, Page::After { after: None, limit: 25 });
}

#[test]
fn what_cannot_be_asked_is_a_bad_request() {
    for bad in [
        "limit=-1",
        "limit=x",
        "limit=",
        "marker=x",
        "visibility=secret",
        "member_status=maybe",
        "os_hidden=1",
        "protected=True",
        "changes-since=2026-01-01T00:00:00Z",
        "name=neq:x",
        "status=like:act",
        "name=in:%22a",
        "name=in:a%22b%22",
        "name=in:%22a%22b",
        "created_at=yesterday",
        "created_at=in:2026-01-01T00:00:00Z",
        "size_min=big",
        "hw_something_min=1",
        "size=1.5",
        "sort=owner",
        "sort=name:up",
        "sort=name&sort_key=id",
        "sort_key=name&sort_dir=asc&sort_dir=desc",
        "sort_dir=asc&sort_dir=desc",
    ] {
        let refusal = read(&params(bad)).expect_err(bad);
        assert_eq!(refusal.status, http::StatusCode::BAD_REQUEST, "{bad}");
    }
    let many = vec!["tag=x"; 400].join("&");
    assert!(read(&params(&many)).is_err());
}

#[test]
fn a_limit_is_capped_and_zero_asks_for_nothing() {
    assert_eq!(list("limit=5000").page, Page::After { after: None, limit: 1000 });
    assert_eq!(list("limit=99999999999999999999").page, Page::After { after: None, limit: 1000 });
    assert!(read(&params("limit=0")).expect("valid").list.is_none());
}

#[test]
fn values_are_plain_or_have_an_operator() {
    assert_eq!(filters("name=web"), names(&["web"]));
    assert_eq!(filters("name=eq:a:b"), names(&["a:b"]));
    assert_eq!(filters("name=in:a,%22b,%5C%22c%22,d"), names(&["a", "b,\"c", "d"]));
    assert_eq!(filters("name=2026-11-22T01:28:36Z"), names(&["2026-11-22T01:28:36Z"]));
    assert_eq!(filters("status=in:active,nonsense"), [Filter::Statuses(vec![Status::Available])]);
    assert_eq!(filters("disk_format=raw"), [Filter::DiskFormats(vec![DiskFormat::Raw])]);
}

#[test]
fn words_outside_a_closed_set_match_nothing() {
    for query in ["status=nonsense", "disk_format=qcow3", "id=5", "size_max=-1", "size=99999999999999999999"] {
        assert!(read(&params(query)).expect(query).list.is_none(), "{query}");
    }
}

#[test]
fn times_and_numbers_are_compared() {
    let at = Timestamp::parse_iso8601("2026-11-22T01:28:36Z").expect("a time");
    assert_eq!(filters("created_at=gte:2026-11-22T01:28:36Z"), [Filter::CreatedAt(TimeOp::Gte, at)]);
    assert_eq!(filters("updated_at=2026-11-22T01:28:36Z"), [Filter::UpdatedAt(TimeOp::Eq, at)]);
    assert_eq!(filters("size_min=5"), [Filter::Between(Number::SizeBytes, Some(5), None)]);
    assert_eq!(filters("min_ram_max=5"), [Filter::Between(Number::MinRamMib, None, Some(5))]);
    assert_eq!(filters("min_disk=5"), [Filter::Between(Number::MinDiskGib, Some(5), Some(5))]);
    assert_eq!(filters("size_min=-5"), [Filter::Between(Number::SizeBytes, Some(0), None)]);
}

#[test]
fn tags_add_up_and_other_names_are_properties() {
    let expected = [
        Filter::Tag("a".to_owned()),
        Filter::Tag("b".to_owned()),
        Filter::Property("hw_disk_bus".to_owned(), "scsi".to_owned()),
        Filter::Property("imprint:import_task".to_owned(), "x".to_owned()),
    ];
    assert_eq!(filters("tag=a&tag=b&hw_disk_bus=scsi&os_glance_import_task=x"), expected);
}

#[test]
fn both_sorting_syntaxes_say_the_same() {
    use Direction::{Ascending, Descending};
    let expected = [(SortKey::Name, Ascending), (SortKey::Size, Descending)];
    assert_eq!(list("sort=name:asc,size").sort, expected);
    assert_eq!(list("sort_key=name&sort_key=size&sort_dir=asc&sort_dir=desc").sort, expected);
    assert_eq!(list("sort_key=name&sort_key=size&sort_key=name&sort_dir=asc").sort.len(), 2);
    assert_eq!(list("sort_dir=asc").sort, [(SortKey::CreatedAt, Ascending)]);
}

#[test]
fn links_keep_the_parameters_and_replace_the_marker() {
    let id: ImageId = "7e9c5d3a-0000-4000-8000-000000000001".parse().expect("an id");
    let given = params("limit=1&marker=x&name=a%20b%26&tag=1&tag=2");
    assert_eq!(link(&given, None), "/v2/images?limit=1&name=a+b%26&tag=1&tag=2");
    assert_eq!(link(&given, Some(id)), format!("/v2/images?limit=1&name=a+b%26&tag=1&tag=2&marker={id}"));
    assert_eq!(link(&params("marker=x"), None), "/v2/images");
}

#[test]
fn a_property_that_stands_for_a_fact_is_looked_for_as_the_fact_when_its_value_means_one() {
    let fact = |key, value: &str| vec![Filter::Fact(key, value.to_owned())];
    assert_eq!(filters("architecture=aarch64"), fact(FactKey::Architecture, "arm64"));
    assert_eq!(filters("os_distro=debian"), fact(FactKey::Platform, "Debian"));
    assert_eq!(filters("image_family=nightly"), fact(FactKey::Family, "nightly"));
    let uefi = ["uefi", "uefi_preferred"].map(|mode| Some(mode.to_owned())).to_vec();
    assert_eq!(filters("hw_firmware_type=uefi"), [Filter::FactAmong(FactKey::BootMode, uefi)]);
    let plain = |name: &str, value: &str| vec![Filter::Property(name.to_owned(), value.to_owned())];
    assert_eq!(filters("architecture=ppc64le"), plain("architecture", "ppc64le"));
    assert_eq!(filters("os_version=12"), plain("os_version", "12"));
}
