//! `POST /imprint/v1/images/{id}/nbd`, and the same of snapshots: a name under which the disk can be read over NBD for a
//! while, by whoever has the name.

use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};
use imprint_model::Caller;
use imprint_service::{NBD_TTL_SECS_MAX, NbdListener, NbdOffer};

use super::{Act, Outcome, Row, created, image_id, item_id, read};
use crate::error::Refusal;
use crate::parts::Parts;
use crate::wire;

/// For how long a name is good when nobody says, seconds.
const TTL_SECS: u32 = 3600;

pub(super) const OPS: &[Row] = &[
    Op::new(
        "offer_image_nbd",
        Method::POST,
        "/imprint/v1/images/{id}/nbd",
        Act::Asked(|parts, caller, request| Box::pin(image(parts, caller, request))),
    ),
    Op::new(
        "offer_snapshot_nbd",
        Method::POST,
        "/imprint/v1/snapshots/{id}/nbd",
        Act::Asked(|parts, caller, request| Box::pin(snapshot(parts, caller, request))),
    ),
];

async fn image(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let ttl_secs = ttl_secs(&mut request).await?;
    let offer = parts.service.offer_image(&caller, image_id(&request)?, ttl_secs).await?;
    created(&told(offer, &request))
}

async fn snapshot(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let ttl_secs = ttl_secs(&mut request).await?;
    let offer = parts.service.offer_snapshot(&caller, item_id(&request, "snapshot")?, ttl_secs).await?;
    created(&told(offer, &request))
}

async fn ttl_secs(request: &mut Request) -> Result<u32, Refusal> {
    let wire::OfferNbd { ttl_secs } = read(request).await?;
    let ttl_secs = ttl_secs.unwrap_or(TTL_SECS);
    if !(1..=NBD_TTL_SECS_MAX).contains(&ttl_secs) {
        return Err(Refusal::invalid(format!("ttl_secs must be 1 to {NBD_TTL_SECS_MAX}, not {ttl_secs}")));
    }
    Ok(ttl_secs)
}

fn told(offer: NbdOffer, request: &Request) -> wire::NbdOffer {
    let NbdOffer { name, expires, listener } = offer;
    let uri = uri(listener, request.host(), &name);
    wire::NbdOffer { uri, name, tls: listener.tls, expires_at: expires.to_rfc3339_seconds() }
}

/// Certificates are of host names, and an address that stands for all others is none: then it is the host that the
/// client reached us under.
fn uri(NbdListener { address, tls }: NbdListener, asked: Option<&str>, name: &str) -> String {
    let scheme = if tls { "nbds" } else { "nbd" };
    match asked.map(without_port).filter(|host| !host.is_empty() && (tls || address.ip().is_unspecified())) {
        Some(host) => format!("{scheme}://{host}:{}/{name}", address.port()),
        None => format!("{scheme}://{address}/{name}"),
    }
}

/// A host of `host`, `host:port`, `[v6]` or `[v6]:port`.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_one_that_can_be_reached() {
        for (address, tls, asked, expected) in [
            ("127.0.0.1:10809", false, Some("images.example:9292"), "nbd://127.0.0.1:10809/n"),
            ("127.0.0.1:10809", true, Some("images.example:9292"), "nbds://images.example:10809/n"),
            ("0.0.0.0:10809", true, Some("images.example"), "nbds://images.example:10809/n"),
            ("[::]:1", true, Some("[::1]:9292"), "nbds://[::1]:1/n"),
            ("[::1]:1", true, Some("[::1]"), "nbds://[::1]:1/n"),
            ("[::1]:1", true, None, "nbds://[::1]:1/n"),
        ] {
            let listener = NbdListener { address: address.parse().expect("an address"), tls };
            assert_eq!(uri(listener, asked, "n"), expected);
        }
    }
}
