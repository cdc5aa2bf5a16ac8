//! Accounts, keys, users, the store; and who may.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::support::{Service, noise, parsed, program};

fn as_account(service: &Service, key: &Value, args: &[&str]) -> Command {
    // elsewhere than the data directory, so that the root keys are not at hand
    let mut command = program(service.dir.path());
    command.env("IMPRINT_DATA_DIR", service.path("nowhere")).env("IMPRINT_URL", &service.url);
    command.env("IMPRINT_ACCESS_KEY", key["access_key_id"].as_str().expect("text"));
    command.env("IMPRINT_SECRET_KEY", key["access_key_secret"].as_str().expect("text"));
    command.args(args);
    command
}

#[test]
fn an_account_works_with_its_key_until_that_is_switched_off() {
    let service = Service::start();
    let account = service.json(&["admin", "account", "create", "acme"]);
    let number = account["account_id"].as_str().expect("text");
    assert!(number.len() == 16 && number.bytes().all(|byte| byte.is_ascii_digit()), "{number}");
    assert_eq!(account["project_id"].as_str().map(str::len), Some(32));
    let listed = as_account(&service, &account, &["image", "list", "--output", "json"]).output().expect("runs");
    assert_eq!(parsed(&listed), serde_json::json!([]));
    let refused = as_account(&service, &account, &["admin", "account", "list"]).output().expect("runs");
    assert_eq!(refused.status.code(), Some(4));

    let second = service.json(&["admin", "key", "create", number]);
    assert_eq!(service.json(&["admin", "key", "list", "--account", "acme"]).as_array().map(Vec::len), Some(2));
    service.json(&["admin", "key", "disable", account["access_key_id"].as_str().expect("text")]);
    let refused = as_account(&service, &account, &["image", "list"]).output().expect("runs");
    assert_eq!(refused.status.code(), Some(4));
    assert!(as_account(&service, &second, &["image", "list"]).output().expect("runs").status.success());
    service.json(&["admin", "account", "disable", "acme"]);
    assert!(!as_account(&service, &second, &["image", "list"]).output().expect("runs").status.success());
    assert_eq!(service.failure(&["admin", "account", "disable", "nobody"]).0, Some(3));
}

#[test]
fn a_user_logs_in_by_password_and_by_a_cloud() {
    let service = Service::start();
    service.json(&["admin", "account", "create", "acme"]);
    let user = service.json(&["admin", "user", "create", "ann", "--account", "acme"]);
    let password = user["password"].as_str().expect("made up");
    let mut by_variables = program(service.dir.path());
    by_variables.env("OS_AUTH_URL", format!("{}/identity", service.url)).env("OS_USERNAME", "ann");
    by_variables.env("OS_PASSWORD", password).env("OS_PROJECT_NAME", "acme");
    by_variables.args(["image", "list", "--output", "json"]);
    assert_eq!(parsed(&by_variables.output().expect("runs")), serde_json::json!([]));

    let clouds = format!(
        "clouds:\n  lab:\n    auth:\n      auth_url: {}/identity/v3\n      username: ann\n      password: {password}\n      \
         project_name: acme\n",
        service.url
    );
    fs::write(service.path("clouds.yaml"), clouds).expect("written");
    let by_cloud = program(service.dir.path()).args(["--cloud", "lab", "image", "list", "--output", "json"]).output();
    assert_eq!(parsed(&by_cloud.expect("runs")), serde_json::json!([]));

    let users = service.json(&["admin", "user", "list"]);
    assert!(users.as_array().expect("a list").iter().any(|user| user["name"] == "ann"));
    assert_eq!(service.failure(&["admin", "user", "delete", "ann"]).0, Some(0));
    assert_eq!(by_variables.output().expect("runs").status.code(), Some(4));
}

