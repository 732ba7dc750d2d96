//! What steps and Undos look like in journals and receipts: a file format that
//! programs of every version share. A test alone.
//!
//! `format-v1.jsonl` is that format, a kind a line. When a test here fails, old state
//! cannot be read any more or new state cannot be read by old programs: that takes a
//! new schema, not another line. A kind that is new gets a line of its own.

use super::{Mark, Ours, Reinstate, Retire, Step, Undo};
use crate::fill::{From, PlannedFile, PlannedPack, SlotPlan};
use crate::models::Wanted;
use crate::profile::Before;
use crate::service::Managed;
use crate::settings::ServiceKind;
use crate::setup::NewSetup;
use offgrid_manifest::parts::{Encoding, EncodingKind, Mode};
use offgrid_manifest::{Digest, Pin};
use std::collections::BTreeMap;

const KEPT: &str = include_str!("format-v1.jsonl");

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

fn slot_plan(link: bool) -> SlotPlan {
    let encoding = |kind| Encoding { kind, sha256: digest("stored"), size: 3 };
    let file = |path: &str, mode, from| PlannedFile {
        path: path.into(),
        mode,
        sha256: digest("plain"),
        size: 5,
        from,
    };
    SlotPlan {
        name: "0.3.0+linux-x86_64-cpu".parse().unwrap(),
        files: vec![
            file("app/offgrid", Mode::Executable, From::Blob(encoding(EncodingKind::Zst))),
            file("app/VERSION", Mode::Plain, From::Pack(0)),
            file("llama/a.so", Mode::Plain, From::Slot("/p/versions/0.2.0+x/llama/a.so".into())),
        ],
        links: BTreeMap::from([("llama/b.so".into(), "a.so".into())]),
        packs: vec![PlannedPack {
            into: "app/".into(),
            size: 7,
            encoding: encoding(EncodingKind::Xz),
            skipped: vec!["web/x".into()],
        }],
        documents: BTreeMap::from([("release.json".into(), "{}".into())]),
        link,
        download_bytes: 11,
        disk_bytes: 13,
    }
}

fn model() -> Wanted {
    Wanted {
        name: "tiny".into(),
        path: "/m/tiny.gguf".into(),
        sha256: digest("model"),
        size: 19,
        urls: vec!["https://example.org/tiny.gguf".into()],
    }
}

fn managed() -> Managed {
    let (home, config) = (Some("/h".into()), Some("/h/.config/offgrid".into()));
    Managed { kind: ServiceKind::SystemdUser, home, config, timer: false }
}

/// The next kind after this one, with a value in every member. The compiler asks
/// for every new one here.
#[expect(clippy::too_many_lines, reason = "one line for each kind")]
fn next_step(step: Option<&Step>) -> Option<Step> {
    let slot = || "0.3.0+linux-x86_64-cpu".parse().unwrap();
    let setup = || {
        let (pin, chain) = (Pin { sha256: digest("setup"), size: 17 }, vec![digest("root")]);
        Box::new(NewSetup { version: "0.4.0".parse().unwrap(), pin, chain, system: true })
    };
    Some(match step {
        None => Step::MakeDir { path: "/p".into() },
        Some(Step::MakeDir { .. }) => Step::FillSlot { slot: Box::new(slot_plan(false)) },
        Some(Step::FillSlot { .. }) => Step::FetchModel { model: Box::new(model()), trash: None },
        Some(Step::FetchModel { .. }) => Step::FetchSetup { setup: setup() },
        Some(Step::FetchSetup { .. }) => Step::ProveSetup { setup: setup() },
        Some(Step::ProveSetup { .. }) => {
            Step::PutText { path: "/p/state/id".into(), text: "x\n".into(), keep: true }
        }
        Some(Step::PutText { .. }) => {
            let (path, from) = ("/p/bin/offgrid".into(), "/d/offgrid-setup".into());
            Step::PutFile { path, from, sha256: digest("setup") }
        }
        Some(Step::PutFile { .. }) => {
            Step::Link { path: "/l/offgrid".into(), target: "/p/bin/offgrid".into() }
        }
        Some(Step::Link { .. }) => Step::Prove { slot: slot(), within: None },
        Some(Step::Prove { .. }) => Step::Switch { current: "/p/current".into(), slot: slot() },
        Some(Step::Switch { .. }) => Step::Health { slot: slot(), asks: false },
        Some(Step::Health { .. }) => Step::GiveBack {
            undo: Undo::RemoveTree { path: "/p/versions/old".into() },
            trash: "/p/state/trash/0".into(),
            keep: vec!["app/mine".into()],
        },
        Some(Step::GiveBack { .. }) => {
            let text = "# >>> offgrid >>>\n# <<< offgrid <<<\n".into();
            Step::EditBlock { path: "/h/.profile".into(), text }
        }
        Some(Step::EditBlock { .. }) => {
            Step::SetAside { from: "/p/current".into(), to: "/p/current.found".into() }
        }
        Some(Step::SetAside { .. }) => {
            let trash = "/p/state/trash/damaged".into();
            Step::Rebuild { slot: Box::new(slot_plan(true)), trash }
        }
        Some(Step::Rebuild { .. }) => {
            Step::MakeUser { user: "offgrid".into(), home: "/v/offgrid".into() }
        }
        Some(Step::MakeUser { .. }) => {
            Step::Own { path: "/v/offgrid".into(), user: "offgrid".into() }
        }
        Some(Step::Own { .. }) => {
            let (path, text) = ("/e/offgrid-llm.service".into(), "[Unit]\n".into());
            Step::PutUnit { path, text, mode: 0o644 }
        }
        Some(Step::PutUnit { .. }) => Step::TellManager { service: managed() },
        Some(Step::TellManager { .. }) => Step::Enable { service: managed(), on: true },
        Some(Step::Enable { .. }) => Step::Linger { user: "me".into() },
        Some(Step::Linger { .. }) => Step::Start { service: managed(), again: true },
        Some(Step::Start { .. }) => retire(None),
        Some(Step::Retire { what }) => return next_retire(what),
    })
}

