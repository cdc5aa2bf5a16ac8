//! What was left behind: secrets, identities, traces of the machine that the image was made from.
//!
//! What lives here: where to look, and how bad it is. What never does: the secrets themselves; a finding is a path.

use crate::guest::Guest;
use crate::report::{Finding, Risk};

/// How many homes are looked into.
const HOMES_MAX: usize = 256;
/// How many names of one directory are looked at.
const NAMES_MAX: usize = 256;
/// How many findings there may be.
const FINDINGS_MAX: usize = 500;
/// How much of a file is looked at to see what it is.
const START_BYTES: usize = 4 << 10;

/// Files of a home directory that matter when they are not empty.
const IN_HOMES: &[(&str, &str, Risk)] = &[
    (".bash_history", "shell-history", Risk::Low),
    (".zsh_history", "shell-history", Risk::Low),
    (".ash_history", "shell-history", Risk::Low),
    (".sh_history", "shell-history", Risk::Low),
    (".local/share/fish/fish_history", "shell-history", Risk::Low),
    (".mysql_history", "shell-history", Risk::Low),
    (".psql_history", "shell-history", Risk::Low),
    (".python_history", "shell-history", Risk::Low),
    (".viminfo", "shell-history", Risk::Low),
    (".ssh/authorized_keys", "authorized-keys", Risk::Medium),
    (".ssh/authorized_keys2", "authorized-keys", Risk::Medium),
    (".aws/credentials", "cloud-credentials", Risk::High),
    (".aliyun/config.json", "cloud-credentials", Risk::High),
    (".hcloud/config.json", "cloud-credentials", Risk::High),
    (".config/openstack/clouds.yaml", "cloud-credentials", Risk::High),
    (".config/openstack/secure.yaml", "cloud-credentials", Risk::High),
    (".config/gcloud/credentials.db", "cloud-credentials", Risk::High),
    (".config/gcloud/application_default_credentials.json", "cloud-credentials", Risk::High),
    (".azure/accessTokens.json", "cloud-credentials", Risk::High),
    (".azure/msal_token_cache.json", "cloud-credentials", Risk::High),
    (".kube/config", "cloud-credentials", Risk::High),
    (".docker/config.json", "stored-password", Risk::Medium),
    (".netrc", "stored-password", Risk::High),
    (".git-credentials", "stored-password", Risk::High),
    (".pgpass", "stored-password", Risk::High),
    (".my.cnf", "stored-password", Risk::Medium),
    (".npmrc", "stored-password", Risk::Medium),
    (".pypirc", "stored-password", Risk::Medium),
    (".vault-token", "stored-password", Risk::High),
    (".smbcredentials", "stored-password", Risk::Medium),
];

/// Files of the system that matter when they are not empty.
const IN_SYSTEM: &[(&str, &str, Risk)] = &[
    ("/var/lib/dbus/machine-id", "machine-id", Risk::Low),
    ("/var/lib/systemd/random-seed", "random-seed", Risk::Low),
    ("/var/lib/systemd/credential.secret", "stored-password", Risk::Medium),
    ("/etc/krb5.keytab", "private-key", Risk::High),
    ("/root/anaconda-ks.cfg", "installer-answers", Risk::Low),
    ("/root/original-ks.cfg", "installer-answers", Risk::Low),
    ("/var/log/installer/cdebconf/passwords.dat", "installer-answers", Risk::Medium),
    ("/var/cache/debconf/passwords.dat", "installer-answers", Risk::Low),
    ("/etc/rhsm/rhsm.conf.secret", "stored-password", Risk::Medium),
    ("/etc/openstack/clouds.yaml", "cloud-credentials", Risk::High),
    ("/etc/kubernetes/admin.conf", "cloud-credentials", Risk::High),
    ("/etc/rancher/k3s/k3s.yaml", "cloud-credentials", Risk::High),
    ("/etc/hostid", "machine-id", Risk::Low),
];

/// Directories, the ends of names in them, and what those are.
const IN_DIRECTORIES: &[(&str, &str, &str, Risk)] = &[
    ("/var/lib/dhcp", ".leases", "dhcp-lease", Risk::Low),
    ("/var/lib/dhclient", ".leases", "dhcp-lease", Risk::Low),
    ("/var/lib/dhclient", ".lease", "dhcp-lease", Risk::Low),
    ("/var/lib/wicked", ".xml", "dhcp-lease", Risk::Low),
    ("/var/lib/NetworkManager", ".lease", "dhcp-lease", Risk::Low),
    ("/var/lib/dhcpcd", ".lease", "dhcp-lease", Risk::Low),
    ("/etc/pki/consumer", ".pem", "private-key", Risk::Medium),
    ("/etc/pki/entitlement", "-key.pem", "private-key", Risk::Medium),
    ("/etc/wireguard", ".conf", "private-key", Risk::High),
    ("/etc/openvpn", ".key", "private-key", Risk::High),
    ("/etc/letsencrypt/keys", ".pem", "private-key", Risk::High),
];

