//! From flags, environment and file to one text for each setting, with where it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::registry::{SETTINGS, Setting};

/// What is shown for what may not be shown.
const MASK: &str = "********";

/// Where a setting's value came from, strongest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A flag.
    Flag,
    /// An environment variable.
    Environment,
    /// The file.
    File(PathBuf),
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag => f.write_str("flag"),
            Origin::Environment => f.write_str("environment"),
            Origin::File(path) => write!(f, "{}", path.display()),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// The settings in force, as text.
#[derive(Debug)]
pub(crate) struct Resolved(BTreeMap<&'static str, (String, Origin)>);

/// What was wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file could not be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML, or holds something that is no setting.
    #[error("{path}: {why}")]
    BadFile {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A value is not what the setting takes.
    #[error("{key} = {shown:?} (from {origin}): {why}")]
    BadValue {
        /// Which setting.
        key: &'static str,
        /// Its value as it may be shown.
        shown: String,
        /// Who said so.
        origin: Origin,
        /// What it should be.
        why: String,
    },
}

/// Puts the sources together; `flags` and `env` look a setting up. An empty variable counts as absent: it is what
/// files of environment variables leave behind that were not filled in.
pub(crate) fn resolve(
    flags: impl Fn(&Setting) -> Option<String>,
    env: impl Fn(&str) -> Option<String>,
    file: Option<&Path>,
) -> Result<Resolved, ConfigError> {
    let in_file = file.map(read_file).transpose()?.unwrap_or_default();
    let mut values = BTreeMap::new();
    for setting in SETTINGS {
        let value = flags(setting)
            .map(|value| (value, Origin::Flag))
            .or_else(|| {
                let value = env(&setting.env()).filter(|value| !value.is_empty())?;
                Some((value, Origin::Environment))
            })
            .or_else(|| {
                let value = in_file.get(setting.key)?.clone();
                Some((value, Origin::File(file?.to_owned())))
            })
            .unwrap_or_else(|| (setting.default.to_owned(), Origin::Default));
        values.insert(setting.key, value);
    }
    let data_dir = values.get("data_dir").map(|(value, _)| value.clone()).unwrap_or_default();
    for (value, origin) in values.values_mut() {
        if *origin == Origin::Default {
            *value = value.replace("{data_dir}", &data_dir);
        }
    }
    Ok(Resolved(values))
}

/// The keys of a TOML file as text.
fn read_file(path: &Path) -> Result<BTreeMap<String, String>, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let bad = |why: String| ConfigError::BadFile { path: path.to_owned(), why };
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        // its own text repeats the line, which may hold a secret
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        bad(format!("line {}: {}", before.matches('\n').count() + 1, error.message()))
    })?;
    table
        .into_iter()
        .map(|(key, value)| {
            if !SETTINGS.iter().any(|setting| setting.key == key) {
                return Err(bad(format!("there is no setting {key:?}; `imprint config` lists them")));
            }
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(flag) => flag.to_string(),
                _ => return Err(bad(format!("{key} takes a string, a whole number, true or false"))),
            };
            Ok((key, text))
        })
        .collect()
}

impl Resolved {
    /// Every setting with its value as it may be shown, and where it came from.
    pub(crate) fn shown(&self) -> impl Iterator<Item = (&'static str, String, &Origin)> {
        SETTINGS.iter().filter_map(|setting| {
            let (value, origin) = self.0.get(setting.key)?;
            Some((setting.key, shown(setting, value), origin))
        })
    }

    /// The text of a setting, `None` when it is empty.
    pub(crate) fn text(&self, key: &'static str) -> Option<String> {
        self.0.get(key).map(|(value, _)| value.clone()).filter(|value| !value.is_empty())
    }

