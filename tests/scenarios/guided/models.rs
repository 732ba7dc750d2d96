//! Which model: the one that fits is suggested, and nothing is fetched before the yes.

use super::{CONSENT, MODEL, NUMBER, catalogue, download, from, models, only_documents, plan};
use super::{size, steps, world};
use e2e::{Origin, Terminal};
use serde_json::json;

#[test]
fn whoever_types_nothing_gets_the_model_that_fits_best_after_its_cost_and_the_plan_were_shown() {
    let world = world();
    let (with, without) = (plan(&world, &["--model", "tiny"]), plan(&world, &["--model", "none"]));
    let origin = Origin::of(&world.depot());
    // No word at all.
    let mut terminal = from(&world, &origin, "");
    terminal.sees(NUMBER);
    only_documents(&world, &origin);
    let cost = offgrid_setup::report::units::bytes(size(&with) - size(&without));
    let suggested = format!("  1  A tiny random model: a download of {cost}, licence MIT (fits");
    for line in [&suggested, "  2  A giant: a", "(needs more memory than this", "  4  none for now"]
    {
        assert!(terminal.seen().contains(line), "{line}: {}", terminal.seen());
    }
    assert!(!terminal.seen().contains("A llama.cpp is"), "there is none: {}", terminal.seen());
    terminal.answers(NUMBER, "\n");
    terminal.sees(CONSENT);
    only_documents(&world, &origin);
    // Deciding once more asks for nothing once more.
    let paths: Vec<String> = origin.seen().into_iter().map(|seen| seen.path).collect();
    let twice = paths.iter().find(|path| paths.iter().filter(|other| other == path).count() > 1);
    assert!(twice.is_none(), "{paths:?}");
    let seen = terminal.seen();
    for line in steps(&with).into_iter().chain([&*download(&with)]) {
        assert!(seen.contains(line), "{line}: {seen}");
    }
    for folder in ["blobs", "versions"] {
        assert_eq!(world.prefix().join(folder).read_dir().unwrap().count(), 0, "{folder}");
    }
    terminal.answers(CONSENT, "\n");
    let seen = terminal.ends("0");
    let order = [MODEL, NUMBER, "Steps:", CONSENT, "0.1.0 is installed"];
    let at: Vec<_> = order.iter().map(|what| seen.find(what).unwrap()).collect();
    assert!(at.is_sorted(), "{at:?}: {seen}");
    assert_eq!(models(&world), ["tiny.gguf"]);
    world.offgrid_run(&["self", "verify"]).expect(0);
    let mut again = Terminal::start(&world, "");
    assert!(again.ends("0").contains("OffGrid LLM 0.1.0"), "status, when it is installed");
}

#[test]
fn another_one_is_picked_by_number_or_name_and_a_wrong_answer_asks_again() {
    let world = world();
    let before = world.snapshot();
    let wanted = download(&plan(&world, &["--model", "small"]));
    for (typed, file) in [(["9\n", "3\n"], "small.gguf"), (["tinny\n", "small\n"], "small.gguf")] {
        let mut terminal = Terminal::start(&world, "install");
        terminal.answers(NUMBER, typed[0]);
        terminal.answers("Please type a number from 1 to 4.", "");
        terminal.answers(NUMBER, typed[1]);
        terminal.answers(CONSENT, "perhaps\n");
        terminal.answers("Please type y for yes or n for no.", "");
        terminal.answers(CONSENT, "y\n");
        let seen = terminal.ends("0");
        assert!(seen.contains(&wanted), "{wanted}: {seen}");
        assert_eq!(models(&world), [file]);
        world.offgrid_run(&["uninstall", "--yes", "--purge"]).expect(0);
        before.assert_same(&world.snapshot());
    }
    // Somebody who insists is told what speaks against it.
    let mut terminal = Terminal::start(&world, "install");
    terminal.answers(NUMBER, "giant\n");
    terminal.answers("the model `giant` needs more memory than there is", "");
    terminal.answers(CONSENT, "n\n");
    terminal.ends("2");
    before.assert_same(&world.snapshot());
}

#[test]
fn none_is_none() {
    let world = world();
    let none = download(&plan(&world, &["--model", "none"]));
    let mut terminal = Terminal::start(&world, "");
    terminal.answers(NUMBER, "none\n");
    terminal.answers(&none, "");
    terminal.answers(CONSENT, "y\n");
    terminal.ends("0");
    assert!(models(&world).is_empty(), "{:?}", models(&world));
}

#[test]
fn where_none_is_known_to_fit_none_is_the_answer_of_who_types_nothing() {
    let world = world();
    catalogue(&world, |models| {
        models.retain(|model| model["name"] != "tiny");
        models[1]["memory_bytes"] = json!(null);
    });
    let mut terminal = Terminal::start(&world, "");
    terminal.answers("Number [3]: ", "\n");
    terminal.answers(CONSENT, "n\n");
    let seen = terminal.ends("2");
    assert!(seen.contains(&download(&plan(&world, &["--model", "none"]))), "{seen}");
    assert!(!seen.contains("fits this computer best"), "{seen}");
}

#[test]
fn no_answer_is_a_no_and_nothing_was_done() {
    let world = world();
    let before = world.snapshot();
    let origin = Origin::of(&world.depot());
    let (end, interrupt) = ("\u{4}", "\u{3}");
    for (at_model, at_consent, code) in [
        (end, None, "2"),
        (interrupt, None, "130"),
        ("a\nb\nc\n", None, "2"),
        ("\n", Some(end), "2"),
        ("\n", Some("n\n"), "2"),
        ("\n", Some("a\nb\nc\n"), "2"),
        ("\n", Some(interrupt), "130"),
    ] {
        let mut terminal = from(&world, &origin, "");
        terminal.answers(NUMBER, at_model);
        if let Some(keys) = at_consent {
            terminal.answers(CONSENT, keys);
        }
        let seen = terminal.ends(code);
        assert_eq!(seen.contains(CONSENT), at_consent.is_some(), "{seen}");
        assert!(seen.contains("nothing was done, as you asked") || code == "130", "{seen}");
        only_documents(&world, &origin);
        before.assert_same(&world.snapshot());
    }
}
