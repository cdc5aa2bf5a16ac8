//! How one condition compares what is known with what is wanted.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::wildcard::{Capitals, fits};
use crate::Timestamp;

crate::words! {
    /// How a condition compares. Values of one key are alternatives, but for the negative operators, where all must hold.
    /// A key that is not known fails a condition, but for the negative operators, which then hold.
    Operator {
        /// Same text.
        StringEquals = "StringEquals",
        /// Other text.
        StringNotEquals = "StringNotEquals",
        /// Same text, capitals aside.
        StringEqualsIgnoreCase = "StringEqualsIgnoreCase",
        /// Other text, capitals aside.
        StringNotEqualsIgnoreCase = "StringNotEqualsIgnoreCase",
        /// Matches a pattern with `*` and `?`.
        StringLike = "StringLike",
        /// Matches no such pattern.
        StringNotLike = "StringNotLike",
        /// Same number.
        NumericEquals = "NumericEquals",
        /// Other number.
        NumericNotEquals = "NumericNotEquals",
        /// Smaller.
        NumericLessThan = "NumericLessThan",
        /// Not larger.
        NumericLessThanEquals = "NumericLessThanEquals",
        /// Larger.
        NumericGreaterThan = "NumericGreaterThan",
        /// Not smaller.
        NumericGreaterThanEquals = "NumericGreaterThanEquals",
        /// Same time.
        DateEquals = "DateEquals",
        /// Other time.
        DateNotEquals = "DateNotEquals",
        /// Earlier.
        DateLessThan = "DateLessThan",
        /// Not later.
        DateLessThanEquals = "DateLessThanEquals",
        /// Later.
        DateGreaterThan = "DateGreaterThan",
        /// Not earlier.
        DateGreaterThanEquals = "DateGreaterThanEquals",
        /// Same truth.
        Bool = "Bool",
        /// Within an address range.
        IpAddress = "IpAddress",
        /// Outside all address ranges.
        NotIpAddress = "NotIpAddress",
    }
}

impl Operator {
    /// Whether it asks that nothing be so, so that it holds when nothing is known.
    pub fn is_negative(self) -> bool {
        matches!(
            self,
            Self::StringNotEquals
                | Self::StringNotEqualsIgnoreCase
                | Self::StringNotLike
                | Self::NumericNotEquals
                | Self::DateNotEquals
                | Self::NotIpAddress
        )
    }

    /// Whether it can compare with this value at all: a number, a time, a truth or an address range where it wants one.
    pub fn takes(self, value: &str) -> bool {
        match self {
            Self::StringEquals
            | Self::StringNotEquals
            | Self::StringEqualsIgnoreCase
            | Self::StringNotEqualsIgnoreCase
            | Self::StringLike
            | Self::StringNotLike => true,
            Self::NumericEquals
            | Self::NumericNotEquals
            | Self::NumericLessThan
            | Self::NumericLessThanEquals
            | Self::NumericGreaterThan
            | Self::NumericGreaterThanEquals => number(value).is_some(),
            Self::DateEquals
            | Self::DateNotEquals
            | Self::DateLessThan
            | Self::DateLessThanEquals
            | Self::DateGreaterThan
            | Self::DateGreaterThanEquals => Timestamp::parse_iso8601(value).is_some(),
            Self::Bool => truth(value).is_some(),
            Self::IpAddress | Self::NotIpAddress => Range::parse(value).is_some(),
        }
    }

    /// Whether the condition holds. `known` is empty when nothing is known.
    pub(super) fn holds(self, known: &[String], wanted: &[String]) -> bool {
        let any = known.iter().any(|known| wanted.iter().any(|wanted| self.meets(known, wanted)));
        any != self.is_negative()
    }

    /// For a negative operator: whether the opposite is so.
    fn meets(self, known: &str, wanted: &str) -> bool {
        match self {
            Self::StringEquals | Self::StringNotEquals => known == wanted,
            Self::StringEqualsIgnoreCase | Self::StringNotEqualsIgnoreCase => {
                known.to_lowercase() == wanted.to_lowercase()
            }
            Self::StringLike | Self::StringNotLike => fits(wanted, known, Capitals::Differ),
            Self::NumericEquals | Self::NumericNotEquals => both(number, known, wanted, |a, b| a == b),
            Self::NumericLessThan => both(number, known, wanted, |a, b| a < b),
            Self::NumericLessThanEquals => both(number, known, wanted, |a, b| a <= b),
            Self::NumericGreaterThan => both(number, known, wanted, |a, b| a > b),
            Self::NumericGreaterThanEquals => both(number, known, wanted, |a, b| a >= b),
            Self::DateEquals | Self::DateNotEquals => both(Timestamp::parse_iso8601, known, wanted, |a, b| a == b),
            Self::DateLessThan => both(Timestamp::parse_iso8601, known, wanted, |a, b| a < b),
            Self::DateLessThanEquals => both(Timestamp::parse_iso8601, known, wanted, |a, b| a <= b),
            Self::DateGreaterThan => both(Timestamp::parse_iso8601, known, wanted, |a, b| a > b),
            Self::DateGreaterThanEquals => both(Timestamp::parse_iso8601, known, wanted, |a, b| a >= b),
            Self::Bool => both(truth, known, wanted, |a, b| a == b),
            Self::IpAddress | Self::NotIpAddress => {
                let range = Range::parse(wanted);
                known.parse().is_ok_and(|address| range.is_some_and(|range| range.holds(address)))
            }
        }
    }
}

fn both<T>(read: impl Fn(&str) -> Option<T>, known: &str, wanted: &str, compare: impl Fn(T, T) -> bool) -> bool {
    match (read(known), read(wanted)) {
        (Some(known), Some(wanted)) => compare(known, wanted),
        _ => false,
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn truth(text: &str) -> Option<bool> {
    [("true", true), ("false", false)].iter().find(|(word, _)| text.eq_ignore_ascii_case(word)).map(|&(_, is)| is)
}

/// The length of an IPv6 address, in bits.
const BITS: u8 = 128;

/// A range of addresses; those of version 4 are taken as the part of version 6 that stands for them.
struct Range {
    base: u128,
    fixed_bits: u8,
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let own_bits = if address.is_ipv4() { 32 } else { BITS };
        let bits = match bits {
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= own_bits)?,
            None => own_bits,
        };
        Some(Self { base: as_number(address), fixed_bits: BITS - own_bits + bits })
    }

    fn holds(&self, address: IpAddr) -> bool {
        let differing = self.base ^ as_number(address);
        differing.leading_zeros() >= u32::from(self.fixed_bits)
    }
}

fn as_number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}
