//! Links from one page of a list to another.

use form_urlencoded::Serializer;

/// The path of a list's first page, or of the one after `marker`, with all other parameters as they came.
pub fn page_link(path: &str, params: &[(String, String)], marker: Option<&str>) -> String {
    let mut query = Serializer::new(String::new());
    query.extend_pairs(params.iter().filter(|(name, _)| name != "marker"));
    if let Some(marker) = marker {
        query.append_pair("marker", marker);
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}
