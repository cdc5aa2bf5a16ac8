//! Which bytes of an image a download is about. One range at most.

use std::ops::Range;

use http::{HeaderMap, HeaderName, StatusCode, header};
use imprint_http::{ByteRange, digits};

use crate::error::Refusal;

/// The range a request asks for of `size` bytes; none for all of them.
pub(crate) fn read(headers: &HeaderMap, size: u64) -> Result<Option<Range<u64>>, Refusal> {
    if let Some(range) = text(headers, &header::RANGE)? {
        if range.contains(',') {
            return Err(Refusal::bad_request(
                "Requests with multiple ranges are not supported. You may make multiple single-range requests instead.",
            ));
        }
        return match ByteRange::read(range, size) {
            ByteRange::Part(range) => Ok(Some(range)),
            ByteRange::Outside | ByteRange::Unknown => Err(unsatisfiable("Range", size)),
        };
    }
    // older clients ask so, against RFC 9110
    if let Some(range) = text(headers, &header::CONTENT_RANGE)? {
        return read_content_range(range, size).map(Some).ok_or_else(|| unsatisfiable("Content-Range", size));
    }
    Ok(None)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refusal> {
    match headers.get(name).map(|value| value.to_str()) {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some(text)),
        Some(Err(_)) => {
            Err(Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, format!("Invalid {name} header: not ASCII.")))
        }
    }
}

fn unsatisfiable(header: &str, size: u64) -> Refusal {
    let text = format!("Invalid {header} header: not a range of the image's {size} bytes.");
    Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, text)
}

/// `bytes a-b/*` or `bytes a-b/size`.
fn read_content_range(text: &str, size: u64) -> Option<Range<u64>> {
    let range = text.trim().strip_prefix("bytes")?.trim_start();
    let (range, total) = range.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last) = (digits(first.trim())?, digits(last.trim())?);
    if total.trim() != "*" {
        digits(total.trim())?;
    }
    (first <= last && last < size).then(|| first..last + 1)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn ask(name: HeaderName, value: &'static str, size: u64) -> Result<Option<Range<u64>>, StatusCode> {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        read(&headers, size).map_err(|refusal| refusal.status)
    }

    #[test]
    fn one_range_of_the_image_is_given() {
        assert_eq!(ask(header::RANGE, "bytes=9-99", 10), Ok(Some(9..10)));
        assert_eq!(ask(header::CONTENT_RANGE, "bytes 2-3/*", 10), Ok(Some(2..4)));
        assert_eq!(ask(header::CONTENT_RANGE, "bytes 2-3/10", 10), Ok(Some(2..4)));
    }

    #[test]
    fn anything_else_cannot_be_satisfied() {
        for text in ["bytes=10-", "bytes=3-2", "bytes=-0", "items=0-1", ""] {
            assert_eq!(ask(header::RANGE, text, 10), Err(StatusCode::RANGE_NOT_SATISFIABLE), "{text}");
        }
        for text in ["bytes 2-10/*", "bytes 3-2/*", "bytes */10", "bytes 0-1", "bytes 0-1/x"] {
            assert_eq!(ask(header::CONTENT_RANGE, text, 10), Err(StatusCode::RANGE_NOT_SATISFIABLE), "{text}");
        }
        assert_eq!(ask(header::RANGE, "bytes=0-1,3-4", 10), Err(StatusCode::BAD_REQUEST));
    }
}