/// Everything that was left behind. Ends early when nothing more can be learned.
pub(crate) fn find(guest: &Guest) -> Vec<Finding> {
    let mut search = Search { guest, findings: Vec::new() };
    search.identities();
    search.network();
    search.keys();
    for &(path, kind, risk) in IN_SYSTEM {
        search.file(path, kind, risk);
    }
    for &(directory, end, kind, risk) in IN_DIRECTORIES {
        for path in search.names(directory).filter(|path| path.ends_with(end)).collect::<Vec<_>>() {
            search.file(&path, kind, risk);
        }
    }
    for home in search.homes() {
        search.home(&home);
    }
    search.findings.sort_by(|a, b| (b.risk, &a.kind, &a.path).cmp(&(a.risk, &b.kind, &b.path)));
    search.findings.dedup();
    search.findings
}

/// A search under way.
struct Search<'g> {
    guest: &'g Guest,
    findings: Vec<Finding>,
}

impl Search<'_> {
    fn add(&mut self, kind: &str, path: &str, risk: Risk) {
        if self.findings.len() < FINDINGS_MAX && self.guest.ended().is_none() {
            self.findings.push(Finding { kind: kind.to_owned(), path: path.to_owned(), risk });
        }
    }

    fn file(&mut self, path: &str, kind: &str, risk: Risk) {
        if self.guest.has_content(path) {
            self.add(kind, path, risk);
        }
    }

    /// The paths in a directory.
    fn names(&self, directory: &str) -> impl Iterator<Item = String> + use<> {
        let directory = directory.to_owned();
        let names = self.guest.list(&directory).into_iter().take(NAMES_MAX);
        names.map(move |name| format!("{directory}/{name}"))
    }

    fn identities(&mut self) {
        let id = self.guest.text("/etc/machine-id").unwrap_or_default();
        if !id.trim().is_empty() && id.trim() != "uninitialized" {
            self.add("machine-id", "/etc/machine-id", Risk::Low);
        }
        if self.guest.tree().resolve_link("/var/lib/cloud/instance").is_ok_and(|place| place.is_some()) {
            self.add("cloud-init-instance", "/var/lib/cloud/instance", Risk::Low);
        } else if self.guest.list("/var/lib/cloud/instances").iter().any(|name| !name.starts_with('.')) {
            self.add("cloud-init-instance", "/var/lib/cloud/instances", Risk::Low);
        }
        for path in self
            .names("/etc/ssh")
            .filter(|path| path.contains("/ssh_host_") && path.ends_with("_key"))
            .collect::<Vec<_>>()
        {
            self.file(&path, "ssh-host-key", Risk::Low);
        }
        for name in ["rsa", "ecdsa", "ed25519", "dss"] {
            self.file(&format!("/etc/dropbear/dropbear_{name}_host_key"), "ssh-host-key", Risk::Low);
        }
        self.file("/etc/iscsi/initiatorname.iscsi", "machine-id", Risk::Low);
    }

    fn network(&mut self) {
        let rules = "/etc/udev/rules.d/70-persistent-net.rules";
        let text = self.guest.text(rules).unwrap_or_default();
        if text.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
            self.add("persistent-net-rules", rules, Risk::High);
        }
        for path in
            self.names("/etc/sysconfig/network-scripts").filter(|path| path.contains("/ifcfg-")).collect::<Vec<_>>()
        {
            let text = self.guest.text(&path).unwrap_or_default();
            let says =
                |name| text.lines().any(|line| line.trim().strip_prefix(name).is_some_and(|value| !value.is_empty()));
            if says("HWADDR=") {
                self.add("fixed-hardware-address", &path, Risk::High);
            }
            if says("UUID=") {
                self.add("connection-id", &path, Risk::Low);
            }
        }
        for path in self.names("/etc/NetworkManager/system-connections").collect::<Vec<_>>() {
            let text = self.guest.text(&path).unwrap_or_default();
            if text.lines().any(|line| line.starts_with("psk=") || line.starts_with("password=")) {
                self.add("stored-password", &path, Risk::Medium);
            }
        }
    }

    fn keys(&mut self) {
        for directory in ["/etc/ssl/private", "/etc/pki/tls/private"] {
            for path in self
                .names(directory)
                .filter(|path| path.ends_with(".key") || path.ends_with(".pem"))
                .collect::<Vec<_>>()
            {
                // Every installation makes itself this one; it is worth no more than its name says.
                let risk = if path.contains("snakeoil") { Risk::Low } else { Risk::Medium };
                self.file(&path, "private-key", risk);
            }
        }
    }

    /// Home directories: of the accounts, and what else lies where they do.
    fn homes(&self) -> Vec<String> {
        let mut homes = vec!["/root".to_owned()];
        homes.extend(self.names("/home"));
        let accounts = self.guest.text("/etc/passwd").unwrap_or_default();
        for line in accounts.lines().take(HOMES_MAX) {
            let home = line.split(':').nth(5).unwrap_or_default().trim_end_matches('/');
            // Accounts of services have homes such as /, /bin, /nonexistent.
            if home.matches('/').count() >= 2 {
                homes.push(home.to_owned());
            }
        }
        homes.sort_unstable();
        homes.dedup();
        homes.truncate(HOMES_MAX);
        homes.retain(|home| self.guest.is_dir(home));
        homes
    }

    fn home(&mut self, home: &str) {
        for &(name, kind, risk) in IN_HOMES {
            self.file(&format!("{home}/{name}"), kind, risk);
        }
        for path in self.names(&format!("{home}/.ssh")).collect::<Vec<_>>() {
            let start = self.guest.start(&path, START_BYTES).unwrap_or_default();
            let text = String::from_utf8_lossy(&start);
            if text.contains("-----BEGIN") && text.contains("PRIVATE KEY-----") {
                self.add("private-key", &path, Risk::High);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made::guest;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        find(&guest(files)).into_iter().map(|finding| format!("{} {}", finding.kind, finding.path)).collect()
    }

    #[test]
    fn a_clean_image_has_no_findings() {
        let clean = [
            ("/etc/machine-id", "uninitialized\n"),
            ("/root/.bash_history", ""),
            ("/root/.ssh/config", "Host *\n"),
            ("/etc/ssh/sshd_config", "Port 22\n"),
            ("/etc/udev/rules.d/70-persistent-net.rules", "# empty\n"),
            ("/var/lib/cloud/instances/", ""),
        ];
        assert_eq!(found(&clean), [""; 0]);
    }

    #[test]
    fn what_was_left_behind_is_named_and_never_shown() {
        let left = [
            ("/etc/machine-id", "4f1d2c3b4a5968778695a4b3c2d1e0f9\n"),
            ("/var/lib/cloud/instance", "-> instances/i-1"),
            ("/etc/ssh/ssh_host_rsa_key", "secret"),
            ("/etc/ssh/ssh_host_rsa_key.pub", "public"),
            ("/etc/passwd", "root:x:0:0::/root:/bin/sh\napp:x:9:9::/srv/app:/bin/sh\n"),
            ("/srv/app/.netrc", "password secret"),
            ("/home/a/.ssh/authorized_keys", "ssh-rsa secret"),
            ("/home/a/.ssh/work", "-----BEGIN OPENSSH PRIVATE KEY-----\nsecret"),
            ("/root/.bash_history", "secret"),
            (
                "/etc/udev/rules.d/70-persistent-net.rules",
                "SUBSYSTEM==\"net\", ATTR{address}==\"00:16\", NAME=\"eth0\"\n",
            ),
            ("/etc/sysconfig/network-scripts/ifcfg-eth0", "DEVICE=eth0\nHWADDR=00:16:3e:00:00:01\nUUID=5fb06bd0\n"),
            ("/etc/sysconfig/network-scripts/ifcfg-eth1", "DEVICE=eth1\nHWADDR=\n  UUID=\n"),
            ("/var/lib/dhcp/dhclient.eth0.leases", "lease {}"),
            ("/var/lib/dhclient/dhclient-eth0.lease", "lease {}"),
            ("/var/lib/wicked/lease-eth0-dhcp-ipv4.xml", "<lease/>"),
        ];
        let expected = [
            "fixed-hardware-address /etc/sysconfig/network-scripts/ifcfg-eth0",
            "persistent-net-rules /etc/udev/rules.d/70-persistent-net.rules",
            "private-key /home/a/.ssh/work",
            "stored-password /srv/app/.netrc",
            "authorized-keys /home/a/.ssh/authorized_keys",
            "cloud-init-instance /var/lib/cloud/instance",
            "connection-id /etc/sysconfig/network-scripts/ifcfg-eth0",
            "dhcp-lease /var/lib/dhclient/dhclient-eth0.lease",
            "dhcp-lease /var/lib/dhcp/dhclient.eth0.leases",
            "dhcp-lease /var/lib/wicked/lease-eth0-dhcp-ipv4.xml",
            "machine-id /etc/machine-id",
            "shell-history /root/.bash_history",
            "ssh-host-key /etc/ssh/ssh_host_rsa_key",
        ];
        assert_eq!(found(&left), expected);
    }
}
