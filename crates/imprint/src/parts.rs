//! From the settings as text to each part's own, checked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use imprint_service::HashAlgorithm;

use crate::config::{ConfigError, Resolved};
use crate::datadir::{KeyPair, parse_master_key};
use crate::elsewhere::Remotes;
use crate::machines::MachineSettings;
use crate::nbd::NbdSettings;

/// Longest of the times that are set in seconds: a day.
const DAY_SECS: u64 = 86_400;
/// Mean lengths that chunks may have, KiB.
const CHUNK_MEANS_KIB: [u32; 3] = [16, 32, 64];

/// Everything that the program is made of, checked before any of it is opened.
pub(crate) struct Checked {
    pub(crate) data_dir: String,
    pub(crate) http: imprint_http::Settings,
    pub(crate) nbd: NbdSettings,
    pub(crate) machines: MachineSettings,
    pub(crate) service: imprint_service::Settings,
    pub(crate) remotes: Remotes,
    pub(crate) catalogue: imprint_catalogue::Settings,
    pub(crate) store_url: String,
    pub(crate) store: imprint_store::Settings,
    pub(crate) identity: imprint_identity::Settings,
    pub(crate) ecs: imprint_api_ecs::Settings,
    pub(crate) master_key: Option<[u8; 32]>,
    pub(crate) root_keys: Option<KeyPair>,
}

/// Checks all settings.
pub(crate) fn check(settings: &Resolved) -> Result<Checked, ConfigError> {
    Ok(Checked {
        data_dir: settings.text("data_dir").unwrap_or_default(),
        http: http(settings)?,
        nbd: NbdSettings::check(settings)?,
        machines: MachineSettings::check(settings)?,
        service: service(settings)?,
        remotes: remotes(settings)?,
        catalogue: catalogue(settings)?,
        store_url: store_url(settings)?,
        store: store(settings)?,
        identity: identity(settings)?,
        ecs: ecs(settings)?,
        master_key: master_key(settings)?,
        root_keys: root_keys(settings)?,
    })
}

/// The shell's settings.
fn http(settings: &Resolved) -> Result<imprint_http::Settings, ConfigError> {
    Ok(imprint_http::Settings {
        listen: settings.parse("listen")?,
        connections_max: settings.within("connections_max", 1..=1_000_000)?,
        header_read_secs: settings.within("header_timeout_secs", 1..=DAY_SECS)?,
        body_idle_secs: settings.within("body_idle_timeout_secs", 1..=DAY_SECS)?,
        drain_secs: settings.within("drain_secs", 1..=DAY_SECS)?,
        ..imprint_http::Settings::default()
    })
}

/// The engine's settings.
fn service(settings: &Resolved) -> Result<imprint_service::Settings, ConfigError> {
    let hash_algorithm: HashAlgorithm = settings.parse("os_hash_algo")?;
    let ports = settings.list("import_allowed_ports");
    let import_ports = ports.iter().map(|port| port.parse()).collect::<Result<Vec<u16>, _>>();
    Ok(imprint_service::Settings {
        regions: regions(settings)?,
        buckets: buckets(settings)?,
        buckets_dir: settings.text("buckets_dir").map(PathBuf::from),
        limits: imprint_service::Limits {
            image_properties: settings.parse("limit_image_properties")?,
            image_tags: settings.parse("limit_image_tags")?,
            image_members: settings.parse("limit_image_members")?,
            image_size_bytes: settings.parse("limit_image_size_bytes")?,
            account_bytes: settings.parse("limit_account_bytes")?,
            account_images: settings.parse("limit_account_images")?,
            account_uploads: settings.parse("limit_account_uploads")?,
            region_images: settings.parse("limit_region_images")?,
            family_images: settings.parse("limit_family_images")?,
            families: settings.parse("limit_families")?,
            disk_snapshots: settings.parse("limit_disk_snapshots")?,
            image_shares: settings.parse("limit_image_shares")?,
            region_copies: settings.parse("limit_region_copies")?,
        },
        hash_algorithm,
        check_format_match: settings.parse("check_format_match")?,
        safety_policy: settings.parse("safety_policy")?,
        check_images: settings.parse("check_images")?,
        import_conversion: settings.parse("import_conversion")?,
        checks_at_once: settings.parse("checks_at_once")?,
        import_ports: import_ports.map_err(|error| settings.refuse("import_allowed_ports", error.to_string()))?,
        import_trusted_hosts: settings.list("import_allowed_hosts"),
        recover_secs: settings.parse("recover_secs")?,
        collect_secs: settings.parse("collect_secs")?,
        collect_grace_secs: settings.parse("collect_grace_secs")?,
        compress_after_secs: settings.parse("compress_after_secs")?,
        machine_stop_secs: settings.within("machine_stop_secs", 1..=DAY_SECS)?,
        machine_memory_mib_max: settings.within("machine_memory_mib_max", 64..=1 << 20)?,
        nbd_cache_mib: settings.within("nbd_cache_mib", 1..=1 << 20)?,
        nbd: NbdSettings::check(settings)?.listener(),
    })
}