fn next_undo(undo: Option<&Undo>) -> Option<Undo> {
    let live = || "0.2.0+linux-x86_64-cpu".parse().ok();
    Some(match undo {
        None => Undo::Nothing,
        Some(Undo::Nothing) => Undo::RemoveDirs { path: "/m/a/b".into(), top: "/m/a".into() },
        Some(Undo::RemoveDirs { .. }) => Undo::RemoveFile { path: "/p/bin/offgrid".into() },
        Some(Undo::RemoveFile { .. }) => Undo::RemoveTree { path: "/p/versions/new".into() },
        Some(Undo::RemoveTree { .. }) => {
            Undo::SetFile { path: "/e/file".into(), was: digest("was"), mode: 0o644 }
        }
        Some(Undo::SetFile { .. }) => {
            Undo::SetLink { path: "/l/offgrid".into(), target: Some("/elsewhere".into()) }
        }
        Some(Undo::SetLink { .. }) => Undo::SwitchTo { current: "/p/current".into(), slot: live() },
        Some(Undo::SwitchTo { .. }) => {
            Undo::MoveBack { from: "/p/state/trash/0".into(), to: "/p/versions/old".into() }
        }
        Some(Undo::MoveBack { .. }) => Undo::MakeDirs { path: "/m/a/b".into() },
        Some(Undo::MakeDirs { .. }) => Undo::SetBlock {
            path: "/h/.profile".into(),
            before: Before {
                was: Some("the block before".into()),
                top: Some("/h/.config".into()),
                joint: Some(23),
            },
        },
        Some(Undo::SetBlock { .. }) => Undo::PutBack {
            path: "/p/versions/damaged".into(),
            from: "/p/state/trash/damaged".into(),
        },
        Some(Undo::PutBack { .. }) => Undo::RemoveUser { user: "offgrid".into() },
        Some(Undo::RemoveUser { .. }) => {
            Undo::MakeUser { user: "offgrid".into(), uid: 998, gid: 997, home: "/v/offgrid".into() }
        }
        Some(Undo::MakeUser { .. }) => {
            Undo::SetOwner { path: "/v/offgrid".into(), uid: 1, gid: 2, mode: Some(0o755) }
        }
        Some(Undo::SetOwner { .. }) => Undo::TellManager { service: managed() },
        Some(Undo::TellManager { .. }) => Undo::Enabled { service: managed(), was: true },
        Some(Undo::Enabled { .. }) => Undo::Started { service: managed(), was: true },
        Some(Undo::Started { .. }) => Undo::Linger { user: "me".into(), was: true },
        Some(Undo::Linger { .. }) => reinstate(None),
        Some(Undo::Reinstate { what }) => return next_reinstate(what),
    })
}

