//! What follows from more than one field of an image: as a condition that leaves out most images that do not show it,
//! and as a check of those that are left.

use imprint_model::{Architecture, DiskFormat, DiskKind, FactKey, Filter, Image, Number, OsType};
use serde_json::Value;

use crate::view::{self, Look};
use crate::{os, words};

/// Bytes of a gibibyte.
const GIB: u64 = 1 << 30;
/// What images can be for, as their makers write it.
const ENVIRONMENTS: [&str; 4] = ["FusionCompute", "DataImage", "Ironic", "IsoImage"];

/// What an image must show.
#[derive(Debug)]
pub(crate) enum Check {
    /// `__os_bit`.
    Bits(String),
    /// `__os_type`.
    Kind(String),
    /// `__platform`.
    Platform(String),
    /// `virtual_env_type`.
    Environment(String),
    /// Any other attribute; one that depends on nobody who looks.
    Shown(String, String),
}

impl Check {
    /// Whether an image shows it.
    pub(crate) fn holds(&self, image: &Image) -> bool {
        match self {
            Self::Bits(wanted) => words::system(image).bits == wanted,
            Self::Kind(wanted) => words::system(image).kind == wanted,
            Self::Platform(wanted) => words::system(image).platform == wanted,
            Self::Environment(wanted) => words::environment(image) == wanted,
            Self::Shown(name, wanted) => shows(image, name, wanted),
        }
    }
}

fn shows(image: &Image, name: &str, wanted: &str) -> bool {
    let look = Look { project: Some(&image.owner), shared: false };
    let shown: Value = serde_json::from_slice(&view::image(image, look)).expect("the view writes JSON");
    match &shown[name] {
        Value::String(text) => text == wanted,
        Value::Number(number) => number.to_string() == wanted,
        Value::Bool(truth) => truth.to_string().eq_ignore_ascii_case(wanted),
        _ => false,
    }
}

fn fact(key: FactKey, word: &str) -> Filter {
    Filter::FactAmong(key, vec![Some(word.to_owned())])
}

fn unknown(key: FactKey) -> Filter {
    Filter::FactAmong(key, vec![None])
}

fn not(filter: Filter) -> Filter {
    Filter::Not(Box::new(filter))
}

/// `__os_bit`.
pub(super) fn bits(wanted: &str) -> (Option<Filter>, Check) {
    let narrow = fact(FactKey::Architecture, Architecture::I386.as_str());
    let filter = match wanted {
        "32" => {
            Filter::Any(vec![narrow, Filter::All(vec![unknown(FactKey::Architecture), not(unknown(FactKey::OsName))])])
        }
        "64" => not(narrow),
        _ => Filter::Any(Vec::new()),
    };
    (Some(filter), Check::Bits(wanted.to_owned()))
}

/// `__os_type`.
pub(super) fn kind(wanted: &str) -> (Option<Filter>, Check) {
    let windows = fact(FactKey::OsType, OsType::Windows.as_str());
    let filter = match wanted {
        "Linux" => not(windows),
        "Windows" => {
            Filter::Any(vec![windows, Filter::All(vec![unknown(FactKey::OsType), not(unknown(FactKey::OsName))])])
        }
        "Other" => unknown(FactKey::OsType),
        _ => Filter::Any(Vec::new()),
    };
    (Some(filter), Check::Kind(wanted.to_owned()))
}

/// `__platform`.
pub(super) fn platform(wanted: &str) -> (Option<Filter>, Check) {
    let wanted = os::platform_named(wanted);
    // what is said by another platform's own word is that one
    let mut others: Vec<Option<String>> = Vec::new();
    for platform in os::platforms().filter(|&platform| platform != wanted) {
        if !others.iter().any(|known| known.as_deref() == Some(platform)) {
            others.push(Some(platform.to_owned()));
        }
    }
    let mut filters = vec![not(Filter::FactAmong(FactKey::Platform, others))];
    if wanted != "Other" {
        filters.push(not(Filter::All(vec![unknown(FactKey::Platform), unknown(FactKey::OsName)])));
    }
    (Some(Filter::All(filters)), Check::Platform(wanted.to_owned()))
}

/// `virtual_env_type`.
pub(super) fn environment(wanted: &str) -> (Option<Filter>, Check) {
    let told = |word: &str| Filter::Property(words::ENVIRONMENT.to_owned(), word.to_owned());
    let told_otherwise = ENVIRONMENTS.iter().filter(|&&word| word != wanted).map(|word| told(word));
    let filter = match wanted {
        "FusionCompute" => not(Filter::Any(told_otherwise.collect())),
        "DataImage" => Filter::Any(vec![told(wanted), Filter::FirstDisk(DiskKind::Data)]),
        "IsoImage" => Filter::Any(vec![told(wanted), Filter::DiskFormats(vec![DiskFormat::Iso])]),
        _ => told(wanted),
    };
    (Some(filter), Check::Environment(wanted.to_owned()))
}

/// `min_disk`: what was asked for, or what the content needs where that is more; never none.
pub(super) fn min_disk(wanted: u64) -> Option<Filter> {
    let (before, end) = (wanted.checked_sub(1)?.checked_mul(GIB)?, wanted.checked_mul(GIB)?);
    let told = not(Filter::Between(Number::VirtualSizeBytes, None, None));
    let content = |least: Option<u64>, most: Option<u64>| {
        Filter::Any(vec![
            Filter::Between(Number::VirtualSizeBytes, least, most),
            Filter::All(vec![told.clone(), Filter::Between(Number::SizeBytes, least, most)]),
        ])
    };
    let mut exact =
        vec![Filter::Between(Number::MinDiskGib, Some(wanted), Some(wanted)), content(Some(before + 1), Some(end))];
    if wanted == 1 {
        // the least that is ever shown
        exact.push(Filter::All(Vec::new()));
    }
    let fits = vec![
        Filter::Between(Number::MinDiskGib, None, Some(wanted)),
        not(content(end.checked_add(1), None)),
        Filter::Any(exact),
    ];
    Some(Filter::All(fits))
}
