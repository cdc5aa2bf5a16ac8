//! The digest of a request's content as its client may have signed it. The content is read here, within a bound, and put
//! back; content that is not signed flows on unread.

use data_encoding::HEXLOWER;
use imprint_http::{Body, Request};
use sha2::{Digest, Sha256};

use super::authorization::Way;
use super::canonical::{as_form, has_query_as_content};
use super::refused;
use crate::fault::Fault;

/// The header that gives the digest.
const DIGEST: &str = "x-sdk-content-sha256";
/// What stands there when the content is not signed.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// What may stand for the content, of which at most `limit_bytes` are read: clients differ on what an empty one is.
///
/// # Errors
/// 401 when the digest given is not the content's, `IMG.0001` for a content that is too long.
pub(super) async fn digests(request: &mut Request, way: Way, limit_bytes: u64) -> Result<Vec<String>, Fault> {
    let given = request.header(DIGEST).map(str::to_owned);
    if given.as_deref() == Some(UNSIGNED) {
        let empty = request.body.content_length() == Some(0);
        let none = empty.then(|| digest(b""));
        return Ok([UNSIGNED.to_owned()].into_iter().chain(none).collect());
    }
    if way == Way::B && given.is_none() && has_query_as_content(request) {
        return Ok(vec![digest(as_form(&request.query).as_bytes())]);
    }
    let content = request.body.read_all(limit_bytes).await?;
    let found = digest(&content);
    request.body = Body::from(content);
    match given {
        // whoever changed the content cannot have signed it
        Some(given) if !given.eq_ignore_ascii_case(&found) => Err(refused("verify aksk signature fail")),
        Some(given) => Ok(vec![given]),
        None => Ok(vec![found]),
    }
}

fn digest(content: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(content))
}
