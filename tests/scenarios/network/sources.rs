//! Several sources, and the price of looking for news.

use super::failing::dead;
use e2e::origin::Proxy;
use e2e::{Forge, Lie, Origin, World, base};
use offgrid_manifest::layout;

#[test]
fn one_bad_source_is_no_error_while_another_one_is_good() {
    let world = World::newer();
    let forge = Forge::of(&world.depot());
    let (channel, release) = (forge.newest_channel(), forge.newest_release());
    let engine = forge.blob_of("llama-cpu", "llama-server");
    let bad = Origin::of(&world.depot());
    let good = Origin::of(&world.depot());
    let rows: Vec<(&str, Lie)> = vec![
        ("", Lie::Status(404)),
        ("", Lie::Status(503)),
        ("", Lie::Page),
        ("", Lie::Redirect("file:///etc/passwd".into())),
        ("head.json", Lie::Flip(40)),
        ("head.json", Lie::Truncate(40)),
        ("head/", Lie::Status(404)),
        ("root/2.json", Lie::Bytes(b"{}".to_vec())),
        (&channel, Lie::Flip(40)),
        (&release, Lie::Flip(40)),
        ("blob/", Lie::Flip(40)),
        (&engine, Lie::Flip(2_000_000)),
        (&engine, Lie::Length(100)),
        (&engine, Lie::Endless),
        (&engine, Lie::Page),
        ("*.minisig", Lie::Bytes(b"untrusted comment: hello\n".to_vec())),
    ];
    for (path, lie) in rows {
        let what = format!("{path}: {lie:?}");
        bad.repent().lie(path, lie);
        let both = format!("{},{}", bad.url(), good.url());
        let outcome = world.run_from(&both, &["install", "--yes"]);
        assert_eq!(outcome.code, 0, "{what}: {outcome:#?}");
        world.offgrid_run(&["uninstall", "--yes"]).expect(0);
    }
    let both = format!("{},{}", dead(), good.url());
    world.run_from(&both, &["install", "--yes"]).expect(0);
}

#[test]
fn a_source_that_is_behind_is_passed_over() {
    let world = World::newer();
    world.install();
    Forge::of(&world.depot()).new_app();
    let old = base::folder().join("depot-1");
    let both = format!("{},{}", old.display(), world.depot().display());
    world.run_from(&both, &["update", "--yes"]).expect(0);
    // Nothing but sources that are behind is an error.
    let only = format!("{},{}", old.display(), old.display());
    world.run_from(&only, &["update", "--yes", "--json"]).expect_error(5, "E_ROLLBACK");
}

#[test]
fn a_redirect_to_a_good_place_is_followed() {
    let world = World::new();
    let (here, there) = (Origin::of(&world.depot()), Origin::of(&world.depot()));
    let forge = Forge::of(&world.depot());
    for path in ["head.json", &forge.newest_release(), &forge.blob_of("llama-cpu", "llama-server")]
    {
        here.lie(path, Lie::Redirect(format!("{}{path}", there.url())));
    }
    world.run_from(&here.url(), &["install", "--yes"]).expect(0);
    let seen: Vec<String> = there.seen().into_iter().map(|seen| seen.path).collect();
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[test]
fn answers_in_chunks_are_as_good_as_others() {
    let world = World::new();
    let origin = Origin::of(&world.depot());
    origin.lie("", Lie::Chunked);
    world.run_from(&origin.url(), &["install", "--yes"]).expect(0);
}

#[test]
fn nothing_new_costs_one_request_and_two_kilobytes() {
    let mut world = World::newer();
    let wire = Proxy::to(&world.serve());
    world.run_from(&wire.url(), &["install", "--yes"]).expect(0);
    wire.read();
    for verb in [&["update", "--yes"][..], &["update", "--check"]] {
        let outcome = world.run_from(&wire.url(), verb).expect(0);
        outcome.says("nothing newer");
        let (requests, bytes) = wire.read();
        assert_eq!(requests, 1, "{verb:?}");
        assert!(bytes <= 2048, "{bytes} bytes for {verb:?}");
    }
    assert!(world.depot().join(layout::HEAD).is_file());
}