    /// The texts between commas.
    pub(crate) fn list(&self, key: &'static str) -> Vec<String> {
        let text = self.text(key).unwrap_or_default();
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// The value of a setting that must have one.
    pub(crate) fn parse<T: FromStr<Err: fmt::Display>>(&self, key: &'static str) -> Result<T, ConfigError> {
        let value = self.0.get(key).map(|(value, _)| value.as_str()).unwrap_or_default();
        value.parse().map_err(|error: T::Err| self.refuse(key, error.to_string()))
    }

    /// The value of a setting that is a number within bounds.
    pub(crate) fn within<T>(&self, key: &'static str, bounds: RangeInclusive<T>) -> Result<T, ConfigError>
    where
        T: FromStr<Err: fmt::Display> + PartialOrd + fmt::Display,
    {
        let value = self.parse(key)?;
        if bounds.contains(&value) {
            return Ok(value);
        }
        Err(self.refuse(key, format!("must be {} to {}", bounds.start(), bounds.end())))
    }

    /// Refuses the value of a setting.
    pub(crate) fn refuse(&self, key: &'static str, why: impl Into<String>) -> ConfigError {
        let (value, origin) = self.0.get(key).cloned().unwrap_or_else(|| (String::new(), Origin::Default));
        let setting = SETTINGS.iter().find(|setting| setting.key == key);
        let shown = setting.map(|setting| shown(setting, &value)).unwrap_or_default();
        ConfigError::BadValue { key, shown, origin, why: why.into() }
    }
}

/// A value as it may be shown.
fn shown(setting: &Setting, value: &str) -> String {
    if setting.secret && !value.is_empty() { MASK.to_owned() } else { mask_url(value) }
}

/// Hides the passwords of `scheme://user:password@host/…?password=…`: that of the user, and every parameter whose name
/// ends in `password`.
fn mask_url(value: &str) -> String {
    let masked = match value.split_once('?') {
        Some((place, query)) => {
            let parts: Vec<_> = query.split('&').map(mask_parameter).collect();
            format!("{place}?{}", parts.join("&"))
        }
        None => value.to_owned(),
    };
    let Some((scheme, rest)) = masked.split_once("://") else { return masked };
    let Some((credentials, host)) = rest.rsplit_once('@') else { return masked };
    match credentials.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:{MASK}@{host}"),
        None => masked,
    }
}

fn mask_parameter(part: &str) -> String {
    match part.split_once('=') {
        Some((name, _)) if name.to_ascii_lowercase().ends_with("password") => format!("{name}={MASK}"),
        _ => part.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_beat_environment_beats_file_beats_default() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("imprint.toml");
        std::fs::write(&file, "region = \"f\"\nlog = \"f\"\nlisten = \"f\"\n").expect("written");
        let flags = |setting: &Setting| (setting.key == "region").then(|| "flag".to_owned());
        let env = |name: &str| matches!(name, "IMPRINT_REGION" | "IMPRINT_LOG").then(|| "env".to_owned());
        let resolved = resolve(flags, env, Some(&file)).expect("resolved");
        let got: Vec<_> = resolved
            .shown()
            .filter(|(key, ..)| ["region", "log", "listen", "log_format"].contains(key))
            .map(|(key, value, origin)| format!("{key}={value} {origin}"))
            .collect();
        let file = file.display();
        assert_eq!(
            got,
            [
                format!("listen=f {file}"),
                "region=flag flag".to_owned(),
                "log=env environment".to_owned(),
                "log_format=text default".to_owned()
            ]
        );
    }

    #[test]
    fn defaults_follow_the_data_directory_and_secrets_are_masked() {
        let env = |name: &str| match name {
            "IMPRINT_DATA_DIR" => Some("/srv/x".to_owned()),
            "IMPRINT_ROOT_SECRET_KEY" => Some("hush".to_owned()),
            _ => None,
        };
        let resolved = resolve(|_| None, env, None).expect("resolved");
        assert_eq!(resolved.text("store_url").as_deref(), Some("file:/srv/x/store"));
        assert!(resolved.shown().all(|(_, value, _)| !value.contains("hush")));
    }

    #[test]
    fn passwords_in_addresses_are_masked_wherever_they_stand() {
        for (value, masked) in [
            ("postgres://me:hush@db:5432/x", "postgres://me:********@db:5432/x"),
            ("postgres://me:hu?sh@db/x", "postgres://me:********@db/x"),
            ("postgres://db/x?password=hu@sh&a=b", "postgres://db/x?password=********&a=b"),
            ("postgres://me@db/x?sslpassword=hush", "postgres://me@db/x?sslpassword=********"),
            ("sqlite:/srv/imprint.db", "sqlite:/srv/imprint.db"),
            ("s3://bucket/prefix", "s3://bucket/prefix"),
        ] {
            assert_eq!(mask_url(value), masked);
        }
    }

    #[test]
    fn a_refusal_shows_no_secret() {
        let env = |name: &str| match name {
            "IMPRINT_MASTER_KEY" => Some("hush".to_owned()),
            "IMPRINT_DATABASE_URL" => Some("postgre://me:hush@db/x".to_owned()),
            "IMPRINT_COLLECT_SECS" => Some("often".to_owned()),
            _ => None,
        };
        let resolved = resolve(|_| None, env, None).expect("resolved");
        for key in ["master_key", "database_url"] {
            let text = resolved.refuse(key, "no").to_string();
            assert!(text.contains("********") && !text.contains("hush"), "{text}");
        }
        let text = resolved.parse::<u64>("collect_secs").expect_err("no number").to_string();
        assert!(text.contains("often") && text.contains("environment"), "{text}");
        assert!(resolved.parse::<u64>("master_key").is_err_and(|error| !error.to_string().contains("hush")));
        assert_eq!(resolved.within("drain_secs", 1..=30).expect("within"), 30);
        assert!(resolved.within("drain_secs", 31..=40).is_err());
    }

    #[test]
    fn a_broken_file_is_named_by_line_without_showing_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("imprint.toml");
        std::fs::write(&file, "log = \"info\"\nmaster_key = \"hush\n").expect("written");
        let text = resolve(|_| None, |_| None, Some(&file)).expect_err("broken").to_string();
        assert!(text.contains("line 2") && !text.contains("hush"), "{text}");
    }

    #[test]
    fn an_empty_variable_is_absent() {
        let resolved = resolve(|_| None, |_| Some(String::new()), None).expect("resolved");
        assert_eq!(resolved.text("log").as_deref(), Some("info"));
        assert!(resolved.shown().all(|(_, _, origin)| *origin == Origin::Default));
    }

    #[test]
    fn an_unknown_key_in_the_file_is_an_error() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("imprint.toml");
        std::fs::write(&file, "lisen = \"x\"\n").expect("written");
        assert!(matches!(resolve(|_| None, |_| None, Some(&file)), Err(ConfigError::BadFile { .. })));
    }
}
