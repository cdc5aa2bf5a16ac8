use proptest::prelude::*;

use super::dpkg::Presence;
use super::*;
use crate::budget::Limits;

fn parsed(parse: impl FnOnce(&mut Collected<'_>) -> Result<()>) -> Vec<String> {
    let budget = Budget::new(Limits::default());
    let mut collected = Collected::new(&budget);
    parse(&mut collected).unwrap();
    let line = |p: Package| {
        let beside = [p.licence, p.source].map(Option::unwrap_or_default);
        [p.name, p.version, p.architecture].into_iter().chain(beside).collect::<Vec<_>>().join("|")
    };
    collected.finish().into_iter().map(line).collect()
}

const STATUS: &str = "\
Package: zlib1g
Status: install ok installed
Architecture: amd64
Source: zlib (1:1.2.13-1)
Version: 1:1.2.13.dfsg-1
Description: a library
 Package: not-one
 .
 more

Package: removed
Status: deinstall ok config-files
Version: 1
Architecture: all

Package: held
Status: hold ok installed
Version: 2
Architecture: all

Package: broken
Status: install reinstreq half-installed
Version: 2
Architecture: all

Package: triggered
Status: install ok triggers-pending
Version: 3
Architecture: all
";

#[test]
fn only_installed_packages_of_dpkg_count() {
    let packages = parsed(|found| dpkg::parse(STATUS.as_bytes(), Presence::IfInstalled, found));
    assert_eq!(packages, ["held|2|all||", "triggered|3|all||", "zlib1g|1:1.2.13.dfsg-1|amd64||zlib (1:1.2.13-1)"]);
}

#[test]
fn texts_are_cut_and_packages_are_charged() {
    let long = "x".repeat(1 << 20);
    let status = format!("Package: {long}\nVersion: {long}\nArchitecture: {long}\nSource: {long}\n");
    let apk = format!("P:{long}\nV:{long}\nA:{long}\nL:{long}\no:{long}\n\n");
    let budget = Budget::new(Limits { held_bytes: 10_000, ..Limits::default() });
    let mut found = Collected::new(&budget);
    dpkg::parse(status.as_bytes(), Presence::Always, &mut found).unwrap();
    apk::parse(apk.as_bytes(), &mut found).unwrap();
    assert_eq!(budget.bytes_held(), 2 * PACKAGE_BYTES + 9 * 256);
    assert!(found.packages.iter().all(|package| package.name.len() == 256));
    let many: String = (0..100).map(|number| format!("P:p{number}\nV:1\n\n")).collect();
    assert!(apk::parse(many.as_bytes(), &mut found).unwrap_err().ends_the_check());
    assert!(budget.bytes_held() <= 10_000);
}

#[test]
fn a_list_with_more_text_than_any_system_has_ends_before_its_report_is_too_long() {
    let budget = Budget::new(Limits::default());
    let mut found = Collected::new(&budget);
    let long = "\"".repeat(300);
    let one = |number: usize| format!("P:{number}{long}\nV:{long}\nA:{long}\nL:{long}\no:{long}\n\n");
    let text: String = (0..20_000).map(one).collect();
    let error = apk::parse(text.as_bytes(), &mut found).unwrap_err();
    assert!(error.ends_the_check(), "{error}");
    assert!((10_000..20_000).contains(&found.packages.len()), "{}", found.packages.len());
    let json = serde_json::to_vec(&found.finish()).unwrap();
    assert!(json.len() < 48 << 20, "{}", json.len());
}

#[test]
fn a_file_of_one_package_needs_no_status() {
    let text = b"Package: base-files\r\nVersion: 12\r\nArchitecture: amd64\r\n";
    assert_eq!(parsed(|found| dpkg::parse(text, Presence::Always, found)), ["base-files|12|amd64||"]);
    assert!(parsed(|found| dpkg::parse(text, Presence::IfInstalled, found)).is_empty());
}

#[test]
fn apk_records_end_with_an_empty_line_or_the_file() {
    let text = b"C:Q1x=\nP:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\no:musl\nF:lib\nR:x\n\nP:busybox\nV:1.36\nA:x86_64\nL:GPL-2.0-only";
    let packages = parsed(|found| apk::parse(text, found));
    assert_eq!(packages, ["busybox|1.36|x86_64|GPL-2.0-only|", "musl|1.2.4-r2|x86_64|MIT|musl"]);
}

#[test]
fn texts_are_made_fit_to_be_shown_and_doubles_are_one() {
    let text = "P:a\u{1b}[31m\nV:1\n\nP:a[31m\nV:1\n\nV:1\n\n".to_owned() + "P:" + &"x".repeat(5000) + "\n\n";
    let packages = parsed(|found| apk::parse(text.as_bytes(), found));
    assert_eq!(packages.len(), 2);
    assert_eq!(packages[0], "a[31m|1|||");
    assert!(packages[1].len() < 300);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in prop::collection::vec(any::<u8>(), 0..2000)) {
        let budget = Budget::new(Limits::default());
        let mut collected = Collected::new(&budget);
        dpkg::parse(&text, Presence::Always, &mut collected).unwrap();
        apk::parse(&text, &mut collected).unwrap();
    }
}
