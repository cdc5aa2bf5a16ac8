//! clouds.yaml: where it is looked for, and what one of its entries says.

use std::path::{Path, PathBuf};

use serde_norway::Value;

use crate::failure::{ExitCode, Failure};

/// Longest file that is read, bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// One entry: its own members, and those of its `auth`.
#[derive(Debug, Clone)]
pub(super) struct Cloud(Vec<Value>);

impl Cloud {
    /// What the entry says under this name, in `auth` or beside it.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.0.iter().find_map(|part| {
            let found = part.get("auth").and_then(|auth| auth.get(name)).or_else(|| part.get(name))?;
            scalar(found)
        })
    }
}

/// Finds an entry. What stands in `secure.yaml` beside the file is added to it.
pub(super) fn find(name: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Cloud, Failure> {
    let places = places(env);
    let Some(path) = places.iter().find(|path| path.is_file()) else {
        let places = places.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        return Err(Failure::usage(format!("there is no clouds.yaml; looked for {places}")));
    };
    let entry = |path: &Path| read(path).map(|file| file.get("clouds").and_then(|clouds| clouds.get(name)).cloned());
    let found = entry(path)?.ok_or_else(|| {
        Failure::new(ExitCode::Usage, format!("{} has no cloud {name:?}: name another with --cloud", path.display()))
    })?;
    let mut parts = Vec::new();
    let secure = path.with_file_name("secure.yaml");
    if secure.is_file() {
        parts.extend(entry(&secure)?);
    }
    parts.push(found);
    Ok(Cloud(parts))
}

fn places(env: &dyn Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    if let Some(path) = env("OS_CLIENT_CONFIG_FILE") {
        return vec![path.into()];
    }
    let config = env("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.or_else(|| env("HOME").map(|home| Path::new(&home).join(".config")));
    let dirs = [Some(PathBuf::from(".")), config.map(|config| config.join("openstack")), Some("/etc/openstack".into())];
    let both = |dir: PathBuf| ["clouds.yaml", "clouds.yml"].map(|name| dir.join(name));
    dirs.into_iter().flatten().flat_map(both).collect()
}

fn read(path: &Path) -> Result<Value, Failure> {
    let doing = format!("cannot read {}", path.display());
    let meta = std::fs::metadata(path).map_err(|error| Failure::doing(&doing, error))?;
    if meta.len() > FILE_BYTES_MAX {
        return Err(Failure::usage(format!("{doing}: it is longer than {FILE_BYTES_MAX} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| Failure::doing(&doing, error))?;
    serde_norway::from_str(&text).map_err(|error| Failure::usage(format!("{doing}: {error}")))
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_found_with_its_secrets() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("clouds.yaml");
        let text = "clouds:\n  lab:\n    region_name: r1\n    auth:\n      auth_url: http://x/v3\n      username: me\n";
        std::fs::write(&file, text).expect("written");
        let secure = "clouds:\n  lab:\n    auth:\n      password: 12345\n";
        std::fs::write(dir.path().join("secure.yaml"), secure).expect("written");
        let env = |name: &str| (name == "OS_CLIENT_CONFIG_FILE").then(|| file.display().to_string());
        let cloud = find("lab", &env).expect("found");
        let texts = ["region_name", "username", "password", "project_name"].map(|name| cloud.text(name));
        assert_eq!(texts, [Some("r1".to_owned()), Some("me".to_owned()), Some("12345".to_owned()), None]);
        assert_eq!(find("other", &env).expect_err("absent").code, ExitCode::Usage);
    }
}
