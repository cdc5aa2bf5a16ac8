//! Captures that are only said to be: what a disk held when it was captured, read back.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bytes::Bytes;

use super::{CHANGED_AT_ONCE, Call, FakeHypervisor, File, GRAIN};
use crate::{Capture, CaptureOf, CapturedDisk, Changed, Error};

/// A disk of a capture.
#[derive(Debug)]
pub(super) struct Frozen {
    pub(super) hypervisor: FakeHypervisor,
    /// The machine it was taken of, and which of its starts that was.
    pub(super) machine: Option<(String, usize)>,
    pub(super) file: File,
    pub(super) since: Option<BTreeSet<u64>>,
}

impl Frozen {
    fn require_machine(&self) -> Result<(), Error> {
        let state = self.hypervisor.state.lock();
        match &self.machine {
            Some((name, run)) if state.runs.get(name) != Some(run) => {
                Err(Error::Refused(format!("{name} ended meanwhile")))
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl CapturedDisk for Frozen {
    fn size_bytes(&self) -> u64 {
        self.file.size_bytes
    }

    fn since_mark(&self) -> bool {
        self.since.is_some()
    }

    async fn changed(&self, offset: u64) -> Result<Vec<Changed>, Error> {
        self.hypervisor.fault(Call::Changed, false)?;
        self.require_machine()?;
        let counts = |at: &u64| self.since.as_ref().is_none_or(|since| since.contains(at));
        let grains = self.file.grains.range(offset..).filter(|(at, _)| counts(at)).take(CHANGED_AT_ONCE);
        let told =
            grains.map(|(&offset, bytes)| Changed { offset, len: GRAIN, zero: bytes.iter().all(|byte| *byte == 0) });
        let told = told.collect();
        self.hypervisor.fault(Call::Changed, true)?;
        Ok(told)
    }

    async fn read(&self, offset: u64, len: u64) -> Result<Bytes, Error> {
        loop {
            let let_go = self.hypervisor.reads.notified();
            if !self.hypervisor.state.lock().reads_wait {
                break;
            }
            let_go.await;
        }
        self.hypervisor.fault(Call::Read, false)?;
        self.require_machine()?;
        let mut bytes = Vec::new();
        let mut at = offset;
        while at < offset + len {
            let grain = at / GRAIN * GRAIN;
            let end = (grain + GRAIN).min(offset + len);
            let (from, to) = (usize::try_from(at - grain), usize::try_from(end - grain));
            let (Ok(from), Ok(to)) = (from, to) else { return Err(Error::Refused("too far".to_owned())) };
            match self.file.grains.get(&grain) {
                Some(written) => bytes.extend_from_slice(&written[from..to]),
                None if self.file.base.is_none() => bytes.resize(bytes.len() + (to - from), 0),
                None => return Err(Error::Refused("what stands under it is not asked for".to_owned())),
            }
            at = end;
        }
        self.hypervisor.fault(Call::Read, true)?;
        Ok(bytes.into())
    }
}

/// A capture.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) hypervisor: FakeHypervisor,
    pub(super) of: Vec<CaptureOf>,
    pub(super) captured: Vec<Box<dyn CapturedDisk>>,
    /// The machine that has the disks, and which of its starts this is of.
    pub(super) machine: Option<(String, usize)>,
    pub(super) open: bool,
}

impl Held {
    fn close(&mut self, keep: bool) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        let mut state = self.hypervisor.state.lock();
        state.captures -= 1;
        if let Some((machine, run)) = &self.machine
            && state.captured.get(machine) == Some(run)
        {
            state.captured.remove(machine);
        }
        for of in &self.of {
            let name = &of.overlay.name;
            if self.machine.is_none() {
                state.held.remove(name);
            }
            let Some(file) = state.files.get_mut(name) else { continue };
            let forgotten = if keep { of.since.as_ref() } else { Some(&of.mark) };
            if let Some(mark) = forgotten {
                file.marks.remove(mark);
            }
        }
    }
}

#[async_trait]
impl Capture for Held {
    fn disks(&self) -> &[Box<dyn CapturedDisk>] {
        &self.captured
    }

    async fn end(mut self: Box<Self>, keep: bool) -> Result<(), Error> {
        if let Err(error) = self.hypervisor.fault(Call::End, false) {
            self.close(false);
            return Err(error);
        }
        self.close(keep);
        self.hypervisor.fault(Call::End, true)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.close(false);
    }
}
