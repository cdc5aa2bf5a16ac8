//! The VMDK descriptor: lines of text which could name other files. Each line must be of a known kind, and the one
//! extent must be the file itself; anything not understood is refused rather than skipped. Also the one that is written.

use crate::Refusal;
use crate::formats::Findings;

const TYPES_ALLOWED: [&str; 2] = ["monolithicsparse", "streamoptimized"];
const CREATE_TYPE_CHARS_MAX: usize = 64;
const NO_PARENT: &str = "ffffffff";
const CONTENT_ID: &str = "696d7072";
/// The geometry that goes with the adapter.
const HEADS: u64 = 255;
const TRACK_SECTORS: u64 = 63;
const CYLINDERS_MAX: u64 = 65_535;
/// How much of a file's start must be plain text for it to be taken as a descriptor.
const TEXT_PROBE_BYTES: usize = 512;
const TITLE: &[u8] = b"# disk descriptorfile";

/// Whether the file itself is a descriptor: by its title, by its first statement being a version, or by being text
/// that names a type. Readers differ in which they go by, so each counts.
pub(super) fn recognise(head: &[u8]) -> bool {
    let text = text_of(head);
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let probe = &text[..text.len().min(TEXT_PROBE_BYTES)];
    let titled = probe.get(..TITLE.len()).is_some_and(|start| start.eq_ignore_ascii_case(TITLE));
    titled || starts_with_version(probe) || (is_plain_text(probe) && contains_create_type(text))
}

fn starts_with_version(probe: &[u8]) -> bool {
    let mut lines = probe.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"#"));
    matches!(first.map(<[u8]>::to_ascii_lowercase).as_deref(), Some(b"version=1" | b"version=2" | b"version=3"))
}

fn is_plain_text(probe: &[u8]) -> bool {
    !probe.is_empty() && probe.iter().all(|&byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace() || byte == 0x0b)
}

fn contains_create_type(text: &[u8]) -> bool {
    let wanted = b"createtype=";
    text.windows(wanted.len()).any(|window| window.eq_ignore_ascii_case(wanted))
}

/// The text up to the zero padding.
fn text_of(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// Checks every line and that together they describe a single sparse extent without a parent.
pub(super) fn check(bytes: &[u8], findings: &mut Findings) {
    let text = text_of(bytes);
    if !text.is_ascii() {
        findings.refuse(Refusal::VmdkDescriptor { why: "it must be plain ASCII text" });
        return;
    }
    let lower = String::from_utf8_lossy(text).to_ascii_lowercase();
    let mut extents = 0_usize;
    let mut create_types = Vec::new();
    for line in lower.split('\n').map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match Line::parse(line) {
            Line::Extent(extent) => {
                extents += 1;
                check_extent(extent, findings);
            }
            Line::Field("createtype", value) => create_types.push(value),
            Line::Field("parentcid", value) => findings.refuse_if(value != NO_PARENT, Refusal::BackingFile),
            Line::Field("parentfilenamehint", _) => findings.refuse(Refusal::BackingFile),
            Line::Field(..) | Line::Database => {}
            Line::Unknown => findings.refuse(Refusal::VmdkDescriptor { why: "it has a line of an unknown kind" }),
        }
    }
    match extents {
        0 => findings.refuse(Refusal::VmdkExtent { why: "there is none" }),
        1 => {}
        _ => findings.refuse(Refusal::VmdkExtent { why: "there is more than one" }),
    }
    check_create_type(&create_types, findings);
}

fn check_create_type(create_types: &[&str], findings: &mut Findings) {
    match create_types {
        [] => findings.refuse(Refusal::VmdkDescriptor { why: "it names no type" }),
        [only] if TYPES_ALLOWED.contains(only) => {}
        [other] => {
            let create_type = other.chars().take(CREATE_TYPE_CHARS_MAX).collect();
            findings.refuse(Refusal::VmdkType { create_type });
        }
        _ => findings.refuse(Refusal::VmdkDescriptor { why: "it names several types" }),
    }
}

/// The descriptor of a stream-optimised file of so many sectors. Its content identifier is the same each time: it only
/// matters to files that build upon another, and nothing builds upon this one.
pub(super) fn stream_optimized(sectors: u64) -> String {
    let cylinders = (sectors / (HEADS * TRACK_SECTORS)).clamp(1, CYLINDERS_MAX);
    format!(
        "# Disk DescriptorFile\nversion=1\nCID={CONTENT_ID}\nparentCID={NO_PARENT}\ncreateType=\"streamOptimized\"\n\n\
         # Extent description\nRW {sectors} SPARSE \"disk.vmdk\"\n\n\
         # The Disk Data Base\n#DDB\n\n\
         ddb.virtualHWVersion = \"7\"\nddb.geometry.cylinders = \"{cylinders}\"\n\
         ddb.geometry.heads = \"{HEADS}\"\nddb.geometry.sectors = \"{TRACK_SECTORS}\"\n\
         ddb.adapterType = \"lsilogic\"\n"
    )
}

enum Line<'a> {
    /// `RW 4192256 SPARSE "name.vmdk"`
    Extent(&'a str),
    /// `key=value`, the value without its quotes.
    Field(&'a str, &'a str),
    /// `ddb.key = value`: notes about the virtual hardware.
    Database,
    Unknown,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Line<'a> {
        let first_word = line.split_ascii_whitespace().next().unwrap_or_default();
        if matches!(first_word, "rw" | "rdonly" | "noaccess") {
            return Line::Extent(line);
        }
        if line.starts_with("ddb.") {
            return Line::Database;
        }
        match line.split_once('=') {
            Some((key, value)) => {
                let key = key.trim();
                let is_word = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                if is_word { Line::Field(key, value.trim().trim_matches('"')) } else { Line::Unknown }
            }
            None => Line::Unknown,
        }
    }
}

/// `access sectors SPARSE "name"` and nothing behind; the name may not lead out of the file's own directory.
fn check_extent(line: &str, findings: &mut Findings) {
    let refusal = |why| Refusal::VmdkExtent { why };
    findings.refuse_if(line.contains(['/', '\\']), refusal("its name is a path"));
    let mut words = line.splitn(4, |c: char| c.is_ascii_whitespace());
    let (_access, sectors, kind) = (words.next(), words.next(), words.next());
    findings.refuse_if(kind != Some("sparse"), refusal("only a sparse extent is allowed"));
    findings
        .refuse_if(sectors.is_none_or(|count| count.parse::<u64>().is_err()), refusal("its length is not a number"));
    let name = words.next().and_then(|name| name.trim().strip_prefix('"')).and_then(|name| name.strip_suffix('"'));
    let is_name = name.is_some_and(|name| !name.is_empty() && !name.contains('"'));
    findings.refuse_if(!is_name, refusal("its name must be one quoted string"));
    // some readers take a name with a colon for an address
    findings.refuse_if(name.is_some_and(|name| name.contains(':')), refusal("its name is an address"));
}
