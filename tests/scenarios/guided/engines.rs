//! Whose llama.cpp: one that is here already is offered, and the release's own is taken
//! unless somebody says yes.

use super::{CONSENT, NUMBER, download, from, models, only_documents, plan, size, status, world};
use crate::engine::{real, standin, starts};
use e2e::{Forge, Origin, Terminal, World};
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

const ONE: &str = "Use it instead of downloading ";
const SEVERAL: &str = "Which llama.cpp is to be used?";

/// Puts it where one is looked for.
fn found(world: &World, engine: &Path, place: &str) -> PathBuf {
    let folder = world.home().join(place);
    fs::create_dir_all(&folder).unwrap();
    let link = folder.join("llama-server");
    symlink(engine, &link).unwrap();
    link
}

#[test]
fn one_that_is_here_is_used_when_somebody_says_yes_and_spares_the_download_that_was_named() {
    let world = world();
    let link = found(&world, &real(&world, "mine"), ".local/bin");
    let own = plan(&world, &["--model", "small"]);
    let named = ["--model", "small", "--llama-server", link.to_str().unwrap()];
    let theirs = plan(&world, &named);
    let spared = offgrid_setup::report::units::bytes(size(&own) - size(&theirs));
    let origin = Origin::of(&world.depot());
    let mut terminal = from(&world, &origin, "");
    terminal.answers(link.to_str().unwrap(), "");
    terminal.answers(&format!("{ONE}{spared}? [y/N] "), "y\n");
    terminal.answers(NUMBER, "small\n");
    terminal.answers(&download(&theirs), "");
    terminal.sees(CONSENT);
    only_documents(&world, &origin);
    terminal.answers(CONSENT, "y\n");
    let seen = terminal.ends("0");
    assert!(seen.contains("which is here already: none is downloaded"), "{seen}");
    let blob = Forge::of(&world.depot()).blob_of("llama-cpu", "llama-server");
    assert!(origin.seen_of(&blob).is_empty(), "the release's engine was fetched");
    let engine = &status(&world)["engine"];
    assert_eq!((&engine["kind"], &engine["path"]), (&json!("existing"), &json!(link)));
    assert_eq!(models(&world), ["small.gguf"]);
    world.offgrid_run(&["self", "verify"]).expect(0);
}

#[test]
fn whoever_types_nothing_or_no_keeps_the_release_s_own_and_the_other_is_never_started() {
    let world = world();
    let before = world.snapshot();
    let engine = standin(&world, "mine", "fine");
    let link = found(&world, &engine, ".local/bin");
    let own = plan(&world, &["--model", "none"]);
    for answer in ["\n", "n\n", "maybe\nno\n"] {
        let mut terminal = Terminal::start(&world, "");
        terminal.answers(ONE, "");
        terminal.answers("? [y/N] ", answer);
        terminal.answers(NUMBER, "none\n");
        terminal.answers(&download(&own), "");
        terminal.answers(CONSENT, "n\n");
        terminal.ends("2");
    }
    for (answer, code) in [("\u{4}", "2"), ("\u{3}", "130"), ("a\nb\nc\n", "2")] {
        let mut terminal = Terminal::start(&world, "");
        terminal.answers("? [y/N] ", answer);
        let seen = terminal.ends(code);
        assert!(!seen.contains(NUMBER), "{seen}");
    }
    assert!(starts(&engine).is_empty(), "{:?}", starts(&engine));
    fs::remove_file(&link).unwrap();
    fs::remove_dir_all(world.home().join(".local")).unwrap();
    before.assert_same(&world.snapshot());
}

#[test]
fn one_that_does_not_do_what_is_wanted_is_said_and_the_release_s_own_is_planned() {
    let world = world();
    let engine = standin(&world, "old", "old");
    found(&world, &engine, ".local/bin");
    let own = plan(&world, &["--model", "tiny"]);
    let mut terminal = Terminal::start(&world, "");
    terminal.answers("? [y/N] ", "y\n");
    terminal.answers(NUMBER, "\n");
    terminal.answers("is not used as the engine: it is build b5897", "");
    terminal.answers("the release's own is used", "");
    terminal.answers(&download(&own), "");
    terminal.answers(CONSENT, "y\n");
    terminal.ends("0");
    assert!(!starts(&engine).is_empty(), "it was not even tried");
    assert_eq!(status(&world)["engine"]["kind"], "bundled");
    assert_eq!(models(&world), ["tiny.gguf"]);
}

#[test]
fn of_several_one_is_picked_and_what_cannot_be_used_is_not_offered() {
    let world = world();
    let good = real(&world, "good");
    let first = found(&world, &standin(&world, "first", "fine"), ".local/bin");
    let second = found(&world, &good, "miniconda3/bin");
    // Ollama's, and a script.
    let theirs = found(&world, &good, ".local/lib/ollama");
    let script = world.home().join(".nix-profile/bin/llama-server");
    fs::create_dir_all(script.parent().unwrap()).unwrap();
    fs::write(&script, "#!/bin/sh\nexit 0\n").unwrap();
    e2e::base::set_mode(&script, 0o755);
    let own = plan(&world, &["--model", "none"]);
    let mut terminal = Terminal::start(&world, "");
    terminal.answers(SEVERAL, "");
    terminal.sees(NUMBER);
    let question = terminal.seen();
    assert!(question.contains("  1  the release's own (test): a download of "), "{question}");
    for (line, path) in [("  2  ", &first), ("  3  ", &second)] {
        assert!(question.contains(&format!("{line}{}", path.display())), "{question}");
    }
    for path in [&theirs, &script] {
        assert!(!question.contains(path.to_str().unwrap()), "{question}");
    }
    // Nothing typed is the release's own.
    terminal.answers(NUMBER, "\n");
    terminal.answers(NUMBER, "none\n");
    terminal.answers(&download(&own), "");
    terminal.answers(CONSENT, "n\n");
    terminal.ends("2");
    let mut terminal = Terminal::start(&world, "");
    terminal.answers(NUMBER, "3\n");
    terminal.answers(NUMBER, "none\n");
    terminal.answers(CONSENT, "y\n");
    terminal.ends("0");
    assert_eq!(status(&world)["engine"]["path"], json!(second));
}
