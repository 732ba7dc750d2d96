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
fn libraries_that_are_all_that_is_missing_are_told_how_to_get() {
    let l = "linux-x86_64";
    let libs = json!({"libs": "libgomp.so.1 libssl.so.3 libcrypto.so.3"});
    let hint = |needs: Value, have: &[&str], distribution: &[&str]| {
        let host = Host {
            libs: Some(have.iter().map(|name| (*name).to_owned()).collect()),
            distribution: distribution.iter().map(|word| (*word).to_owned()).collect(),
            ..linux()
        };
        won(&release(&[("a", l, 1, needs)]), &host, None).unwrap_err().hint().unwrap()
    };
    let have = ["libssl.so.3", "libcrypto.so.3"];
    let said = hint(libs.clone(), &have, &["debian"]);
    assert!(said.starts_with("`sudo apt install libgomp1`; then try again"), "{said}");
    let said = hint(libs.clone(), &have[..1], &["opensuse-leap", "suse", "opensuse"]);
    assert!(said.starts_with("`sudo zypper install libgomp1 libopenssl3`;"), "{said}");
    let said = hint(libs.clone(), &[], &["void"]);
    assert!(said.contains("the package with libgomp.so.1 by this system's own means"), "{said}");
    // Where something else is missing, too, a package would not help.
    let more = json!({"libs": "libgomp.so.1", "glibc": ">=2.38"});
    assert!(hint(more, &have, &["debian"]).contains("plan --explain"));
    let other = json!({"libs": "libgomp.so.1 libamdhip64.so.7"});
    let said = hint(other, &have, &["debian"]);
    assert!(!said.contains("libgomp1") && said.contains("plan --explain"), "{said}");
}

