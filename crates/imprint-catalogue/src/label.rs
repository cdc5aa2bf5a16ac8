//! What a thing can be found by, as a digest of its text: long texts make no long index entries.

/// Names a tag, the key of one, or whatever else a table finds its things by. Half of a 256-bit digest: nobody finds two
/// texts with the same one.
pub(crate) type Label = [u8; 16];

pub(crate) fn of_tag(tag: &str) -> Label {
    digest(&[b"tag", tag.as_bytes()])
}

pub(crate) fn of_tag_key(key: &str) -> Label {
    digest(&[b"tag key", key.as_bytes()])
}

/// Each part is preceded by its length, so that no two lists of parts run together.
pub(crate) fn digest(parts: &[&[u8]]) -> Label {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    let mut label = Label::default();
    label.copy_from_slice(&hasher.finalize().as_bytes()[..size_of::<Label>()]);
    label
}
