//! Facts that clients of this API know as properties of agreed names. A value that has a meaning is kept as the fact,
//! so that every dialect sees it; any other stays a plain property, for nothing is refused here that is not refused
//! elsewhere. Never here: what a fact means.

use std::borrow::Cow;

use imprint_model::{Architecture, BootMode, FactKey, Facts, Filter, OsType, platform_word, platforms_of_word};
use imprint_service::{Change, FactChange, Presence, TEXT_CHARS_MAX};

/// Properties that stand for facts.
const PROPERTIES: [(&str, FactKey); 7] = [
    ("architecture", FactKey::Architecture),
    ("os_type", FactKey::OsType),
    ("hw_firmware_type", FactKey::BootMode),
    ("os_distro", FactKey::Platform),
    ("description", FactKey::Description),
    ("image_family", FactKey::Family),
    ("image_version", FactKey::Version),
];

/// This API's words for processors; all others are plain text.
const ARCHITECTURES: [(&str, Architecture); 3] =
    [("x86_64", Architecture::X86_64), ("aarch64", Architecture::Arm64), ("i686", Architecture::I386)];

/// Distributions of other dialects' words that the model does not have.
const PLATFORMS: [(&str, &str); 2] = [("aliyun", "Aliyun"), ("aliyun-linux", "Aliyun Linux")];

/// The fact a property stands for.
pub(crate) fn key(property: &str) -> Option<FactKey> {
    PROPERTIES.iter().find(|(name, _)| *name == property).map(|(_, key)| *key)
}

/// Every property that stands for a fact, with its value where it is known.
pub(crate) fn shown(facts: &Facts) -> impl Iterator<Item = (&'static str, Cow<'_, str>)> {
    PROPERTIES.iter().filter_map(|(name, key)| Some((*name, word(facts, *key)?)))
}

/// Whether a property stands for a fact that is known.
pub(crate) fn is_known(facts: &Facts, property: &str) -> bool {
    key(property).is_some_and(|key| facts.text(key).is_some())
}

/// The changes that give a property which stands for `key` a value.
pub(crate) fn set(property: &str, key: FactKey, value: Option<String>, expects: Presence) -> Vec<Change> {
    let expected = expect(property, key, expects);
    let word = value.clone().filter(|_| key == FactKey::Platform);
    let changes = match value.as_deref().and_then(|value| meaning(key, value)) {
        Some(fact) => vec![Change::Fact(fact), Change::ForgetProperty(property.to_owned())],
        None => {
            let plain = Change::SetProperty { name: property.to_owned(), value, expects: Presence::Any };
            cleared(key).map(Change::Fact).into_iter().chain([plain]).collect()
        }
    };
    let changes = match word {
        Some(word) => vec![Change::Platform { word, changes }],
        None => changes,
    };
    [expected, changes].concat()
}

/// The changes that take a property away which stands for `key`.
pub(crate) fn remove(property: &str, key: FactKey) -> Vec<Change> {
    let mut changes = expect(property, key, Presence::Present);
    changes.extend(cleared(key).map(Change::Fact));
    changes.push(Change::ForgetProperty(property.to_owned()));
    changes
}

/// The condition that a property which stands for `key` has this value; none when the value is plain text.
pub(crate) fn filter(property: &str, key: FactKey, value: &str) -> Option<Filter> {
    if key == FactKey::Platform
        && let platforms = platforms(value)
        && platforms.len() > 1
    {
        // whoever sets a word of many keeps it as plain text
        let plain = Filter::Property(property.to_owned(), value.to_owned());
        let any = platforms.into_iter().map(|platform| Some(platform.to_owned())).collect();
        return Some(Filter::Any(vec![Filter::FactAmong(key, any), plain]));
    }
    if key == FactKey::BootMode && value == BootMode::Uefi.as_str() {
        let modes = [BootMode::Uefi, BootMode::UefiPreferred].map(|mode| Some(mode.as_str().to_owned()));
        return Some(Filter::FactAmong(key, modes.to_vec()));
    }
    let fact = match meaning(key, value)? {
        FactChange::Architecture(Some(architecture)) => architecture.as_str().to_owned(),
        FactChange::Platform(Some(platform)) => platform,
        _ => value.to_owned(),
    };
    Some(Filter::Fact(key, fact))
}

