//! Sharings.

use serde_json::{Value, json};

use super::{UUID_PATTERN, plain_collection};

/// One sharing.
pub(crate) fn member() -> Value {
    json!({
        "name": "member",
        "properties": {
            "member_id": {"type": "string", "description": "Project that the image is shared with"},
            "image_id": {"type": "string", "description": "Identifier of the image", "pattern": UUID_PATTERN},
            "created_at": {"type": "string", "description": "When the image was shared"},
            "updated_at": {"type": "string", "description": "When the sharing last changed"},
            "status": {
                "type": "string",
                "description": "What the project made of it",
                "enum": ["pending", "accepted", "rejected"],
            },
            "schema": {"readOnly": true, "type": "string"},
        },
    })
}

/// Many.
pub(crate) fn members() -> Value {
    plain_collection("members", &member())
}
