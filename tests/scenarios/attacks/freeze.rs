//! Sources that keep the news back.

use e2e::forge::days;
use e2e::victims::settle;
use e2e::world::finish;
use e2e::{Forge, Origin, Victims, World};
use serde_json::{Value, json};

/// Of a document that was made so many days ago.
fn aged(document: &mut Value, made: i64, ended: i64) {
    document["issued"] = json!(days(-made));
    document["expires"] = json!(days(-ended));
}

type Edit = fn(&mut Forge);

#[test]
fn a05_a_source_that_keeps_the_news_back_is_told_with_both_times() {
    let victims = Victims::new();
    let depot = victims.depot();
    let rows: [(&str, Edit, &str); 2] = [
        ("a head of 15 days ago", |f| f.head(|head| aged(head, 15, 1)), "head expired"),
        ("a channel of 181 days ago", |f| f.channel(|c| aged(c, 181, 1)), "channel stable expired"),
    ];
    for (what, edit, words) in rows {
        victims.forge(edit);
        let refused = victims.suffer(what, depot.to_str().unwrap(), 5, "E_FROZEN");
        let head = Forge::of(&depot).read("head.json");
        let channel = Forge::of(&depot).read(&Forge::of(&depot).newest_channel());
        let ends = [&head["expires"], &channel["expires"]];
        let end = ends.iter().filter_map(|end| end.as_str()).min().unwrap();
        let today = &days(0)[..10];
        for outcome in refused {
            outcome.says(words).says(end).says(today).says("--accept-stale");
        }
    }
}

#[test]
fn a05_nothing_that_is_installed_stops_when_the_news_do() {
    let world = World::new();
    settle(&world.home());
    let before = world.snapshot();
    world.install();
    world.publish_newer();
    world.run(&["update", "--yes"]).expect(0);
    Forge::of(&world.depot()).head(|head| aged(head, 15, 1));
    world.run(&["update", "--yes", "--json"]).expect_error(5, "E_FROZEN");
    world.offgrid_run(&["version"]).expect(0).says("0.2.12");
    world.offgrid_run(&["self", "verify"]).expect(0);
    world.offgrid_run(&["repair", "--yes"]).expect(0);
    world.offgrid_run(&["rollback", "--yes"]).expect(0);
    world.offgrid_run(&["version"]).expect(0).says("0.2.11");
    world.offgrid_run(&["self", "status"]).expect(0);
    world.offgrid_run(&["uninstall", "--yes"]).expect(0);
    before.assert_same(&world.snapshot());
}

#[test]
fn a05_a_source_that_says_nothing_new_for_ever_is_noticed_too() {
    let world = World::new();
    let origin = Origin::of(&world.depot());
    let refresh = |now: &str| {
        let mut command = world.command(world.setup());
        let words = ["trust", "refresh", "--json", "--state", "state", "--source"];
        command.args(words).arg(origin.url()).args(["--now", now]);
        finish(command)
    };
    refresh(&days(0)).expect(0);
    refresh(&days(13)).expect(0);
    refresh(&days(15)).expect_error(5, "E_FROZEN");
    // A clock that was wrong once locks nobody out.
    refresh(&days(1)).expect(0);
}

#[test]
fn a_stale_kit_is_a_warning_only_when_it_was_typed() {
    let world = World::newer();
    Forge::of(&world.depot()).head(|head| aged(head, 15, 1));
    let depot = world.depot();
    let depot = depot.to_str().unwrap();
    // As a variable it might be a schedule's.
    world.run(&["install", "--yes", "--json"]).expect_error(5, "E_FROZEN").says("--accept-stale");
    let origin = Origin::of(&world.depot());
    world
        .run_from(depot, &["install", "--yes", "--json", "--source", &origin.url()])
        .expect_error(5, "E_FROZEN");
    let typed = world.run_from("http://127.0.0.1:9/", &["plan", "--source", depot]);
    typed.expect(0).says("days ago");
    world.run(&["install", "--yes", "--accept-stale"]).expect(0).says("days ago");
    world.run(&["update", "--yes", "--json"]).expect_error(5, "E_FROZEN");
    // A head of every day over a channel that nobody signed anew in time.
    Forge::of(&world.depot()).channel(|channel| aged(channel, 181, 1));
    world.run(&["update", "--yes", "--json"]).expect_error(5, "E_FROZEN");
    let stale = world.run(&["update", "--yes", "--accept-stale"]).expect(0);
    stale.says("channel stable expired 1 days ago");
}
