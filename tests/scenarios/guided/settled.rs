//! Who is not asked: whoever has said it already, programs, and scripts. And the two
//! ways to be asked that are not a word at a prompt: the one line, and a newer program
//! that takes over.

use super::{CONSENT, MODEL, NUMBER, catalogue, models, plan, status, steps, world};
use crate::engine::{real, standin, starts};
use crate::renew::{bring, newer};
use e2e::{Origin, Terminal, World};
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;

const ENGINE: &str = "A llama.cpp is on this computer";

/// Something to ask about both.
fn both() -> (World, std::path::PathBuf) {
    let world = world();
    let engine = standin(&world, "mine", "fine");
    fs::create_dir_all(world.home().join(".local/bin")).unwrap();
    symlink(&engine, world.home().join(".local/bin/llama-server")).unwrap();
    (world, engine)
}

#[test]
fn what_a_flag_a_variable_or_a_file_settles_is_not_asked() {
    let (world, _) = both();
    let config = world.home().join(".config/offgrid");
    fs::create_dir_all(&config).unwrap();
    let depot = world.depot();
    let source = ("OFFGRID_SETUP_SOURCE", depot.to_str().unwrap());
    let (engine, model) = ((true, false), (false, true));
    for (words, variable, file, asked) in [
        ("--model none", None, "", engine),
        ("--llama-server bundled", None, "", model),
        ("install --model small", None, "", engine),
        ("", Some(("OFFGRID_SETUP_MODEL", "none")), "", engine),
        ("", Some(("OFFGRID_SETUP_ENGINE", "bundled")), "", model),
        ("", None, "model = \"none\"\n", engine),
        ("", None, "engine = \"bundled\"\n", model),
        ("--model none --llama-server bundled", None, "", (false, false)),
    ] {
        fs::write(config.join("setup.toml"), file).unwrap();
        let line = format!("'{}' {words}", world.setup().display());
        let vars: Vec<_> = [source].into_iter().chain(variable).collect();
        let mut terminal = Terminal::shell(&world, &line, &vars);
        if asked.0 {
            terminal.answers("? [y/N] ", "n\n");
        }
        if asked.1 {
            terminal.answers(NUMBER, "none\n");
        }
        terminal.answers(CONSENT, "n\n");
        let seen = terminal.ends("2");
        assert_eq!((seen.contains(ENGINE), seen.contains(MODEL)), asked, "{words}{file}: {seen}");
    }
}

#[test]
fn yes_asks_nothing_and_takes_no_model_and_no_engine_that_is_here() {
    let (world, engine) = both();
    let seen = Terminal::start(&world, "install --yes").ends("0");
    for question in [ENGINE, MODEL, CONSENT] {
        assert!(!seen.contains(question), "{seen}");
    }
    assert!(models(&world).is_empty());
    assert_eq!(status(&world)["engine"]["kind"], "bundled");
    assert!(starts(&engine).is_empty());
    // An installation that is there is not begun with: only the plan is asked about.
    world.publish_newer();
    let mut terminal = Terminal::start(&world, "install");
    terminal.answers(CONSENT, "y\n");
    let seen = terminal.ends("0");
    assert!(!seen.contains(ENGINE) && !seen.contains(MODEL), "{seen}");
}

#[test]
fn who_reads_json_and_who_has_no_terminal_is_asked_nothing() {
    let (world, _) = both();
    let before = world.snapshot();
    for words in ["install --json", "--json"] {
        let seen = Terminal::start(&world, words).ends("2");
        assert!(seen.contains("E_NEEDS_CONSENT"), "{seen}");
        assert!(![ENGINE, MODEL, CONSENT].iter().any(|one| seen.contains(one)), "{seen}");
    }
    world.run(&["install"]).expect_error(2, "E_NEEDS_CONSENT");
    world.run(&[]).expect_error(2, "E_USAGE").says("offgrid-setup");
    // Where questions could not be read, or answers not be typed, nobody is asked.
    let depot = world.depot();
    let source = [("OFFGRID_SETUP_SOURCE", depot.to_str().unwrap())];
    for streams in ["</dev/null", "2>/dev/null"] {
        let line = format!("'{}' install {streams}", world.setup().display());
        let seen = Terminal::shell(&world, &line, &source).ends("2");
        assert!(![ENGINE, MODEL, CONSENT].iter().any(|one| seen.contains(one)), "{seen}");
    }
    before.assert_same(&world.snapshot());
}

#[test]
fn a_release_without_models_on_a_computer_without_an_engine_asks_for_consent_alone() {
    let world = World::new();
    catalogue(&world, Vec::clear);
    let mut terminal = Terminal::start(&world, "");
    terminal.answers("[", "n\n");
    let seen = terminal.ends("2");
    assert!(seen.contains(CONSENT) && !seen.contains(NUMBER) && !seen.contains("[y/N]"), "{seen}");
}

#[test]
fn the_one_line_asks_at_the_terminal_that_it_was_typed_at() {
    let world = world();
    let origin = Origin::of(&world.depot());
    let url = origin.url();
    let tmp = world.path("tmp");
    fs::create_dir(&tmp).unwrap();
    let line = format!("cat '{}' | sh", world.depot().join("install").display());
    let vars = [
        ("OFFGRID_SETUP_SOURCE", url.as_str()),
        ("OFFGRID_SETUP_ALLOW_HTTP", "1"),
        ("TMPDIR", tmp.to_str().unwrap()),
    ];
    let mut terminal = Terminal::shell(&world, &line, &vars);
    terminal.answers(MODEL, "");
    terminal.answers(NUMBER, "3\n");
    terminal.answers(CONSENT, "y\n");
    terminal.ends("0");
    assert_eq!(models(&world), ["small.gguf"]);
    assert_eq!(fs::read_dir(&tmp).unwrap().count(), 0);
}

#[test]
fn what_was_answered_holds_for_a_newer_program_that_takes_over() {
    let world = world();
    let engine = real(&world, "mine");
    let link = world.home().join(".local/bin/llama-server");
    fs::create_dir_all(link.parent().unwrap()).unwrap();
    symlink(&engine, &link).unwrap();
    bring(&world.depot(), &newer(&world));
    let words = ["--model", "small", "--llama-server", link.to_str().unwrap()];
    let all = plan(&world, &words);
    let mut terminal = Terminal::start(&world, "");
    terminal.answers("? [y/N] ", "y\n");
    terminal.answers(NUMBER, "small\n");
    for step in steps(&all) {
        terminal.sees(step);
    }
    terminal.answers(CONSENT, "y\n");
    let seen = terminal.ends("0");
    for once in [ENGINE, MODEL, CONSENT] {
        assert_eq!(seen.matches(once).count(), 1, "{once}: {seen}");
    }
    world.offgrid_run(&["self", "version"]).expect(0).says("offgrid-setup 9.9.9");
    assert_eq!(models(&world), ["small.gguf"]);
    assert_eq!(status(&world)["engine"]["path"], json!(link));
}
