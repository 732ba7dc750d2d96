//! The app as its makers install it, taken over: it is out of service while ours is
//! there, and an uninstall brings it back as it was. Where nobody said so it is left
//! alone. The unit's manager is not here; `tests/vm` has one.

use e2e::room::Room;
use e2e::world::finish;
use e2e::{Outcome, Snapshot, Terminal, World, base};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

const UNIT: &str = "[Unit]\nDescription=OffGrid LLM\n[Service]\nEnvironment=OFFGRID_PORT=18080\n\
                    Environment=OFFGRID_GPU_LAYERS=0 \"OFFGRID_CORS_ORIGINS=http://a http://b\"\n";
const ENGINE: &str = "[Unit]\nDescription=The engine of OffGrid LLM\n[Service]\n";

fn put(path: PathBuf, text: &str, mode: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    base::set_mode(&path, mode);
}

/// Two units with their programs; a drop-in; one unit is a link to a file elsewhere.
fn units(units: &Path, bin: &Path, starts: &str) {
    let (main, engine) = (
        format!("{UNIT}ExecStart={starts}/offgrid serve\n"),
        format!("{ENGINE}ExecStart={starts}/llama-server -m x\n"),
    );
    put(units.join("offgrid-llm.service"), &main, 0o640);
    put(
        units.join("offgrid-llm.service.d/more.conf"),
        "[Service]\nEnvironment=OFFGRID_MAX_MODELS=2\n",
        0o600,
    );
    put(units.join("elsewhere/llama-server.unit"), &engine, 0o644);
    symlink("elsewhere/llama-server.unit", units.join("llama-server.service")).unwrap();
    let wants = units.join("default.target.wants");
    fs::create_dir_all(&wants).unwrap();
    symlink("../offgrid-llm.service", wants.join("offgrid-llm.service")).unwrap();
    symlink(units.join("llama-server.service"), wants.join("llama-server.service")).unwrap();
    put(bin.join("offgrid"), "#!/bin/sh\necho the makers own\n", 0o755);
    put(bin.join("llama-server"), "#!/bin/sh\n", 0o750);
}

/// Of a user, in that user's home.
pub(crate) fn of_user(world: &World) {
    let home = world.home();
    units(&home.join(".config/systemd/user"), &home.join(".local/bin"), "%h/.local/bin");
    put(world.models().join("old.gguf"), "a model of before\n", 0o644);
}

fn warned(outcome: &Outcome) -> bool {
    let named = |event: &Value| event["code"] == "W_UPSTREAM";
    outcome.events().iter().any(named)
}

#[test]
fn what_is_taken_over_is_out_of_service_until_an_uninstall_brings_it_back() {
    let world = World::new();
    of_user(&world);
    let before = world.snapshot();
    let plan = world.run(&["plan", "--adopt", "yes"]).expect(0);
    plan.says("stop the service offgrid-llm.service").says(".config/offgrid/offgrid.env");
    before.assert_same(&world.snapshot());
    let installed = world.run(&["install", "--yes", "--json", "--adopt", "yes"]).expect(0);
    assert!(!warned(&installed), "{installed:?}");
    let (units, bin) = (world.home().join(".config/systemd/user"), world.home().join(".local/bin"));
    for gone in ["offgrid-llm.service", "llama-server.service", "offgrid-llm.service.d"] {
        assert!(units.join(gone).symlink_metadata().is_err(), "{gone}");
        assert!(units.join(format!("{gone}.kept~")).symlink_metadata().is_ok(), "{gone}");
    }
    assert_eq!(units.join("default.target.wants").read_dir().unwrap().count(), 0);
    assert_eq!(fs::read_link(bin.join("offgrid")).unwrap(), world.prefix().join("bin/offgrid"));
    assert!(bin.join("llama-server").symlink_metadata().is_err());
    assert!(world.models().join("old.gguf").is_file());
    let env = fs::read_to_string(world.home().join(".config/offgrid/offgrid.env")).unwrap();
    for line in ["OFFGRID_PORT=18080", "OFFGRID_MAX_MODELS=2", "CORS_ORIGINS=\"http://a http://b\""]
    {
        assert!(env.contains(line), "{line}: {env}");
    }
    assert!(!env.contains("GPU_LAYERS"), "{env}");
    // As any other installation; and what is out of service is not found again.
    world.offgrid_run(&["version"]).expect(0).says("0.2.11");
    world.run(&["verify"]).expect(0);
    fs::remove_file(bin.join("offgrid")).unwrap();
    world.run(&["verify"]).expect_error(1, "E_STATE");
    world.run(&["repair", "--yes"]).expect(0);
    world.publish_newer();
    world.offgrid_run(&["update", "--yes"]).expect(0);
    let again = world.run(&["install", "--yes", "--json", "--adopt", "yes"]).expect(0);
    assert!(!warned(&again), "{again:?}");
    world.run(&["uninstall", "--yes"]).expect(0);
    before.assert_same(&world.snapshot());
}

