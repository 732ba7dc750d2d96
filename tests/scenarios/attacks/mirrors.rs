//! Mirrors that are missing, behind, broken or silent. The one that hangs is in
//! `endless.rs`, where the waiting is.

use e2e::victims::settle;
use e2e::{Forge, Lie, Origin, Victims, World, base, stamped};
use offgrid_manifest::layout;
use serde_json::json;
use std::net::TcpListener;

/// An address where nobody listens.
fn dead() -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}/")
}

#[test]
fn a10_one_good_mirror_is_enough_and_verbose_names_what_was_wrong_with_the_others() {
    let victims = Victims::new();
    let depot = victims.depot();
    let (gone, corrupt, good) = (Origin::of(&depot), Origin::of(&depot), Origin::of(&depot));
    let stale = Origin::of(&base::folder().join("depot-1"));
    gone.lie("", Lie::Status(404));
    corrupt.lie("", Lie::Flip(40));
    let dead = dead();
    let all = [gone.url(), stale.url(), corrupt.url(), dead.clone(), good.url()].join(",");
    let world = World::newer();
    settle(&world.home());
    world.install();
    Forge::of(&depot).head(|_| {});
    let outcome = world.run_from(&all, &["update", "--yes", "--verbose"]).expect(0);
    let outcome = outcome.says(&format!("{}head.json is not there", gone.url()));
    let outcome = outcome.says(&format!("{}: head 1 is older than", stale.url()));
    let outcome = outcome.says(&format!("{}: head/", corrupt.url()));
    outcome.says(&format!("could not reach {dead}head.json"));
    let quiet = world.run_from(&all, &["update", "--yes"]).expect(0);
    assert!(!quiet.stderr.contains("is not there"), "{quiet:#?}");
    for outcome in victims.attempt(&all) {
        outcome.expect(0);
    }
    assert!(!good.seen().is_empty());
}

#[test]
fn a10_when_all_are_bad_the_most_telling_error_is_told() {
    let victims = Victims::new();
    let depot = victims.depot();
    let (gone, broken, corrupt) = (Origin::of(&depot), Origin::of(&depot), Origin::of(&depot));
    gone.lie("", Lie::Status(404));
    broken.lie("", Lie::Status(503));
    corrupt.lie(layout::HEAD, Lie::Flip(40));
    let dead = dead();
    let rows = [
        (vec![gone.url(), broken.url(), corrupt.url(), dead.clone()], 5, "E_SIG_THRESHOLD"),
        (vec![corrupt.url(), gone.url()], 5, "E_SIG_THRESHOLD"),
        (vec![gone.url(), broken.url()], 4, "E_HTTP"),
        (vec![gone.url(), dead.clone()], 4, "E_UNREACHABLE"),
        (vec![dead.clone(), dead], 4, "E_UNREACHABLE"),
    ];
    for (sources, code, error) in rows {
        let sources = sources.join(",");
        victims.suffer(&sources, &sources, code, error);
    }
}

#[test]
fn a10_signed_mirrors_carry_what_the_origin_does_not_unless_a_source_was_typed() {
    let world = World::newer();
    settle(&world.home());
    let depot = world.depot();
    let origin = Origin::of(&depot);
    let (gone, corrupt, good) = (Origin::of(&depot), Origin::of(&depot), Origin::of(&depot));
    gone.lie("", Lie::Status(404));
    corrupt.lie("blob/", Lie::Flip(40));
    origin.lie("blob/", Lie::Status(503));
    let mirrors = [gone.url(), corrupt.url(), good.url()];
    Forge::of(&depot).channel(|channel| channel["mirrors"] = json!(mirrors));
    stamped::stamp(&world, &[&origin.url()]);
    // Somebody who says where to fetch from means that place alone.
    let typed = ["install", "--yes", "--json", "--source", &origin.url()];
    stamped::run(&world, &typed).expect_error(4, "E_HTTP");
    for mirror in [&gone, &corrupt, &good] {
        assert!(mirror.seen().is_empty(), "{:?}", mirror.seen());
    }
    stamped::run(&world, &["install", "--yes", "--verbose"]).expect(0);
    let engine = Forge::of(&depot).blob_of("llama-cpu", "llama-server");
    assert_eq!(good.seen_of(&engine).len(), 1);
    // From now on its mirrors are known: they have the news when the origin is gone.
    Forge::of(&depot).head(|_| {});
    origin.lie("", Lie::Status(503));
    let check = stamped::run(&world, &["update", "--yes", "--json"]).expect(0);
    assert_eq!(check.ended().unwrap()["outcome"], "unchanged");
    // Two of the three were asked; which ones is chance, and one of them is gone.
    let asked = [&corrupt, &good].map(|mirror| mirror.seen_of(layout::HEAD).len());
    assert!(asked.iter().sum::<usize>() > 0, "{asked:?}");
}
