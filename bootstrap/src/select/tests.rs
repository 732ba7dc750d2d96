//! Selection as a table: a release and a host in, a variant or words out.

use super::*;
use crate::host::{Arch, Cpu, Libc, Os};
use offgrid_manifest::Code;

/// A variant: name, target, rank, needs.
type Made = (&'static str, &'static str, i64, Value);

/// A release with these variants.
fn release(variants: &[Made]) -> Release {
    let variants: Vec<Value> = variants
        .iter()
        .map(|(id, target, rank, needs)| {
            json!({"id": id, "target": target, "rank": rank, "components": [], "needs": needs})
        })
        .collect();
    serde_json::from_value(json!({
        "schema": 1, "type": "offgrid/release", "product": "offgrid", "version": "1.0.0",
        "app": "1", "engine": "b1", "source": {"repo": "", "commit": "", "epoch": 0},
        "components": {}, "variants": variants, "setup": {"version": "1.0.0", "targets": {}},
    }))
    .unwrap()
}

fn linux() -> Host {
    Host {
        os: Some(Os::Linux),
        kernel: Some("6.1.0".into()),
        arch: Some(Arch::X86_64),
        native_arch: Some(Arch::X86_64),
        libc: Some(Libc { kind: LibcKind::Glibc, version: Some("2.36".into()) }),
        cpu: Cpu { features: Some(vec!["avx2".into()]), ..Cpu::default() },
        memory_bytes: Some(8 << 30),
        ..Host::default()
    }
}

fn won(release: &Release, host: &Host, wanted: Option<&str>) -> Result<Selection, Error> {
    let wanted = wanted.map(|id| id.parse().unwrap());
    let wish = Wish { disk: Some(1 << 40), variant: wanted.as_ref(), ..Wish::default() };
    choose(release, host, &wish)
}

#[test]
fn the_highest_rank_that_fits_wins_and_every_other_says_why_not() {
    let l = "linux-x86_64";
    let cases: [(&str, Vec<Made>, &str, &[&str]); 5] = [
        ("rank decides", vec![("a", l, 1, json!({})), ("b", l, 2, json!({}))], "b", &["rank is 1"]),
        (
            "equal ranks: by name",
            vec![("b", l, 1, json!({})), ("a", l, 1, json!({}))],
            "a",
            &["rank"],
        ),
        (
            "needs come before rank",
            vec![
                ("plain", l, 1, json!({})),
                ("new", l, 9, json!({"glibc": ">=2.38"})),
                ("big", l, 8, json!({"memory": ">=16GiB"})),
                ("gpu", l, 7, json!({"nvidia": [{"compute": ["8.9"], "driver": ">=550"}]})),
                ("odd", l, 6, json!({"quantum": "1"})),
            ],
            "plain",
            &["has 2.36", "memory", "none was found", "does not know"],
        ),
        (
            "other targets are not in question",
            vec![("mine", l, 1, json!({})), ("other", "macos-aarch64", 9, json!({}))],
            "mine",
            &[],
        ),
        (
            "musl is not glibc",
            vec![("m", l, 9, json!({"musl": ">=1.2"})), ("g", l, 1, json!({"glibc": ">=2.31"}))],
            "g",
            &["this machine has glibc 2.36"],
        ),
    ];
    for (claim, variants, winner, reasons) in cases {
        let selection = won(&release(&variants), &linux(), None).expect(claim);
        assert_eq!(selection.variant.id.as_str(), winner, "{claim}");
        assert_eq!(selection.rejected.len(), reasons.len(), "{claim}");
        for (lost, reason) in selection.rejected.iter().zip(reasons) {
            assert!(lost.reasons.join(" ").contains(reason), "{claim}: {:?}", lost.reasons);
        }
    }
}

#[test]
fn what_cannot_be_chosen_is_refused_with_what_there_is() {
    let l = "linux-x86_64";
    let some = release(&[("a", l, 1, json!({"glibc": ">=3"})), ("b", l, 2, json!({"x": "1"}))]);
    let error = won(&some, &linux(), None).unwrap_err();
    assert_eq!(error.code(), Code::Unsupported);
    assert!(error.to_string().contains("has 2.36") && error.to_string().contains("`x`"));
    // Asked for by name it is taken, and says what speaks against it.
    let forced = won(&some, &linux(), Some("a")).unwrap();
    assert!(forced.why.join(" ").contains("although it needs glibc"));
    assert_eq!(won(&some, &linux(), Some("c")).unwrap_err().code(), Code::Usage);
    let arm = Host { native_arch: Some(Arch::Aarch64), ..linux() };
    let error = won(&some, &arm, None).unwrap_err();
    assert!(error.to_string().contains("nothing for linux-aarch64"), "{error}");
    assert_eq!(won(&some, &Host::default(), None).unwrap_err().code(), Code::Unsupported);
}

#[test]
fn a_fact_that_nobody_could_read_makes_unfit() {
    let blind = Host { libc: None, memory_bytes: None, ..linux() };
    for needs in [json!({"glibc": ">=2.17"}), json!({"memory": ">=1"})] {
        let release = release(&[("a", "linux-x86_64", 1, needs)]);
        let error = won(&release, &blind, None).unwrap_err();
        assert!(error.to_string().contains("not known"), "{error}");
    }
}
