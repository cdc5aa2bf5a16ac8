//! CycloneDX 1.6, JSON.

use serde_json::{Value, json};

use super::{TOOL, TOOL_VERSION, document_uuid, licence, package_id, purl};
use crate::report::{Os, Package, Report};

/// References of the image and its system.
const IMAGE: &str = "image";
const SYSTEM: &str = "operating-system";

/// The bill of materials of an image of that name, made at `created` (`2026-11-22T01:28:36Z`).
#[must_use]
pub fn cyclonedx(report: &Report, name: &str, created: &str) -> String {
    let os = report.os.clone().unwrap_or_default();
    let mut components = Vec::new();
    if report.os.is_some() {
        components.push(system(&os));
    }
    components.extend(report.packages.iter().map(|package| component(package, &os)));
    let contained: Vec<_> = components.iter().map(|component| component["bom-ref"].clone()).collect();
    let uuid = document_uuid("cyclonedx", report, name, created);
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{uuid}"),
        "version": 1,
        "metadata": {
            "timestamp": created,
            "tools": {"components": [{"type": "application", "name": TOOL, "version": TOOL_VERSION}]},
            "component": {"bom-ref": IMAGE, "type": "container", "name": name},
        },
        "components": components,
        "dependencies": [{"ref": IMAGE, "dependsOn": contained}],
    })
    .to_string()
}

fn system(os: &Os) -> Value {
    let name = if os.distribution.is_empty() { "unknown" } else { &os.distribution };
    let mut value = json!({"bom-ref": SYSTEM, "type": "operating-system", "name": name});
    if !os.version.is_empty() {
        value["version"] = json!(os.version);
    }
    if !os.pretty_name.is_empty() {
        value["description"] = json!(os.pretty_name);
    }
    value
}

fn component(package: &Package, os: &Os) -> Value {
    let mut value = json!({"bom-ref": package_id(package), "type": "library", "name": package.name});
    if !package.version.is_empty() {
        value["version"] = json!(package.version);
    }
    if let Some(text) = &package.licence {
        value["licenses"] = match licence::expression(text) {
            Some(expression) => json!([{"expression": expression}]),
            None => json!([{"license": {"name": text}}]),
        };
    }
    if let Some(url) = purl::purl(package, os) {
        value["purl"] = json!(url);
    }
    let properties =
        [("imprint:architecture", Some(&package.architecture)), ("imprint:source", package.source.as_ref())];
    let properties: Vec<_> = properties
        .into_iter()
        .filter_map(|(name, text)| Some((name, text.filter(|text| !text.is_empty())?)))
        .map(|(name, text)| json!({"name": name, "value": text}))
        .collect();
    if !properties.is_empty() {
        value["properties"] = json!(properties);
    }
    value
}
