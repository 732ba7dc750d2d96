//! Sources that never come to an end. All the waiting of the attacks is here, in
//! one test, so that it is paid once.

use e2e::victims::settle;
use e2e::{Forge, Lie, Origin, World};
use std::time::{Duration, Instant};

/// A byte every ten seconds: never silent for long, and never done.
const DRIP: Lie = Lie::Drip(Duration::from_secs(10));
/// One source is given up after this at the latest (reference/trust.md A16).
const GIVEN_UP: Duration = Duration::from_secs(70);
/// What a busy machine needs for the rest of an install.
const REST: Duration = Duration::from_secs(25);

/// What an installation needs, and who is slow with it.
struct Row {
    what: &'static str,
    path: String,
    lie: Lie,
}

fn rows(world: &World) -> Vec<Row> {
    let forge = Forge::of(&world.depot());
    let row = |what, path: &str, lie| Row { what, path: path.to_owned(), lie };
    vec![
        row("a head, byte by byte", "head.json", DRIP),
        row("a signature, byte by byte", "head/", DRIP),
        row("a channel, byte by byte", &forge.newest_channel(), DRIP),
        row("a release, byte by byte", &forge.newest_release(), DRIP),
        row("a blob, byte by byte", &forge.blob_of("llama-cpu", "llama-server"), DRIP),
        row("headers without an end", "head.json", Lie::Headers),
        row("accepted and then nothing", "head.json", Lie::Silence),
        row("a blob and then nothing", "blob/", Lie::Silence),
    ]
}

#[test]
fn a16_a_source_that_never_ends_is_given_up_and_the_next_one_is_asked() {
    let world = World::new();
    std::thread::scope(|scope| {
        for row in rows(&world) {
            scope.spawn(move || is_passed_over(&row));
        }
        scope.spawn(is_told);
        scope.spawn(one_of_each);
    });
}

/// A slow source and then a good one: an install that ends well.
fn is_passed_over(row: &Row) {
    let world = World::new();
    settle(&world.home());
    let (slow, good) = (Origin::of(&world.depot()), Origin::of(&world.depot()));
    slow.lie(&row.path, row.lie.clone());
    let both = format!("{},{}", slow.url(), good.url());
    let began = Instant::now();
    let outcome = world.run_from(&both, &["install", "--yes", "--verbose"]);
    let took = began.elapsed();
    assert!(outcome.code == 0 && took < GIVEN_UP + REST, "{}, {took:?}: {outcome:#?}", row.what);
    assert!(took > Duration::from_secs(25), "{}: nothing was slow", row.what);
    assert!(outcome.stderr.contains("stopped answering"), "{}: {outcome:#?}", row.what);
}

/// Nobody but slow sources: E_STALL, soon, and nothing was changed.
fn is_told() {
    let world = World::new();
    settle(&world.home());
    let before = world.snapshot();
    std::thread::scope(|scope| {
        for lie in [DRIP, Lie::Headers, Lie::Silence] {
            let (world, before) = (&world, &before);
            scope.spawn(move || {
                let slow = Origin::of(&world.depot());
                slow.lie("head.json", lie.clone());
                let began = Instant::now();
                let words = ["plan", "--json"];
                world.run_from(&slow.url(), &words).expect_error(4, "E_STALL");
                assert!(began.elapsed() < GIVEN_UP + Duration::from_secs(5), "{lie:?}");
                before.assert_same(&world.snapshot());
            });
        }
    });
}

/// One of each kind of bad sources, the silent one among them, and a good one (A10):
/// silence is waited for once.
fn one_of_each() {
    let world = World::new();
    let bad: Vec<Origin> = (0..3).map(|_| Origin::of(&world.depot())).collect();
    bad[0].lie("", Lie::Status(404));
    bad[1].lie("", Lie::Silence);
    bad[2].lie("", Lie::Flip(40));
    let good = Origin::of(&world.depot());
    let all: Vec<String> = bad.iter().chain([&good]).map(Origin::url).collect();
    let began = Instant::now();
    world.run_from(&all.join(","), &["plan"]).expect(0);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}
