//! Tasks.

use serde_json::{Value, json};

use super::{UUID_PATTERN, plain_collection};

/// What only a single task shows.
const DETAILS: [&str; 3] = ["input", "result", "message"];

/// One task.
pub(crate) fn task() -> Value {
    json!({
        "name": "task",
        "properties": {
            "id": {"description": "Identifier of the task", "pattern": UUID_PATTERN, "type": "string"},
            "type": {
                "description": "What kind of work it is",
                "enum": ["import", "api_image_import", "location_import"],
                "type": "string",
            },
            "status": {
                "description": "How far it is",
                "enum": ["pending", "processing", "success", "failure"],
                "type": "string",
            },
            "input": {"description": "What it was asked to do", "type": ["null", "object"]},
            "result": {"description": "What came of it", "type": ["null", "object"]},
            "owner": {"description": "Project that owns it", "type": "string"},
            "message": {"description": "Progress, or why it failed, for people", "type": "string"},
            "image_id": {"description": "Image it works on", "type": "string"},
            "request_id": {"description": "Request that asked for it", "type": "string"},
            "user_id": {"description": "User who asked for it", "type": "string"},
            "expires_at": {"description": "When it will be forgotten", "type": ["null", "string"]},
            "created_at": {"description": "When it was asked for", "type": "string"},
            "updated_at": {"description": "When it last changed", "type": "string"},
            "self": {"readOnly": true, "type": "string"},
            "schema": {"readOnly": true, "type": "string"},
        },
    })
}

/// Many.
pub(crate) fn tasks() -> Value {
    let mut item = task();
    if let Some(properties) = item["properties"].as_object_mut() {
        properties.retain(|key, _| !DETAILS.contains(&key.as_str()));
    }
    plain_collection("tasks", &item)
}
