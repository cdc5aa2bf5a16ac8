//! A machine's serial console: what it said last, and typing into it.

use std::sync::Arc;

use data_encoding::BASE64;
use http::Method;
use imprint_http::{Op, Request};
use imprint_model::Caller;

use super::{Act, Outcome, Row, done, item_id, ok};
use crate::parts::Parts;
use crate::wire;

/// Most bytes that are typed at once.
const TYPED_BYTES_MAX: u64 = 4 << 10;

const CONSOLE: &str = "/imprint/v1/instances/{id}/console";

pub(super) const OPS: &[Row] = &[
    Op::new(
        "show_console",
        Method::GET,
        CONSOLE,
        Act::Asked(|parts, caller, request| Box::pin(show(parts, caller, request))),
    ),
    Op::new(
        "type_in_console",
        Method::POST,
        CONSOLE,
        Act::Asked(|parts, caller, request| Box::pin(type_in(parts, caller, request))),
    ),
];

async fn show(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let id = item_id(&request, "instance")?;
    // the status first: what a machine said before it stopped is then never missed
    let instance = parts.service.show_instance(&caller, id).await?;
    let (output, read_at) = parts.service.console_output(&caller, id).await?;
    ok(&wire::Console {
        output: BASE64.encode(&output),
        read_at: read_at.to_rfc3339_seconds(),
        status: instance.status.to_string(),
    })
}

/// The body is what is typed, byte for byte.
async fn type_in(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let id = item_id(&request, "instance")?;
    let typed = request.body.read_all(TYPED_BYTES_MAX).await?;
    parts.service.type_in_console(&caller, id, typed).await?;
    done()
}
