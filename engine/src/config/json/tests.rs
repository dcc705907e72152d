//! What is read, where it stands, and what is said about what cannot be read.

use std::io;

use proptest::prelude::*;

use super::{Mistake, Node, Value, parse};

fn none(name: &str) -> io::Result<String> {
    Err(io::Error::new(io::ErrorKind::NotFound, format!("no {name}")))
}

fn read(text: &str) -> Result<Node, Vec<Mistake>> {
    parse(text, "f", &mut none)
}

fn mistakes(text: &str) -> Vec<String> {
    read(text).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn every_kind_of_value_and_comment() {
    let text =
        "# a\n{ // b\n \"a\": [1, -2, .5, 1e3, true, false, null,], /* c\n */ \"b\": {},\n}\n";
    let node = read(text).unwrap();
    assert_eq!(
        node.to_serde(),
        serde_json::json!({"a": [1, -2, 0.5, 1000.0, true, false, null], "b": {}})
    );
}

#[test]
fn positions_count_characters_from_one() {
    let node = read("{\n  \"é\": \"x\", \"b\": [ 7 ]\n}").unwrap();
    let entries = node.as_map().unwrap();
    let place = |node: &Node| (node.at.line, node.at.column);
    assert_eq!((entries[0].at.line, entries[0].at.column), (2, 3));
    assert_eq!(place(&entries[0].node), (2, 8));
    assert_eq!(place(&entries[1].node.as_list().unwrap()[0]), (2, 20));
    assert_eq!(&*node.at.file, "f");
}

#[test]
fn escapes() {
    let node = read(r#"["\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"]"#).unwrap();
    let text = node.as_list().unwrap()[0].as_str().unwrap();
    assert_eq!(text, "\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1f600}");
    assert_eq!(
        mistakes(r#"["a\q"]"#),
        [r#"f:1.4: got the escape \q, expected one of \" \\ \/ \b \f \n \r \t \uXXXX"#]
    );
    assert_eq!(mistakes(r#"["\ud800"]"#).len(), 1);
    assert_eq!(mistakes(r#"["\u12"]"#).len(), 1);
}

#[test]
fn includes_stand_in_the_place_of_the_directive() {
    let mut files = |name: &str| match name {
        "pools" => Ok("\"b\": 2,\n\"c\": <?include \"value\"?>,".to_owned()),
        "value" => Ok("[3]".to_owned()),
        _ => none(name),
    };
    let node = parse("{\"a\": 1, <?include \"pools\"?> \"d\": 4}", "f", &mut files).unwrap();
    assert_eq!(node.to_serde(), serde_json::json!({"a": 1, "b": 2, "c": [3], "d": 4}));
    let c = node.get("c").unwrap();
    assert_eq!((&*c.at.file, c.at.line, c.at.column), ("value", 1, 1));
    let twice = parse("{\"b\": 1,\n <?include \"pools\"?> }", "f", &mut files).unwrap_err();
    assert_eq!(
        twice[0].to_string(),
        "pools:1.1: got \"b\" twice in a map, expected it once (before at f:1.2)"
    );
}

#[test]
fn includes_are_bounded() {
    let mut itself = |name: &str| Ok(format!("<?include \"{name}\"?>"));
    let mistakes = parse("[<?include \"x\"?>]", "f", &mut itself).unwrap_err();
    assert_eq!(mistakes[0].to_string(), "x:1.1: got \"x\" included by itself");
    let mut deeper = |name: &str| Ok(format!("<?include \"{name}x\"?>"));
    let mistakes = parse("[<?include \"x\"?>]", "f", &mut deeper).unwrap_err();
    assert!(mistakes[0].message.contains("10 others"), "{mistakes:?}");
    let mistakes = parse("[<?include \"x\"?>, <?includ ]", "f", &mut none).unwrap_err();
    assert_eq!(mistakes[0].to_string(), "f:1.2: cannot read the included file \"x\": no x");
    assert_eq!(mistakes[1].to_string(), "f:1.19: got <?, expected <?include \"file\"?>");
}

#[test]
fn all_mistakes_in_one_run() {
    assert_eq!(
        mistakes("{ \"a\": 1 \"b\": TRUE,\n  \"c\" 2, 3: 4,\n  \"d\": [1 2, }, \"a\": 5 }"),
        [
            "f:1.10: got string \"b\", expected , or }",
            "f:1.15: got TRUE, expected true in lower case",
            "f:2.7: got integer 2, expected : after \"c\"",
            "f:2.10: got integer 3, expected a key in quotes or }",
            "f:3.11: got integer 2, expected , or ]",
            "f:3.14: got }, expected a value or ]",
            "f:3.14: got }, expected , or ]",
            "f:3.17: got \"a\" twice in a map, expected it once (before at f:1.3)",
        ]
    );
}

#[test]
fn ends_and_rests() {
    assert_eq!(mistakes(""), ["f:1.1: got the end of the file, expected {"]);
    assert_eq!(
        mistakes("{"),
        [
            "f:1.2: got the end of the file, expected a key in quotes or }",
            "f:1.2: got the end of the file, expected , or }"
        ]
    );
    assert_eq!(mistakes("{} {}"), ["f:1.4: got {, expected the end of the file"]);
    assert_eq!(mistakes("{} /* x")[0], "f:1.4: got a comment without end, expected */");
    assert_eq!(
        mistakes("[\"x\n]")[0],
        "f:1.2: got a string without end, expected \" before the line's end"
    );
    assert_eq!(
        mistakes("[99999999999999999999]")[0],
        "f:1.2: got 99999999999999999999, expected an integer of at most 64 bits"
    );
    assert_eq!(mistakes("[1-2]")[0], "f:1.2: got 1-2, expected a number");
    assert_eq!(mistakes("[,]")[0], "f:1.2: got ,, expected a value or ]");
}

#[test]
fn nesting_is_bounded() {
    let deep = "[".repeat(100_000);
    assert!(mistakes(&deep)[0].contains("nesting deeper than 100"));
    let right = "[".repeat(99) + &"]".repeat(99);
    assert!(read(&right).is_ok());
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (-1.0e9..1.0e9).prop_map(|number: f64| (number + 0.5).into()),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #[test]
    fn what_serde_writes_is_read(value in json()) {
        let flat = read(&serde_json::to_string(&value).unwrap()).unwrap();
        prop_assert_eq!(flat.to_serde(), value.clone());
        let pretty = read(&serde_json::to_string_pretty(&value).unwrap()).unwrap();
        prop_assert_eq!(pretty.to_serde(), value);
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = read(&text);
    }

    #[test]
    fn no_near_json_panics(text in r#"([{}\[\]:,"\\#a0.-]|//|/\*|\*/|<\?include "x"\?>|\\u[0-9d]{3}|true| |\n|"k"){0,60}"#) {
        let _ = parse(&text, "f", &mut |_| Ok("{\"x\": [".to_owned()));
    }
}

#[test]
fn a_position_inside_a_string() {
    let node = read("[\"abc\"]").unwrap();
    let text = &node.as_list().unwrap()[0];
    assert_eq!(text.value, Value::String("abc".into()));
    assert_eq!(text.inside(1).column, 4);
}