fn retire(after: Option<&Retire>) -> Step {
    let place = |ours| Retire::Place { path: "/b/x".into(), kept: "/b/x.kept~".into(), ours };
    let what = match after {
        None => Retire::Unit { name: "offgrid.service".into(), user: true },
        Some(Retire::Unit { .. }) => Retire::Link { path: "/e/a.wants/offgrid.service".into() },
        Some(Retire::Link { .. }) => place(Ours::Nothing),
        Some(Retire::Place { ours: Ours::Nothing, .. }) => {
            place(Ours::Link { target: "/p/bin/offgrid".into() })
        }
        Some(Retire::Place { ours: Ours::Link { .. }, .. }) => {
            place(Ours::Text { text: "x\n".into(), mode: 0o644 })
        }
        Some(Retire::Place { .. }) => {
            Retire::Settings { path: "/e/offgrid.env".into(), text: "A=1\n".into() }
        }
        Some(Retire::Settings { .. } | Retire::Reload { .. }) => Retire::Reload { user: false },
    };
    Step::Retire { what }
}

fn next_retire(what: &Retire) -> Option<Step> {
    (!matches!(what, Retire::Reload { .. })).then(|| retire(Some(what)))
}

fn reinstate(after: Option<&Reinstate>) -> Undo {
    let (path, kept) = ("/b/x".into(), "/b/x.kept~".into());
    let what = match after {
        None => Reinstate::Unit { name: "offgrid.service".into(), user: false, running: true },
        Some(Reinstate::Unit { .. }) => Reinstate::Link { path, target: "/e/y".into() },
        Some(Reinstate::Link { .. }) => Reinstate::Place { path, kept, ours: Mark::Nothing },
        Some(Reinstate::Place { ours: Mark::Nothing, .. }) => {
            let ours = Mark::Link { target: "/p/bin/offgrid".into() };
            Reinstate::Place { path, kept, ours }
        }
        Some(Reinstate::Place { ours: Mark::Link { .. }, .. }) => {
            Reinstate::Place { path, kept, ours: Mark::File }
        }
        Some(Reinstate::Place { .. }) => {
            Reinstate::Settings { path: "/e/offgrid.env".into(), sha256: digest("A=1\n") }
        }
        Some(Reinstate::Settings { .. } | Reinstate::Displaced { .. }) => {
            Reinstate::Displaced { path, kept, trash: "/b/x.gone~".into() }
        }
    };
    Undo::Reinstate { what }
}

fn next_reinstate(what: &Reinstate) -> Option<Undo> {
    (!matches!(what, Reinstate::Displaced { .. })).then(|| reinstate(Some(what)))
}

/// Every kind as it is written today.
fn today() -> Vec<String> {
    let steps = std::iter::successors(next_step(None), |step| next_step(Some(step)));
    let undos = std::iter::successors(next_undo(None), |undo| next_undo(Some(undo)));
    let steps = steps.map(|step| serde_json::to_string(&step).unwrap());
    steps.chain(undos.map(|undo| serde_json::to_string(&undo).unwrap())).collect()
}

#[test]
fn what_journals_and_receipts_hold_is_written_as_it_always_was() {
    let kept: Vec<&str> = KEPT.lines().collect();
    for (kept, today) in kept.iter().zip(&today()) {
        assert_eq!(kept, today);
    }
    assert_eq!(kept.len(), today().len(), "a kind has no line: {:#?}", today());
}

#[test]
fn what_was_ever_written_is_read() {
    let (mut steps, mut undos) = (next_step(None), next_undo(None));
    for line in KEPT.lines() {
        match (&steps, &undos) {
            (Some(step), _) => {
                assert_eq!(serde_json::from_str::<Step>(line).unwrap(), *step);
                steps = next_step(Some(step));
            }
            (None, Some(undo)) => {
                assert_eq!(serde_json::from_str::<Undo>(line).unwrap(), *undo);
                undos = next_undo(Some(undo));
            }
            (None, None) => panic!("a line of no kind: {line}"),
        }
    }
    // Members that came later may be missing.
    let old = r#"{"give-back":{"undo":"nothing","trash":"/t"}}"#;
    assert!(serde_json::from_str::<Step>(old).is_ok());
}
