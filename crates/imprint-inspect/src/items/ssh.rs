//! Whether a machine can be reached by SSH, and by whom.

use crate::report::{Item, ItemName, Risk};
use crate::text::clean_word;

use super::{Problems, Scene, enabled_script, enabled_unit};

/// How many files a configuration may include.
const FILES_MAX: usize = 64;
/// How deep files may include one another.
const DEPTH_MAX: usize = 8;
/// How many ports a server listens on; OpenSSH itself takes no more.
const PORTS_MAX: usize = 256;

/// What the server's configuration says; the first word on a thing counts, but of ports every one.
#[derive(Debug, Default)]
pub(super) struct Config {
    ports: Vec<String>,
    permit_root: Option<String>,
    passwords: Option<String>,
    files: usize,
}

impl Config {
    /// Reads `/etc/ssh/sshd_config` with what it includes; without one, the distribution's own.
    pub(super) fn read(scene: &Scene<'_>) -> Config {
        let mut config = Config::default();
        let paths = ["/etc/ssh/sshd_config", "/usr/etc/ssh/sshd_config"];
        if let Some(path) = paths.iter().find(|path| scene.guest.is_file(path)) {
            config.take(scene, path, 0);
        }
        config
    }

    fn take(&mut self, scene: &Scene<'_>, path: &str, depth: usize) {
        self.files += 1;
        if self.files > FILES_MAX || depth > DEPTH_MAX {
            return;
        }
        let Some(text) = scene.guest.text(path) else { return };
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (key, value) = line.split_once([' ', '\t', '=']).unwrap_or((line, ""));
            let value = value.trim().trim_start_matches('=').trim().trim_matches('"');
            let target = match key.to_ascii_lowercase().as_str() {
                "port" => {
                    if self.ports.len() < PORTS_MAX {
                        self.ports.push(clean_word(value));
                    }
                    continue;
                }
                "permitrootlogin" => &mut self.permit_root,
                "passwordauthentication" => &mut self.passwords,
                "include" => {
                    for pattern in value.split_whitespace() {
                        self.include(scene, pattern, depth);
                    }
                    continue;
                }
                // What follows holds for some users or addresses only.
                "match" => break,
                _ => continue,
            };
            target.get_or_insert_with(|| value.to_ascii_lowercase());
        }
    }

    fn include(&mut self, scene: &Scene<'_>, pattern: &str, depth: usize) {
        if self.files > FILES_MAX {
            return;
        }
        let pattern = if pattern.starts_with('/') { pattern.to_owned() } else { format!("/etc/ssh/{pattern}") };
        let Some((directory, name)) = pattern.rsplit_once('/') else { return };
        let Some((start, end)) = name.split_once('*') else { return self.take(scene, &pattern, depth + 1) };
        for file in scene.guest.list(directory) {
            if file.starts_with(start) && file.ends_with(end) && file.len() >= start.len() + end.len() {
                self.take(scene, &format!("{directory}/{file}"), depth + 1);
            }
        }
    }

    /// Passwords are asked for unless somebody says no.
    pub(super) fn allows_passwords(&self) -> bool {
        self.passwords.as_deref() != Some("no")
    }

    /// Root may not use a password unless somebody says yes.
    pub(super) fn allows_root_passwords(&self) -> bool {
        self.allows_passwords() && self.permit_root.as_deref() == Some("yes")
    }

    fn words(&self) -> String {
        let passwords = if self.allows_passwords() { "passwords are allowed" } else { "only keys are allowed" };
        let root = self.permit_root.as_deref().unwrap_or("prohibit-password");
        format!("{passwords}; PermitRootLogin is {root}")
    }
}

pub(super) fn sshd(scene: &Scene<'_>) -> Option<Item> {
    let name = ItemName::Sshd;
    let package = scene.package(&["openssh-server", "openssh", "openssh-server-common", "dropbear", "dropbear-bin"]);
    let program = ["/usr/sbin/sshd", "/sbin/sshd", "/usr/sbin/dropbear", "/usr/bin/dropbear"]
        .iter()
        .find(|path| scene.guest.is_file(path));
    if package.is_none() && program.is_none() {
        return Some(Item::problem(
            name,
            "NotInstalled",
            Risk::High,
            "NotInstalled",
            "There is no SSH server: a machine cannot be reached.",
        ));
    }
    let installed =
        package.map_or_else(|| "sshd".to_owned(), |package| format!("{} {}", package.name, package.version));
    let config = Config::read(scene);
    let words = config.words();
    let mut problems = Problems::default();
    let units = ["ssh.service", "sshd.service", "ssh.socket", "sshd.socket", "dropbear.service", "ssh@.service"];
    let enabled =
        enabled_unit(scene.guest, &units).or_else(|| enabled_script(scene.guest, &["sshd", "ssh", "dropbear"]));
    if enabled.is_none() {
        problems.add(Risk::High, "Disabled", format!("{installed} is installed, but nothing starts it ({words})."));
    }
    if !config.ports.is_empty() && config.ports.iter().all(|port| port != "22") {
        let ports = config.ports.join(", ");
        problems.add(Risk::Medium, "Port", format!("The SSH server listens on port {ports}, not on 22."));
    }
    if config.allows_root_passwords() && root_has_password(scene) == Some(Password::Set) {
        problems.add(Risk::Medium, "PasswordLogin", "Root has a password and may log in with it.");
    }
    let fine = ("Enabled", format!("{installed}, started by {}; {words}.", enabled.as_deref().unwrap_or_default()));
    Some(problems.item(name, fine, if enabled.is_some() { "Enabled" } else { "Disabled" }))
}

/// Root's password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Password {
    Locked,
    Set,
    Empty,
}

pub(super) fn root_password(scene: &Scene<'_>) -> Option<Item> {
    let name = ItemName::RootPassword;
    Some(match root_has_password(scene) {
        None => Item::fine(name, "Unknown", "Neither /etc/shadow nor /etc/passwd has a line for root."),
        Some(Password::Locked) => Item::fine(name, "Locked", "Root has no password to log in with."),
        Some(Password::Empty) => {
            let detail = "Root logs in without any password.";
            Item::problem(name, "Empty", Risk::High, "Empty", detail)
        }
        Some(Password::Set) if Config::read(scene).allows_root_passwords() => {
            let detail = "Root has a password, the same on every machine made from this image, and the SSH server accepts it (PasswordAuthentication, PermitRootLogin yes).";
            Item::problem(name, "Set", Risk::Medium, "PasswordLogin", detail)
        }
        Some(Password::Set) => {
            let detail = "Root has a password, the same on every machine made from this image. The SSH server does not accept it.";
            Item::problem(name, "Set", Risk::Low, "Set", detail)
        }
    })
}

fn root_has_password(scene: &Scene<'_>) -> Option<Password> {
    let field = |path: &str| {
        let text = scene.guest.text(path)?;
        let line = text.lines().find_map(|line| line.strip_prefix("root:").map(str::to_owned))?;
        Some(line.split(':').next().unwrap_or_default().to_owned())
    };
    // `x` in the older file means that the other one knows.
    let of_passwd = field("/etc/passwd").filter(|field| field != "x");
    match field("/etc/shadow").or(of_passwd)?.as_str() {
        "" => Some(Password::Empty),
        field if field.starts_with(['!', '*']) || field == "x" => Some(Password::Locked),
        _ => Some(Password::Set),
    }
}
