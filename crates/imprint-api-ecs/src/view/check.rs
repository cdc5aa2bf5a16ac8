//! What a check of an image's content says, for an image that one was asked for.

use imprint_model::{Image, Status};
use serde_json::{Value, json};

use crate::{view, words};

/// The check's outcome; none when nobody asked for one. Only what is known without looking inside is told, and none of
/// it is a risk: a check that looks inside adds to these items.
pub(super) fn options(image: &Image) -> Option<Value> {
    if !image.facts.check_wanted {
        return None;
    }
    if !image.status.has_data() {
        let status = if image.status == Status::Failed { "Finished" } else { "Processing" };
        return Some(json!({ "Status": status, "Items": { "Item": [] } }));
    }
    let platform = image.facts.platform.as_deref().unwrap_or(words::PLATFORM_DEFAULT);
    let items = [("GUESTOS.Platform", platform), ("GUESTOS.Architecture", view::architecture(image).as_str())];
    let items: Vec<Value> = items.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
    Some(json!({ "Status": "Finished", "Items": { "Item": items } }))
}
