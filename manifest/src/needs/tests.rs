use super::*;

fn facts() -> Facts {
    Facts {
        os: Some("6.8.0-45-generic".into()),
        glibc: Some("2.36".into()),
        musl: None,
        cpu: Some(vec!["avx2".into(), "fma".into()]),
        memory: Some(16 << 30),
        disk: None,
        libs: Some(["libgomp.so.1".into(), "libssl.so.3".into()].into()),
        ..Facts::default()
    }
}

fn needs(json: &str) -> Needs {
    serde_json::from_str(json).unwrap()
}

#[test]
fn needs_that_are_met() {
    for met in [
        "{}",
        r#"{"glibc":">=2.35"}"#,
        r#"{"glibc":">=2.4.1"}"#,
        r#"{"glibc":"2.36.0"}"#,
        r#"{"glibc":[">=3","<2.37 >=2.36"]}"#,
        r#"{"cpu":"avx2 fma","memory":">=8GiB","os":">=5.4"}"#,
        r#"{"libs":"libgomp.so.1 libssl.so.3"}"#,
        r#"{"libs":["libomp.so.5","libgomp.so.1"]}"#,
    ] {
        assert_eq!(unmet(&needs(met), &facts()), Vec::<String>::new(), "{met}");
    }
}

#[test]
fn needs_that_are_not_met_say_why() {
    for (needed, word) in [
        (r#"{"glibc":">=2.38"}"#, "has 2.36"),
        (r#"{"musl":">=1.2"}"#, "has glibc 2.36"),
        (r#"{"cpu":"avx2 avx512f"}"#, "has it not"),
        (r#"{"memory":">=64GiB"}"#, "has 16.0 GiB"),
        (r#"{"disk":">=1"}"#, "not known"),
        (r#"{"nvidia":[{"compute":["8.6"],"driver":">=550"}]}"#, "none was found"),
        (r#"{"metal":">=1"}"#, "not known"),
        (r#"{"libs":"libgomp.so.1 libhipblas.so.3"}"#, "library libhipblas.so.3, which is not"),
        (
            r#"{"libs":"liba.so.1 libgomp.so.1 libb.so.1"}"#,
            "libraries liba.so.1 and libb.so.1, which",
        ),
        (
            r#"{"libs":["liba.so.1 libb.so.1","libgomp.so.1 libc.so.1"]}"#,
            "library libc.so.1, which",
        ),
        (r#"{"libs":""}"#, "says nothing"),
        (r#"{"quantum":">=1"}"#, "does not know"),
        (r#"{"glibc":""}"#, "has 2.36"),
        (r#"{"glibc":"~2"}"#, "has 2.36"),
        (r#"{"glibc":"<2.36"}"#, "has 2.36"),
    ] {
        let reasons = unmet(&needs(needed), &facts());
        assert_eq!(reasons.len(), 1, "{needed}");
        assert!(reasons[0].contains(word), "{needed}: {}", reasons[0]);
    }
}

#[test]
fn memory_is_counted_in_each_unit_to_the_byte() {
    let met = |rule: &str, bytes| {
        let facts = Facts { memory: Some(bytes), ..Facts::default() };
        unmet(&needs(&format!(r#"{{"memory":"{rule}"}}"#)), &facts).is_empty()
    };
    for (amount, bytes) in [
        ("7", 7),
        ("3KB", 3_000),
        ("3MB", 3_000_000),
        ("3GB", 3_000_000_000),
        ("3KiB", 3_072),
        ("3MiB", 3_145_728),
        ("3GiB", 3_221_225_472),
    ] {
        let (least, below) = (format!(">={amount}"), format!("<{amount}"));
        let seen = [bytes - 1, bytes, bytes + 1].map(|have| (met(&least, have), met(&below, have)));
        assert_eq!(seen, [(false, true), (true, false), (true, false)], "{amount}");
    }
    for unclear in ["3", "3GiB", ">=3 GiB", ">=3TB", ">=-3", ">=20000000000GiB"] {
        assert!(!met(unclear, 3 << 30), "{unclear}");
    }
}

#[test]
fn a_reason_says_what_is_wanted_and_what_is_there() {
    let little = Facts { memory: Some((3 << 29) - 1), disk: Some((1 << 30) - 1), ..facts() };
    for (needed, reason) in [
        (r#"{"glibc":[">=3","2.35"]}"#, "needs glibc >=3 or 2.35, this machine has 2.36"),
        (r#"{"os":{"a":"1","b":"2"}}"#, "needs system a 1, b 2, this machine has 6.8.0-45-generic"),
        (r#"{"memory":">=2GiB"}"#, "needs >=2GiB of memory, this machine has 1.4 GiB"),
        (r#"{"disk":">=\u001b"}"#, r"needs >=\u{1b} of free disk, this machine has 1023.9 MiB"),
    ] {
        assert_eq!(unmet(&needs(needed), &little), [reason]);
    }
}
