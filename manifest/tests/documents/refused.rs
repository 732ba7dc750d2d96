//! Documents that the right keys have signed and that a client refuses all the
//! same (reference/trust.md A19, A20), and what it takes although it is new.

// Long because: the tables of everything that is refused.

use crate::maker::Kind;
use offgrid_manifest::Code;
use serde_json::{Value, json};

/// The text of a document with one more entry, `"x": <value>`.
fn with_entry(kind: Kind, value: &str) -> Vec<u8> {
    let text = kind.document().to_string();
    text.replacen('{', &format!("{{\"x\":{value},"), 1).into_bytes()
}

/// `levels` lists, one in the other.
fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

/// What happens to the bytes of any document, and must be `E_PARSE` for each.
fn damaged(kind: Kind) -> Vec<(&'static str, Vec<u8>)> {
    let text = kind.document().to_string();
    let good = text.as_bytes();
    let entry = |value: &str| with_entry(kind, value);
    let around = |before: &[u8], after: &[u8]| [before, good, after].concat();
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    vec![
        ("a byte-order mark", around(b"\xef\xbb\xbf", b"")),
        ("another document after it", around(b"", good)),
        ("a letter after it", around(b"", b"x")),
        ("a NUL after it", around(b"", b"\0")),
        ("a brace too many", around(b"", b"}")),
        ("something before it", around(b"0", b"")),
        ("a comment", around(b"/* */", b"")),
        ("the last byte missing", good[..good.len() - 1].to_vec()),
        ("half of it", good[..good.len() / 2].to_vec()),
        ("nothing", Vec::new()),
        ("white space alone", b" \n".to_vec()),
        ("UTF-16", utf16),
        ("a list around it", around(b"[", b"]")),
        ("a number instead", b"1".to_vec()),
        ("null instead", b"null".to_vec()),
        ("a key twice", entry("1,\"x\":1")),
        ("a key twice, once escaped", entry("1,\"\\u0078\":1")),
        ("a key twice further down", entry("[{\"a\":{\"b\":1,\"b\":1}}]")),
        ("schema twice", text.replacen('{', "{\"schema\":1,", 1).into_bytes()),
        ("too deep by one", entry(&nested(17))),
        ("much too deep", entry(&nested(30_000))),
        ("much too deep, never closed", entry(&"[".repeat(50_000))),
        ("2^53", entry("9007199254740992")),
        ("-2^53", entry("-9007199254740992")),
        ("2^64", entry("18446744073709551616")),
        ("a hundred digits", entry(&"9".repeat(100))),
        ("a fraction", entry("1.5")),
        ("an exponent", entry("1e3")),
        ("an endless number", entry("1e999")),
        ("minus zero", entry("-0")),
        ("a leading zero", entry("01")),
        ("a plus", entry("+1")),
        ("NaN", entry("NaN")),
        ("a number to the base 16", entry("0x10")),
        ("single quotes", entry("'a'")),
        ("no quotes", entry("a")),
        ("True", entry("True")),
        ("a comma too many", entry("[1,]")),
        ("half of a pair of surrogates", entry("\"\\ud800\"")),
        ("an unknown escape", entry("\"\\x41\"")),
        ("a line feed in a string", entry("\"a\nb\"")),
        ("a string that does not end", entry("\"a")),
        ("a byte that is not UTF-8", [&entry("\"")[..6], b"\xff\"}"].concat()),
        ("an overlong letter", [&entry("\"")[..6], b"\xc0\x80\"}"].concat()),
    ]
}

#[test]
fn what_is_not_one_plain_json_document_is_refused() {
    for kind in Kind::ALL {
        let cases = damaged(kind);
        assert!(cases.len() >= 40, "the corpus of A19 has at least 40 documents");
        for (what, bytes) in cases {
            let error = kind.read(&bytes).expect_err(what);
            assert_eq!(error.code(), Code::Parse, "{kind:?}: {what}: {error}");
        }
    }
}

#[test]
fn what_is_new_and_harmless_is_read() {
    for kind in Kind::ALL {
        let text = kind.document().to_string();
        for (what, bytes) in [
            ("as it is", text.clone().into_bytes()),
            ("white space around it", format!("\r\n\t {text} \n").into_bytes()),
            ("an unknown word", with_entry(kind, "\"\\u00e9 \\ud83d\\ude00 é\"")),
            ("an unknown table", with_entry(kind, "{\"a\":[null,true,{}]}")),
            ("the largest number", with_entry(kind, "9007199254740991")),
            ("the smallest number", with_entry(kind, "-9007199254740991")),
            ("as deep as allowed", with_entry(kind, &nested(16))),
            ("a key in capitals", text.replacen('{', "{\"SCHEMA\":2,", 1).into_bytes()),
            ("an escaped key", text.replacen("\"schema\"", "\"\\u0073chema\"", 1).into_bytes()),
        ] {
            kind.read(&bytes).unwrap_or_else(|error| panic!("{kind:?}: {what}: {error}"));
        }
    }
}

