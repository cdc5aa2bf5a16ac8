//! The first way of signing: all parameters of query and body, with HMAC-SHA1.

use super::{canonical_query, encode};
use crate::gather::Gathered;

/// The text that is signed. Made of the decoded values, because clients disagree about spaces.
pub(crate) fn string_to_sign(request: &Gathered) -> String {
    let pairs = request.head.query.iter().chain(&request.form).filter(|(name, _)| name != "Signature");
    format!("{}&%2F&{}", request.head.method, encode(&canonical_query(pairs)))
}