#[test]
fn a_limit_of_memory_counts_as_memory() {
    let l = "linux-x86_64";
    let big = release(&[("big", l, 8, json!({"memory": ">=4GiB"}))]);
    assert!(won(&big, &linux(), None).is_ok());
    let limited = Host { memory_limit: Some(2 << 30), ..linux() };
    let error = won(&big, &limited, None).unwrap_err();
    assert!(error.to_string().contains("memory"), "{error}");
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

/// A release of three, the highest rank first: one for NVIDIA's driver 570, one that
/// always fits, and one of the lowest rank.
fn three() -> Release {
    let nvidia = json!({"nvidia": [{"driver": ">=570"}]});
    let l = "linux-x86_64";
    release(&[("gpu", l, 9, nvidia), ("cpu", l, 2, json!({})), ("old", l, 1, json!({}))])
}

fn with_driver(driver: &str) -> Host {
    let gpu = crate::host::Gpu {
        address: Some("0000:01:00.0".into()),
        vendor: "nvidia".into(),
        name: Some("RTX".into()),
        pci: None,
        driver: Some(driver.into()),
        compute: None,
        gfx: None,
        vram_bytes: None,
        integrated: Some(false),
        usable: Some(true),
        why_not: None,
        fault: None,
        vulkan: None,
        rocm_why_not: None,
    };
    Host { gpus: vec![gpu], ..linux() }
}

#[test]
fn what_is_installed_stays_while_it_fits_and_says_what_fits_better() {
    let (cpu, gpu, none): (Id, Id, Id) =
        ("cpu".parse().unwrap(), "gpu".parse().unwrap(), "none".parse().unwrap());
    let new = with_driver("570.1");
    let live = |id| Wish { live: Some(id), ..Wish::default() };
    let stays = choose(&three(), &new, &live(&cpu)).unwrap();
    assert_eq!(stays.variant.id, cpu);
    assert!(stays.why[0].contains("it is installed"), "{:?}", stays.why);
    let better = stays.better.unwrap();
    assert_eq!(better.variant, gpu);
    assert!(better.reasons.join(" ").contains("it uses RTX"), "{:?}", better.reasons);
    assert!(stays.rejected[0].reasons[0].contains("--rematch"), "{:?}", stays.rejected);
    // Asked for, it is taken; and then there is nothing better.
    let taken = choose(&three(), &new, &Wish { rematch: true, ..live(&cpu) }).unwrap();
    assert_eq!(
        (taken.variant.id.clone(), taken.better, taken.instead_of),
        (gpu.clone(), None, None)
    );
    // The driver went back: the live one does not fit, and says why.
    let moved = choose(&three(), &with_driver("550.1"), &live(&gpu)).unwrap();
    assert_eq!((&moved.variant.id, &moved.better), (&cpu, &None));
    let gone = moved.instead_of.unwrap();
    assert!(gone.variant == gpu && gone.reasons.join(" ").contains("550.1"), "{gone:?}");
    // A release that has it no more.
    let gone = choose(&three(), &new, &live(&none)).unwrap();
    assert_eq!(gone.variant.id, gpu);
    assert!(gone.instead_of.unwrap().reasons[0].contains("not in this release"));
}

#[test]
fn what_was_asked_for_stays_and_nothing_is_called_better() {
    let (cpu, old): (Id, Id) = ("cpu".parse().unwrap(), "old".parse().unwrap());
    let wish = Wish { variant: Some(&old), live: Some(&cpu), ..Wish::default() };
    let now = choose(&three(), &with_driver("570.1"), &wish).unwrap();
    assert_eq!((&now.variant.id, &now.better, &now.instead_of), (&old, &None, &None));
    assert_eq!(now.why[0], "it was asked for with --variant");
    let before = Wish { remembered: true, ..wish };
    let kept = choose(&three(), &with_driver("570.1"), &before).unwrap();
    assert!(kept.why[0].contains("--variant auto"), "{:?}", kept.why);
    assert_eq!(kept.asked.0, Some(old));
}

#[test]
fn what_did_not_work_here_is_left_out_unless_it_is_asked_for() {
    let gpu: Id = "gpu".parse().unwrap();
    let failed = BTreeMap::from([(gpu.clone(), "no device".to_owned())]);
    let wish = Wish { failed: Some(&failed), ..Wish::default() };
    let next = choose(&three(), &with_driver("570.1"), &wish).unwrap();
    assert_eq!(next.variant.id.as_str(), "cpu");
    assert_eq!(next.rejected[0].reasons, ["did not work here: no device"]);
    let asked = Wish { variant: Some(&gpu), ..wish };
    let asked = choose(&three(), &with_driver("570.1"), &asked).unwrap();
    assert_eq!((asked.variant.id, asked.unmet), (gpu, vec!["did not work here: no device".into()]));
}

#[test]
fn a_variant_that_is_there_needs_no_more_room() {
    let big: Id = "big".parse().unwrap();
    let of = release(&[("big", "linux-x86_64", 1, json!({"disk": ">=1GiB"}))]);
    let wish = Wish { disk: Some(1), ..Wish::default() };
    assert!(choose(&of, &linux(), &wish).is_err());
    assert!(choose(&of, &linux(), &Wish { live: Some(&big), ..wish }).is_ok());
}

#[test]
fn where_nothing_fits_any_more_the_advice_is_the_live_one_with_the_reason() {
    let gpu: Id = "gpu".parse().unwrap();
    let of = release(&[("gpu", "linux-x86_64", 1, json!({"nvidia": [{"driver": ">=570"}]}))]);
    let wish = Wish { live: Some(&gpu), ..Wish::default() };
    let advice = advise(&of, &with_driver("550.1"), &wish).unwrap();
    assert_eq!((&advice.variant.id, &advice.better), (&gpu, &None));
    assert!(advice.instead_of.unwrap().reasons[0].contains("550.1"));
    assert!(advise(&of, &with_driver("570.1"), &wish).unwrap().instead_of.is_none());
    assert!(choose(&of, &with_driver("550.1"), &wish).is_err(), "it is not installed anew");
}