#[test]
fn a_document_of_tomorrow_says_that_this_program_is_too_old() {
    for kind in Kind::ALL {
        let with = |key: &str, value: Value| {
            let mut document = kind.document();
            document[key] = value;
            kind.read(document.to_string().as_bytes())
        };
        for (what, result) in [
            ("schema 2", with("schema", json!(2))),
            ("schema 0", with("schema", json!(0))),
            ("a feature", with("must_understand", json!(["telepathy"]))),
        ] {
            let error = result.expect_err(what);
            assert_eq!(error.code(), Code::Schema, "{kind:?}: {what}: {error}");
            assert_eq!(error.code().exit(), 3);
            assert!(error.to_string().contains("does not know"), "{error}");
        }
        // Whatever else a later schema changes: its number is what is said of it.
        let other = json!({"schema": 2, "type": kind.document()["type"], "version": "other"});
        assert_eq!(kind.read(other.to_string().as_bytes()).unwrap_err().code(), Code::Schema);
        assert!(with("must_understand", json!([])).is_ok());
        for (what, key, value) in [
            ("a schema in words", "schema", json!("1")),
            ("a schema below 0", "schema", json!(-1)),
            ("no schema", "schema", Value::Null),
            ("features in words", "must_understand", json!("telepathy")),
            ("features that are numbers", "must_understand", json!([1])),
        ] {
            let error = with(key, value).expect_err(what);
            assert_eq!(error.code(), Code::Parse, "{kind:?}: {what}: {error}");
        }
    }
}

#[test]
fn a_document_of_another_type_is_refused() {
    for kind in Kind::ALL {
        for other in [json!("offgrid/other"), json!(""), json!("offgrid/ROOT")] {
            let mut document = kind.document();
            document["type"] = other;
            let error = kind.read(document.to_string().as_bytes()).unwrap_err();
            assert_eq!(error.code(), Code::Type, "{kind:?}");
        }
    }
}