#[test]
fn the_store_is_measured_verified_and_collected() {
    let service = Service::start();
    let path = service.file("disk", &noise(10, 4 << 20));
    let pushed = service.json(&["image", "push", path.to_str().expect("UTF-8")]);
    let stats = service.json(&["store", "stats"]);
    assert!(stats["content_bytes"].as_u64().expect("a number") >= 4 << 20, "{stats}");
    let report = service.json(&["store", "verify"]);
    assert_eq!((report["clean"].as_bool(), report["maps"].as_u64()), (Some(true), Some(1)));
    assert_eq!(service.failure(&["image", "delete", pushed["id"].as_str().expect("text")]).0, Some(0));
    let report = service.json(&["store", "gc", "--grace", "0"]);
    assert_eq!((report["maps"].as_u64(), report["broken_count"].as_u64()), (Some(0), Some(0)));
}

#[test]
fn damage_in_the_store_is_told_by_the_exit_code() {
    let service = Service::start();
    let path = service.file("disk", &noise(11, 4 << 20));
    service.json(&["image", "push", path.to_str().expect("UTF-8")]);
    let largest =
        files(&service.path("data/store")).into_iter().max_by_key(|path| fs::metadata(path).expect("there").len());
    let largest = largest.expect("a pack");
    let mut bytes = fs::read(&largest).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&largest, bytes).expect("written");
    let (code, complaint) = service.failure(&["store", "verify"]);
    assert_eq!(code, Some(6), "{complaint}");
}

fn files(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("readable").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_bound_user_may_do_what_policies_permit() {
    let service = Service::start();
    service.json(&["admin", "account", "create", "acme"]);
    let user = service.json(&["admin", "user", "create", "ann", "--account", "acme", "--bound"]);
    let disk = service.file("disk", &noise(12, 1 << 20));
    let push = ["image", "push", disk.to_str().expect("UTF-8"), "--output", "json"];
    let refused = as_account(&service, &user, &push).output().expect("runs");
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");

    let document = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"ecs:*","Resource":"*"}]}"#;
    let file = service.file("policy.json", document.as_bytes());
    let file = file.to_str().expect("UTF-8");
    let policy = ["admin", "policy", "create", "images", "--account", "acme", "--document", file];
    assert_eq!(service.json(&policy)["document"], document);
    let attach = ["admin", "policy", "attach", "images", "--account", "acme", "--user", "ann"];
    assert_eq!(service.failure(&attach).0, Some(0));
    let attached = service.json(&["admin", "policy", "list", "--account", "acme", "--user", "ann"]);
    assert_eq!(attached[0]["name"], "images");
    let pushed = as_account(&service, &user, &push).output().expect("runs");
    assert_eq!(parsed(&pushed)["status"], "active");

    assert_eq!(service.failure(&["admin", "policy", "delete", "images", "--account", "acme"]).0, Some(1));
    let users = service.json(&["admin", "user", "list", "--account", "acme"]);
    assert_eq!(users[0]["name"], "ann");
    assert_eq!(service.failure(&["admin", "user", "delete", "ann", "--account", "acme"]).0, Some(0));
    assert_eq!(service.failure(&["admin", "policy", "delete", "images", "--account", "acme"]).0, Some(0));
    assert_eq!(as_account(&service, &user, &["image", "list"]).output().expect("runs").status.code(), Some(4));
}

#[test]
fn an_account_has_limits_of_its_own() {
    let service = Service::start();
    service.json(&["admin", "account", "create", "acme"]);
    let most = |quotas: &Value| {
        let quotas = quotas.as_array().expect("a list");
        let quota = quotas.iter().find(|quota| quota["name"] == "region_images").expect("it is there");
        (quota["most"].as_i64().expect("a number"), quota["own"].as_bool().expect("a truth"))
    };
    assert_eq!(most(&service.json(&["admin", "quota", "list", "acme"])), (100, false));
    assert_eq!(most(&service.json(&["admin", "quota", "set", "acme", "region_images", "-1"])), (-1, true));
    assert_eq!(most(&service.json(&["admin", "quota", "unset", "acme", "region_images"])), (100, false));
    assert_eq!(service.failure(&["admin", "quota", "set", "acme", "luck", "1"]).0, Some(1));
}