#[test]
fn what_nobody_was_asked_about_is_left_alone() {
    for words in
        [&["install", "--yes", "--json"][..], &["install", "--yes", "--json", "--adopt", "no"]]
    {
        let world = World::new();
        of_user(&world);
        let before = world.snapshot();
        let installed = world.run(words).expect(0);
        assert!(warned(&installed), "{installed:?}");
        assert!(installed.says("--adopt yes").says("disable --now").code == 0);
        assert!(fs::read_to_string(world.offgrid()).unwrap().contains("the makers own"));
        world.run(&["uninstall", "--yes"]).expect(0);
        before.assert_same(&world.snapshot());
    }
    let world = World::new();
    world.run(&["install", "--yes", "--adopt", "perhaps"]).expect_error(2, "E_USAGE");
    world.run(&["install", "--yes", "--adopt", "yes"]).expect(0);
    assert!(!world.home().join(".config/offgrid").exists(), "nothing was there to take over");
}

/// Asked for nothing but its socket's name, which says that a user's manager is there.
fn with_a_manager(world: &World, words: &[&str]) -> Outcome {
    let runtime = world.path("runtime");
    put(runtime.join("systemd/private"), "", 0o600);
    let mut command = world.command(world.setup());
    command.env("OFFGRID_SETUP_SOURCE", world.depot()).env("XDG_RUNTIME_DIR", runtime);
    command.args(words);
    finish(command)
}

#[test]
fn a_service_that_needs_their_name_is_refused_before_anything_is_asked_for() {
    let world = World::new();
    of_user(&world);
    let before = world.snapshot();
    for more in [&[][..], &["--service", "systemd-user"], &["--adopt", "no"]] {
        let words = [&["install", "--yes", "--json"][..], more].concat();
        let refused = with_a_manager(&world, &words).expect_error(2, "E_NEEDS_CONSENT");
        let refused =
            refused.says("the name offgrid-llm.service").says("--adopt yes").says("--service none");
        assert!(!refused.stdout.contains("looking"), "{refused:?}");
        before.assert_same(&world.snapshot());
    }
    let beside = ["install", "--yes", "--json", "--service", "none"];
    assert!(warned(&with_a_manager(&world, &beside).expect(0)));
}

#[test]
fn a_person_is_asked_once_and_told_what_would_happen() {
    for (answer, taken) in [("y", true), ("n", false)] {
        let world = World::new();
        of_user(&world);
        let before = world.snapshot();
        let mut terminal = Terminal::start(&world, "install --model none");
        terminal.sees("Take it over?");
        let told = terminal.seen();
        for part in ["stop and disable offgrid-llm.service", "1 in", "puts everything back"] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(!told.contains("disable --now"), "nothing to do by hand yet: {told}");
        terminal.types(&format!("{answer}\n"));
        terminal.sees("Go on?");
        assert_eq!(terminal.seen().contains("disable --now"), !taken, "{}", terminal.seen());
        terminal.types("y\n");
        assert_eq!(terminal.code(), "0", "{}", terminal.seen());
        assert_eq!(terminal.seen().matches("Take it over?").count(), 1);
        assert_eq!(world.offgrid().is_symlink(), taken);
        world.run(&["uninstall", "--yes"]).expect(0);
        before.assert_same(&world.snapshot());
    }
}

