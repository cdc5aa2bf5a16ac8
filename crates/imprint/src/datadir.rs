//! What is kept in the data directory besides data: keys, each in a file that its owner alone can read.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use rand::Rng;

/// The file with the key that encrypts secrets in the database.
const MASTER_KEY_FILE: &str = "master.key";
/// The file with the name of this node.
const NODE_ID_FILE: &str = "node-id";
/// The file with the keys of the first account: access key, line feed, secret key.
const ROOT_KEYS_FILE: &str = "root.keys";

/// The data directory.
#[derive(Debug, Clone)]
pub(crate) struct DataDir(PathBuf);

/// An access key with its secret.
#[derive(Clone)]
pub(crate) struct KeyPair {
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
}

impl DataDir {
    /// Names the directory without touching it.
    pub(crate) fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Makes the directory, closed to others, when it is not there.
    pub(crate) fn create(&self) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0).map_err(|error| at(&self.0, &error))
    }

    /// The key that encrypts secrets in the database: 32 bytes, made when there is none yet.
    pub(crate) fn master_key(&self) -> io::Result<[u8; 32]> {
        let path = self.0.join(MASTER_KEY_FILE);
        let text = read_or_make(&path, || HEXLOWER.encode(&random::<32>()))?;
        parse_master_key(&text).ok_or_else(|| io::Error::other(format!("{} is damaged", path.display())))
    }

    /// The name of the node that this directory belongs to: 16 hexadecimal digits, made when there is none yet.
    pub(crate) fn node_id(&self) -> io::Result<String> {
        let path = self.0.join(NODE_ID_FILE);
        let text = read_or_make(&path, || HEXLOWER.encode(&random::<8>()))?;
        let name = text.trim();
        let is_name = name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_name.then(|| name.to_owned()).ok_or_else(|| io::Error::other(format!("{} is damaged", path.display())))
    }

    /// The keys of the first account, when they were made here.
    pub(crate) fn root_keys(&self) -> io::Result<Option<KeyPair>> {
        match fs::read_to_string(self.0.join(ROOT_KEYS_FILE)) {
            Ok(text) => Ok(parse_root_keys(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at(&self.0.join(ROOT_KEYS_FILE), &error)),
        }
    }

    /// The keys of the first account, made when there are none yet; the flag says whether they were made now.
    pub(crate) fn root_keys_or_make(&self) -> io::Result<(KeyPair, bool)> {
        if let Some(keys) = self.root_keys()? {
            return Ok((keys, false));
        }
        let made =
            format!("IMP{}\n{}\n", HEXLOWER.encode(&random::<8>()).to_uppercase(), HEXLOWER.encode(&random::<20>()));
        let path = self.0.join(ROOT_KEYS_FILE);
        let text = read_or_make(&path, || made.clone())?;
        let keys = parse_root_keys(&text).ok_or_else(|| io::Error::other(format!("{} is damaged", path.display())))?;
        Ok((keys, text == made))
    }

    /// Takes back keys that were made here and came to be nobody's.
    pub(crate) fn remove_root_keys(&self) -> io::Result<()> {
        let path = self.0.join(ROOT_KEYS_FILE);
        fs::remove_file(&path).map_err(|error| at(&path, &error))
    }
}

/// Reads 64 hexadecimal digits, large or small.
pub(crate) fn parse_master_key(text: &str) -> Option<[u8; 32]> {
    HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok()?.try_into().ok()
}

fn parse_root_keys(text: &str) -> Option<KeyPair> {
    let (access_key, secret_key) = text.trim_end().split_once('\n')?;
    Some(KeyPair { access_key: access_key.to_owned(), secret_key: secret_key.to_owned() })
}

/// Reads the file, or makes it whole and durable before it can be seen: a start killed half-way leaves none.
fn read_or_make(path: &Path, make: impl FnOnce() -> String) -> io::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other.map_err(|error| at(path, &error)),
    }
    let unfinished = path.with_extension(format!("tmp-{}", HEXLOWER.encode(&random::<6>())));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(make().as_bytes())?;
    file.sync_all()?;
    // a link, not a rename: of two starts at once the first one's file stays
    let linked = fs::hard_link(&unfinished, path);
    fs::remove_file(&unfinished)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(at(path, &error)),
        _ => {}
    }
    if let Some(parent) = path.parent() {
        fs::File::open(parent)?.sync_all()?;
    }
    fs::read_to_string(path).map_err(|error| at(path, &error))
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_master_key_is_read_in_either_case() {
        assert_eq!(parse_master_key(&"aB".repeat(32)), Some([0xab; 32]));
        assert_eq!(parse_master_key(&"ab".repeat(31)), None);
    }

    #[test]
    fn keys_are_made_once_and_closed_to_others() {
        let temp = tempfile::tempdir().expect("a directory");
        let dir = DataDir::at(temp.path().join("data"));
        dir.create().expect("made");
        let (first, made) = dir.root_keys_or_make().expect("keys");
        assert!(made);
        let (again, made) = dir.root_keys_or_make().expect("keys");
        assert!(!made);
        assert_eq!(first.secret_key, again.secret_key);
        assert_eq!(dir.master_key().expect("a key"), dir.master_key().expect("a key"));
        assert_eq!(dir.node_id().expect("a name"), dir.node_id().expect("a name"));
        for file in [MASTER_KEY_FILE, ROOT_KEYS_FILE] {
            let mode = fs::metadata(temp.path().join("data").join(file)).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    }
}
