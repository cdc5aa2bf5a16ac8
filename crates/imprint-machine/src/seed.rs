//! What a first boot is told: a small disk labelled `cidata` with the files of cloud-init's NoCloud source. It is an
//! ISO 9660 image (ECMA-119) with Rock Ridge names (IEEE P1282), whole in memory: what is told is small.

use serde_json::Value;

use crate::hypervisor::Error;

/// The most that a first boot is told, bytes.
const USER_DATA_BYTES_MAX: usize = 1 << 20;
const SECTOR: usize = 2048;
/// Where things stand, in sectors.
const VOLUME_AT: u32 = 16;
const END_AT: u32 = 17;
const PATHS_LITTLE_AT: u32 = 18;
const PATHS_BIG_AT: u32 = 19;
const ROOT_AT: u32 = 20;
const FILES_AT: u32 = 21;
/// Length of a path table that holds only the root.
const PATHS_BYTES: u32 = 10;
/// File modes as POSIX has them.
const DIRECTORY_MODE: u32 = 0o040_555;
const FILE_MODE: u32 = 0o100_444;
/// Directory records say 1970: nothing here has a date.
const NO_DATE: [u8; 7] = [70, 1, 1, 0, 0, 0, 0];

/// The disk's bytes.
pub(crate) fn disk(instance: &str, host_name: &str, user_data: &[u8]) -> Result<Vec<u8>, Error> {
    if user_data.len() > USER_DATA_BYTES_MAX {
        return Err(Error::Refused(format!("user data is longer than {USER_DATA_BYTES_MAX} bytes")));
    }
    // JSON texts are YAML texts
    let [instance, host_name] = [instance, host_name].map(|text| Value::from(text).to_string());
    let meta_data = format!("instance-id: {instance}\nlocal-hostname: {host_name}\n");
    let files = [("META_DAT.;1", "meta-data", meta_data.as_bytes()), ("USER_DAT.;1", "user-data", user_data)];

    let mut root = root_entries();
    let mut contents = Vec::new();
    for (short, long, bytes) in files {
        let at = FILES_AT + sectors(contents.len());
        let system = [posix(FILE_MODE), name(long)].concat();
        root.extend(record(short.as_bytes(), at, length(bytes), 0, &system));
        contents.extend_from_slice(bytes);
        contents.resize(contents.len().next_multiple_of(SECTOR), 0);
    }
    let total = FILES_AT + sectors(contents.len());
    let mut image = vec![0; SECTOR * FILES_AT as usize];
    put(&mut image, VOLUME_AT, &volume(total));
    put(&mut image, END_AT, b"\xffCD001\x01");
    put(&mut image, PATHS_LITTLE_AT, &path_table(ROOT_AT.to_le_bytes(), 1u16.to_le_bytes()));
    put(&mut image, PATHS_BIG_AT, &path_table(ROOT_AT.to_be_bytes(), 1u16.to_be_bytes()));
    put(&mut image, ROOT_AT, &root);
    image.extend(contents);
    Ok(image)
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("what is told is bounded")
}

fn sectors(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(SECTOR)).expect("what is told is bounded")
}

fn put(image: &mut [u8], sector: u32, bytes: &[u8]) {
    let at = sector as usize * SECTOR;
    image[at..at + bytes.len()].copy_from_slice(bytes);
}

/// The primary volume descriptor (ECMA-119 §8.4).
fn volume(sectors: u32) -> Vec<u8> {
    let mut bytes = b"\x01CD001\x01\0".to_vec();
    bytes.extend([b' '; 32]);
    bytes.extend(format!("{:<32}", "cidata").into_bytes());
    bytes.extend([0; 8]);
    bytes.extend(both32(sectors));
    bytes.extend([0; 32]);
    bytes.extend([both16(1), both16(1), both16(2048)].concat());
    bytes.extend(both32(PATHS_BYTES));
    bytes.extend([PATHS_LITTLE_AT.to_le_bytes(), [0; 4], PATHS_BIG_AT.to_be_bytes(), [0; 4]].concat());
    bytes.extend(record(&[0], ROOT_AT, 2048, 2, &[]));
    // volume set, publisher, preparer, application; copyright, abstract, bibliographic file
    bytes.extend([b' '; 4 * 128 + 3 * 37]);
    for _ in 0..4 {
        bytes.extend(b"0000000000000000\0");
    }
    bytes.extend([1, 0]);
    bytes
}