/// Values that are broken or meant to harm (A20): where, what instead, and with
/// which code they are refused. `null` takes the entry away.
fn harmful() -> Vec<(Kind, &'static str, Value, Code)> {
    use Code::{Parse, Path};
    use Kind::{Channel, Head, Parts, Release, Root};
    let digest = "a".repeat(64);
    let pin = json!({"sha256": digest, "size": 1});
    let steps = |steps: &[(&str, u64)]| {
        let step = |(at, permyriad): &(&str, u64)| json!({"at": at, "permyriad": permyriad});
        Value::Array(steps.iter().map(step).collect())
    };
    let mut cases = vec![
        (Root, "/version", json!(0), Parse),
        (Root, "/version", json!("1"), Parse),
        (Root, "/version", Value::Null, Parse),
        (Root, "/keys", json!([]), Parse),
        (Root, "/keys/A", json!("RWQ"), Parse),
        (Root, "/keys/CON", json!("RWQ"), Parse),
        (Root, "/roles", Value::Null, Parse),
        (Root, "/floors/head", json!(-1), Parse),
        (Root, "/floors/channel/..", json!(1), Parse),
        (Root, "/floors/channel/Stable", json!(1), Parse),
        (Root, "/min_bootstrap", json!("1"), Parse),
        (Root, "/min_bootstrap", json!("v0.1.0"), Parse),
        (Head, "/version", json!(0), Parse),
        (Head, "/version", Value::Null, Parse),
        (Head, "/root_version", json!(0), Parse),
        (Head, "/channels/stable/version", json!(0), Parse),
        (Head, "/channels/stable/sha256", json!("A".repeat(64)), Parse),
        (Head, "/channels/stable/sha256", json!(""), Parse),
        (Head, "/channels/stable/size", json!(-1), Parse),
        (Head, "/channels/..", json!({"version": 1, "sha256": digest, "size": 1}), Parse),
        (Head, "/channels/con", json!({"version": 1, "sha256": digest, "size": 1}), Parse),
        (Head, "/channels/Stable", json!({"version": 1, "sha256": digest, "size": 1}), Parse),
        (Channel, "/version", json!(0), Parse),
        (Channel, "/name", json!("../stable"), Parse),
        (Channel, "/name", json!("st\u{430}ble"), Parse),
        (Channel, "/name", Value::Null, Parse),
        (Channel, "/current", json!("0.3.1"), Parse),
        (Channel, "/current", json!("../0.3.0"), Parse),
        (Channel, "/current", json!("0.3.0+cpu"), Parse),
        (Channel, "/critical", json!("no"), Parse),
        (Channel, "/minimum_safe", json!("0.2"), Parse),
        (Channel, "/releases/0.3", pin.clone(), Parse),
        (Channel, "/releases/0.4.0-RC", pin.clone(), Parse),
        (Channel, "/yanked/0.4.0-RC", json!({"reason": ""}), Parse),
        (Channel, "/yanked/..", json!({"reason": ""}), Parse),
        (Channel, "/yanked/0.2.1", json!({}), Parse),
        (Channel, "/rollout/steps", steps(&[("2026-09-01T12:00:00Z", 10_001)]), Parse),
        (
            Channel,
            "/rollout/steps",
            steps(&[("2026-09-02T00:00:00Z", 1), ("2026-09-01T00:00:00Z", 2)]),
            Parse,
        ),
        (
            Channel,
            "/rollout/steps",
            steps(&[("2026-09-01T00:00:00Z", 1), ("2026-09-01T00:00:00Z", 2)]),
            Parse,
        ),
        (Channel, "/rollout/salt", Value::Null, Parse),
        (Channel, "/mirrors", json!(vec!["https://a.example/"; 17]), Parse),
        (Release, "/version", json!("0.3"), Parse),
        (Release, "/source/epoch", json!(-1), Parse),
        (Release, "/components/LLAMA", json!({}), Parse),
        (Release, "/components/llama-cpu/plan9-x86_64", json!({}), Parse),
        (Release, "/components/llama-cpu/linux-x86_64/into", json!("../"), Parse),
        (Release, "/components/llama-cpu/linux-x86_64/into", json!("/etc/"), Parse),
        (Release, "/components/llama-cpu/linux-x86_64/into", json!("con/"), Parse),
        (Release, "/components/llama-cpu/linux-x86_64/into", json!(""), Parse),
        (Release, "/variants/0/id", json!("a/b"), Parse),
        (Release, "/variants/0/components", json!(["llama-cpu", "llama-cpu"]), Parse),
        (Release, "/variants/0/components", json!(["app"]), Parse),
        (Release, "/variants/0/target", json!("linux-aarch64"), Parse),
        (Release, "/setup/targets/linux-amd64", pin, Parse),
        (Release, "/models/0/name", json!("Tiny"), Parse),
        (Release, "/models/0/file", json!("../tiny.gguf"), Parse),
        (Release, "/models/0/file", json!("models/tiny.gguf"), Parse),
        (Release, "/models/0/file", json!("tiny.gguf:stream"), Parse),
        (Release, "/models/0/sha256", json!("sha256:aa"), Parse),
        (Parts, "/files/0/mode", json!("4755"), Parse),
        (Parts, "/files/0/mode", json!("0777"), Parse),
        (Parts, "/files/0/size", json!(-1), Parse),
        (Parts, "/files/0/path", json!("../x"), Path),
        (Parts, "/files/0/path", json!("/etc/passwd"), Path),
        (Parts, "/files/0/path", json!("a/CON.txt"), Path),
        (Parts, "/files/0/path", json!("caf\u{e9}"), Code::Entry),
        (Parts, "/files/0/path", json!("cafe\u{301}"), Code::Entry),
        (Parts, "/links/0/target", json!("../x"), Path),
        (Parts, "/links/0/target", json!("/etc/passwd"), Path),
        (Parts, "/links/0/target", json!("a/../libggml.so.1"), Path),
        (Parts, "/links/0/target", json!("..\\..\\etc/../libggml.so.1"), Path),
        (Parts, "/files/0/path", json!("LLAMA-SERVER"), Code::Entry),
        (Parts, "/files/0/sha256", json!("b".repeat(64)), Code::Tree),
    ];
    for kind in [Root, Head, Channel] {
        for at in ["/issued", "/expires"] {
            for time in ["", "2026-02-30T00:00:00Z", "2026-09-01", "1969-12-31T23:59:59Z"] {
                cases.push((kind, at, json!(time), Parse));
            }
            cases.push((kind, at, Value::Null, Parse));
            cases.push((kind, at, json!(1_788_220_800), Parse));
        }
        cases.push((kind, "/expires", json!("2026-08-31T23:59:59Z"), Parse));
    }
    for mirror in [
        "",
        "mirror.example",
        "https:/mirror.example/",
        "https://",
        "https:///offgrid/",
        "://mirror.example/",
        "ht tp://mirror.example/",
        "HTTPS://mirror.example/",
        "https://name@mirror.example/",
        "https://name:word@mirror.example/",
        "https://mirror.example/?a=",
        "https://mirror.example/#a",
        "https://mirror.example/a b/",
        "https://mirror.example/\u{1b}[2J",
        "https://mirror.example/\n",
        "https://mirror.example\\@other.example/",
        "https://m\u{456}rror.example/",
    ] {
        cases.push((Channel, "/mirrors/0", json!(mirror), Parse));
    }
    cases.push((Channel, "/mirrors/0", json!(format!("https://a/{}", "b".repeat(1016))), Parse));
    cases
}

