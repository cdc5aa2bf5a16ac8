//! Every setting there is, once: its key in the file, its environment variable, its flag, its default and its help
//! derive from one row here.

/// One setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Key in the TOML file; `IMPRINT_` + upper case in the environment; `--` + hyphens as a flag.
    pub(crate) key: &'static str,
    /// The default as text; empty means that there is none. `{data_dir}` stands for the data directory.
    pub(crate) default: &'static str,
    /// Whether the value is shown to nobody.
    pub(crate) secret: bool,
    /// One sentence for help and documentation.
    pub(crate) help: &'static str,
}

const fn setting(key: &'static str, default: &'static str, help: &'static str) -> Setting {
    Setting { key, default, secret: false, help }
}

const fn secret(key: &'static str, help: &'static str) -> Setting {
    Setting { key, default: "", secret: true, help }
}

/// The registry.
pub(crate) const SETTINGS: &[Setting] = &[
    setting("listen", "127.0.0.1:9292", "Address and port to listen on"),
    setting("public_url", "", "URL that clients reach this service under; otherwise what each request says"),
    setting("data_dir", "./imprint-data", "Directory for everything that is kept on this machine"),
    setting("database_url", "sqlite:{data_dir}/imprint.db", "sqlite:PATH or postgres://…"),
    setting("store_url", "file:{data_dir}/store", "file:PATH or s3://BUCKET/PREFIX (endpoint and keys in AWS_…)"),
    setting("region", "local-1", "Region names, separated by commas"),
    setting(
        "remote_regions",
        "",
        "Other Imprints that images can be copied to, each as a region: NAME=URL, separated by commas",
    ),
    secret("remote_region_keys", "Keys of an account of each of them: NAME=ACCESS_KEY:SECRET_KEY, separated by commas"),
    setting("root_access_key", "", "Access key of the first account; made when there is none yet"),
    secret("root_secret_key", "Secret key of the first account and password of its user; made when there is none yet"),
    secret(
        "master_key",
        "64 hexadecimal digits that encrypt secrets in the database; kept in the data directory otherwise",
    ),
    setting("keystone_url", "", "Trust this external Keystone's tokens instead of issuing own ones"),
    setting("keystone_user", "", "User that validates tokens at the external Keystone"),
    secret("keystone_password", "Password of that user"),
    setting("keystone_project", "service", "Project of that user"),
    setting("keystone_domain", "Default", "Name of the domain of that user and project"),
    setting("keystone_cache_secs", "60", "Seconds that the external Keystone's word on a token is remembered"),
    setting("token_ttl_secs", "86400", "Lifetime of a token, seconds"),
    setting("os_hash_algo", "sha512", "Digest kept beside MD5: sha512 or sha256"),
    setting("check_format_match", "true", "Refuse uploads whose bytes are not of the declared disk format"),
    setting(
        "safety_policy",
        "refuse",
        "Bytes that could harm whoever uses them: refuse, quarantine (administrators alone get them) or report; those \
         that refer to other files are refused in any case",
    ),
    setting("check_images", "asked", "Images that are looked into once they are complete: asked or always"),
    setting("checks_at_once", "1", "Images that one node looks into at one time"),
    setting("chunk_mean_kib", "32", "Mean size of stored chunks, KiB; fixed once data is stored"),
    setting("limit_image_properties", "128", "Properties of one image; negative: no limit"),
    setting("limit_image_tags", "128", "Tags of one image; negative: no limit"),
    setting("limit_image_members", "128", "Accounts one image is shared with; negative: no limit"),
    setting("limit_image_size_bytes", "1099511627776", "Bytes of one image; negative: no limit"),
    setting("limit_account_bytes", "-1", "Bytes of all images of one account; negative: no limit"),
    setting("limit_account_images", "-1", "Images of one account; negative: no limit"),
    setting("limit_account_uploads", "-1", "Uploads of one account at one time; negative: no limit"),
    setting("limit_region_images", "100", "Custom images of one account in one region; negative: no limit"),
    setting("limit_family_images", "30", "Images of one family; negative: no limit"),
    setting("limit_families", "100", "Image families of one account in one region; negative: no limit"),
    setting("limit_disk_snapshots", "256", "Snapshots of one disk; negative: no limit"),
    setting("limit_image_shares", "50", "Accounts one image is shared with through the ECS API; negative: no limit"),
    setting("limit_region_copies", "5", "Copies of one account into one region at one time; further ones wait"),
    setting("ecs_api_rate", "1000", "ECS calls a second of one account to one operation"),
    setting("ecs_api_burst", "2000", "ECS calls of one account to one operation that may come at once"),
    setting("ecs_user_rate", "2000", "ECS calls a second of one account"),
    setting("ecs_user_burst", "4000", "ECS calls of one account that may come at once"),
    setting("buckets", "", "Buckets for imports and exports that lie elsewhere: NAME=URL, separated by commas"),
    setting("buckets_dir", "{data_dir}/oss", "Directory whose directories are buckets for imports and exports"),
    setting(
        "import_conversion",
        "none",
        "What Glance's imports of disks in other formats become: raw, or none where they stay what they are",
    ),
    setting("import_allowed_hosts", "", "Hosts that imports may fetch from although they are not public addresses"),
    setting("import_allowed_ports", "80,443", "Ports that imports may fetch from"),
    setting("hypervisor", "auto", "What runs machines: qemu, none, or auto (QEMU where it is installed)"),
    setting("machine_accelerator", "auto", "What machines run on: kvm, tcg, or auto (KVM where there is)"),
    setting("machine_stop_secs", "60", "Seconds that a machine is given to shut down"),
    setting("machine_memory_mib_max", "4096", "Most memory of one machine, MiB, whatever its size promises"),
    setting(
        "nbd_listen",
        "",
        "Address and port where disks can be read over NBD; only a loopback address without nbd_tls_cert and nbd_tls_key",
    ),
    setting("nbd_tls_cert", "", "File with the certificate chain for NBD, PEM"),
    setting("nbd_tls_key", "", "File with that certificate's key, PEM"),
    setting("nbd_cache_mib", "256", "Memory for what is read over NBD, of all disks together, MiB"),
    setting("collect_secs", "3600", "Seconds between collections of unused bytes; 0 for never"),
    setting("collect_grace_secs", "86400", "Seconds that unused bytes are kept"),
    setting("compress_after_secs", "86400", "Seconds after which stored bytes are compressed"),
    setting("lease_ttl_secs", "60", "Seconds that a dead node's unfinished bytes stay protected"),
    setting("clock_skew_secs", "120", "Seconds that the clocks of two nodes may differ"),
    setting("recover_secs", "10", "Seconds between looks for uploads whose node died"),
    setting("connections_max", "10000", "Connections at one time"),
    setting("header_timeout_secs", "10", "Seconds a client may take to send a request's head"),
    setting("body_idle_timeout_secs", "60", "Seconds a client may pause in a request's content"),
    setting("drain_secs", "30", "Seconds that requests under way are given at the end"),
    setting("log", "info", "What to log, as in imprint_http=debug,info"),
    setting("log_format", "text", "text or json"),
];

impl Setting {
    /// Its environment variable.
    pub(crate) fn env(&self) -> String {
        format!("IMPRINT_{}", self.key.to_uppercase())
    }

    /// Its flag, without the hyphens in front.
    pub(crate) fn flag(&self) -> String {
        self.key.replace('_', "-")
    }
}
