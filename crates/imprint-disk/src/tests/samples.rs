//! Small sound images of each format, built here field by field, for tests to damage.

use crate::crc32c::crc32c_with_hole;

pub(crate) const KIB: usize = 1024;
pub(crate) const MIB: usize = 1024 * KIB;

/// Writes `field` over the bytes at `at`.
pub(crate) fn put(bytes: &mut [u8], at: usize, field: &[u8]) {
    bytes[at..at + field.len()].copy_from_slice(field);
}

/// qcow2 version 3 of 1 MiB with 64 KiB clusters: header, refcount table, refcount block, L1 table.
pub(crate) fn qcow2() -> Vec<u8> {
    let mut image = vec![0; 4 * 64 * KIB];
    put(&mut image, 0, b"QFI\xfb");
    put(&mut image, 4, &3_u32.to_be_bytes());
    put(&mut image, 20, &16_u32.to_be_bytes());
    put(&mut image, 24, &(1_u64 << 20).to_be_bytes());
    put(&mut image, 36, &1_u32.to_be_bytes());
    put(&mut image, 40, &0x3_0000_u64.to_be_bytes());
    put(&mut image, 48, &0x1_0000_u64.to_be_bytes());
    put(&mut image, 56, &1_u32.to_be_bytes());
    put(&mut image, 96, &4_u32.to_be_bytes());
    put(&mut image, 100, &104_u32.to_be_bytes());
    image
}

/// Sparse VMDK of 1 MiB with a descriptor of the given text, 20 sectors long, and its grain directory at sector 21.
pub(crate) fn vmdk(descriptor: &str) -> Vec<u8> {
    let mut image = vec![0; 128 * 512];
    put(&mut image, 0, b"KDMV");
    put(&mut image, 4, &1_u32.to_le_bytes());
    put(&mut image, 8, &1_u32.to_le_bytes());
    put(&mut image, 12, &2048_u64.to_le_bytes());
    put(&mut image, 20, &128_u64.to_le_bytes());
    put(&mut image, 28, &1_u64.to_le_bytes());
    put(&mut image, 36, &20_u64.to_le_bytes());
    put(&mut image, 44, &512_u32.to_le_bytes());
    put(&mut image, 56, &21_u64.to_le_bytes());
    put(&mut image, 64, &128_u64.to_le_bytes());
    put(&mut image, 73, b"\n \r\n");
    put(&mut image, 512, descriptor.as_bytes());
    image
}

pub(crate) fn descriptor(create_type: &str, extents: &str) -> String {
    format!(
        "# Disk DescriptorFile\nversion=1\nCID=1a2b3c4d\nparentCID=ffffffff\ncreateType=\"{create_type}\"\n\n\
         # Extent description\n{extents}\n\n# The Disk Data Base\n#DDB\n\nddb.adapterType = \"ide\"\n"
    )
}

pub(crate) const EXTENT: &str = "RW 2048 SPARSE \"disk.vmdk\"";

/// The same as a stream-optimised file, whose directory (at sector 21) is only found through the footer.
pub(crate) fn vmdk_stream() -> Vec<u8> {
    let mut image = vmdk(&descriptor("streamOptimized", EXTENT));
    put(&mut image, 8, &0x3_0001_u32.to_le_bytes());
    put(&mut image, 77, &1_u16.to_le_bytes());
    let footer = image[..512].to_vec();
    put(&mut image, 56, &u64::MAX.to_le_bytes());
    let mut marker = vec![0; 512];
    put(&mut marker, 0, &1_u64.to_le_bytes());
    put(&mut marker, 12, &3_u32.to_le_bytes());
    image.extend(marker);
    image.extend(footer);
    image.extend([0; 512]);
    image
}

fn vhd_footer(kind: u32, data_offset: u64, bytes: u64) -> Vec<u8> {
    let mut footer = vec![0; 512];
    put(&mut footer, 0, b"conectix");
    put(&mut footer, 8, &2_u32.to_be_bytes());
    put(&mut footer, 12, &0x1_0000_u32.to_be_bytes());
    put(&mut footer, 16, &data_offset.to_be_bytes());
    put(&mut footer, 28, b"win ");
    put(&mut footer, 40, &bytes.to_be_bytes());
    put(&mut footer, 48, &bytes.to_be_bytes());
    put(&mut footer, 56, &[0, 30, 4, 17]);
    put(&mut footer, 60, &kind.to_be_bytes());
    seal_vhd(&mut footer, 64);
    footer
}

/// Recomputes a VHD checksum stored at `at`.
pub(crate) fn seal_vhd(structure: &mut [u8], at: usize) {
    put(structure, at, &[0; 4]);
    let sum = structure.iter().map(|&byte| u32::from(byte)).sum::<u32>();
    put(structure, at, &(!sum).to_be_bytes());
}

