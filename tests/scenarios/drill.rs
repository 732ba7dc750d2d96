//! The drill of docs/TRUST.md: its commands as they stand on the page, with
//! throw-away keys, thieves in between, and real installations that must come
//! through. Page and test cannot part: the commands are read from the page, and
//! what follows from them is asked of the installed program.

mod stage;

use e2e::base;
use offgrid_manifest::json::INTEGER_MAX;
use stage::{Drill, stable};
use std::fs;

/// Three computers: `daily` updates after every step, `victim` when a thief is
/// there, `asleep` only at the end.
#[test]
fn installations_come_through_every_theft_by_the_commands_of_the_page() {
    let mut drill = Drill::new();
    drill.play("Making the keys");
    for line in drill.page.of("The first release").iter().take(4) {
        drill.shell(line).expect(0);
    }
    for name in ["daily", "victim", "asleep"] {
        drill.install(name);
    }
    assert_eq!(drill.remembers("asleep"), [1, 1, 1]);
    // The rest of that section signs apart what belongs together.
    for line in drill.page.of("The first release").iter().skip(4) {
        drill.shell(line).expect(0);
    }
    drill.played.push("The first release".into());
    drill.follows("daily", [1, 2, 2]);
    let old_keys = drill.world.path("old-keys");
    drill.play("What has to be renewed");
    drill.follows("daily", [3, 6, 4]);
    base::copy_tree(&drill.world.path("head"), &old_keys);
    for entry in fs::read_dir(drill.world.path("release")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, old_keys.join(path.file_name().unwrap())).unwrap();
    }

    the_head_key_is_stolen(&mut drill);
    the_release_key_is_stolen(&mut drill);
    both_are_stolen(&mut drill);

    drill.play("A root key");
    drill.follows("daily", [7, 10, 6]);
    drill.follows("victim", [7, 10, 6]);
    if drill.shell("command -v minisign").code == 0 {
        drill.play("To be sure");
    } else {
        println!("skipped: minisign is needed for the last section");
        for line in drill.page.of("To be sure").iter().filter(|line| line.starts_with("offgrid")) {
            drill.shell(line).expect(0);
        }
        drill.played.push("To be sure".into());
    }
    everybody_gets_the_next_release(&drill);
    let with_commands = drill.page.0.iter().filter(|(_, commands)| !commands.is_empty());
    let headings: Vec<&String> = with_commands.map(|(heading, _)| heading).collect();
    assert_eq!(drill.played.iter().collect::<Vec<_>>(), headings, "in the order of the page");
}

/// A head of 2^53-1 that a program has accepted, in the depot that we work in.
fn the_head_key_is_stolen(drill: &mut Drill) {
    drill.follows("victim", [3, 6, 4]);
    let ours = drill.saved();
    drill.thief(&["head"], 3).head(|_| {});
    drill.follows("victim", [3, INTEGER_MAX, 4]);
    // Ours is too old now, and would stay so.
    drill.swap(&ours);
    drill.update("victim").expect_error(5, "E_ROLLBACK");
    drill.swap(&ours);
    fs::remove_dir_all(ours).unwrap();
    drill.play("The head key");
    drill.follows("victim", [4, 7, 4]);
    drill.follows("daily", [4, 7, 4]);
    // The old key is worth nothing now.
    let ours = drill.saved();
    let mut thief = drill.thief(&["old-keys"], 3);
    thief.head(|head| head.root_version = 4);
    for name in ["victim", "daily"] {
        drill.update(name).expect_error(5, "E_SIG_THRESHOLD");
    }
    drill.put_back(&ours);
}

/// What it signs, no head names; when one does all the same, the key is old.
fn the_release_key_is_stolen(drill: &mut Drill) {
    let ours = drill.saved();
    let mut thief = drill.thief(&["old-keys"], 4);
    thief.channel(4);
    drill.refused_by_a_new_one("E_MIXMATCH");
    drill.put_back(&ours);
    drill.play("The release key");
    drill.follows("daily", [5, 8, 5]);
    drill.follows("victim", [5, 8, 5]);
    let ours = drill.saved();
    let pin = drill.thief(&["old-keys"], 4).channel(6);
    // Somebody was tricked into signing a head for it.
    drill.thief(&["head"], 5).head(|head| {
        head.version = 9;
        head.channels.insert(stable(), pin);
    });
    drill.update("daily").expect_error(5, "E_SIG_THRESHOLD");
    drill.refused_by_a_new_one("E_SIG_THRESHOLD");
    drill.put_back(&ours);
}

/// A channel and a head of 2^53-1 that a program has accepted.
fn both_are_stolen(drill: &mut Drill) {
    let mut thief = drill.thief(&["head", "release"], 5);
    let pin = thief.channel(INTEGER_MAX);
    thief.head(|head| {
        head.channels.insert(stable(), pin);
    });
    drill.follows("victim", [5, INTEGER_MAX, INTEGER_MAX]);
    drill.play("Head and release keys");
    drill.follows("victim", [6, 9, 6]);
    drill.follows("daily", [6, 9, 6]);
    assert_eq!(drill.channel(6)["critical"], false, "what the thief said is gone");
}

/// Also the one that slept since root 1, and one that comes new.
fn everybody_gets_the_next_release(drill: &Drill) {
    drill.shell("offgrid-depot build release-0.2.0.toml --depot depot --fast").expect(0);
    let keys = "--keys release --keys head --password-file password";
    let publish = "offgrid-depot publish depot --channel stable --release 0.2.0";
    drill.shell(&format!("{publish} {keys}")).expect(0);
    drill.install("newcomer");
    for name in ["daily", "victim", "asleep", "newcomer"] {
        drill.follows(name, [8, 12, 7]);
        let status = drill.offgrid(name, &["self", "status", "--json"]).expect(0).json();
        assert_eq!(status["version"], "0.2.0", "{name}");
        drill.offgrid(name, &["uninstall", "--yes"]).expect(0);
    }
}
