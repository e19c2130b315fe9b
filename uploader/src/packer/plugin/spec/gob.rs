//! Encodes the settings' specification in gob: a stream of messages, first the definitions of the types
//! and then one value.
//!
//! The types are those of Go's hcldec and cty: `ObjectSpec` is a map from texts to interfaces, each of
//! which holds an `*AttrSpec`; an attribute's type is opaque bytes in this stream, and inside them
//! another gob stream. Type numbers are free within a stream, from 65.

use super::{Primitive, Type};

/// The numbers of gob's built-in types.
const BOOL: i64 = 1;
const INT: i64 = 2;
const UINT: i64 = 3;
const STRING: i64 = 6;
const INTERFACE: i64 = 8;

/// The numbers of the streams' own types, in the order of their definitions.
const FIRST: i64 = 65;
const SECOND: i64 = 66;
const THIRD: i64 = 67;

/// The fields of gob's description of a type, exactly one of which is set.
const STRUCT: u64 = 3;
const MAP: u64 = 4;
const ENCODED: u64 = 5;

/// The marker of a struct's end.
const END: u8 = 0;

pub(super) fn object(attributes: &[(&str, Type)]) -> Vec<u8> {
    let map = [field(1, &int(STRING)), field(1, &int(INTERFACE))].concat();
    let fields = [("Name", STRING), ("Type", THIRD), ("Required", BOOL)];
    let entry = |(name, kind): &(&str, Type)| {
        // `Required` is false; gob leaves out zero values.
        let spec = [
            field(1, &text(name)),
            field(1, &bytes(&cty(*kind))),
            vec![END],
        ]
        .concat();
        let value = interface("*hcldec.AttrSpec", SECOND, &spec);
        [text(name), value].concat()
    };
    let entries: Vec<u8> = attributes.iter().flat_map(entry).collect();
    // Gob writes a zero before a top-level value that is no struct.
    let value = [vec![0], uint(attributes.len() as u64), entries].concat();
    [
        definition(FIRST, MAP, "ObjectSpec", &map),
        definition(
            SECOND,
            STRUCT,
            "AttrSpec",
            &field(1, &struct_fields(&fields)),
        ),
        definition(THIRD, ENCODED, "Type", &[]),
        message(FIRST, &value),
    ]
    .concat()
}

/// Encodes a `gobType{Version int, Impl interface}`. The version is 0 and therefore left out.
fn cty(kind: Type) -> Vec<u8> {
    let outer = [("Version", INT), ("Impl", INTERFACE)];
    let outer = definition(FIRST, STRUCT, "gobType", &field(1, &struct_fields(&outer)));
    let (definitions, name, value) = match kind {
        Type::Primitive(primitive) => {
            let fields = struct_fields(&[("Kind", UINT)]);
            let definition = definition(SECOND, STRUCT, "primitiveType", &field(1, &fields));
            let kind = match primitive {
                Primitive::String => b'S',
                Primitive::Bool => b'B',
            };
            (definition, "primitiveType", field(1, &uint(kind.into())))
        }
        Type::List(of) => collection("typeList", of),
        Type::Map(of) => collection("typeMap", of),
    };
    let name = format!("github.com/zclconf/go-cty/cty.{name}");
    let value = interface(&name, SECOND, &[value, vec![END]].concat());
    [
        outer,
        definitions,
        message(FIRST, &[field(2, &value), vec![END]].concat()),
    ]
    .concat()
}

fn collection(name: &'static str, of: Primitive) -> (Vec<u8>, &'static str, Vec<u8>) {
    let fields = struct_fields(&[("ElementTypeT", THIRD)]);
    let definitions = [
        definition(SECOND, STRUCT, name, &field(1, &fields)),
        definition(THIRD, ENCODED, "Type", &[]),
    ];
    let element = cty(Type::Primitive(of));
    (definitions.concat(), name, field(1, &bytes(&element)))
}

/// Encodes the message that defines a type number. `rest` holds the fields after the common one.
fn definition(number: i64, kind: u64, name: &str, rest: &[u8]) -> Vec<u8> {
    let common = [field(1, &text(name)), field(1, &int(number)), vec![END]].concat();
    let inner = [field(1, &common), rest.to_vec(), vec![END]].concat();
    message(-number, &[field(kind, &inner), vec![END]].concat())
}

fn struct_fields(fields: &[(&str, i64)]) -> Vec<u8> {
    let one = |(name, kind): &(&str, i64)| {
        [field(1, &text(name)), field(1, &int(*kind)), vec![END]].concat()
    };
    let all = fields.iter().flat_map(one).collect();
    [uint(fields.len() as u64), all].concat()
}

fn message(number: i64, content: &[u8]) -> Vec<u8> {
    bytes(&[&int(number), content].concat())
}

/// Encodes an interface value: the name of its concrete type, the type's number, and the value.
fn interface(name: &str, number: i64, value: &[u8]) -> Vec<u8> {
    [text(name), int(number), bytes(value)].concat()
}

/// Encodes a struct's field. `distance` is the difference between its number and the previous field's.
fn field(distance: u64, value: &[u8]) -> Vec<u8> {
    [&uint(distance), value].concat()
}

fn text(text: &str) -> Vec<u8> {
    bytes(text.as_bytes())
}

fn bytes(bytes: &[u8]) -> Vec<u8> {
    [&uint(bytes.len() as u64), bytes].concat()
}

/// Encodes an unsigned number: below 128 one byte, otherwise the negated count of bytes and the bytes.
fn uint(number: u64) -> Vec<u8> {
    if number < 0x80 {
        return vec![number as u8];
    }
    let digits = number.to_be_bytes();
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    let count = (digits.len() - zeros) as u8;
    [&[count.wrapping_neg()], &digits[zeros..]].concat()
}

/// Encodes a signed number, with the sign as the lowest bit.
fn int(number: i64) -> Vec<u8> {
    let sign = number >> 63;
    uint((number << 1 ^ sign) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_gobs_documentation_does() {
        assert_eq!(uint(7), [7]);
        assert_eq!(uint(256), [0xfe, 1, 0]);
        assert_eq!(int(-65), [0xff, 129]);
        assert_eq!(int(65), [0xff, 130]);
        assert_eq!(int(-129), [0xfe, 1, 1]);
    }

    #[test]
    fn definitions_are_those_that_go_writes() {
        // Go 1.19's encoder wrote these bytes for the same types.
        let object =
            b"\x1a\xff\x81\x04\x01\x01\x0aObjectSpec\x01\xff\x82\x00\x01\x0c\x01\x10\x00\x00";
        let attr = b"\xff\x83\x03\x01\x01\x08AttrSpec\x01\xff\x84\x00\x01\x03\x01\x04Name\x01\x0c\x00\x01\x04Type\x01\xff\x86\x00\x01\x08Required\x01\x02\x00\x00\x00";
        let spec = super::object(&[("token", Type::Primitive(Primitive::String))]);
        assert!(spec.starts_with(object));
        let rest = &spec[object.len()..];
        assert_eq!(rest[0] as usize, attr.len());
        assert!(rest[1..].starts_with(attr));
    }
}
