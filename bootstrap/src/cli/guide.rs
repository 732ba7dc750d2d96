//! The guided install: what a person at a terminal is asked before the plan of a first
//! installation is shown. Whose engine, when this computer has one; which model.
//!
//! Owns which questions there are and when. An answer counts as a setting that nobody
//! had settled, so the plan is decided once more with it. Fetches nothing but what a
//! decision reads, and changes nothing.

use super::consent::Answers;
use super::install::Decision;
use super::own;
use super::session::Session;
use crate::engine::{self, Refusal, Wish};
use crate::error::Error as Any;
use crate::fill::{From, SlotPlan};
use crate::plan::Plan;
use crate::receipt::Receipt;
use crate::report::Pick;
use crate::report::units::bytes;
use crate::step::Step;
use offgrid_manifest::release::Model;
use std::path::{Path, PathBuf};

/// Asks what nobody has said yet; `again` decides with the answers. The decision as it
/// was where there is nothing to ask.
///
/// # Errors
/// Those of deciding; no answer, which is a no to all of it.
pub(super) fn ask(
    session: &Session<'_>,
    receipt: Option<&Receipt>,
    decision: Decision,
    again: &dyn Fn() -> Result<Decision, Any>,
) -> Result<Decision, Any> {
    let first = receipt.is_none() && !decision.plan.steps.is_empty();
    // Also not where this program took over from one that has asked.
    if !first || !session.can_ask() || own::is_agreed(session, &decision.plan) {
        return Ok(decision);
    }
    let mut answers = session.answers();
    if session.settings.engine.is_none() && answers.engine.is_none() {
        answers.engine = ask_engine(session, &decision)?;
    }
    if session.settings.models.is_none() && answers.models.is_none() {
        answers.models = ask_model(session, &decision)?;
    }
    let same = matches!(answers.engine, None | Some(Wish::Bundled));
    let none = answers.models.as_ref().is_none_or(Vec::is_empty);
    session.say(answers.clone());
    if same && none {
        return Ok(Decision { suggested: None, ..decision });
    }
    match again() {
        // It looked right, and was tried now that somebody wants it.
        Err(Any::Engine(error @ engine::Error::Refused { .. })) => {
            session.warn("W_ENGINE", &error.to_string(), Some("the release's own is used"));
            session.say(Answers { engine: Some(Wish::Bundled), ..answers });
            again()
        }
        decided => decided,
    }
}

/// Whether one that is here already is to be used. `None` where there is none.
fn ask_engine(session: &Session<'_>, decision: &Decision) -> Result<Option<Wish>, Any> {
    let found = decision.selection.engine.found.iter();
    // Whatever else speaks against one was found without starting it.
    let fit: Vec<&Path> = found
        .filter(|found| found.why == Some(Refusal::Unasked))
        .map(|found| found.path.as_path())
        .collect();
    let size = bytes(own_engine_bytes(&decision.plan));
    let chosen = match fit.as_slice() {
        [] => return Ok(None),
        [one] => {
            let question = format!(
                "A llama.cpp is on this computer already: {}\n\
                 Use it instead of downloading {size}?",
                in_one_line(one)
            );
            session.ask(&question, false)?.then_some(*one)
        }
        several => {
            let own =
                format!("the release's own ({}): a download of {size}", decision.release.engine);
            let mut picks = vec![Pick { word: "bundled".to_owned(), line: own }];
            picks.extend(several.iter().map(|path| Pick {
                word: in_one_line(path),
                line: format!("{}, which is here already", in_one_line(path)),
            }));
            let picked = session.pick("Which llama.cpp is to be used?", &picks, 0)?;
            picked.checked_sub(1).map(|index| several[index])
        }
    };
    let path = chosen.map(PathBuf::from);
    Ok(Some(path.map_or(Wish::Bundled, Wish::Path)))
}

/// Which model of the catalogue is to be fetched. `None` where it has none.
fn ask_model(
    session: &Session<'_>,
    decision: &Decision,
) -> Result<Option<Vec<offgrid_manifest::Id>>, Any> {
    let judged = &decision.models;
    let best = judged.suggested.as_ref().map(|(name, ..)| name.as_str());
    let mut models: Vec<&Model> = decision.release.models.iter().collect();
    if models.is_empty() {
        return Ok(None);
    }
    models.sort_by_key(|model| Some(model.name.as_str()) != best);
    let large = |model: &Model| judged.too_large.iter().any(|name| *name == model.name.as_str());
    let mut picks: Vec<Pick> = models
        .iter()
        .map(|model| {
            let note = match () {
                () if Some(model.name.as_str()) == best => " (fits this computer best)",
                () if large(model) => " (needs more memory than this computer has)",
                () => "",
            };
            let (title, size) = (&model.title, bytes(model.size));
            let line = format!("{title}: a download of {size}, licence {}{note}", model.license);
            Pick { word: model.name.to_string(), line }
        })
        .collect();
    let later = "none for now; `offgrid self model list` shows them later".to_owned();
    picks.push(Pick { word: "none".to_owned(), line: later });
    // Nothing is downloaded unasked that does not fit, or may not.
    let usual = if best.is_some() { 0 } else { models.len() };
    let picked = session.pick("Which model is to be downloaded too?", &picks, usual)?;
    Ok(Some(models.get(picked).map(|model| model.name.clone()).into_iter().collect()))
}

/// What the engine of the release takes of a plan's download.
fn own_engine_bytes(plan: &Plan) -> u64 {
    let slots = plan.steps.iter().map(|step| match step {
        Step::FillSlot { slot } => engine_bytes(slot),
        _ => 0,
    });
    slots.sum()
}

/// The same of a slot: blobs of its files, and its pack.
fn engine_bytes(slot: &SlotPlan) -> u64 {
    let files = slot.files.iter().filter(|file| file.path.starts_with("llama/"));
    let files = files.map(|file| match &file.from {
        From::Blob(encoding) => encoding.size,
        From::Slot(_) | From::Staged(_) | From::Pack(_) => 0,
    });
    let packs = slot.packs.iter().filter(|pack| pack.into == "llama");
    files.chain(packs.map(|pack| pack.encoding.size)).sum()
}

/// Whatever somebody has called a folder.
fn in_one_line(path: &Path) -> String {
    path.display().to_string().replace(['\n', '\r'], "?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_spared_is_the_engine_s_blobs_and_pack_and_nothing_of_others() {
        let sha256 = "0".repeat(64);
        let encoding = |size: u64| json!({"kind": "zst", "sha256": sha256, "size": size});
        let file = |path: &str, from: serde_json::Value| json!({"path": path, "mode": "0755", "sha256": sha256, "size": 9, "from": from});
        let pack = |into: &str, size: u64| json!({"into": into, "size": 9, "encoding": encoding(size), "skipped": []});
        let slot: SlotPlan = serde_json::from_value(json!({
            "name": "1.0.0+linux-x86_64-cpu",
            "files": [
                file("app/offgrid", json!({"blob": encoding(1)})),
                file("llama/llama-server", json!({"blob": encoding(20)})),
                file("llama/libggml.so", json!({"slot": "/x/y"})),
                file("llama/note", json!({"pack": 1})),
                file("llama-not/x", json!({"blob": encoding(2)})),
            ],
            "links": {}, "packs": [pack("app", 4), pack("llama", 300)], "documents": {},
            "download_bytes": 327, "disk_bytes": 45,
        }))
        .unwrap();
        assert_eq!(engine_bytes(&slot), 320);
    }
}
