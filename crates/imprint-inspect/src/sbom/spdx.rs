//! SPDX 2.3, JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{TOOL, TOOL_VERSION, digest16, document_uuid, licence, package_id, purl, slug};
use crate::report::{Os, Package, Report};

/// What SPDX calls an unknown.
const UNKNOWN: &str = "NOASSERTION";

/// Identifiers of the document, the image and its system.
const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const IMAGE: &str = "SPDXRef-Image";
const SYSTEM: &str = "SPDXRef-OperatingSystem";

/// The bill of materials of an image of that name, made at `created` (`2026-11-22T01:28:36Z`).
#[must_use]
pub fn spdx(report: &Report, name: &str, created: &str) -> String {
    let mut licences = BTreeMap::new();
    let mut packages = vec![image(name)];
    let mut relations = vec![relation(DOCUMENT, "DESCRIBES", IMAGE)];
    let os = report.os.clone().unwrap_or_default();
    if report.os.is_some() {
        packages.push(system(&os));
        relations.push(relation(IMAGE, "CONTAINS", SYSTEM));
    }
    for package in &report.packages {
        let id = format!("SPDXRef-{}", package_id(package));
        relations.push(relation(IMAGE, "CONTAINS", &id));
        packages.push(installed(package, &id, &os, &mut licences));
    }
    let uuid = document_uuid("spdx", report, name, created);
    let mut document = json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": name,
        "documentNamespace": format!("https://spdx.org/spdxdocs/{}-{uuid}", slug(name)),
        "creationInfo": {"created": created, "creators": [format!("Tool: {TOOL}-{TOOL_VERSION}")]},
        "documentDescribes": [IMAGE],
        "packages": packages,
        "relationships": relations,
    });
    if !licences.is_empty() {
        let extracted =
            licences.into_iter().map(|(id, text)| json!({"licenseId": id, "name": text, "extractedText": text}));
        document["hasExtractedLicensingInfos"] = extracted.collect();
    }
    document.to_string()
}

fn relation(from: &str, kind: &str, to: &str) -> Value {
    json!({"spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to})
}

fn image(name: &str) -> Value {
    json!({
        "SPDXID": IMAGE,
        "name": name,
        "downloadLocation": UNKNOWN,
        "filesAnalyzed": false,
        "licenseConcluded": UNKNOWN,
        "licenseDeclared": UNKNOWN,
        "copyrightText": UNKNOWN,
        "primaryPackagePurpose": "CONTAINER",
    })
}

fn system(os: &Os) -> Value {
    let name = if os.pretty_name.is_empty() { &os.distribution } else { &os.pretty_name };
    let mut package = json!({
        "SPDXID": SYSTEM,
        "name": if name.is_empty() { "unknown" } else { name },
        "downloadLocation": UNKNOWN,
        "filesAnalyzed": false,
        "licenseConcluded": UNKNOWN,
        "licenseDeclared": UNKNOWN,
        "copyrightText": UNKNOWN,
        "primaryPackagePurpose": "OPERATING_SYSTEM",
    });
    if !os.version.is_empty() {
        package["versionInfo"] = json!(os.version);
    }
    package
}

fn installed(package: &Package, id: &str, os: &Os, licences: &mut BTreeMap<String, String>) -> Value {
    let mut value = json!({
        "SPDXID": id,
        "name": package.name,
        "supplier": UNKNOWN,
        "downloadLocation": UNKNOWN,
        "filesAnalyzed": false,
        "licenseConcluded": UNKNOWN,
        "licenseDeclared": package.licence.as_deref().map_or(UNKNOWN.to_owned(), |text| declared(text, licences)),
        "copyrightText": UNKNOWN,
    });
    if !package.version.is_empty() {
        value["versionInfo"] = json!(package.version);
    }
    if let Some(source) = &package.source {
        value["sourceInfo"] = json!(format!("built from {source}"));
    }
    if let Some(url) = purl::purl(package, os) {
        value["externalRefs"] =
            json!([{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": url}]);
    }
    value
}

/// The licence as an expression. One that SPDX does not know is named by a reference, whose text the document holds.
fn declared(text: &str, licences: &mut BTreeMap<String, String>) -> String {
    if let Some(expression) = licence::expression(text) {
        return expression;
    }
    let id = format!("LicenseRef-{}-{}", slug(text), digest16(&[text]));
    licences.insert(id.clone(), text.to_owned());
    id
}
