//! Tables of values on the wire, and hostile bytes.

use std::collections::BTreeMap;

use super::*;
use crate::framework::Number;

fn list(inner: Type) -> Type {
    Type::List(Box::new(inner))
}

fn object_type() -> Type {
    Type::Object(BTreeMap::from([
        ("any".to_owned(), Type::Dynamic),
        ("count".to_owned(), Type::Number),
        ("names".to_owned(), Type::Set(Box::new(Type::String))),
        ("on".to_owned(), Type::Bool),
        ("pair".to_owned(), Type::Tuple(vec![Type::String, Type::Number])),
        ("tags".to_owned(), Type::Map(Box::new(Type::String))),
    ]))
}

fn number(text: &str) -> Value {
    Value::Number(Number::parse(text).unwrap())
}

fn object(on: Value) -> Value {
    let inner = Value::Object(BTreeMap::from([("x".to_owned(), Value::Unknown)]));
    let inner_type = Type::Object(BTreeMap::from([("x".to_owned(), list(Type::Bool))]));
    Value::Object(BTreeMap::from([
        ("any".to_owned(), Value::Dynamic(Box::new((inner_type, inner)))),
        ("count".to_owned(), number("0.1")),
        ("names".to_owned(), Value::List(vec!["a".into(), Value::Unknown, "ü".into()])),
        ("on".to_owned(), on),
        ("pair".to_owned(), Value::List(vec!["p".into(), 7.into()])),
        ("tags".to_owned(), Value::Map(BTreeMap::from([("k".to_owned(), Value::Null)]))),
    ]))
}

fn read(bytes: &[u8], kind: &Type) -> Result<Value, String> {
    let wire = DynamicValue { msgpack: bytes.to_vec(), json: Vec::new() };
    decode(Some(&wire), kind).map_err(|error| error.to_string())
}

fn read_json(json: &str, kind: &Type) -> Result<Value, String> {
    let wire = DynamicValue { msgpack: Vec::new(), json: json.as_bytes().to_vec() };
    decode(Some(&wire), kind).map_err(|error| error.to_string())
}

#[test]
fn values_of_every_type_survive_a_round_trip() {
    for value in [Value::Null, Value::Unknown, object(true.into()), object(Value::Unknown)] {
        let wire = encode(&value, &object_type()).unwrap();
        assert_eq!(decode(Some(&wire), &object_type()).unwrap(), value);
    }
}

#[test]
fn an_absent_or_empty_value_is_null() {
    let empty = DynamicValue::default();
    assert_eq!(decode(None, &Type::String).unwrap(), Value::Null);
    assert_eq!(decode(Some(&empty), &Type::String).unwrap(), Value::Null);
}

