//! Which part of a list of definitions is wanted, and in which order.

use imprint_service::{Definition, NamespaceSort};

use crate::error::Refusal;

/// Namespaces on a page when nobody says how many.
pub(crate) const LIMIT_DEFAULT: u32 = 25;
/// On any page.
const LIMIT_MAX: u32 = 1_000;

/// A page that is wanted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// At most so many.
    pub(crate) limit: Option<u32>,
    /// Only what comes after the one of this name.
    pub(crate) marker: Option<String>,
    /// In which order.
    pub(crate) sort: NamespaceSort,
    /// Largest first.
    pub(crate) descending: bool,
}

impl Page {
    /// From the query of a request; what else is in the query is not looked at.
    pub(crate) fn of(query: &[(String, String)]) -> Result<Self, Refusal> {
        let mut page = Self { limit: None, marker: None, sort: NamespaceSort::CreatedAt, descending: true };
        for (name, value) in query {
            match name.as_str() {
                "limit" => page.limit = Some(limit(value)?),
                "marker" if !value.is_empty() => page.marker = Some(value.clone()),
                "sort_key" => page.sort = sort_key(value)?,
                "sort_dir" => page.descending = descending(value)?,
                _ => {}
            }
        }
        Ok(page)
    }

    /// The part of `all` that is on the page.
    pub(crate) fn cut(&self, mut all: Vec<Definition>) -> Result<Vec<Definition>, Refusal> {
        match self.sort {
            NamespaceSort::CreatedAt => all.sort_by(|a, b| (a.created_at, &a.name).cmp(&(b.created_at, &b.name))),
            NamespaceSort::UpdatedAt => all.sort_by(|a, b| (a.updated_at, &a.name).cmp(&(b.updated_at, &b.name))),
            NamespaceSort::Name => all.sort_by(|a, b| a.name.cmp(&b.name)),
        }
        if self.descending {
            all.reverse();
        }
        if let Some(marker) = &self.marker {
            let place = all.iter().position(|definition| definition.name == *marker);
            let place = place.ok_or_else(|| Refusal::not_found(format!("Metadata definition not found: {marker}")))?;
            all.drain(..=place);
        }
        if let Some(limit) = self.limit {
            all.truncate(limit as usize);
        }
        Ok(all)
    }
}

/// The address of a list with the query a client sent, from its beginning or after `marker`.
pub(crate) fn link(path: &str, query: &[(String, String)], marker: Option<&str>) -> String {
    let mut text = form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(query.iter().filter(|(name, _)| name != "marker"));
    if let Some(marker) = marker {
        text.append_pair("marker", marker);
    }
    let text = text.finish();
    if text.is_empty() { path.to_owned() } else { format!("{path}?{text}") }
}

fn limit(value: &str) -> Result<u32, Refusal> {
    // a number that is too large for any column is a large page all the same
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(value.parse().unwrap_or(LIMIT_MAX).min(LIMIT_MAX));
    }
    Err(Refusal::bad_request("limit param must be an integer of 0 or more"))
}

fn sort_key(value: &str) -> Result<NamespaceSort, Refusal> {
    match value {
        "created_at" => Ok(NamespaceSort::CreatedAt),
        "updated_at" => Ok(NamespaceSort::UpdatedAt),
        "namespace" | "name" => Ok(NamespaceSort::Name),
        _ => Err(Refusal::bad_request("Invalid sort_key: it must be one of created_at, updated_at, namespace, name.")),
    }
}

fn descending(value: &str) -> Result<bool, Refusal> {
    match value {
        "desc" => Ok(true),
        "asc" => Ok(false),
        _ => Err(Refusal::bad_request("Invalid sort direction: it must be asc or desc.")),
    }
}

#[cfg(test)]
mod tests {
    use imprint_model::Timestamp;
    use imprint_service::DefinitionKind;
    use serde_json::json;

    use super::*;

    fn page(query: &[(&str, &str)]) -> Result<Page, Refusal> {
        let query: Vec<_> = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Page::of(&query)
    }

    fn cut(query: &[(&str, &str)]) -> Result<Vec<String>, Refusal> {
        let all = ["a", "b", "c"].map(|name| Definition {
            namespace: "n".to_owned(),
            kind: DefinitionKind::Tag,
            name: name.to_owned(),
            body: json!({}),
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
        });
        Ok(page(query)?.cut(all.to_vec())?.into_iter().map(|definition| definition.name).collect())
    }

    #[test]
    fn a_page_is_cut_after_its_marker() {
        assert_eq!(cut(&[]).expect("all"), ["c", "b", "a"]);
        assert_eq!(
            cut(&[("sort_key", "name"), ("sort_dir", "asc"), ("marker", "a"), ("limit", "1")]).expect("one"),
            ["b"]
        );
        assert!(cut(&[("limit", "0")]).expect("none").is_empty());
        assert_eq!(cut(&[("marker", "x")]).expect_err("unknown").status, http::StatusCode::NOT_FOUND);
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for (name, value) in [("limit", "-1"), ("limit", "x"), ("limit", ""), ("sort_key", "id"), ("sort_dir", "up")] {
            assert_eq!(page(&[(name, value)]).expect_err(value).status, http::StatusCode::BAD_REQUEST);
        }
        assert_eq!(page(&[("limit", "99999999999999999999")]).expect("large").limit, Some(1_000));
    }
}
