//! One module per format: how it is recognised and what makes it unsafe. Rules follow the format's own specification,
//! and refuse rather than repair: what two readers could understand differently is not accepted.

pub(crate) mod blocks;
pub(crate) mod gpt;
pub(crate) mod iso;
pub(crate) mod luks;
pub(crate) mod packed;
pub(crate) mod qcow2;
pub(crate) mod raw;
pub(crate) mod vdi;
pub(crate) mod vhd;
pub(crate) mod vhdx;
pub(crate) mod vmdk;
pub(crate) mod zvhd;

use crate::limits::VIRTUAL_SIZE_MAX;
use crate::{Refusal, Warning};

/// What a format's check found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) virtual_size: Option<u64>,
    pub(crate) refusals: Vec<Refusal>,
    pub(crate) warnings: Vec<Warning>,
}

impl Findings {
    pub(crate) fn of_size(bytes: u64) -> Findings {
        Findings { virtual_size: Some(bytes), ..Findings::default() }
    }

    pub(crate) fn truncated(field: &'static str) -> Findings {
        Findings { refusals: vec![Refusal::Truncated { field }], ..Findings::default() }
    }

    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        if !self.refusals.contains(&refusal) {
            self.refusals.push(refusal);
        }
    }

    pub(crate) fn refuse_if(&mut self, bad: bool, refusal: Refusal) {
        if bad {
            self.refuse(refusal);
        }
    }

    /// Refuses `field` as inconsistent unless `good`.
    pub(crate) fn require(&mut self, good: bool, field: &'static str, why: &'static str) {
        self.refuse_if(!good, Refusal::Inconsistent { field, why });
    }

    /// Refuses `field` as lying outside the file unless `inside`.
    pub(crate) fn require_inside(&mut self, inside: bool, field: &'static str) {
        self.refuse_if(!inside, Refusal::OutsideFile { field });
    }

    /// Records the virtual size a header claims, which is `None` when computing it overflowed.
    pub(crate) fn claim_size(&mut self, bytes: Option<u64>) {
        let claimed = bytes.unwrap_or(u64::MAX);
        if claimed > VIRTUAL_SIZE_MAX {
            self.refuse(Refusal::SizeAbsurd { bytes: claimed });
        } else {
            self.virtual_size = bytes;
        }
    }
}