fn expect(property: &str, fact: FactKey, presence: Presence) -> Vec<Change> {
    match presence {
        Presence::Any => Vec::new(),
        _ => vec![Change::Expect { property: property.to_owned(), fact, presence }],
    }
}

/// A fact as this API says it.
fn word(facts: &Facts, key: FactKey) -> Option<Cow<'_, str>> {
    let text = facts.text(key)?;
    Some(match key {
        FactKey::Architecture => {
            let known = ARCHITECTURES.iter().find(|(_, known)| known.as_str() == text);
            Cow::Borrowed(known.map_or(text, |(word, _)| word))
        }
        // who knows no preference boots what is preferred
        FactKey::BootMode if text == BootMode::UefiPreferred.as_str() => Cow::Borrowed(BootMode::Uefi.as_str()),
        FactKey::Platform => platform_word(text),
        _ => Cow::Borrowed(text),
    })
}

/// The fact that a value stands for; none when it is outside this API's words, or longer than a fact may be.
fn meaning(key: FactKey, value: &str) -> Option<FactChange> {
    let text = || {
        let fits = !value.is_empty() && value.chars().count() <= TEXT_CHARS_MAX;
        fits.then(|| Some(value.to_owned()))
    };
    match key {
        FactKey::Architecture => {
            let known = ARCHITECTURES.iter().find(|(word, _)| *word == value)?;
            Some(FactChange::Architecture(Some(known.1)))
        }
        FactKey::OsType => value.parse::<OsType>().ok().map(|system| FactChange::OsType(Some(system))),
        FactKey::BootMode => match value.parse::<BootMode>().ok()? {
            mode @ (BootMode::Bios | BootMode::Uefi) => Some(FactChange::BootMode(Some(mode))),
            BootMode::UefiPreferred => None,
        },
        FactKey::Platform => match platforms(value).as_slice() {
            [platform] => Some(FactChange::Platform(Some((*platform).to_owned()))),
            // there is no telling which
            _ => None,
        },
        FactKey::Description => text().map(FactChange::Description),
        FactKey::Family => text().map(FactChange::Family),
        FactKey::Version => text().map(FactChange::Version),
        FactKey::OsName | FactKey::ResourceGroup | FactKey::Nvme => None,
    }
}

/// The platforms that a word is shown for.
fn platforms(word: &str) -> Vec<&'static str> {
    let others = PLATFORMS.iter().filter(|(known, _)| *known == word).map(|(_, platform)| *platform);
    platforms_of_word(word).chain(others).collect()
}

