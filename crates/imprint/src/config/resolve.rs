//! From flags, environment and file to one text for each setting, with where it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::registry::{SETTINGS, Setting};

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
    #[error("{key} = {value:?} (from {origin}): {why}")]
    BadValue {
        /// Which setting.
        key: &'static str,
        /// Its value.
        value: String,
        /// Who said so.
        origin: Origin,
        /// What it should be.
        why: String,
    },
}

/// Puts the sources together; `flags` and `env` look a setting up.
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
            .or_else(|| env(&setting.env()).map(|value| (value, Origin::Environment)))
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
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| bad(error.to_string()))?;
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
            let shown = if setting.secret && !value.is_empty() { "********".to_owned() } else { mask_url(value) };
            Some((setting.key, shown, origin))
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
    pub(crate) fn parse<T: std::str::FromStr<Err: fmt::Display>>(&self, key: &'static str) -> Result<T, ConfigError> {
        let (value, origin) = self.0.get(key).cloned().unwrap_or_else(|| (String::new(), Origin::Default));
        value.parse().map_err(|error: T::Err| ConfigError::BadValue { key, value, origin, why: error.to_string() })
    }

    /// Refuses the value of a setting.
    pub(crate) fn refuse(&self, key: &'static str, why: impl Into<String>) -> ConfigError {
        let (value, origin) = self.0.get(key).cloned().unwrap_or_else(|| (String::new(), Origin::Default));
        ConfigError::BadValue { key, value, origin, why: why.into() }
    }
}

/// Hides the password of `scheme://user:password@host/…`.
fn mask_url(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else { return value.to_owned() };
    let Some((credentials, host)) = rest.rsplit_once('@') else { return value.to_owned() };
    match credentials.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:********@{host}"),
        None => value.to_owned(),
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
        assert_eq!(mask_url("postgres://me:hush@db:5432/x"), "postgres://me:********@db:5432/x");
    }

    #[test]
    fn an_unknown_key_in_the_file_is_an_error() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("imprint.toml");
        std::fs::write(&file, "lisen = \"x\"\n").expect("written");
        assert!(matches!(resolve(|_| None, |_| None, Some(&file)), Err(ConfigError::BadFile { .. })));
    }
}
