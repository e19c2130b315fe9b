//! Encodes the settings' specification in Protocol Buffers: `Spec{1 Object, 2 Attr}`, `Object{1
//! map<string, Spec>}`, `Attr{1 name, 2 CtyType}`, `CtyType{1 Primitive, 2 List, 3 Map}`, `Primitive{1
//! name}`, `List` and `Map{1 CtyType}`.

use super::{Primitive, Type};

/// Returns the name that Go's cty prints for a type.
fn name(primitive: Primitive) -> &'static str {
    match primitive {
        Primitive::String => "cty.String",
        Primitive::Bool => "cty.Bool",
    }
}

pub(super) fn object(attributes: &[(&str, Type)]) -> Vec<u8> {
    let entry = |(name, kind): &(&str, Type)| {
        let attr = [field(1, name.as_bytes()), field(2, &cty(*kind))].concat();
        let spec = field(2, &attr);
        field(1, &[field(1, name.as_bytes()), field(2, &spec)].concat())
    };
    let entries: Vec<u8> = attributes.iter().flat_map(entry).collect();
    field(1, &entries)
}

fn cty(kind: Type) -> Vec<u8> {
    let primitive = |primitive| field(1, &field(1, name(primitive).as_bytes()));
    match kind {
        Type::Primitive(one) => primitive(one),
        Type::List(of) => field(2, &field(1, &primitive(of))),
        Type::Map(of) => field(3, &field(1, &primitive(of))),
    }
}

/// Encodes a length-delimited field: its number and wire type, the length, and the bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    const DELIMITED: u8 = 2;
    let mut out = vec![number << 3 | DELIMITED];
    let mut length = bytes.len();
    while length > 0x7f {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend(bytes);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_is_what_protoc_makes_of_it() {
        let spec = object(&[
            ("token", Type::Primitive(Primitive::String)),
            ("metadata", Type::Map(Primitive::String)),
            ("list", Type::List(Primitive::Bool)),
        ]);
        // protoc 3.21 --encode wrote these bytes for the same specification.
        let expected = [
            &b"\nv\n\"\n\x05token\x12\x19\x12\x17\n\x05token\x12\x0e\n\x0c\n\ncty.String"[..],
            b"\n,\n\x08metadata\x12 \x12\x1e\n\x08metadata\x12\x12\x1a\x10\n\x0e\n\x0c\n\ncty.String",
            b"\n\"\n\x04list\x12\x1a\x12\x18\n\x04list\x12\x10\x12\x0e\n\x0c\n\n\n\x08cty.Bool",
        ];
        assert_eq!(spec, expected.concat());
    }

    #[test]
    fn a_length_takes_as_many_bytes_as_it_needs() {
        assert_eq!(field(1, &[7; 127])[..2], [0x0a, 127]);
        assert_eq!(field(1, &[7; 128])[..3], [0x0a, 0x80, 1]);
        assert_eq!(field(2, &[7; 300])[..3], [0x12, 0xac, 2]);
    }
}