/// Fixed VHD around `data`.
pub(crate) fn vhd_fixed(mut data: Vec<u8>) -> Vec<u8> {
    let footer = vhd_footer(2, u64::MAX, data.len() as u64);
    data.extend(footer);
    data
}

/// Dynamic VHD of 4 MiB without any block; its dynamic header is at 512.
pub(crate) fn vhd_dynamic() -> Vec<u8> {
    let footer = vhd_footer(3, 512, 4 * MIB as u64);
    let mut header = vec![0; 1024];
    put(&mut header, 0, b"cxsparse");
    put(&mut header, 8, &u64::MAX.to_be_bytes());
    put(&mut header, 16, &1536_u64.to_be_bytes());
    put(&mut header, 24, &0x1_0000_u32.to_be_bytes());
    put(&mut header, 28, &2_u32.to_be_bytes());
    put(&mut header, 32, &(2_u32 << 20).to_be_bytes());
    seal_vhd(&mut header, 36);
    [footer.clone(), header, vec![0xff; 512], footer].concat()
}

/// VDI of 3 MiB without any block.
pub(crate) fn vdi() -> Vec<u8> {
    let mut image = vec![0; 2 * 512];
    put(&mut image, 0, b"<<< a disk >>>\n");
    for (at, field) in [
        (64, 0xbeda_107f),
        (68, 0x1_0001),
        (72, 400),
        (76, 1),
        (340, 512),
        (344, 1024),
        (360, 512),
        (376, 1 << 20),
        (384, 3),
    ] {
        put(&mut image, at, &u32::to_le_bytes(field));
    }
    put(&mut image, 368, &(3 * MIB as u64).to_le_bytes());
    image
}

pub(crate) const VHDX_REGIONS: usize = 192 * KIB;
pub(crate) const VHDX_METADATA: usize = 2 * MIB;

/// VHDX of 64 MiB without any block: log at 1, metadata at 2, block table at 3 MiB.
pub(crate) fn vhdx() -> Vec<u8> {
    let mut image = vec![0; 4 * MIB];
    put(&mut image, 0, b"vhdxfile");
    for (at, sequence) in [(64 * KIB, 1_u64), (128 * KIB, 2)] {
        put(&mut image, at, b"head");
        put(&mut image, at + 8, &sequence.to_le_bytes());
        put(&mut image, at + 66, &1_u16.to_le_bytes());
        put(&mut image, at + 68, &(1_u32 << 20).to_le_bytes());
        put(&mut image, at + 72, &(MIB as u64).to_le_bytes());
        seal_vhdx(&mut image[at..at + 4096]);
    }
    let block_table = [0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0, 0x42, 0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08];
    let metadata = [0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b, 0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e];
    put(&mut image, VHDX_REGIONS, b"regi");
    put(&mut image, VHDX_REGIONS + 8, &2_u32.to_le_bytes());
    for (index, (id, offset)) in [(block_table, 3 * MIB), (metadata, VHDX_METADATA)].into_iter().enumerate() {
        let at = VHDX_REGIONS + 16 + 32 * index;
        put(&mut image, at, &id);
        put(&mut image, at + 16, &(offset as u64).to_le_bytes());
        put(&mut image, at + 24, &(1_u32 << 20).to_le_bytes());
        put(&mut image, at + 28, &1_u32.to_le_bytes());
    }
    seal_vhdx(&mut image[VHDX_REGIONS..VHDX_REGIONS + 64 * KIB]);
    put_vhdx_metadata(&mut image);
    image
}

/// Items: 0 file parameters (at 64 KiB), 1 virtual size (+8), 2 logical sector (+16).
fn put_vhdx_metadata(image: &mut [u8]) {
    let parameters = [0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d, 0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b];
    let size = [0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48, 0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8];
    let sector = [0x1d, 0xbf, 0x41, 0x81, 0x6f, 0xa9, 0x09, 0x47, 0xba, 0x47, 0xf2, 0x33, 0xa8, 0xfa, 0xab, 0x5f];
    let at = VHDX_METADATA;
    put(image, at, b"metadata");
    put(image, at + 10, &3_u16.to_le_bytes());
    for (index, (id, len)) in [(parameters, 8_u32), (size, 8), (sector, 4)].into_iter().enumerate() {
        let entry = at + 32 + 32 * index;
        let offset = u32::try_from(64 * KIB + 8 * index).unwrap();
        put(image, entry, &id);
        put(image, entry + 16, &offset.to_le_bytes());
        put(image, entry + 20, &len.to_le_bytes());
        put(image, entry + 24, &6_u32.to_le_bytes());
    }
    put(image, at + 64 * KIB, &(32_u32 << 20).to_le_bytes());
    put(image, at + 64 * KIB + 8, &(64 * MIB as u64).to_le_bytes());
    put(image, at + 64 * KIB + 16, &512_u32.to_le_bytes());
}

