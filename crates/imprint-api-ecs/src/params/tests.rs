//! What of a request is read as what.

use super::*;

fn params(all: &[(&str, &str)]) -> Params {
    Params::new(all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

#[test]
fn empty_texts_count_as_absent_and_truths_have_any_capitals() {
    let params = params(&[("A", ""), ("B", "True"), ("C", "FALSE"), ("D", "yes"), ("N", "007"), ("M", "-1")]);
    assert_eq!((params.text("A"), params.given("A")), (None, Some("")));
    assert_eq!(params.need("A").expect_err("empty").code, "MissingParameter");
    assert_eq!(params.truth("A").expect("absent"), None);
    assert_eq!(params.truth("B").expect("a truth"), Some(true));
    assert_eq!(params.truth("C").expect("a truth"), Some(false));
    assert_eq!(params.truth("D").expect_err("neither").code, "InvalidParameter");
    assert_eq!(params.number::<u8>("N").expect("a number"), Some(7));
    assert!(params.number::<i8>("M").is_err());
}

#[test]
fn members_come_in_the_order_of_their_numbers_and_holes_do_not_count() {
    let params = params(&[
        ("Id.10", "ten"),
        ("Id.2", "two"),
        ("Id.1", ""),
        ("Id.03", "no"),
        ("Id.x", "no"),
        ("Id.0", "no"),
        ("Id.99999999999", "no"),
        ("Idle.1", "no"),
        ("Id", "no"),
    ]);
    assert_eq!(params.list("Id"), ["two", "ten"]);
}

#[test]
fn tags_are_read_in_both_spellings_and_keep_empty_values() {
    let params = params(&[
        ("Tag.1.Key", "a"),
        ("Tag.1.key", "x"),
        ("Tag.1.Value", ""),
        ("Tag.3.key", "b"),
        ("Tag.3.value", "c"),
        ("Tag.7.Value", "alone"),
        ("TagKey.1", "no"),
    ]);
    let pairs: Vec<_> = params.tags().into_iter().map(|pair| (pair.key, pair.value)).collect();
    assert_eq!(pairs, [(Some("a"), Some("")), (Some("b"), Some("c")), (None, Some("alone"))]);
}

#[test]
fn lists_within_a_value_are_bounded() {
    let params = params(&[("J", "[\"a\",\"b\"]"), ("K", "a"), ("L", "[1]"), ("C", " a, ,b")]);
    let refusal = code::INVALID_PARAMETER;
    assert_eq!(params.json_list("J", 2, refusal).expect("a list"), Some(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(params.json_list("K", 2, refusal).expect("a list"), Some(vec!["a".to_owned()]));
    assert!(params.json_list("J", 1, refusal).is_err());
    assert!(params.json_list("L", 1, refusal).is_err());
    assert_eq!(params.comma_list("C", 2, refusal).expect("a list"), Some(vec!["a", "b"]));
    assert!(params.comma_list("C", 1, refusal).is_err());
}

#[test]
fn pages_and_times_are_checked() {
    let refusal = code::INVALID_PARAMTER;
    assert_eq!(params(&[]).paging(10, 100, refusal).expect("defaults"), Paging { number: 1, size: 10 });
    for bad in [("PageNumber", "0"), ("PageSize", "101"), ("PageSize", "x"), ("PageNumber", "99999999999")] {
        assert_eq!(params(&[bad]).paging(10, 100, refusal).expect_err("outside").code, "InvalidParamter", "{bad:?}");
    }
    let expected = Some(Timestamp(1_795_310_880_000_000));
    assert_eq!((read_time("2026-11-22T01:28Z"), read_time("2026-11-22T01:28:00Z")), (expected, expected));
    for bad in
        ["", "2026-11-22", "2026-11-22T01:28:00+01:00", "2026-11-22 01:28:00Z", "2026-13-22T01:28Z", "éééééééé€Z"]
    {
        assert_eq!(read_time(bad), None, "{bad}");
    }
}
