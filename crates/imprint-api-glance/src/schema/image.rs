//! Images.

use imprint_model::ContainerFormat;
use serde_json::{Map, Value, json};

use super::{UUID_PATTERN, paged_collection};
use crate::words;

/// One image.
pub(crate) fn image() -> Value {
    let mut properties = Map::new();
    for part in [identity(), sharing(), requirements(), content(), links(), locations(), known_extras()] {
        let Value::Object(part) = part else { unreachable!("each part is written as an object") };
        properties.extend(part);
    }
    json!({
        "name": "image",
        "properties": properties,
        "additionalProperties": {"type": "string"},
        "links": [
            {"rel": "self", "href": "{self}"},
            {"rel": "enclosure", "href": "{file}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    })
}

/// Many.
pub(crate) fn images() -> Value {
    paged_collection("images", &image())
}

fn identity() -> Value {
    json!({
        "id": {"type": "string", "description": "Identifier of the image", "pattern": UUID_PATTERN},
        "name": {"type": ["null", "string"], "description": "Descriptive name, not unique", "maxLength": 255},
        "status": {
            "type": "string",
            "readOnly": true,
            "description": "Where the image is in its life",
            "enum": [
                "queued", "saving", "active", "killed", "deleted", "uploading", "importing", "pending_delete",
                "deactivated"
            ],
        },
        "created_at": {"type": "string", "readOnly": true, "description": "When the record was made"},
        "updated_at": {"type": "string", "readOnly": true, "description": "When the record last changed"},
    })
}

fn sharing() -> Value {
    json!({
        "visibility": {
            "type": "string",
            "description": "Who may see the image",
            "enum": ["community", "public", "private", "shared"],
        },
        "protected": {"type": "boolean", "description": "If true, the image cannot be deleted."},
        "os_hidden": {"type": "boolean", "description": "If true, the image is left out of lists by default."},
        "owner": {"type": ["null", "string"], "description": "Project that owns the image", "maxLength": 255},
        "tags": {
            "type": "array",
            "description": "Labels of the image",
            "items": {"type": "string", "maxLength": 255},
        },
    })
}

fn requirements() -> Value {
    json!({
        "min_ram": {"type": "integer", "description": "Memory in MB that is needed to boot the image."},
        "min_disk": {"type": "integer", "description": "Disk space in GB that is needed to boot the image."},
        "container_format": {
            "type": ["null", "string"],
            "description": "What the disk is wrapped in",
            "enum": null_and(ContainerFormat::ALL.iter().map(|format| format.as_str())),
        },
        "disk_format": {
            "type": ["null", "string"],
            "description": "How the data encodes a disk",
            "enum": null_and(words::DISK_FORMATS.iter().map(|format| format.as_str())),
        },
    })
}

fn null_and(words: impl Iterator<Item = &'static str>) -> Vec<Value> {
    std::iter::once(Value::Null).chain(words.map(Value::from)).collect()
}

fn content() -> Value {
    json!({
        "size": {"type": ["null", "integer"], "readOnly": true, "description": "Size of the data in bytes"},
        "virtual_size": {
            "type": ["null", "integer"],
            "readOnly": true,
            "description": "Size in bytes of the disk a guest sees",
        },
        "checksum": {
            "type": ["null", "string"],
            "readOnly": true,
            "description": "MD5 of the data",
            "maxLength": 32,
        },
        "os_hash_algo": {
            "type": ["null", "string"],
            "readOnly": true,
            "description": "Algorithm of os_hash_value",
            "maxLength": 64,
        },
        "os_hash_value": {
            "type": ["null", "string"],
            "readOnly": true,
            "description": "Digest of the data in hexadecimal, by the algorithm in os_hash_algo",
            "maxLength": 128,
        },
    })
}

fn links() -> Value {
    json!({
        "self": {"type": "string", "readOnly": true, "description": "URL of the image"},
        "file": {"type": "string", "readOnly": true, "description": "URL of the image's data"},
        "schema": {"type": "string", "readOnly": true, "description": "URL of the image's schema"},
        "direct_url": {"type": "string", "readOnly": true, "description": "URL of the data in an outside store"},
        "stores": {
            "type": "string",
            "readOnly": true,
            "description": "Stores that hold the data, separated by commas; only where there are several stores",
        },
    })
}

fn locations() -> Value {
    let validation_data = json!({
        "type": "object",
        "writeOnly": true,
        "additionalProperties": false,
        "description": "What the data must be",
        "properties": {
            "checksum": {"type": "string", "minLength": 32, "maxLength": 32},
            "os_hash_algo": {"type": "string", "maxLength": 64},
            "os_hash_value": {"type": "string", "maxLength": 128},
        },
        "required": ["os_hash_algo", "os_hash_value"],
    });
    json!({
        "locations": {
            "type": "array",
            "description": "URLs of the data in outside stores",
            "items": {
                "type": "object",
                "properties": {
                    "url": {"type": "string", "maxLength": 255},
                    "metadata": {"type": "object"},
                    "validation_data": validation_data,
                },
                "required": ["url", "metadata"],
            },
        },
    })
}

fn known_extras() -> Value {
    let id = |description: &str| {
        json!({
            "type": ["null", "string"],
            "pattern": UUID_PATTERN,
            "description": description,
            "is_base": false,
        })
    };
    let text = |description: &str| json!({"type": ["null", "string"], "description": description, "is_base": false});
    json!({
        "architecture": text("Processor architecture"),
        "kernel_id": id("ID of the image that holds the kernel to boot this one with"),
        "ramdisk_id": id("ID of the image that holds the ramdisk to boot this one with"),
        "os_distro": text("Common name of the operating system distribution, in lower case"),
        "os_version": text("Operating system version as its distributor gives it"),
        "instance_uuid": text("Server that this image was made from; informational"),
    })
}

#[cfg(test)]
mod tests {
    use imprint_service::Presence;

    use super::*;
    use crate::{attributes, words};

    /// A value that the schema admits for a key.
    fn sample(property: &Value) -> Value {
        if let Some(words) = property.get("enum") {
            return words[1].clone();
        }
        let kind = property["type"].as_array().map_or(&property["type"], |kinds| kinds.last().expect("a type"));
        match kind.as_str().expect("a type") {
            "string" if property.get("pattern").is_some() => json!("7e9c5d3a-0000-4000-8000-000000000001"),
            "string" => json!("x"),
            "integer" => json!(1),
            "boolean" => json!(true),
            "array" => json!(["x"]),
            other => panic!("no sample of {other}"),
        }
    }

    #[test]
    fn the_schema_says_what_the_service_accepts() {
        let schema = image();
        for (key, property) in schema["properties"].as_object().expect("an object") {
            let read_only = property.get("readOnly") == Some(&Value::Bool(true));
            assert_eq!(read_only, words::is_read_only(key), "{key}");
            assert_eq!(property.get("is_base").is_none(), words::is_base(key), "{key}");
            if key == "id" || key == "locations" || read_only {
                continue;
            }
            assert!(attributes::check_writable(key).is_ok(), "{key}");
            assert!(attributes::changes(key, sample(property), Presence::Any).is_ok(), "{key}");
            let nullable = property["type"].as_array().is_some_and(|kinds| kinds.contains(&json!("null")));
            // an image always has an owner, whatever the schema admits
            if key != "owner" {
                let accepted = attributes::changes(key, Value::Null, Presence::Any).is_ok();
                assert_eq!(accepted, nullable, "{key}");
            }
        }
    }
}
