use std::collections::HashSet;

use serde_json::{Value, json};

use super::*;
use crate::report::{Os, PackageFormat};

const CREATED: &str = "2026-11-22T01:28:36Z";

fn package(name: &str, version: &str, licence: Option<&str>, source: Option<&str>) -> Package {
    Package {
        name: name.to_owned(),
        version: version.to_owned(),
        architecture: "x86_64".to_owned(),
        licence: licence.map(str::to_owned),
        source: source.map(str::to_owned),
    }
}

fn sample() -> Report {
    Report {
        os: Some(Os {
            distribution: "rocky".to_owned(),
            version: "9.4".to_owned(),
            pretty_name: "Rocky Linux 9.4 (Blue Onyx)".to_owned(),
            package_format: Some(PackageFormat::Rpm),
            ..Os::default()
        }),
        packages: vec![
            package("bash", "5.1.8-9.el9", Some("GPLv3+"), Some("bash-5.1.8-9.el9.src.rpm")),
            package("bind-libs", "32:9.16.23-18.el9", Some("MPL-2.0"), None),
            package(
                "libstdc++",
                "11.4-3",
                Some("mit and (Apache-2.0 OR GPL-2.0-only with Classpath-exception-2.0)"),
                None,
            ),
            package("libstdc+-", "11.4-3", Some("GPLv3+"), None),
            package("naked", "", None, None),
        ],
        ..Report::default()
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_same_report_gives_the_same_bytes_and_another_name_another_document() {
    for write in [spdx, cyclonedx] {
        let first = write(&sample(), "an image", CREATED);
        assert_eq!(first, write(&sample(), "an image", CREATED));
        assert_ne!(first, write(&sample(), "another", CREATED));
    }
    let identity = |text: &str| parsed(text)["serialNumber"].to_string();
    let mut other = sample();
    other.packages.pop();
    assert_ne!(identity(&cyclonedx(&sample(), "a", CREATED)), identity(&cyclonedx(&other, "a", CREATED)));
}

/// What the specification asks of a document, beyond that its values have their types.
#[test]
fn spdx_identifiers_are_unique_well_formed_and_lead_somewhere() {
    let document = parsed(&spdx(&sample(), "an \"image\"/ü", CREATED));
    let packages = document["packages"].as_array().unwrap();
    let mut ids: HashSet<&str> = packages.iter().map(|package| package["SPDXID"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), sample().packages.len() + 2, "the image and its system, and each package");
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    assert!(ids.iter().all(|id| id.strip_prefix("SPDXRef-").is_some_and(|rest| rest.chars().all(allowed))));
    ids.insert("SPDXRef-DOCUMENT");
    for relation in document["relationships"].as_array().unwrap() {
        assert!(ids.contains(relation["spdxElementId"].as_str().unwrap()));
        assert!(ids.contains(relation["relatedSpdxElement"].as_str().unwrap()));
    }
    for package in packages {
        assert!(!package["name"].as_str().unwrap().is_empty());
        assert_eq!(package["downloadLocation"], "NOASSERTION");
        assert_eq!(package["filesAnalyzed"], false);
    }
    let namespace = document["documentNamespace"].as_str().unwrap();
    assert!(namespace.starts_with("https://") && namespace.is_ascii() && !namespace.contains([' ', '"', '#']));
    assert_eq!(document["creationInfo"]["created"], CREATED);
}

#[test]
fn licences_are_expressions_or_references_whose_text_is_kept() {
    let document = parsed(&spdx(&sample(), "a", CREATED));
    let declared: Vec<&str> = document["packages"].as_array().unwrap()[2..]
        .iter()
        .map(|package| package["licenseDeclared"].as_str().unwrap())
        .collect();
    assert!(declared[0].starts_with("LicenseRef-GPLv3--"), "{}", declared[0]);
    assert_eq!(declared[1], "MPL-2.0");
    assert_eq!(declared[2], "MIT AND (Apache-2.0 OR GPL-2.0-only WITH Classpath-exception-2.0)");
    assert_eq!(declared[3], declared[0]);
    assert_eq!(declared[4], "NOASSERTION");
    let extracted = document["hasExtractedLicensingInfos"].as_array().unwrap();
    assert_eq!(extracted.len(), 1, "one text for both packages");
    assert_eq!(extracted[0]["licenseId"], declared[0]);
    assert_eq!(extracted[0]["extractedText"], "GPLv3+");
}

#[test]
fn what_is_no_expression_is_none() {
    let none =
        ["", "GPLv2", "MIT AND", "AND MIT", "(MIT", "MIT)", "MIT MIT", "MIT WITH MIT", "()", "MIT / BSD-3-Clause"];
    for text in none {
        assert_eq!(licence::expression(text), None, "{text}");
    }
    // Names of licences that look like identifiers of the list and are none.
    for text in ["Cyrus", "UCD", "MIT OR UCD", "GPL-2.0-only WITH OpenSSL-exception"] {
        assert_eq!(licence::expression(text), None, "{text}");
    }
    let deep = "(".repeat(1000) + "MIT" + &")".repeat(1000);
    assert_eq!(licence::expression(&deep), None);
    assert_eq!(licence::expression("((MIT))").as_deref(), Some("((MIT))"));
    assert_eq!(licence::expression("bsd-3-clause or mit").as_deref(), Some("BSD-3-Clause OR MIT"));
}

#[test]
fn cyclonedx_has_the_image_its_system_and_all_packages() {
    let document = parsed(&cyclonedx(&sample(), "an image", CREATED));
    assert_eq!(document["bomFormat"], "CycloneDX");
    assert_eq!(document["metadata"]["component"]["name"], "an image");
    let components = document["components"].as_array().unwrap();
    let refs: HashSet<&str> = components.iter().map(|component| component["bom-ref"].as_str().unwrap()).collect();
    assert_eq!(refs.len(), sample().packages.len() + 1);
    let contained = document["dependencies"][0]["dependsOn"].as_array().unwrap();
    assert!(contained.iter().all(|reference| refs.contains(reference.as_str().unwrap())));
    assert_eq!(components[0]["type"], "operating-system");
    assert_eq!(components[1]["licenses"], json!([{"license": {"name": "GPLv3+"}}]));
    assert_eq!(components[2]["licenses"], json!([{"expression": "MPL-2.0"}]));
    assert_eq!(components[5].get("version"), None);
    let serial = document["serialNumber"].as_str().unwrap().strip_prefix("urn:uuid:").unwrap();
    assert_eq!(serial.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    assert_eq!(&serial[14..15], "8", "a UUID of one's own making");
}

#[test]
fn package_urls_follow_their_package_manager() {
    let os = |format, distribution: &str, version: &str| Os {
        package_format: Some(format),
        distribution: distribution.to_owned(),
        version: version.to_owned(),
        ..Os::default()
    };
    let url = |package: Package, os: Os| purl::purl(&package, &os).unwrap();
    assert_eq!(
        url(
            package("bind", "32:9.16.23-18", None, Some("bind-9.16.23-18.src.rpm")),
            os(PackageFormat::Rpm, "rhel", "9.4")
        ),
        "pkg:rpm/redhat/bind@9.16.23-18?arch=x86_64&distro=rhel-9.4&epoch=32&upstream=bind-9.16.23-18.src.rpm"
    );
    assert_eq!(
        url(package("LibC++", "1:2.36~rc1+deb12", None, Some("glibc (2.36-9)")), os(PackageFormat::Deb, "debian", "")),
        "pkg:deb/debian/libc%2B%2B@1:2.36~rc1%2Bdeb12?arch=x86_64&distro=debian&upstream=glibc%402.36-9"
    );
    assert_eq!(
        url(package("busybox", "1.36.1-r15", None, None), os(PackageFormat::Apk, "alpine", "3.19.1")),
        "pkg:apk/alpine/busybox@1.36.1-r15?arch=x86_64&distro=alpine-3.19.1"
    );
    assert_eq!(
        url(package("zypper", "1", None, None), os(PackageFormat::Rpm, "opensuse-leap", "15.6")),
        "pkg:rpm/opensuse/zypper@1?arch=x86_64&distro=opensuse-leap-15.6"
    );
    assert_eq!(purl::purl(&package("a", "1", None, None), &Os::default()), None);
}

#[test]
fn a_disk_without_a_system_has_documents_too() {
    assert_eq!(parsed(&spdx(&Report::default(), "empty", CREATED))["packages"].as_array().unwrap().len(), 1);
    assert_eq!(parsed(&cyclonedx(&Report::default(), "empty", CREATED))["components"], json!([]));
}