fn cleared(key: FactKey) -> Option<FactChange> {
    match key {
        FactKey::Architecture => Some(FactChange::Architecture(None)),
        FactKey::OsType => Some(FactChange::OsType(None)),
        FactKey::BootMode => Some(FactChange::BootMode(None)),
        FactKey::Platform => Some(FactChange::Platform(None)),
        FactKey::Description => Some(FactChange::Description(None)),
        FactKey::Family => Some(FactChange::Family(None)),
        FactKey::Version => Some(FactChange::Version(None)),
        FactKey::OsName | FactKey::ResourceGroup | FactKey::Nvme => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            description: Some("for people".to_owned()),
            family: Some("line".to_owned()),
            version: Some("7".to_owned()),
            architecture: Some(Architecture::Arm64),
            boot_mode: Some(BootMode::UefiPreferred),
            os_type: Some(OsType::Linux),
            platform: Some("Rocky Linux".to_owned()),
            ..Facts::default()
        }
    }

    #[test]
    fn facts_are_shown_in_this_apis_words() {
        let facts = facts();
        let shown: Vec<_> = shown(&facts).map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            shown,
            [
                "architecture=aarch64",
                "os_type=linux",
                "hw_firmware_type=uefi",
                "os_distro=rocky",
                "description=for people",
                "image_family=line",
                "image_version=7",
            ]
        );
        for (platform, word) in [("Windows Server 2022", "windows"), ("Others Linux", "others-linux")] {
            let facts = Facts { platform: Some(platform.to_owned()), ..Facts::default() };
            assert_eq!(super::word(&facts, FactKey::Platform).as_deref(), Some(word));
        }
        assert!(is_known(&facts, "os_distro") && !is_known(&Facts::default(), "os_distro"));
        assert!(!is_known(&facts, "os_version"));
    }

    #[test]
    fn a_value_with_a_meaning_becomes_the_fact_and_any_other_stays_text() {
        let forget = Change::ForgetProperty("architecture".to_owned());
        let set =
            |value: &str, expects| super::set("architecture", FactKey::Architecture, Some(value.to_owned()), expects);
        let fact = Change::Fact(FactChange::Architecture(Some(Architecture::I386)));
        assert_eq!(set("i686", Presence::Any), [fact, forget.clone()]);
        let plain = |value: &str| Change::SetProperty {
            name: "architecture".to_owned(),
            value: Some(value.to_owned()),
            expects: Presence::Any,
        };
        let none = Change::Fact(FactChange::Architecture(None));
        assert_eq!(set("arm64", Presence::Any), [none.clone(), plain("arm64")]);
        let expect = Change::Expect {
            property: "architecture".to_owned(),
            fact: FactKey::Architecture,
            presence: Presence::Present,
        };
        assert_eq!(set("mips", Presence::Present), [expect.clone(), none.clone(), plain("mips")]);
        assert_eq!(remove("architecture", FactKey::Architecture), [expect, none, forget]);
        for (property, value) in [
            ("os_type", "beos"),
            ("hw_firmware_type", "uefi_preferred"),
            ("os_distro", "windows"),
            ("os_distro", "Debian"),
            ("description", ""),
        ] {
            let key = key(property).expect("it stands for a fact");
            assert_eq!(meaning(key, value), None, "{property}={value}");
        }
        assert_eq!(meaning(FactKey::Description, &"é".repeat(256)), None);
    }

    #[test]
    fn a_word_of_many_platforms_is_found_as_each_of_them() {
        let Some(Filter::Any(filters)) = filter("os_distro", FactKey::Platform, "windows") else {
            panic!("several have it")
        };
        let plain = Filter::Property("os_distro".to_owned(), "windows".to_owned());
        assert_eq!(filters[1], plain);
        let Filter::FactAmong(FactKey::Platform, editions) = &filters[0] else { panic!("{filters:?}") };
        assert!(editions.contains(&Some("Windows Server 2022".to_owned())) && !editions.contains(&None));
        let changes = set("os_distro", FactKey::Platform, Some("windows".to_owned()), Presence::Any);
        let [Change::Platform { word, .. }] = changes.as_slice() else { panic!("{changes:?}") };
        assert_eq!(word, "windows");
        assert_eq!(set("os_distro", FactKey::Platform, None, Presence::Any).len(), 2, "no word");
    }

    #[test]
    fn every_word_can_be_set_filtered_and_shown_again() {
        for (name, key) in PROPERTIES {
            let words: Vec<&str> = match key {
                FactKey::Architecture => ARCHITECTURES.iter().map(|(word, _)| *word).collect(),
                FactKey::Platform => {
                    let known = imprint_model::PLATFORMS.iter().chain(&PLATFORMS);
                    known.map(|(word, _)| *word).filter(|word| platforms(word).len() == 1).collect()
                }
                FactKey::OsType => vec!["linux", "windows"],
                FactKey::BootMode => vec!["bios", "uefi"],
                _ => vec!["any text"],
            };
            for value in words {
                let mut facts = Facts::default();
                match meaning(key, value).expect(value) {
                    FactChange::Architecture(it) => facts.architecture = it,
                    FactChange::OsType(it) => facts.os_type = it,
                    FactChange::BootMode(it) => facts.boot_mode = it,
                    FactChange::Platform(it) => facts.platform = it,
                    FactChange::Description(it) => facts.description = it,
                    FactChange::Family(it) => facts.family = it,
                    FactChange::Version(it) => facts.version = it,
                    other => panic!("{other:?} is of another property"),
                }
                assert_eq!(
                    shown(&facts).map(|(name, value)| (name, value.into_owned())).collect::<Vec<_>>(),
                    [(name, value.to_owned())]
                );
                let stored = facts.text(key).map(str::to_owned);
                match filter(name, key, value).expect(value) {
                    Filter::Fact(of, wanted) => assert_eq!((of, Some(wanted)), (key, stored)),
                    Filter::FactAmong(of, wanted) => assert!(of == key && wanted.contains(&stored)),
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}
