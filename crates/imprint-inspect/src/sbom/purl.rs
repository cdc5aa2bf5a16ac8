//! Package URLs (purl), by the rules of each package manager.

use crate::report::{Os, Package, PackageFormat};

/// The URL of a package; none when the report does not say whose package it is.
pub(super) fn purl(package: &Package, os: &Os) -> Option<String> {
    let format = os.package_format?;
    let kind = match format {
        PackageFormat::Deb => "deb",
        PackageFormat::Rpm => "rpm",
        PackageFormat::Apk => "apk",
    };
    let mut name = package.name.clone();
    if format != PackageFormat::Rpm {
        name.make_ascii_lowercase();
    }
    // an rpm's epoch is no part of its version here
    let (epoch, version) = match package.version.split_once(':') {
        Some((epoch, version)) if format == PackageFormat::Rpm => (Some(epoch), version),
        _ => (None, package.version.as_str()),
    };
    let mut url = format!("pkg:{kind}/{}/{}", encode(namespace(&os.distribution)), encode(&name));
    if !version.is_empty() {
        url.push('@');
        url.push_str(&encode(version));
    }
    let distribution = match (os.distribution.as_str(), os.version.as_str()) {
        ("", _) => String::new(),
        (id, "") => id.to_owned(),
        (id, version) => format!("{id}-{version}"),
    };
    // in the order of the alphabet, as the canonical form wants it
    let qualifiers = [
        ("arch", package.architecture.clone()),
        ("distro", distribution),
        ("epoch", epoch.unwrap_or_default().to_owned()),
        ("upstream", package.source.as_deref().map(upstream).unwrap_or_default()),
    ];
    let mut separator = '?';
    for (key, value) in qualifiers.iter().filter(|(_, value)| !value.is_empty()) {
        url.push(separator);
        url.push_str(&format!("{key}={}", encode(value)));
        separator = '&';
    }
    Some(url)
}

/// Whose packages they are: the distribution's id, but where the registry of vendors has another word.
fn namespace(distribution: &str) -> &str {
    match distribution {
        "" => "unknown",
        "rhel" => "redhat",
        "sles" | "sled" => "suse",
        id if id.starts_with("opensuse") => "opensuse",
        id => id,
    }
}

/// The source: `glibc (2.36-9)` is `glibc@2.36-9`.
fn upstream(source: &str) -> String {
    match source.split_once(" (") {
        Some((name, version)) => format!("{name}@{}", version.trim_end_matches(')')),
        None => source.to_owned(),
    }
}

/// Percent-encodes all but what purl leaves as it is: unreserved characters and the colon.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
