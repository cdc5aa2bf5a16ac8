//! From the settings as text to each part's own, checked.

use imprint_service::HashAlgorithm;

use crate::config::{ConfigError, Resolved};

/// The shell's settings.
pub(crate) fn http(settings: &Resolved) -> Result<imprint_http::Settings, ConfigError> {
    Ok(imprint_http::Settings {
        listen: settings.parse("listen")?,
        connections_max: settings.parse("connections_max")?,
        header_read_secs: settings.parse("header_timeout_secs")?,
        body_idle_secs: settings.parse("body_idle_timeout_secs")?,
        drain_secs: settings.parse("drain_secs")?,
        ..imprint_http::Settings::default()
    })
}

/// The engine's settings.
pub(crate) fn service(settings: &Resolved) -> Result<imprint_service::Settings, ConfigError> {
    let hash_algorithm: HashAlgorithm = settings.parse("os_hash_algo")?;
    let ports = settings.list("import_allowed_ports");
    let import_ports = ports.iter().map(|port| port.parse()).collect::<Result<Vec<u16>, _>>();
    Ok(imprint_service::Settings {
        limits: imprint_service::Limits {
            image_properties: settings.parse("limit_image_properties")?,
            image_tags: settings.parse("limit_image_tags")?,
            image_members: settings.parse("limit_image_members")?,
            image_size_bytes: settings.parse("limit_image_size_bytes")?,
            account_bytes: settings.parse("limit_account_bytes")?,
            account_images: settings.parse("limit_account_images")?,
            account_uploads: settings.parse("limit_account_uploads")?,
        },
        hash_algorithm,
        check_format_match: settings.parse("check_format_match")?,
        import_ports: import_ports.map_err(|error| settings.refuse("import_allowed_ports", error.to_string()))?,
        import_trusted_hosts: settings.list("import_allowed_hosts"),
        recover_secs: settings.parse("recover_secs")?,
        collect_secs: settings.parse("collect_secs")?,
        collect_grace_secs: settings.parse("collect_grace_secs")?,
        compress_after_secs: settings.parse("compress_after_secs")?,
    })
}

/// The catalogue's settings.
pub(crate) fn catalogue(settings: &Resolved) -> imprint_catalogue::Settings {
    let url = settings.text("database_url").unwrap_or_default();
    imprint_catalogue::Settings { url, ..imprint_catalogue::Settings::default() }
}

/// The store's settings.
pub(crate) fn store(settings: &Resolved) -> Result<imprint_store::Settings, ConfigError> {
    let chunk_mean_kib: u32 = settings.parse("chunk_mean_kib")?;
    let chunk_mean_bytes = chunk_mean_kib.saturating_mul(1024);
    let lease_ttl_secs = settings.parse("lease_ttl_secs")?;
    let clock_skew_secs = settings.parse("clock_skew_secs")?;
    let defaults = imprint_store::Settings::default();
    Ok(imprint_store::Settings { chunk_mean_bytes, lease_ttl_secs, clock_skew_secs, ..defaults })
}

/// The identity's settings.
pub(crate) fn identity(settings: &Resolved) -> Result<imprint_identity::Settings, ConfigError> {
    let trusted = imprint_identity::TrustedSettings {
        url: settings.text("keystone_url"),
        user: settings.text("keystone_user"),
        password: settings.text("keystone_password"),
        project: settings.text("keystone_project").unwrap_or_default(),
        ..imprint_identity::TrustedSettings::default()
    };
    Ok(imprint_identity::Settings {
        token_lifetime_secs: settings.parse("token_ttl_secs")?,
        trusted,
        ..imprint_identity::Settings::default()
    })
}