#[test]
fn what_somebody_installed_since_stays_and_what_was_there_before_is_kept() {
    let world = World::new();
    of_user(&world);
    world.run(&["install", "--yes", "--adopt", "yes"]).expect(0);
    let engine = world.home().join(".local/bin/llama-server");
    put(engine.clone(), "another one\n", 0o755);
    world.run(&["uninstall", "--yes"]).expect(0).says("left alone").says("llama-server.kept~");
    assert_eq!(fs::read_to_string(&engine).unwrap(), "another one\n");
    assert!(engine.with_file_name("llama-server.kept~").is_file());
    assert!(fs::read_to_string(world.offgrid()).unwrap().contains("the makers own"));
    // The next one finds another name beside it.
    world.run(&["install", "--yes", "--adopt", "yes"]).expect(0);
    assert!(engine.with_file_name("llama-server.kept-2~").is_file());
    assert!(engine.with_file_name("llama-server.kept~").is_file());
}

/// Over what belongs to everybody; `$2` has these folders. There is no service manager.
const MOUNTS: &str = r#"
for file in passwd group hosts nsswitch.conf resolv.conf ld.so.cache; do
  [ ! -e "/etc/$file" ] || cp "/etc/$file" "$2/sys/etc/"
done
mkdir -p "$2/sys/opt" "$2/none"
mount --bind "$2/sys/opt" /opt
mount --bind "$2/sys/bin" /usr/local/bin
mount --bind "$2/sys/lib" /var/lib
[ ! -d /run/systemd ] || mount --bind "$2/none" /run/systemd
mount --bind "$2/sys/etc" /etc
"#;

/// For everybody, as upstream's installers leave it.
fn of_everybody(world: &World) -> Result<Room, String> {
    let sys = world.path("sys");
    units(&sys.join("etc/systemd/system"), &sys.join("bin"), "/usr/local/bin");
    let (lib, etc) = (sys.join("lib/offgrid"), sys.join("etc/offgrid"));
    put(lib.join("web/ui/index.html"), "old\n", 0o640);
    put(lib.join("models/old.gguf"), "a model of before\n", 0o644);
    put(etc.join("llama-port"), "50123\n", 0o644);
    // Of a user that is neither root nor ours, where root says so; the room's root may
    // not read what is closed to others then.
    base::set_mode(&sys.join("etc/systemd/system/offgrid-llm.service"), 0o604);
    for path in [
        sys.join("bin/offgrid"),
        lib.join("web/ui"),
        sys.join("etc/systemd/system/offgrid-llm.service"),
    ] {
        let _ = std::os::unix::fs::chown(path, Some(1234), Some(1235));
    }
    Room::with(world, MOUNTS)
}

fn for_all(world: &World, room: &Room, words: &[&str]) -> Outcome {
    let mut command = room.command(world, world.setup());
    command.env_remove("OFFGRID_SETUP_SCOPE");
    command.args(words).args(["--yes", "--json", "--system"]);
    finish(command)
}

#[test]
fn an_installation_for_everybody_takes_over_the_one_of_everybody() {
    let world = World::new();
    let room = match of_everybody(&world) {
        Ok(room) => room,
        Err(why) => {
            eprintln!("skipped: no installation for everybody here: {why}");
            return;
        }
    };
    let sys = world.path("sys");
    let before = Snapshot::of(&sys, &[]);
    // One user's installation may not take it.
    let mut command = room.command(&world, world.setup());
    command.args(["install", "--yes", "--json", "--user", "--adopt", "yes"]);
    let refused = finish(command).expect_error(8, "E_PERM");
    refused.says("/usr/local/bin/offgrid").says("--system");
    before.assert_same(&Snapshot::of(&sys, &[]));
    for_all(&world, &room, &["install", "--adopt", "yes"]).expect(0);
    assert_eq!(
        fs::read_link(sys.join("bin/offgrid")).unwrap(),
        Path::new("/opt/offgrid/bin/offgrid")
    );
    assert!(sys.join("bin/llama-server").symlink_metadata().is_err());
    assert!(
        sys.join("lib/offgrid/web/ui").symlink_metadata().is_err(),
        "an old page is not served"
    );
    assert!(sys.join("lib/offgrid/models/old.gguf").is_file());
    assert!(fs::read_to_string(sys.join("etc/offgrid/offgrid.env")).unwrap().contains("18080"));
    for_all(&world, &room, &["verify"]).expect(0);
    for_all(&world, &room, &["uninstall"]).expect(0);
    before.assert_same(&Snapshot::of(&sys, &[]));
}
