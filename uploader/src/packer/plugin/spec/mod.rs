//! Describes the plugin's settings to Packer for templates in HCL2: the name and the type of each.
//! Packer reads the description in gob up to 1.11, and later also in Protocol Buffers.

mod gob;
mod protobuf;

/// The encoding that Packer asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Go's own format.
    Gob,
    /// Protocol Buffers, which Packer from 1.12 requests by `--protobuf`.
    Protobuf,
}

/// The type of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Primitive(Primitive),
    List(Primitive),
    Map(Primitive),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Primitive {
    String,
    Bool,
}

const STRING: Type = Type::Primitive(Primitive::String);
const BOOL: Type = Type::Primitive(Primitive::Bool);

/// All settings. None is marked as required: the plugin reports a missing setting together with all
/// other mistakes. An empty list would crash Packer 1.6.
const ATTRIBUTES: [(&str, Type); 22] = [
    ("artifact", STRING),
    ("artifact_type", STRING),
    ("artifact_type_override", BOOL),
    ("atlas_upload_allow_http", BOOL),
    ("atlas_upload_box_check", BOOL),
    ("atlas_upload_boxes", BOOL),
    ("atlas_upload_digest", BOOL),
    ("atlas_upload_receipts", STRING),
    ("atlas_upload_skip_existing", BOOL),
    ("atlas_upload_verify", BOOL),
    ("atlas_url", STRING),
    ("metadata", Type::Map(Primitive::String)),
    ("packer_build_name", STRING),
    ("packer_builder_type", STRING),
    ("packer_core_version", STRING),
    ("packer_debug", BOOL),
    ("packer_force", BOOL),
    ("packer_on_error", STRING),
    ("packer_sensitive_variables", Type::List(Primitive::String)),
    ("packer_user_variables", Type::Map(Primitive::String)),
    ("server_address", STRING),
    ("token", STRING),
];

/// Returns the specification of all settings in this encoding.
pub fn encoded(encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Gob => gob::object(&ATTRIBUTES),
        Encoding::Protobuf => protobuf::object(&ATTRIBUTES),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_are_sorted_and_each_stands_there_once() {
        assert!(ATTRIBUTES.is_sorted_by(|one, other| one.0 < other.0));
    }
}
