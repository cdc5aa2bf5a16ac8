//! The first account over several starts, with root keys named, made and kept; and where another service is trusted.

use std::fs;
use std::process::Command;

use crate::support::{Service, parsed, program};

const NAMED: [(&str, &str); 2] = [("IMPRINT_ROOT_ACCESS_KEY", "ROOTER"), ("IMPRINT_ROOT_SECRET_KEY", "named-secret")];

/// Lists images as `admin` with this password.
fn by_password(service: &Service, password: &str) -> Command {
    let mut command = program(service.dir.path());
    command.env("OS_AUTH_URL", format!("{}/identity", service.url)).env("OS_USERNAME", "admin");
    command.env("OS_PASSWORD", password).env("OS_PROJECT_NAME", "admin");
    command.args(["image", "list", "--output", "json"]);
    command
}

fn code(mut command: Command) -> Option<i32> {
    command.output().expect("runs").status.code()
}

#[test]
fn a_start_without_root_keys_keeps_the_account_of_an_earlier_one_with() {
    let mut service = Service::start_with(&NAMED);
    assert_eq!(code(by_password(&service, "named-secret")), Some(0));
    service.restart_with(&[]);
    assert_eq!(code(by_password(&service, "named-secret")), Some(0));
    assert!(!service.path("data/root.keys").exists(), "no keys are made that are nobody's");
    let mut by_key = service.command(&["admin", "account", "list", "--output", "json"]);
    by_key.envs(NAMED);
    assert!(parsed(&by_key.output().expect("runs")).is_array());
}

#[test]
fn keys_kept_from_the_first_start_do_not_come_back_over_named_ones() {
    let mut service = Service::start();
    let kept = fs::read_to_string(service.path("data/root.keys")).expect("made");
    let (kept_key, kept_secret) = kept.trim_end().split_once('\n').expect("two lines");
    assert_eq!(code(by_password(&service, kept_secret)), Some(0));
    service.restart_with(&NAMED);
    let mut delete = service.command(&["admin", "key", "delete", kept_key]);
    delete.envs(NAMED);
    assert_eq!(code(delete), Some(0));
    service.restart_with(&[]);
    assert_eq!(code(by_password(&service, "named-secret")), Some(0));
    assert_eq!(code(by_password(&service, kept_secret)), Some(4));
}

#[test]
fn where_another_service_is_trusted_nobody_logs_in_here() {
    let trusting = ("IMPRINT_KEYSTONE_URL", "http://127.0.0.1:1");
    let mut service = Service::start_with(&[trusting]);
    assert!(!service.path("data/root.keys").exists(), "nobody is promised a password");
    service.restart_with(&[trusting, NAMED[0], NAMED[1]]);
    assert_eq!(code(by_password(&service, "named-secret")), Some(4));
    let mut operate = service.command(&["store", "stats"]);
    let output = operate.envs(NAMED).output().expect("runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && complaint.contains("external identity service"), "{complaint}");
}

#[test]
fn root_keys_that_cannot_be_read_are_no_failure_beside_others() {
    let service = Service::start_with(&NAMED);
    // unreadable to everybody, root too
    fs::create_dir_all(service.path("elsewhere/root.keys")).expect("made");
    let mut command = service.command(&["admin", "account", "list", "--output", "json"]);
    command.env("IMPRINT_DATA_DIR", service.path("elsewhere"));
    command.env("IMPRINT_ACCESS_KEY", NAMED[0].1).env("IMPRINT_SECRET_KEY", NAMED[1].1);
    let output = command.output().expect("runs");
    assert!(parsed(&output).is_array());
    assert!(String::from_utf8_lossy(&output.stderr).contains("root.keys"), "{output:?}");
}