/// The regions of this installation. Their names stand in ids of resources and in comma lists, so they are plain words.
fn regions(settings: &Resolved) -> Result<Vec<String>, ConfigError> {
    let regions = settings.list("region");
    if regions.is_empty() || !regions.iter().all(|name| is_plain(name)) {
        return Err(settings.refuse("region", "must be names of letters, digits, - _ ., separated by commas"));
    }
    if regions.iter().collect::<BTreeSet<_>>().len() < regions.len() {
        return Err(settings.refuse("region", "names a region twice"));
    }
    Ok(regions)
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Other installations, and the keys this one has there.
fn remotes(settings: &Resolved) -> Result<Remotes, ConfigError> {
    let (own, mut remotes) = (regions(settings)?, Remotes::default());
    for pair in settings.list("remote_regions") {
        let refuse = |why: &str| settings.refuse("remote_regions", why);
        let (name, url) = pair.split_once('=').ok_or_else(|| refuse("must be NAME=URL, separated by commas"))?;
        let url = url.trim_end_matches('/');
        if !is_plain(name) || own.iter().any(|own| own == name) {
            return Err(refuse("names must be of letters, digits, - _ ., and no region of this installation"));
        }
        if !["http://", "https://"].iter().any(|beginning| url.starts_with(beginning)) || url.contains('@') {
            return Err(refuse("URLs begin with http:// or https:// and hold no keys: those are remote_region_keys"));
        }
        if remotes.urls.insert(name.to_owned(), url.to_owned()).is_some() {
            return Err(refuse("names a region twice"));
        }
    }
    for pair in settings.list("remote_region_keys") {
        let parts = pair.split_once('=').and_then(|(name, keys)| Some((name, keys.split_once(':')?)));
        let known = parts.filter(|(name, _)| remotes.urls.contains_key(*name));
        let why = "must be NAME=ACCESS_KEY:SECRET_KEY, separated by commas, for the names of remote_regions";
        let (name, (access_key, secret_key)) = known.ok_or_else(|| settings.refuse("remote_region_keys", why))?;
        let keys = KeyPair { access_key: access_key.to_owned(), secret_key: secret_key.to_owned() };
        remotes.keys.insert(name.to_owned(), keys);
    }
    if remotes.urls.keys().any(|name| !remotes.keys.contains_key(name)) {
        return Err(settings.refuse("remote_region_keys", "must give a key for each of remote_regions"));
    }
    Ok(remotes)
}

/// The ECS dialect's settings.
fn ecs(settings: &Resolved) -> Result<imprint_api_ecs::Settings, ConfigError> {
    let rate = |key| settings.within(key, 1..=1_000_000);
    let rates = imprint_api_ecs::Rates {
        api_per_second: rate("ecs_api_rate")?,
        api_burst: rate("ecs_api_burst")?,
        user_per_second: rate("ecs_user_rate")?,
        user_burst: rate("ecs_user_burst")?,
    };
    Ok(imprint_api_ecs::Settings { rates })
}

/// The buckets that are named, and where each lies.
fn buckets(settings: &Resolved) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut buckets = BTreeMap::new();
    for pair in settings.list("buckets") {
        let wrong =
            || settings.refuse("buckets", "must be NAME=URL, separated by commas; URLs begin with file: or s3://");
        let (name, url) = pair.split_once('=').ok_or_else(wrong)?;
        if !["file:", "s3://"].iter().any(|beginning| url.starts_with(beginning)) {
            return Err(wrong());
        }
        if buckets.insert(name.to_owned(), url.to_owned()).is_some() {
            return Err(settings.refuse("buckets", format!("names {name} twice")));
        }
    }
    Ok(buckets)
}

