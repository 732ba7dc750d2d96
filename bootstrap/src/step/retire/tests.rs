//! One place through every order of doing, taking back and giving back.

use super::*;
use crate::run::Context;
use crate::source::{Reach, Sources, Stop};
use crate::step::Step;
use crate::store::Store;
use std::fs;
use std::sync::Mutex;

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Sink for Heard {
    fn event(&self, event: &Event<'_>) {
        if let Event::Noted { what, .. } = event {
            self.0.lock().unwrap().push((*what).to_owned());
        }
    }
}

struct Stage {
    dir: tempfile::TempDir,
    heard: Heard,
    sources: Sources,
    store: Store,
}

impl Stage {
    fn new() -> Stage {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path().join("prefix"));
        let sources = Sources::new(&[], &Reach::default(), Stop::default()).unwrap();
        fs::write(dir.path().join("x"), "theirs").unwrap();
        Stage { dir, heard: Heard::default(), sources, store }
    }

    fn context(&self) -> Context<'_> {
        Context { store: &self.store, sources: &self.sources, sink: &self.heard }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn step(&self, ours: &Ours) -> Step {
        let (path, kept) = (self.at("x"), self.at("x.kept~"));
        Step::Retire { what: Retire::Place { path, kept, ours: ours.clone() } }
    }

    /// Every name with what is in it, or where it leads.
    fn seen(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).unwrap().map(|entry| entry.unwrap().path());
        let say = |path: PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            match fs::read_link(&path) {
                Ok(target) => format!("{name} -> {}", target.display()),
                Err(_) => format!("{name}: {}", fs::read_to_string(&path).unwrap()),
            }
        };
        let mut seen: Vec<String> = entries.map(say).collect();
        seen.sort();
        seen
    }
}

fn all_of_ours() -> [Ours; 3] {
    let text = Ours::Text { text: "ours".to_owned(), mode: 0o644 };
    [Ours::Nothing, Ours::Link { target: "/p/bin/offgrid".into() }, text]
}

const BEFORE: [&str; 1] = ["x: theirs"];

#[test]
fn theirs_waits_while_ours_is_there_and_comes_back_however_often_one_tries() {
    for ours in all_of_ours() {
        let stage = Stage::new();
        let (context, step) = (stage.context(), stage.step(&ours));
        let undo = step.prepare(&context).unwrap();
        step.apply(&context).unwrap();
        let done = stage.seen();
        assert!(done.contains(&"x.kept~: theirs".to_owned()), "{done:?}");
        step.apply(&context).unwrap();
        assert_eq!(stage.seen(), done, "again after a crash");
        for _ in 0..2 {
            undo.apply(&context).unwrap();
            assert_eq!(stage.seen(), BEFORE);
        }
        // The step is cut off before its first change: the same way back.
        undo.apply(&context).unwrap();
        assert_eq!(stage.seen(), BEFORE);
    }
}

#[test]
fn an_uninstall_gives_theirs_back_and_can_be_taken_back_from_anywhere() {
    for ours in all_of_ours() {
        let stage = Stage::new();
        let (context, step) = (stage.context(), stage.step(&ours));
        let undo = step.prepare(&context).unwrap();
        step.apply(&context).unwrap();
        let done = stage.seen();
        let trash = stage.at("x.gone~");
        let give = Step::GiveBack { undo: undo.clone(), trash: trash.clone(), keep: Vec::new() };
        let inverse = give.prepare(&context).unwrap();
        // Cut off before anything, between the two renames, and after both.
        inverse.apply(&context).unwrap();
        assert_eq!(stage.seen(), done, "{ours:?}: before anything");
        if ours != Ours::Nothing {
            fs::rename(stage.at("x"), &trash).unwrap();
            inverse.apply(&context).unwrap();
            assert_eq!(stage.seen(), done, "{ours:?}: between the renames");
        }
        for _ in 0..2 {
            give.apply(&context).unwrap();
            assert!(stage.seen().contains(&BEFORE[0].to_owned()), "{ours:?}");
        }
        for _ in 0..2 {
            inverse.apply(&context).unwrap();
            assert_eq!(stage.seen(), done, "{ours:?}: after both");
        }
        give.apply(&context).unwrap();
        disk::remove_tree(&trash).unwrap();
        assert_eq!(stage.seen(), BEFORE, "{ours:?}");
        assert!(stage.heard.0.lock().unwrap().is_empty());
    }
}

#[test]
fn what_somebody_put_into_the_place_since_is_left_and_told_of() {
    for ours in &all_of_ours()[..2] {
        let stage = Stage::new();
        let (context, step) = (stage.context(), stage.step(ours));
        let undo = step.prepare(&context).unwrap();
        step.apply(&context).unwrap();
        disk::remove_file(&stage.at("x")).unwrap();
        fs::write(stage.at("x"), "a third one").unwrap();
        let trash = stage.at("x.gone~");
        let give = Step::GiveBack { undo, trash, keep: Vec::new() };
        give.prepare(&context).unwrap();
        give.apply(&context).unwrap();
        assert_eq!(stage.seen(), ["x.kept~: theirs", "x: a third one"], "{ours:?}");
        let heard = stage.heard.0.lock().unwrap().join("\n");
        assert!(heard.contains("left alone"), "{heard}");
    }
}

#[test]
fn nothing_is_moved_over_what_is_there_and_what_is_gone_is_not_missed() {
    let stage = Stage::new();
    let context = stage.context();
    fs::write(stage.at("x.kept~"), "a stranger").unwrap();
    let step = stage.step(&Ours::Nothing);
    let error = step.prepare(&context).unwrap_err();
    assert!(matches!(error, Error::Adopt(adopt::Error::InTheWay { .. })), "{error}");
    disk::remove_file(&stage.at("x.kept~")).unwrap();
    disk::remove_file(&stage.at("x")).unwrap();
    for ours in all_of_ours() {
        let step = stage.step(&ours);
        let undo = step.prepare(&context).unwrap();
        for _ in 0..2 {
            step.apply(&context).unwrap();
        }
        assert!(!disk::exists(&stage.at("x.kept~")), "ours is not taken for theirs: {ours:?}");
        undo.apply(&context).unwrap();
        assert!(stage.seen().is_empty(), "{:?}", stage.seen());
    }
}

#[test]
fn a_link_that_started_a_unit_comes_back_with_its_folder() {
    let stage = Stage::new();
    let context = stage.context();
    let folder = stage.at("default.target.wants");
    fs::create_dir(&folder).unwrap();
    let path = folder.join("offgrid.service");
    disk::link(&path, Path::new("../offgrid.service")).unwrap();
    let step = Step::Retire { what: Retire::Link { path: path.clone() } };
    let undo = step.prepare(&context).unwrap();
    for _ in 0..2 {
        step.apply(&context).unwrap();
        assert!(!disk::exists(&path));
    }
    // As systemctl does with a folder that is empty.
    fs::remove_dir(&folder).unwrap();
    for _ in 0..2 {
        undo.apply(&context).unwrap();
        assert_eq!(fs::read_link(&path).unwrap(), Path::new("../offgrid.service"));
    }
    let mut receipt_key = undo.resource().unwrap();
    assert_eq!(receipt_key.split_off(5), path.display().to_string());
}
