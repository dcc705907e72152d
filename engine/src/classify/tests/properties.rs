//! Arbitrary text, arbitrary payloads.

use proptest::prelude::*;

use super::*;

/// Pieces that expressions are made of, so that random sequences of them often come close to one.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "option",
        "[",
        "]",
        ".",
        "hex",
        "text",
        "exists",
        "(",
        ")",
        "==",
        "+",
        ",",
        "not",
        "and",
        "or",
        "sand",
        "sor",
        "'a'",
        "0x1",
        "61",
        "-1",
        "all",
        "*",
        "relay4",
        "vendor",
        "pkt4",
        "mac",
        "vendor-class",
        "data",
        "substring(",
        "split(",
        "ifelse(",
        "member('ALL')",
        "match('a*',",
        "hexstring(",
        "uint8totext(",
        "10.0.0.1",
        "::1",
        "host-name",
        "option[82].hex",
        "option[61].exists",
        "'a'==",
        "lcase(",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.join(" "))
}

/// Valid string expressions.
fn strings() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "'abc'",
        "0xabc",
        "7",
        "10.0.0.1",
        "option[60].hex",
        "option[60].text",
        "option[82].text",
        "relay4[1].hex",
        "vendor[*].option[1].text",
        "vendor-class[4491].data[1]",
        "pkt4.mac",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(5, 40, 3, |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            pair.clone().prop_map(|(a, b)| format!("{a} + {b}")),
            pair.clone().prop_map(|(a, b)| format!("hexstring({a}, {b})")),
            pair.clone().prop_map(|(a, b)| format!("ifelse({a} == {b}, {b}, {a})")),
            (inner.clone(), any::<i32>(), any::<i32>())
                .prop_map(|(a, start, len)| format!("substring({a}, {start}, {len})")),
            (inner.clone(), -30..30, -30..30)
                .prop_map(|(a, start, len)| format!("substring({a}, {start}, {len})")),
            (pair, -2..5).prop_map(|((a, b), field)| format!("split({a}, {b}, {field})")),
            inner.clone().prop_map(|a| format!("addrtotext({a})")),
            inner.prop_map(|a| format!("ucase(({a}))")),
        ]
    })
}

/// Valid boolean expressions in parentheses.
fn tests() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (strings(), strings()).prop_map(|(a, b)| format!("({a} == {b})")),
        strings().prop_map(|a| format!("(match('a*|[b-d]', {a}))")),
        prop::sample::select(vec![
            "(member('ALL'))",
            "(option[82].option[1].exists)",
            "(relay4[7].exists)",
            "(vendor[*].exists)",
            "(vendor-class[9].exists)",
            "(vendor[4491].option[2].exists)",
            "(vendor.enterprise + vendor-class.enterprise == 'a b')",
            "(sifelse(pkt.len == 5, pkt.iface, pkt4.transid) == 0x00ff)",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            inner.prop_map(|a| format!("(not {a})")),
            pair.clone().prop_map(|(a, b)| format!("({a} and {b} sand {a})")),
            pair.prop_map(|(a, b)| format!("({a} sor {b} or {b})")),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "\\PC*") {
        if let Err(error) = compile(&text, &mut ClassNames::default()) {
            prop_assert!(error.offset <= text.len());
            prop_assert!(text.is_char_boundary(error.offset));
        }
    }

    #[test]
    fn pieces_never_panic(text in pieces()) {
        let mut names = ClassNames::default();
        let query = query(&mut names);
        match compile(&text, &mut names) {
            Ok(expression) => { let _ = expression.evaluate(&query); }
            Err(error) => prop_assert!(error.offset <= text.len()),
        }
    }

    #[test]
    fn valid_expressions_compile_and_borrowing_does_not_matter(text in strings()) {
        let equal = evaluate(&format!("{text} == {text}"));
        prop_assert!(matches!(equal, Ok(true) | Err(_)), "{}", text);
    }

    #[test]
    fn what_is_printed_is_the_same_expression(a in tests(), b in tests()) {
        let mut names = ClassNames::default();
        let text = format!("{a} or {b} and not {a}");
        let expression = compile(&text, &mut names).unwrap();
        let printed = expression.display(&names).to_string();
        let again = compile(&printed, &mut names);
        prop_assert_eq!(again.as_ref().map(|it| &it.test), Ok(&expression.test), "{}", printed);
    }

    #[test]
    fn any_payload_is_safe(
        payload in prop::collection::vec(any::<u8>(), 0..64),
        text in strings(),
    ) {
        let mut names = ClassNames::default();
        let mut query = query(&mut names);
        for code in [43, 60, 82, 124, 125] {
            query.options.insert(code, payload.clone());
        }
        let expression = compile(&format!("{text} == 'a'"), &mut names).unwrap();
        let borrowed = expression.evaluate(&query);
        query.owned = true;
        prop_assert_eq!(expression.evaluate(&query), borrowed);
    }
}
