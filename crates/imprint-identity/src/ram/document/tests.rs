//! Documents that are right, and every mistake with what is said of it.

use imprint_model::{Decision, GrantFacts, Grants};

use super::*;

fn with(statement: &str) -> String {
    format!(r#"{{"Version":"1","Statement":[{statement}]}}"#)
}

fn why(document: &str) -> String {
    parse_document(document).expect_err("malformed").to_string()
}

#[test]
fn a_document_says_what_is_written() {
    let document = with(
        r#"{"Effect":"Allow","Action":["ecs:Describe*","ecs:CreateImage"],"Resource":"acs:ecs:*:*:image/*",
            "Condition":{"Bool":{"acs:SecureTransport":true},"NumericLessThan":{"k":[10,"20"]},
                         "IpAddress":{"acs:SourceIp":["10.0.0.0/8"]}}},
           {"Effect":"Deny","NotAction":"ecs:*","Resource":["*"]}"#,
    );
    let statements = parse_document(&document).expect("well-formed");
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let expected = Statement {
        effect: Effect::Allow,
        actions: texts(&["ecs:Describe*", "ecs:CreateImage"]),
        actions_excluded: false,
        resources: texts(&["acs:ecs:*:*:image/*"]),
        conditions: vec![
            (Operator::Bool, "acs:SecureTransport".to_owned(), texts(&["true"])),
            (Operator::NumericLessThan, "k".to_owned(), texts(&["10", "20"])),
            (Operator::IpAddress, "acs:SourceIp".to_owned(), texts(&["10.0.0.0/8"])),
        ],
    };
    assert_eq!(statements[0], expected);
    assert_eq!((statements[1].effect, statements[1].actions_excluded), (Effect::Deny, true));
    let grants = Grants { statements, ..Grants::default() };
    assert_eq!(grants.decide("ram:CreateUser", "*", &GrantFacts::new()), Decision::ExplicitlyDenied);
}

#[test]
fn every_mistake_is_named() {
    let good = r#""Effect":"Allow","Action":"*","Resource":"*""#;
    for (document, expected) in [
        (String::new(), "EOF"),
        (r#"["1",[["Allow","*",null,"*"]]]"#.to_owned(), "an object"),
        ("{}".to_owned(), "Version"),
        (r#"{"Version":"2","Statement":[]}"#.to_owned(), "version"),
        (r#"{"Version":1,"Statement":[]}"#.to_owned(), "string"),
        (with(""), "1 to 100"),
        (with(&vec![format!("{{{good}}}"); 101].join(",")), "1 to 100"),
        (with("7"), "an object"),
        (with(r#"["Allow","*",null,"*"]"#), "an object"),
        (with(r#"{"Effect":"Maybe","Action":"*","Resource":"*"}"#), "Maybe"),
        (with(r#"{"Effect":"allow","Action":"*","Resource":"*"}"#), "allow"),
        (with(r#"{"Action":"*","Resource":"*"}"#), "Effect"),
        (with(r#"{"Effect":"Allow","Resource":"*"}"#), "neither"),
        (with(&format!(r#"{{{good},"NotAction":"*"}}"#)), "both"),
        (with(r#"{"Effect":"Allow","Action":"*"}"#), "Resource"),
        (with(r#"{"Effect":"Allow","Action":[],"Resource":"*"}"#), "no action"),
        (with(r#"{"Effect":"Allow","Action":"*","Resource":[]}"#), "no resource"),
        (with(r#"{"Effect":"Allow","Action":"Describe","Resource":"*"}"#), "Describe"),
        (with(r#"{"Effect":"Allow","Action":"ecs:","Resource":"*"}"#), "ecs:"),
        (with(r#"{"Effect":"Allow","Action":"ecs:Ä","Resource":"*"}"#), "not an action"),
        (with(r#"{"Effect":"Allow","Action":["*",["*"]],"Resource":"*"}"#), "sequence"),
        (with(r#"{"Effect":"Allow","Action":{"a":1},"Resource":"*"}"#), "map"),
        (with(r#"{"Effect":"Allow","Action":"*","Resource":"image/m-1"}"#), "image/m-1"),
        (with(r#"{"Effect":"Allow","Action":"*","Resource":"acs:ecs:*:*"}"#), "not a resource"),
        (with(&format!(r#"{{{good},"Principal":"*"}}"#)), "Principal"),
        (with(&format!(r#"{{{good},"Effect":"Deny"}}"#)), "duplicate"),
        (with(&format!(r#"{{{good},"Condition":{{"Like":{{"k":"v"}}}}}}"#)), "Like"),
        (with(&format!(r#"{{{good},"Condition":{{"Bool":{{"k":"maybe"}}}}}}"#)), "maybe"),
        (with(&format!(r#"{{{good},"Condition":{{"IpAddress":{{"k":"10.0.0.0/33"}}}}}}"#)), "10.0.0.0/33"),
        (with(&format!(r#"{{{good},"Condition":{{"DateLessThan":{{"k":"soon"}}}}}}"#)), "soon"),
        (with(&format!(r#"{{{good},"Condition":{{"StringEquals":{{"k":[]}}}}}}"#)), "no value"),
        (with(&format!(r#"{{{good},"Condition":{{"StringEquals":{{"":"v"}}}}}}"#)), "condition key"),
        (with(&format!(r#"{{{good},"Condition":{{"Bool":{{"k":true}},"Bool":{{"k":false}}}}}}"#)), "twice"),
        (with(&format!(r#"{{{good},"Condition":{{"Bool":{{"k":true,"k":false}}}}}}"#)), "twice"),
        ("[".repeat(6_000), "sequence"),
        (with(&" ".repeat(DOCUMENT_LEN_MAX)), "longer"),
    ] {
        let why = why(&document);
        assert!(why.contains(expected), "{document:.60}: {why}");
    }
    let second = with(&format!(r#"{{{good}}},{{"Effect":"Allow","Action":"x","Resource":"*"}}"#));
    assert!(why(&second).contains("statement 2"));
}

#[test]
fn trust_names_principals_and_nothing_else() {
    let trust = |principal: &str, more: &str| {
        with(&format!(r#"{{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{principal}{more}}}"#))
    };
    let both = parse_trust(&trust(r#"{"RAM":["acs:ram::1:root"],"Service":"ecs.example.com"}"#, "")).expect("good");
    assert_eq!(both[0].principals, ["acs:ram::1:root"]);
    let conditional = r#","Condition":{"StringEquals":{"sts:ExternalId":"x"}}"#;
    assert_eq!(parse_trust(&trust(r#"{"RAM":"acs:ram::1:user/a"}"#, conditional)).expect("good").len(), 1);
    for bad in [
        trust(r#"{"RAM":"*"}"#, ""),
        trust(r#"{"Everybody":"acs:ram::1:root"}"#, ""),
        trust(r#""*""#, ""),
        trust(r#"{"RAM":"acs:ram::1:root"}"#, r#","Resource":"*""#),
        with(r#"{"Effect":"Allow","Action":"*","Principal":{"RAM":"acs:ram::1:root"}}"#),
        with(r#"{"Effect":"Allow","Action":[],"Principal":{"RAM":"acs:ram::1:root"}}"#),
        with(r#"{"Effect":"Allow","Action":"sts:AssumeRole"}"#),
        with(r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#),
    ] {
        assert!(parse_trust(&bad).is_err(), "{bad}");
    }
}
