//! A guest of one sector: it greets on its serial port, then writes ever larger numbers to two disks in turn, for ever.
//! What is typed comes back; `s` makes it stand still until something else is typed.

/// Numbers go round over this many places, each a cluster of its own.
pub(crate) const PLACES: u32 = 64;
/// Distance between two places, bytes. The first stands at this offset.
pub(crate) const STEP_BYTES: u64 = 64 << 10;
/// What it says first.
pub(crate) const GREETING: &[u8] = b"imprint-test-guest\n";

/// Where the program runs.
const ORIGIN: u16 = 0x7c00;
const GREETING_AT: usize = 0x89;
const PACKET_AT: usize = 0xa0;

/// The program, for a 16-bit processor at 0x7c00. It says `.` after each round of 64 numbers.
const PROGRAM: &[&[u8]] = &[
    b"\x31\xc0\x8e\xd8\x8e\xc0\x8e\xd0", // xor ax,ax; mov ds,ax; mov es,ax; mov ss,ax
    b"\xbc\x00\x7c\xfc",                 // mov sp,0x7c00; cld
    b"\xbe\x89\x7c",                     // mov si,greeting
    b"\xac\x84\xc0\x74\x05",             // puts: lodsb; test al,al; jz ready
    b"\xe8\x58\x00\xeb\xf6",             // call putc; jmp puts
    b"\x66\xc7\x06\x00\x80\0\0\0\0",     // ready: mov dword [0x8000],0
    b"\x66\xff\x06\x00\x80",             // round: inc dword [0x8000]
    b"\x66\xa1\x00\x80\x66\x83\xe0\x3f", // mov eax,[0x8000]; and eax,63
    b"\x66\x40\x66\xc1\xe0\x07",         // inc eax; shl eax,7 (sectors of a place)
    b"\x66\xa3\xa8\x7c",                 // mov [packet.lba],eax
    b"\xb2\x80\xe8\x42\x00",             // mov dl,0x80; call write
    b"\xb2\x81\xe8\x3d\x00",             // mov dl,0x81; call write
    b"\xf6\x06\x00\x80\x3f\x75\x05",     // test byte [0x8000],63; jnz typed
    b"\xb0\x2e\xe8\x20\x00",             // mov al,'.'; call putc
    b"\xba\xfd\x03\xec\xa8\x01\x74\xcb", // typed: mov dx,0x3fd; in al,dx; test al,1; jz round
    b"\xe8\x11\x00\x3c\x73\x75\xc4",     // call echo; cmp al,'s'; jne round
    b"\xba\xfd\x03\xec\xa8\x01\x74\xf8", // still: mov dx,0x3fd; in al,dx; test al,1; jz still
    b"\xe8\x02\x00\xeb\xb7",             // call echo; jmp round
    b"\xba\xf8\x03\xec",                 // echo: mov dx,0x3f8; in al,dx
    b"\x88\xc3",                         // putc: mov bl,al
    b"\xba\xfd\x03\xec\xa8\x20\x74\xf8", // wait: mov dx,0x3fd; in al,dx; test al,0x20; jz wait
    b"\x88\xd8\xba\xf8\x03\xee\xc3",     // mov al,bl; mov dx,0x3f8; out dx,al; ret
    b"\xbe\xa0\x7c\xb8\x00\x43",         // write: mov si,packet; mov ax,0x4300 (write without verifying)
    b"\xcd\x13\xc3",                     // int 0x13; ret
];

/// The BIOS's packet: its length, one sector, from 0000:8000; the place follows.
const PACKET: &[u8] = b"\x10\0\x01\0\x00\x80\0\0";

/// A disk of `len` bytes that boots into the guest. What is not the guest is `filler`.
pub(crate) fn disk(len: usize, filler: u8) -> Vec<u8> {
    let mut bytes = vec![filler; len];
    bytes[..512].fill(0);
    let program = PROGRAM.concat();
    assert_eq!(program.len(), GREETING_AT);
    assert_eq!(program[1 + 0x0c..][..2], (ORIGIN + 0x89).to_le_bytes());
    bytes[..GREETING_AT].copy_from_slice(&program);
    bytes[GREETING_AT..][..GREETING.len()].copy_from_slice(GREETING);
    bytes[PACKET_AT..][..PACKET.len()].copy_from_slice(PACKET);
    bytes[510..512].copy_from_slice(b"\x55\xaa");
    bytes
}

/// The last number that was written before the instant of what a disk held; panics unless it held exactly what it must
/// have held then: all numbers up to that one, and none after it.
pub(crate) fn last_number(places: &[u32]) -> u32 {
    assert_eq!(places.len(), PLACES as usize);
    let last = *places.iter().max().expect("places");
    assert!(last >= 2 * PLACES, "the guest has gone round");
    for (place, &number) in (0..).zip(places) {
        let behind = (last % PLACES + PLACES - place) % PLACES;
        assert_eq!(number, last - behind, "place {place} of a disk whose last number is {last}: {places:?}");
    }
    last
}
