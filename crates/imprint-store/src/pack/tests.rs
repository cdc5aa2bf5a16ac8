use proptest::prelude::*;

use super::*;
use crate::Kind;

fn pack_id() -> PackId {
    PackId(Uuid::from_u128(0x0193_5a1e_2b3c_7000_8000_0000_0000_0001))
}

fn entries() -> Vec<PackEntry> {
    let plain = PackEntry {
        id: ChunkId([0xaa; 32]),
        ordinal: 0,
        offset: 32,
        stored_len: 5,
        len: 5,
        kind: RecordKind::Data,
        codec: Codec::Plain,
        crc32: 0x0403_0201,
    };
    let packed = PackEntry {
        id: ChunkId([0xbb; 32]),
        ordinal: 1,
        offset: 32 + record_span(5),
        stored_len: 8,
        len: 4096,
        kind: RecordKind::Page,
        codec: Codec::Zstd,
        crc32: 0x0807_0605,
    };
    vec![plain, packed]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes, and the CRC-32 that ends them.
fn with_crc(body: &str, bytes: &[u8]) -> String {
    format!("{body}{}", hex(&crc32fast::hash(&bytes[..bytes.len() - 4]).to_le_bytes()))
}

#[test]
fn a_header_is_written_as_its_format_says() {
    let header = PackHeader { id: pack_id(), cold: true };
    let bytes = header.encode();
    let body = "494d50525041434b010100000193".to_owned() + "5a1e2b3c70008000000000000001";
    assert_eq!(hex(&bytes), with_crc(&body, &bytes));
    assert_eq!(PackHeader::decode(&bytes).unwrap(), header);
}

#[test]
fn a_record_is_written_as_its_format_says() {
    let entry = entries()[1];
    let bytes = encode_record_header(&entry);
    let body =
        format!("494d505201020100{}{}{}{}{}", "00100000", "08000000", "05060708", "bb".repeat(32), "00".repeat(8));
    assert_eq!(hex(&bytes), with_crc(&body, &bytes));
    assert_eq!(decode_record_header(&bytes, entry.offset, 1).unwrap(), entry);
    assert_eq!(record_span(5), 72);
}

#[test]
fn a_footer_is_written_as_its_format_says() {
    let end = 32 + record_span(5) + record_span(8);
    let bytes = encode_footer(pack_id(), end, &entries());
    let first = format!("{}2000000000000000{}{}{}01000000", "aa".repeat(32), "05000000", "05000000", "01020304");
    let second = format!("{}6800000000000000{}{}{}02010000", "bb".repeat(32), "08000000", "00100000", "05060708");
    let rows_crc = hex(&crc32fast::hash(&bytes[..112]).to_le_bytes());
    let trailer = format!(
        "494d5052464f4f540100000002000000b000000000000000{rows_crc}01935a1e2b3c70008000000000000001{}",
        "00".repeat(16)
    );
    assert_eq!(hex(&bytes), with_crc(&(first + &second + &trailer), &bytes[112..]));
    let read = Trailer::decode(&bytes[112..], end + bytes.len() as u64).unwrap();
    assert_eq!((read.id, read.rows_offset, read.rows), (pack_id(), end, 2));
    assert_eq!(read.decode_rows(&bytes[..112]).unwrap(), entries());
    assert_eq!(Trailer::decode(&bytes[112..], end).unwrap_err().kind(), Kind::Corrupt, "of another length");
    assert_eq!(read.decode_rows(&bytes[1..113]).unwrap_err().kind(), Kind::Corrupt);
}

#[test]
fn rows_outside_the_pack_are_refused() {
    let mut rows = entries();
    rows[1].offset = 40;
    rows[1].stored_len = 4000;
    let bytes = encode_footer(pack_id(), 176, &rows);
    let trailer = Trailer::decode(&bytes[112..], 176 + bytes.len() as u64).unwrap();
    assert_eq!(trailer.decode_rows(&bytes[..112]).unwrap_err().kind(), Kind::Corrupt);
}

proptest! {
    #[test]
    fn any_flipped_bit_is_noticed(at in 0_usize..64, bit in 0..8) {
        let flip = |bytes: &mut [u8]| {
            let at = at % bytes.len();
            bytes[at] ^= 1_u8 << bit;
        };
        let mut header = PackHeader { id: pack_id(), cold: false }.encode();
        flip(&mut header);
        prop_assert!(PackHeader::decode(&header).is_err());
        let mut record = encode_record_header(&entries()[0]);
        flip(&mut record);
        prop_assert!(decode_record_header(&record, 32, 0).is_err());
        let footer = encode_footer(pack_id(), 176, &entries());
        let mut trailer = footer[112..].to_vec();
        flip(&mut trailer);
        prop_assert!(Trailer::decode(&trailer, 176 + footer.len() as u64).is_err());
    }
}