/// Puts a value where a pointer says; `null` takes it away.
fn put(document: &mut Value, pointer: &str, value: Value) {
    let (above, last) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(above).unwrap() {
        Value::Object(map) if value.is_null() => drop(map.remove(last).unwrap()),
        Value::Object(map) => drop(map.insert(last.to_owned(), value)),
        Value::Array(list) => list[last.parse::<usize>().unwrap()] = value,
        other => panic!("{pointer}: {other}"),
    }
}

#[test]
fn what_is_broken_or_meant_to_harm_is_refused() {
    for (kind, pointer, value, code) in harmful() {
        let mut document = kind.document();
        if kind == Kind::Channel {
            // So that another spelling of a release has something to collide with.
            document["releases"]["0.4.0-rc"] = document["releases"]["0.3.0"].clone();
        }
        kind.read(document.to_string().as_bytes()).unwrap();
        let what = format!("{kind:?} {pointer} {value}");
        put(&mut document, pointer, value);
        let error = kind.read(document.to_string().as_bytes()).expect_err(&what);
        assert_eq!(error.code(), code, "{what}: {error}");
    }
}

#[test]
fn what_is_unusual_and_harmless_is_read() {
    use Kind::{Channel, Head, Release, Root};
    let issued = "2026-09-01T00:00:00Z";
    let sixteen: Vec<String> = (0..16).map(|i| format!("http://10.0.0.{i}")).collect();
    let longest = format!("https://a/{}", "b".repeat(1014));
    for (kind, pointer, value) in [
        (Root, "/expires", json!(issued)),
        (Root, "/floors", json!({})),
        (Root, "/keys/spare", json!("RWQBAgMEBQYHCAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH")),
        (Head, "/version", json!((1_u64 << 53) - 1)),
        (Head, "/channels", json!({})),
        (Channel, "/rollout", Value::Null),
        (Channel, "/rollout/steps", json!([])),
        (Channel, "/rollout/steps", json!([{"at": issued, "permyriad": 10_000}])),
        (Channel, "/minimum_safe", json!("9.0.0")),
        (Channel, "/yanked/0.3.0", json!({"reason": "\u{1b}[2J", "advisory": null})),
        (Channel, "/mirrors", json!([])),
        (Channel, "/mirrors", json!(sixteen)),
        (Channel, "/mirrors/0", json!("http://[::1]:8080/a/b")),
        (Channel, "/mirrors/0", json!("file:///media/kit/")),
        (Channel, "/mirrors/0", json!("later+x.1://somewhere")),
        (Channel, "/mirrors/0", json!(longest)),
        (Release, "/variants", json!([])),
        (Release, "/models/0/urls", json!([])),
        (Release, "/variants/0/needs", json!({"quantum": [{"a": ["b"]}]})),
    ] {
        let mut document = kind.document();
        let what = format!("{kind:?} {pointer} {value}");
        put(&mut document, pointer, value);
        kind.read(document.to_string().as_bytes())
            .unwrap_or_else(|error| panic!("{what}: {error}"));
    }
}

/// Two entries of one list that cannot both be right.
#[test]
fn variants_and_models_that_collide_are_refused() {
    for (list, edit, collides) in [
        ("variants", json!({}), true),
        ("variants", json!({"id": "other"}), false),
        ("models", json!({}), true),
        ("models", json!({"name": "other"}), false),
        ("models", json!({"name": "other", "file": "Tiny.gguf"}), false),
        ("models", json!({"name": "other", "sha256": "b".repeat(64)}), true),
        ("models", json!({"name": "other", "file": "TINY.gguf", "sha256": "b".repeat(64)}), true),
        ("models", json!({"name": "other", "file": "b", "sha256": "b".repeat(64)}), false),
    ] {
        let mut document = Kind::Release.document();
        let mut second = document[list][0].clone();
        for (key, value) in edit.as_object().unwrap() {
            second[key] = value.clone();
        }
        document[list].as_array_mut().unwrap().push(second);
        let result = Kind::Release.read(document.to_string().as_bytes());
        let code = result.err().map(|error| error.code());
        assert_eq!(code, collides.then_some(Code::Parse), "{list} {edit}");
    }
}