/// Recomputes the checksum of a VHDX header or region table.
pub(crate) fn seal_vhdx(structure: &mut [u8]) {
    let sum = crc32c_with_hole(structure, 4);
    put(structure, 4, &sum.to_le_bytes());
}

/// ISO 9660 volume of 20 blocks, with nothing in it.
pub(crate) fn iso() -> Vec<u8> {
    let mut image = vec![0; 20 * 2048];
    put(&mut image, 32 * KIB, b"\x01CD001\x01");
    put(&mut image, 32 * KIB + 80, &20_u32.to_le_bytes());
    put(&mut image, 32 * KIB + 128, &2048_u16.to_le_bytes());
    image
}

/// Disk of 1 MiB with a protective MBR and a GPT header's signature.
pub(crate) fn gpt() -> Vec<u8> {
    let mut image = vec![0; MIB];
    put(&mut image, 446, &[0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0xff, 7, 0, 0]);
    put(&mut image, 510, &[0x55, 0xaa]);
    put(&mut image, 512, b"EFI PART");
    image
}

/// LUKS version 1 header in front of 1 MiB of noise.
pub(crate) fn luks() -> Vec<u8> {
    let mut image = vec![0xd7; 4096 * 512 + MIB];
    put(&mut image, 0, b"LUKS\xba\xbe\0\x01");
    put(&mut image, 104, &4096_u32.to_be_bytes());
    image
}

/// One xz stream of a block for each of `pieces`, none longer than 64 KiB: stored as they are, without a checksum.
pub(crate) fn xz(pieces: &[&[u8]]) -> Vec<u8> {
    let blocks: Vec<Vec<u8>> = pieces.iter().map(|piece| xz_block(piece)).collect();
    let records = pieces.iter().zip(&blocks).flat_map(|(piece, block)| xz_record(block, piece.len()));
    let index = xz_index(pieces.len(), &records.collect::<Vec<u8>>());
    [xz_header(), blocks.into_iter().flat_map(xz_padded).collect(), index].concat()
}

/// How that stream begins.
pub(crate) fn xz_header() -> Vec<u8> {
    let mut header = b"\xfd7zXZ\0\0\0".to_vec();
    header.extend(crc32fast::hash(&[0; 2]).to_le_bytes());
    header
}

/// A block of it, without the padding that follows.
pub(crate) fn xz_block(piece: &[u8]) -> Vec<u8> {
    // its header's length in words after the first; one filter, LZMA2, whose property is a dictionary of 4 KiB
    let mut block = vec![2, 0, 0x21, 1, 0, 0, 0, 0];
    block.extend(crc32fast::hash(&block).to_le_bytes());
    if let Some(last) = piece.len().checked_sub(1) {
        // a chunk that is not packed and starts anew
        block.push(1);
        block.extend(u16::try_from(last).unwrap().to_be_bytes());
        block.extend(piece);
    }
    block.push(0);
    block
}

pub(crate) fn xz_padded(mut block: Vec<u8>) -> Vec<u8> {
    block.resize(block.len().next_multiple_of(4), 0);
    block
}

/// What the index says of a block that holds `bytes` bytes.
pub(crate) fn xz_record(block: &[u8], bytes: usize) -> Vec<u8> {
    [xz_number(block.len()), xz_number(bytes)].concat()
}

fn xz_number(mut value: usize) -> Vec<u8> {
    let mut number = Vec::new();
    while value >= 0x80 {
        number.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    number.push(u8::try_from(value).unwrap());
    number
}

/// The index of so many records, and the footer.
pub(crate) fn xz_index(count: usize, records: &[u8]) -> Vec<u8> {
    let mut index = xz_padded([&[0][..], &xz_number(count), records].concat());
    index.extend(crc32fast::hash(&index).to_le_bytes());
    let mut footer = u32::try_from(index.len() / 4 - 1).unwrap().to_le_bytes().to_vec();
    footer.extend([0; 2]);
    let sum = crc32fast::hash(&footer).to_le_bytes();
    [&index, &sum[..], &footer, b"YZ"].concat()
}

/// A sound image of every format that can be accepted.
pub(crate) fn all() -> Vec<Vec<u8>> {
    vec![
        qcow2(),
        vmdk(&descriptor("monolithicSparse", EXTENT)),
        vmdk_stream(),
        vhd_fixed(gpt()),
        vhd_dynamic(),
        vdi(),
        vhdx(),
        iso(),
        gpt(),
        luks(),
    ]
}