fn path_table(at: [u8; 4], parent: [u8; 2]) -> Vec<u8> {
    [&[1, 0][..], &at, &parent, &[0, 0]].concat()
}

/// The root's entries for itself and for what is above it; the first says that Rock Ridge is spoken.
fn root_entries() -> Vec<u8> {
    let spoken = [b"SP\x07\x01\xbe\xef\x00".to_vec(), b"ER\x12\x01\x0a\0\0\x01RRIP_1991A".to_vec()].concat();
    let itself = [spoken, posix(DIRECTORY_MODE)].concat();
    [record(&[0], ROOT_AT, 2048, 2, &itself), record(&[1], ROOT_AT, 2048, 2, &posix(DIRECTORY_MODE))].concat()
}

/// A directory record (ECMA-119 §9.1) with its system use area.
fn record(name: &[u8], at: u32, len: u32, flags: u8, system: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0];
    bytes.extend([both32(at), both32(len)].concat());
    bytes.extend(NO_DATE);
    bytes.extend([flags, 0, 0]);
    bytes.extend(both16(1));
    bytes.push(u8::try_from(name.len()).expect("names here are short"));
    bytes.extend(name);
    pad(&mut bytes);
    bytes.extend(system);
    pad(&mut bytes);
    bytes[0] = u8::try_from(bytes.len()).expect("names here are short");
    bytes
}

fn pad(bytes: &mut Vec<u8>) {
    if bytes.len() % 2 == 1 {
        bytes.push(0);
    }
}

/// Rock Ridge: mode, links, owner, group.
fn posix(mode: u32) -> Vec<u8> {
    [b"PX\x24\x01".to_vec(), both32(mode), both32(1), both32(0), both32(0)].concat()
}

/// Rock Ridge: the name as it is.
fn name(name: &str) -> Vec<u8> {
    let len = u8::try_from(5 + name.len()).expect("names here are short");
    [&[b'N', b'M', len, 1, 0], name.as_bytes()].concat()
}

fn both32(value: u32) -> Vec<u8> {
    [value.to_le_bytes(), value.to_be_bytes()].concat()
}

fn both16(value: u16) -> Vec<u8> {
    [value.to_le_bytes(), value.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of a file, found as a reader would: descriptor, root, Rock Ridge name.
    fn read(image: &[u8], wanted: &str) -> Option<Vec<u8>> {
        let word = |at: usize| u32::from_le_bytes(image[at..at + 4].try_into().expect("four bytes")) as usize;
        let volume = 16 * SECTOR;
        assert_eq!(&image[volume..volume + 7], b"\x01CD001\x01");
        assert_eq!(word(volume + 80) * SECTOR, image.len());
        let mut at = word(volume + 156 + 2) * SECTOR;
        while image[at] != 0 {
            let record = &image[at..at + usize::from(image[at])];
            let named =
                [b"NM", &[u8::try_from(5 + wanted.len()).expect("short"), 1, 0][..], wanted.as_bytes()].concat();
            if record.windows(named.len()).any(|window| window == named) {
                let from = word(at + 2) * SECTOR;
                return Some(image[from..from + word(at + 10)].to_vec());
            }
            at += record.len();
        }
        None
    }

    #[test]
    fn a_reader_finds_what_a_first_boot_is_told() {
        let user_data = [&b"#cloud-config\n"[..], &[0xff; 5000]].concat();
        let image = disk("i-1", "a \"host\"", &user_data).expect("made");
        assert_eq!(&image[16 * SECTOR + 40..][..7], b"cidata ");
        assert_eq!(&image[16 * SECTOR + 881..][..1], [1]);
        assert_eq!(read(&image, "user-data").expect("there"), user_data);
        let told = String::from_utf8(read(&image, "meta-data").expect("there")).expect("text");
        assert_eq!(told, "instance-id: \"i-1\"\nlocal-hostname: \"a \\\"host\\\"\"\n");
        assert_eq!(read(&image, "vendor-data"), None);
        assert!(disk("i-1", "h", &vec![0; USER_DATA_BYTES_MAX + 1]).is_err());
        assert_eq!(read(&disk("i-1", "h", b"").expect("made"), "user-data").expect("there"), b"");
    }
}