#[test]
fn every_form_of_a_number_is_read_without_loss() {
    let tenth = 0.1_f64.to_be_bytes();
    let table: &[(&[u8], &str)] = &[
        (&[0x07], "7"),
        (&[0xff], "-1"),
        (&[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "18446744073709551615"),
        (&[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0], "-9223372036854775808"),
        (&[0xca, 0x3f, 0xc0, 0, 0], "1.5"),
        (&[0xa3, b'0', b'.', b'1'], "0.1"),
        (&[0xcb, 0x80, 0, 0, 0, 0, 0, 0, 0], "0"),
    ];
    for (bytes, text) in table {
        assert_eq!(read(bytes, &Type::Number).unwrap(), number(text), "{text}");
    }
    let bytes = [&[0xcb][..], &tenth].concat();
    let exact = number("0.1000000000000000055511151231257827021181583404541015625");
    assert_eq!(read(&bytes, &Type::Number).unwrap(), exact);
    let smallest = [&[0xcb][..], &1_u64.to_be_bytes()].concat();
    let Value::Number(smallest) = read(&smallest, &Type::Number).unwrap() else { panic!() };
    assert!(smallest.as_text().starts_with("0.000") && smallest.as_text().ends_with("625"));
}

#[test]
fn a_number_is_written_as_an_integer_or_as_its_digits() {
    let table: &[(&str, &[u8])] = &[
        ("7.0", &[0x07]),
        ("-1", &[0xff]),
        ("18446744073709551615", &[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ("0.1", &[0xa3, b'0', b'.', b'1']),
        ("1e30", &[0xa4, b'1', b'e', b'3', b'0']),
    ];
    for (text, bytes) in table {
        assert_eq!(encode(&number(text), &Type::Number).unwrap().msgpack, *bytes, "{text}");
    }
}

#[test]
fn any_extension_is_unknown_and_unknown_is_written_plainly() {
    let refined: &[u8] = &[0xc7, 0x03, 0x0c, 0x81, 0x01, 0xc2];
    for bytes in [&[0xd4, 0, 0][..], refined, &[0xd5, 7, 1, 2], &[0xc7, 0, 0]] {
        for kind in [Type::Bool, Type::Dynamic, list(Type::String)] {
            assert_eq!(read(bytes, &kind).unwrap(), Value::Unknown);
        }
    }
    assert_eq!(encode(&Value::Unknown, &Type::Dynamic).unwrap().msgpack, [0xd4, 0, 0]);
}

#[test]
fn bytes_that_do_not_fit_are_refused_with_the_place() {
    let one = Type::Object(BTreeMap::from([("a".to_owned(), list(Type::Bool))]));
    let table: &[(&[u8], &Type, &str)] = &[
        (&[], &one, "ok"),
        (&[0xc0, 0xc0], &one, "1 bytes follow"),
        (&[0x80], &one, "`a`: the attribute is missing"),
        (&[0x81, 0xa1, b'b', 0xc0], &one, "`b`: there is no attribute"),
        (&[0x82, 0xa1, b'a', 0xc0, 0xa1, b'a', 0xc0], &one, "`a`: the key stands twice"),
        (&[0x81, 0xa1, b'a', 0x92, 0xc3, 0x05], &one, "`a[1]`: expected a bool"),
        (&[0x81, 0xa1, b'a', 0xdd, 0xff, 0xff, 0xff, 0xff], &one, "`a[0]`: the bytes end"),
        (&[0xdb, 0xff, 0xff, 0xff, 0xff, b'x'], &Type::String, "the bytes end"),
        (&[0xa1, 0xff], &Type::String, "not UTF-8"),
        (&[0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0], &Type::Number, "infinity"),
        (&[0xa2, b'0', b'x'], &Type::Number, "other text"),
        (&[0xc3], &Type::Number, "expected a number"),
        (&[0x92, 0xc4, 0x01, b'?', 0xc0], &Type::Dynamic, "JSON cannot be read"),
        (&[0xc7, 0xff, 0x00], &Type::Bool, "the bytes end"),
    ];
    for (bytes, kind, expected) in table {
        let found = read(bytes, kind).map_or_else(|error| error, |_| "ok".to_owned());
        assert!(found.contains(expected), "{bytes:x?}: {found}");
    }
}

#[test]
fn the_place_of_what_is_wrong_in_a_set_is_the_set() {
    let item = Type::Object(BTreeMap::from([("on".to_owned(), Type::Bool)]));
    let of = |kind| Type::Object(BTreeMap::from([("a".to_owned(), kind)]));
    let (a_set, a_list) = (of(Type::Set(Box::new(item.clone()))), of(list(item)));
    let json = r#"{"a": [{"on": true}, {"on": 5}]}"#;
    let fields = |on: Value| Value::Object(BTreeMap::from([("on".to_owned(), on)]));
    let items = Value::List(vec![fields(true.into()), fields(5.into())]);
    let value = Value::Object(BTreeMap::from([("a".to_owned(), items)]));
    let bytes = [
        &[0x81, 0xa1, b'a', 0x92][..],
        &[0x81, 0xa2, b'o', b'n', 0xc3],
        &[0x81, 0xa2, b'o', b'n', 5],
    ];
    for (kind, place) in [(&a_set, "a"), (&a_list, "a[1].on")] {
        let read = [
            decode_json(json.as_bytes(), kind).unwrap_err(),
            encode(&value, kind).unwrap_err(),
            msgpack_read::read(&bytes.concat(), kind).unwrap_err(),
        ];
        for error in read {
            assert_eq!(error.path().to_string(), place, "{error}");
        }
    }
}

#[test]
fn nesting_without_end_is_refused() {
    let dynamic: Vec<u8> =
        [0x92, 0xc4, 0x09].into_iter().chain(*b"\"dynamic\"").collect::<Vec<u8>>().repeat(1000);
    assert!(read(&dynamic, &Type::Dynamic).unwrap_err().contains("nested more than 64"));
    let deep = format!("{}\"bool\"{}", "[\"list\",".repeat(100), "]".repeat(100));
    let head = [0x92, 0xc5, (deep.len() >> 8) as u8, deep.len() as u8];
    let bytes = [&head[..], deep.as_bytes(), &[0xc0]].concat();
    assert!(read(&bytes, &Type::Dynamic).unwrap_err().contains("nested more than 64"));
    assert!(read_json(&"[".repeat(100_000), &Type::Dynamic).is_err());
}

#[test]
fn a_value_that_does_not_fit_its_type_is_not_written() {
    let kind = object_type();
    let broken = |change: fn(&mut BTreeMap<String, Value>)| {
        let Value::Object(mut fields) = object(Value::Null) else { panic!() };
        change(&mut fields);
        encode(&Value::Object(fields), &kind).unwrap_err().to_string()
    };
    assert_eq!(broken(|fields| drop(fields.remove("on"))), "`on`: the attribute is missing");
    assert!(
        broken(|fields| drop(fields.insert("z".into(), Value::Null))).starts_with("`z`: there")
    );
    let text =
        broken(|fields| drop(fields.insert("pair".into(), Value::List(vec!["secret".into()]))));
    assert_eq!(text, "`pair`: expected a tuple of the right length, found a list, set or tuple");
}

#[test]
fn stored_json_may_lack_attributes_or_have_others() {
    let json = r#"{"on": true, "gone": {"x": [1]}, "count": 12345678901234567890.10,
        "any": {"type": ["list", "bool"], "value": [false]}}"#;
    let Value::Object(fields) = read_json(json, &object_type()).unwrap() else { panic!() };
    assert_eq!(fields.len(), 6);
    assert_eq!(fields["on"], true.into());
    assert_eq!(fields["tags"], Value::Null);
    assert_eq!(fields["count"], number("12345678901234567890.1"));
    let any = Value::Dynamic(Box::new((list(Type::Bool), Value::List(vec![false.into()]))));
    assert_eq!(fields["any"], any);
    for (json, expected) in [
        ("{\"on\": 1}", "`on`: expected a bool, found a number"),
        ("{\"names\": [\"a\", {}]}", "`names`: expected a string, found an object"),
        ("{\"on\": tru", "the JSON cannot be read (line 1, column"),
    ] {
        let found = read_json(json, &object_type()).unwrap_err();
        assert!(found.starts_with(expected), "{found}");
    }
}

/// Flips, cuts, repeats and inserts bytes of sound values, the same way in every run.
#[test]
fn no_bytes_make_the_reader_panic_and_what_it_takes_it_can_write() {
    let kind = object_type();
    let seeds = [encode(&object(true.into()), &kind).unwrap().msgpack, vec![0x86], vec![0xdf; 9]];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    };
    for round in 0..30_000 {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..=next(3) {
            let at = next(bytes.len());
            match next(4) {
                0 => bytes[at] = u8::try_from(next(256)).unwrap(),
                1 => bytes.truncate(at.max(1)),
                2 => bytes.insert(at, [0xc0, 0xd4, 0xdd, 0xdf, 0xc6, 0x92][next(6)]),
                _ => bytes.extend_from_within(at..),
            }
        }
        if let Ok(value) = read(&bytes, &kind) {
            let again = encode(&value, &kind).unwrap().msgpack;
            assert_eq!(read(&again, &kind).unwrap(), value);
        }
        // Only the way, not the outcome, matters here: most of it is no JSON.
        let _ = decode_json(&bytes, &kind);
    }
}
