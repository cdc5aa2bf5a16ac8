//! What is done with bytes that the safety rules speak against, as the operator chose. Bytes that refer to other files
//! are refused whatever was chosen: whoever opened them would open those, too.

use imprint_disk::{Inspection, Refusal, Rejection};
use imprint_model::{ContainerFormat, Event, Image};

use crate::Service;
use crate::error::Error;
use crate::settings::SafetyPolicy;

/// The property that says what the safety rules have against an image that is kept all the same.
pub(crate) const KEY_CONCERNS: &str = "imprint:safety";
/// Longest text of that, in characters.
const CONCERNS_CHARS_MAX: usize = 1_000;

/// What is known of bytes that are taken in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Verdict {
    /// Size of the disk inside, when it is known.
    pub(crate) virtual_size_bytes: Option<u64>,
    /// What the safety rules have against them; none for most.
    pub(crate) concerns: Option<String>,
}

impl Service {
    /// Whether the bytes may be used as what the image declares, and what is known of them then.
    ///
    /// Rules are for disks, so an image in a container is taken as it is. What is in a compressed one is not seen on the
    /// way: its end has to be known to judge it, and unpacking all of it would keep an upload waiting for as long as the
    /// sender of a few bytes likes. Nothing here opens such a disk, neither for an export nor for a check
    /// (`disk_format_of`), and it is judged as a bare one wherever it is unpacked (`accept_object`).
    ///
    /// # Errors
    /// [`Error::FormatMismatch`], [`Error::Unsafe`].
    pub(crate) fn accept(&self, image: &Image, inspection: &Inspection) -> Result<Verdict, Error> {
        let bare = image.container_format == Some(ContainerFormat::Bare);
        let Some(declared) = image.disk_format.filter(|_| bare) else { return Ok(Verdict::default()) };
        match imprint_disk::judge(declared.as_str(), inspection) {
            Ok(virtual_size_bytes) => Ok(Verdict { virtual_size_bytes, concerns: None }),
            Err(Rejection::Mismatch { .. }) if !self.settings.check_format_match => {
                if inspection.is_safe() {
                    Ok(Verdict::default())
                } else {
                    self.tolerate(inspection, &inspection.refusals)
                }
            }
            Err(Rejection::Mismatch { declared, detected }) => {
                Err(Error::FormatMismatch { declared, found: detected.to_string() })
            }
            Err(Rejection::Unsafe(refusals)) => self.tolerate(inspection, &refusals),
        }
    }

    fn tolerate(&self, inspection: &Inspection, refusals: &[Refusal]) -> Result<Verdict, Error> {
        let reasons = refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let refused = self.settings.safety_policy == SafetyPolicy::Refuse || refusals.iter().any(may_refer_outside);
        if refused {
            return Err(Error::Unsafe(reasons));
        }
        let concerns = Some(reasons.chars().take(CONCERNS_CHARS_MAX).collect());
        Ok(Verdict { virtual_size_bytes: inspection.virtual_size_bytes, concerns })
    }

    /// Gives an image data that is complete: it is usable from now on, unless its bytes are to be kept from everybody.
    pub(crate) fn complete(&self, image: &mut Image, concerns: Option<&String>) -> Result<(), Error> {
        image.apply(Event::DataComplete)?;
        let Some(concerns) = concerns else { return Ok(()) };
        image.properties.insert(KEY_CONCERNS.to_owned(), Some(concerns.clone()));
        match self.settings.safety_policy {
            SafetyPolicy::Quarantine => Ok(image.apply(Event::Deactivate)?),
            SafetyPolicy::Refuse | SafetyPolicy::Report => Ok(()),
        }
    }
}

/// Whether the bytes are, or may be, about other files than themselves: so is all that was not read to its end.
fn may_refer_outside(refusal: &Refusal) -> bool {
    !matches!(refusal, Refusal::Encrypted | Refusal::SizeAbsurd { .. } | Refusal::PartitionTable { .. })
}
