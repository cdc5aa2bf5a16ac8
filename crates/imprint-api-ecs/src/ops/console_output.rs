//! `GetInstanceConsoleOutput`: what a machine said last on its serial console.

use std::time::Duration;

use imprint_model::{InstanceId, Timestamp};
use imprint_service::Error;
use serde_json::json;

use crate::call::Call;
use crate::fault::code;
use crate::ids::WireId;
use crate::op::{Effect, Kind, Op, Outcome, Parameter};
use crate::ops::instances::CANNOT_RUN;

/// The rows of this file.
pub(crate) const OPS: &[Op] = &[Op::ecs(
    Effect::Reads,
    "GetInstanceConsoleOutput",
    "The last of what a machine said on its serial console, 64 KiB at most; of one that has stopped, too.",
    |call| Box::pin(output(call)),
)
.parameters(&[
    Parameter::text("InstanceId", "The machine.").required(),
    Parameter::of("RemoveSymbols", Kind::Truth, "Whether control characters are left out, but for line ends and tabs."),
])
.codes(&[code::INSTANCE_NOT_FOUND, CANNOT_RUN])
.resources(|call| vec![call.resource("instance", "InstanceId")])
.faults(|error| match error {
    Error::Unsupported(_) => Some(CANNOT_RUN.fault()),
    _ => None,
})];

/// This API tells the time of consoles, and of nothing else, by the clocks of its home.
const AHEAD_OF_UTC: Duration = Duration::from_secs(8 * 3600);
/// What begins a terminal's control sequence.
const ESCAPE: u8 = 0x1b;

async fn output(call: Call) -> Outcome {
    let instance: InstanceId = call.id("InstanceId", code::INSTANCE_NOT_FOUND)?;
    call.require_here(instance).await?;
    let plain = call.params.flag("RemoveSymbols")?;
    let (said, at) = call.parts.service.console_output(&call.caller, instance).await?;
    let said = if plain { without_symbols(&said) } else { said.to_vec() };
    Ok(json!({
        "InstanceId": instance.wire(),
        "ConsoleOutput": data_encoding::BASE64.encode(&said),
        "LastUpdateTime": local(at),
    }))
}

/// As `2018-03-22 10:04:57`.
fn local(at: Timestamp) -> String {
    at.after(AHEAD_OF_UTC).to_rfc3339_seconds().replace('T', " ").replace('Z', "")
}

/// Text without what steers a terminal: control sequences, and control characters other than line ends and tabs.
fn without_symbols(said: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(said.len());
    let mut rest = said.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            ESCAPE if rest.next_if_eq(&b'[').is_some() => {
                // parameters, then one letter
                while rest.next_if(|byte| (0x20..0x40).contains(byte)).is_some() {}
                rest.next_if(|byte| (0x40..0x7f).contains(byte));
            }
            b'\n' | b'\t' => plain.push(byte),
            0..0x20 | 0x7f => {}
            _ => plain.push(byte),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_left_out() {
        for (said, plain) in [
            ("plain\r\n\ttext", "plain\n\ttext"),
            ("\x1b[1;31mred\x1b[0m \x1b[6n\x07x", "red x"),
            ("\x1bc\x1b[", "c"),
            ("\x1b[12", ""),
            ("é", "é"),
        ] {
            assert_eq!(without_symbols(said.as_bytes()), plain.as_bytes(), "{said:?}");
        }
    }

    #[test]
    fn the_time_is_that_of_the_apis_home() {
        let at = Timestamp::parse_iso8601("2018-03-22T23:04:57Z").expect("a time");
        assert_eq!(local(at), "2018-03-23 07:04:57");
    }
}
