//! Settings, and commands that need no service.

use std::fs;

use crate::support::{Service, program};

#[test]
fn flags_come_before_environment_before_file_before_default() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("imprint.toml"), "region = \"file\"\nlog = \"file\"\nlisten = \"127.0.0.1:1\"\n")
        .expect("written");
    let mut config = program(dir.path());
    config.env("IMPRINT_REGION", "env").env("IMPRINT_LOG", "env").env("IMPRINT_ROOT_SECRET_KEY", "hush-hush");
    config.env("IMPRINT_REMOTE_REGION_KEYS", "far=AK:hush");
    let output = config.args(["config", "--config", "imprint.toml", "--region", "flag"]).output().expect("runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let line = |key: &str| {
        let line = text.lines().find(|line| line.split_whitespace().next() == Some(key));
        line.expect(key).split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(line("region"), ["region", "flag", "flag"]);
    assert_eq!(line("log"), ["log", "env", "environment"]);
    assert_eq!(line("listen"), ["listen", "127.0.0.1:1", "imprint.toml"]);
    assert_eq!(line("log_format"), ["log_format", "text", "default"]);
    assert!(!text.contains("hush"), "{text}");
}

#[test]
fn a_wrong_setting_is_named_before_anything_is_opened() {
    for (variable, value, named) in [
        ("IMPRINT_LISTEN", "nonsense", "listen"),
        ("IMPRINT_DRAIN_SECS", "0", "drain_secs"),
        ("IMPRINT_OS_HASH_ALGO", "rot13", "os_hash_algo"),
        ("IMPRINT_CHUNK_MEAN_KIB", "33", "chunk_mean_kib"),
        ("IMPRINT_DATABASE_URL", "mysql://me:hush@db/x", "database_url"),
        ("IMPRINT_STORE_URL", "ftp://me:hush@there", "store_url"),
        ("IMPRINT_KEYSTONE_URL", "there", "keystone_url"),
        ("IMPRINT_KEYSTONE_CACHE_SECS", "-1", "keystone_cache_secs"),
        ("IMPRINT_MASTER_KEY", "hush", "master_key"),
        ("IMPRINT_REMOTE_REGIONS", "far=ftp://there", "remote_regions"),
        ("IMPRINT_REMOTE_REGIONS", "local-1=http://there", "remote_regions"),
        ("IMPRINT_REMOTE_REGIONS", "far=http://there", "remote_region_keys"),
        ("IMPRINT_REMOTE_REGION_KEYS", "far=AK:hush", "remote_region_keys"),
        ("IMPRINT_ROOT_SECRET_KEY", "hush-hush", "root_access_key"),
    ] {
        let dir = tempfile::tempdir().expect("a directory");
        let output = program(dir.path()).arg("serve").env(variable, value).output().expect("runs");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(complaint.contains(named) && !complaint.contains("hush"), "{complaint}");
        assert!(!dir.path().join("data").exists(), "{complaint}");
    }
    let dir = tempfile::tempdir().expect("a directory");
    let mut short = program(dir.path());
    short.arg("serve").env("IMPRINT_ROOT_ACCESS_KEY", "AK").env("IMPRINT_ROOT_SECRET_KEY", "S");
    assert_eq!(short.output().expect("runs").status.code(), Some(2));
    assert!(!dir.path().join("data").exists());
}

#[test]
fn an_empty_variable_counts_as_absent() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut config = program(dir.path());
    config.env("IMPRINT_CONFIG", "").env("IMPRINT_LOG", "").arg("config");
    let output = config.output().expect("runs");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.lines().any(|line| line.starts_with("log ") && line.ends_with("default")), "{text}");
}

#[test]
fn the_help_tells_of_exit_codes_and_of_logging_in() {
    let dir = tempfile::tempdir().expect("a directory");
    let output = program(dir.path()).arg("--help").output().expect("runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with("A self-hosted service for virtual-machine images"), "{text}");
    assert!(text.contains("Exit codes:") && text.contains("IMPRINT_ACCESS_KEY"), "{text}");
}

#[test]
fn without_service_or_credentials_the_command_says_what_to_do() {
    let dir = tempfile::tempdir().expect("a directory");
    let output = program(dir.path()).args(["image", "list"]).output().expect("runs");
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&output.stderr).contains("IMPRINT_ACCESS_KEY"), "{output:?}");
    let mut command = program(dir.path());
    command.env("IMPRINT_ACCESS_KEY", "A").env("IMPRINT_SECRET_KEY", "S").env("IMPRINT_URL", "http://127.0.0.1:1");
    let output = command.args(["image", "list"]).output().expect("runs");
    assert_eq!(output.status.code(), Some(5));
    assert!(String::from_utf8_lossy(&output.stderr).contains("imprint serve"), "{output:?}");
}

#[test]
fn a_wrong_key_is_refused() {
    let service = Service::start();
    let mut command = service.command(&["image", "list"]);
    command.env("IMPRINT_ACCESS_KEY", "A").env("IMPRINT_SECRET_KEY", "S");
    assert_eq!(command.output().expect("runs").status.code(), Some(4));
}

#[test]
fn shells_and_readers_are_told_of_every_command() {
    let dir = tempfile::tempdir().expect("a directory");
    for shell in ["bash", "zsh", "fish"] {
        let output = program(dir.path()).args(["completions", shell]).output().expect("runs");
        assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("push"), "{shell}");
    }
    assert!(program(dir.path()).args(["man", "pages"]).status().expect("runs").success());
    let page = fs::read_to_string(dir.path().join("pages/imprint-image-push.1")).expect("a page");
    assert!(page.contains("Disk format"), "{page}");
}
