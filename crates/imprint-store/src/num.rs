//! Conversions between integer widths whose bounds this crate's limits guarantee. Never used on numbers that
//! come from outside before they were compared with a limit.

pub(crate) fn to_usize(number: u64) -> usize {
    usize::try_from(number).expect("lengths fit the address space of a 64-bit machine")
}

pub(crate) fn to_u32(number: usize) -> u32 {
    u32::try_from(number).expect("lengths and counts are limited far below 4 Gi")
}