/// The catalogue's settings.
fn catalogue(settings: &Resolved) -> Result<imprint_catalogue::Settings, ConfigError> {
    let url = address(settings, "database_url", &["sqlite:", "postgres://", "postgresql://"])?;
    Ok(imprint_catalogue::Settings { url, ..imprint_catalogue::Settings::default() })
}

/// Where the store keeps its packs.
fn store_url(settings: &Resolved) -> Result<String, ConfigError> {
    address(settings, "store_url", &["file:", "s3://", "memory:"])
}

/// An address that begins as it should.
fn address(settings: &Resolved, key: &'static str, beginnings: &[&str]) -> Result<String, ConfigError> {
    let url = settings.text(key).unwrap_or_default();
    if beginnings.iter().any(|beginning| url.starts_with(beginning)) {
        return Ok(url);
    }
    Err(settings.refuse(key, format!("must begin with one of {}", beginnings.join(" "))))
}

/// The store's settings.
fn store(settings: &Resolved) -> Result<imprint_store::Settings, ConfigError> {
    let chunk_mean_kib: u32 = settings.parse("chunk_mean_kib")?;
    if !CHUNK_MEANS_KIB.contains(&chunk_mean_kib) {
        return Err(settings.refuse("chunk_mean_kib", "must be 16, 32 or 64"));
    }
    let chunk_mean_bytes = chunk_mean_kib * 1024;
    let lease_ttl_secs = settings.within("lease_ttl_secs", 3..=86_400)?;
    let clock_skew_secs = settings.parse("clock_skew_secs")?;
    let defaults = imprint_store::Settings::default();
    Ok(imprint_store::Settings { chunk_mean_bytes, lease_ttl_secs, clock_skew_secs, ..defaults })
}

/// The identity's settings.
fn identity(settings: &Resolved) -> Result<imprint_identity::Settings, ConfigError> {
    let url = match settings.text("keystone_url") {
        Some(_) => Some(address(settings, "keystone_url", &["http://", "https://"])?),
        None => None,
    };
    let trusted = imprint_identity::TrustedSettings {
        url,
        user: settings.text("keystone_user"),
        password: settings.text("keystone_password"),
        project: settings.text("keystone_project").unwrap_or_default(),
        domain: settings.text("keystone_domain").unwrap_or_default(),
        cache_secs: settings.parse("keystone_cache_secs")?,
        ..imprint_identity::TrustedSettings::default()
    };
    Ok(imprint_identity::Settings {
        token_lifetime_secs: settings.within("token_ttl_secs", 1..=u32::MAX)?,
        trusted,
        ..imprint_identity::Settings::default()
    })
}

/// The key that encrypts secrets in the database, when it is given.
fn master_key(settings: &Resolved) -> Result<Option<[u8; 32]>, ConfigError> {
    let Some(text) = settings.text("master_key") else { return Ok(None) };
    match parse_master_key(&text) {
        Some(key) => Ok(Some(key)),
        None => Err(settings.refuse("master_key", "must be 64 hexadecimal digits")),
    }
}

/// The first account's keys, when they are given.
fn root_keys(settings: &Resolved) -> Result<Option<KeyPair>, ConfigError> {
    let together =
        |key| Err(settings.refuse(key, "root_access_key and root_secret_key go together: give both or neither"));
    match (settings.text("root_access_key"), settings.text("root_secret_key")) {
        (None, None) => Ok(None),
        (Some(_), None) => together("root_secret_key"),
        (None, Some(_)) => together("root_access_key"),
        (Some(access_key), Some(secret_key)) => {
            imprint_identity::check_root_keys(&access_key, &secret_key)
                .map_err(|error| settings.refuse("root_secret_key", error.to_string()))?;
            Ok(Some(KeyPair { access_key, secret_key }))
        }
    }
}
