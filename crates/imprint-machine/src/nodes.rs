//! The block nodes of one disk, as QEMU is told of them. From the guest down: a plain node whose child can be swapped
//! while the guest runs, the overlay, its file, and the base at this node's NBD server.

use std::path::Path;

use serde_json::{Value, json};

use crate::hypervisor::{Base, OverlaySpec};

/// A guest that reads what is not in its overlay waits this long for Imprint to come back before it sees an error.
const RECONNECT_SECS: u32 = 86_400;
/// How long a machine that starts waits for the NBD server.
const OPEN_SECS: u32 = 10;

/// The names of one disk's nodes. They follow from the overlay's name, so that a machine that was started by an earlier
/// process is known without any record; QEMU takes 31 letters at most, so they are made of a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    digest: String,
}

impl Names {
    pub(crate) fn of(overlay: &str) -> Self {
        Self { digest: format!("{:016x}", fnv1a(overlay.as_bytes())) }
    }

    /// Of the disk that a filter belongs to.
    pub(crate) fn of_filter(node: &str) -> Option<Self> {
        node.strip_prefix("cbw-").map(|digest| Self { digest: digest.to_owned() })
    }

    /// Of the disk that an overlay's node belongs to.
    pub(crate) fn of_overlay(node: &str) -> Option<Self> {
        node.strip_prefix("disk-").map(|digest| Self { digest: digest.to_owned() })
    }

    /// What the guest's device stands on.
    pub(crate) fn top(&self) -> String {
        format!("top-{}", self.digest)
    }

    /// The overlay.
    pub(crate) fn overlay(&self) -> String {
        format!("disk-{}", self.digest)
    }

    pub(crate) fn file(&self) -> String {
        format!("file-{}", self.digest)
    }

    pub(crate) fn base(&self) -> String {
        format!("base-{}", self.digest)
    }

    /// Copies what is about to be overwritten, while the disk is captured.
    pub(crate) fn filter(&self) -> String {
        format!("cbw-{}", self.digest)
    }

    /// Where it copies to.
    pub(crate) fn scratch(&self) -> String {
        format!("scratch-{}", self.digest)
    }

    /// The disk as it was when the filter came.
    pub(crate) fn snapshot(&self) -> String {
        format!("then-{}", self.digest)
    }

    /// The guest's device.
    pub(crate) fn device(&self) -> String {
        format!("dev-{}", self.digest)
    }

    /// Every node of the disk while it is not captured, in the order in which they can be removed.
    pub(crate) fn all(&self) -> [String; 4] {
        [self.top(), self.overlay(), self.file(), self.base()]
    }
}

/// FNV-1a, 64 bits: stable for ever, which the standard library's hashers do not promise.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The nodes of an overlay from the bottom up, the overlay last.
pub(crate) fn chain(overlay: &OverlaySpec, file: &Path, nbd_socket: &Path) -> Vec<Value> {
    let names = Names::of(&overlay.name);
    let mut nodes = Vec::new();
    let mut backing = Value::Null;
    if let Some(base) = &overlay.base {
        nodes.push(base_node(&names, base, nbd_socket));
        backing = names.base().into();
    }
    nodes.push(json!({ "driver": "file", "node-name": names.file(), "filename": file, "discard": "unmap" }));
    let (name, file) = (names.overlay(), names.file());
    nodes.push(json!({
        "driver": "qcow2", "node-name": name, "file": file, "backing": backing, "discard": "unmap",
    }));
    nodes
}

/// The node that a guest's device stands on, over the overlay or over a filter above it.
pub(crate) fn top(names: &Names, over: &str) -> Value {
    json!({ "driver": "raw", "node-name": names.top(), "file": over, "read-only": false })
}

fn base_node(names: &Names, base: &Base, nbd_socket: &Path) -> Value {
    json!({
        "driver": "nbd", "node-name": names.base(), "read-only": true, "export": base.export,
        "server": { "type": "unix", "path": nbd_socket },
        "reconnect-delay": RECONNECT_SECS, "open-timeout": OPEN_SECS,
    })
}

/// The base as an overlay's header names it, for tools that are given nothing but the file.
pub(crate) fn base_uri(base: &Base, nbd_socket: &Path) -> String {
    let escaped = |text: &str| -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./~".contains(&byte);
        text.bytes()
            .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
            .collect()
    };
    format!("nbd+unix:///{}?socket={}", escaped(&base.export), escaped(&nbd_socket.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_stay_the_same() {
        let names = Names::of("4f1c8a52-0000-4000-8000-000000000001-3");
        assert_eq!(names.overlay(), "disk-3b9e9eb1f0b18a78");
        assert_eq!(Names::of_filter(&names.filter()), Some(names.clone()));
        assert_eq!(Names::of_filter("disk-1"), None);
        let longest = [names.scratch(), names.snapshot(), names.device()].map(|name| name.len());
        assert!(longest.iter().all(|&len| len <= 31), "{longest:?}");
    }

    #[test]
    fn a_base_is_named_so_that_tools_find_it() {
        let base = Base { export: "content/ab/qcow2 ?".to_owned(), size_bytes: 1 };
        let uri = base_uri(&base, Path::new("/d/a b.sock"));
        assert_eq!(uri, "nbd+unix:///content/ab/qcow2%20%3F?socket=/d/a%20b.sock");
    }
}
