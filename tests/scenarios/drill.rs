//! The drill of docs/TRUST.md: its commands as they stand on the page, with
//! throw-away keys, thieves in between, and real installations that must come
//! through. Page and test cannot part: the commands are read from the page, and
//! what follows from them is asked of the installed program.

use e2e::{Outcome, World, base, programs, world::finish};
use offgrid_depot::keys::{Keyring, Password};
use offgrid_manifest::head::ChannelPin;
use offgrid_manifest::json::INTEGER_MAX;
use offgrid_manifest::{Digest, Head, Id, Root, json, layout, signature};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The commands of the page, by the heading they stand under.
struct Page(Vec<(String, Vec<String>)>);

impl Page {
    fn read() -> Page {
        let text = fs::read_to_string(programs::repo().join("docs/TRUST.md")).unwrap();
        let mut sections: Vec<(String, Vec<String>)> = Vec::new();
        let mut block = None;
        for line in text.lines() {
            if let Some(kind) = line.strip_prefix("```") {
                block = if block.is_none() { Some(kind == "sh") } else { None };
            } else if block.is_none() && line.starts_with('#') {
                sections.push((line.trim_start_matches(['#', ' ']).to_owned(), Vec::new()));
            } else if block == Some(true) {
                sections.last_mut().unwrap().1.push(line.to_owned());
            }
        }
        Page(sections)
    }

    /// Every command of a section, of which there must be some.
    fn of(&self, heading: &str) -> &[String] {
        let found = self.0.iter().find(|(name, _)| name == heading);
        let (_, commands) = found.unwrap_or_else(|| panic!("no section `{heading}`"));
        assert!(!commands.is_empty(), "no commands in `{heading}`");
        commands
    }
}

/// A depot and some computers that were installed from it.
struct Drill {
    world: World,
    page: Page,
    played: Vec<String>,
}

impl Drill {
    /// In a folder with what the page asks for.
    fn new() -> Drill {
        let world = World::new();
        let base = base::folder();
        fs::remove_dir_all(world.depot()).unwrap();
        fs::remove_file(world.setup()).unwrap();
        base::copy_tree(&programs::program("offgrid-setup"), &world.setup());
        for name in ["LICENSE", "app-0.2.11", "app-0.2.12", "llama", "probe.gguf"] {
            base::copy_tree(&base.join(name), &world.path(name));
        }
        for version in ["0.1.0", "0.2.0"] {
            let text = fs::read_to_string(base.join(format!("release-{version}.toml"))).unwrap();
            let text = text.replace("\"offgrid-setup\"", "\"offgrid-setup.stamped\"");
            fs::write(world.path(&format!("release-{version}.toml")), text).unwrap();
        }
        fs::copy(world.path("release-0.1.0.toml"), world.path("release.toml")).unwrap();
        Drill { world, page: Page::read(), played: Vec::new() }
    }

    fn shell(&self, line: &str) -> Outcome {
        let mut command = self.world.command("sh");
        let path = format!("{}:/usr/bin:/bin", programs::folder().display());
        command.args(["-c", line]).env("PATH", path);
        finish(command)
    }

    /// Types every command of a section.
    #[track_caller]
    fn play(&mut self, heading: &str) {
        for line in self.page.of(heading) {
            self.shell(line).expect(0);
        }
        self.played.push(heading.to_owned());
    }

    /// A program on the computer of this name.
    fn on(&self, name: &str, exe: PathBuf, words: &[&str]) -> Outcome {
        let mut command: Command = self.world.command(exe);
        command.env("HOME", self.world.path(name)).env("OFFGRID_SETUP_SOURCE", self.world.depot());
        command.args(words);
        finish(command)
    }

    #[track_caller]
    fn install(&self, name: &str) {
        fs::create_dir(self.world.path(name)).unwrap();
        let setup = self.world.path("offgrid-setup.stamped");
        self.on(name, setup, &["install", "--yes"]).expect(0);
    }

    fn offgrid(&self, name: &str, words: &[&str]) -> Outcome {
        self.on(name, self.world.path(name).join(".local/bin/offgrid"), words)
    }

    fn update(&self, name: &str) -> Outcome {
        self.offgrid(name, &["update", "--yes", "--json"])
    }

    /// What this computer remembers: root, head and channel.
    #[track_caller]
    fn remembers(&self, name: &str) -> [u64; 3] {
        let trust = &self.offgrid(name, &["self", "status", "--json"]).expect(0).json()["trust"];
        ["root", "head", "channel"].map(|what| trust[what].as_u64().unwrap())
    }

    /// Updates, which must work, and remembers this.
    #[track_caller]
    fn follows(&self, name: &str, marks: [u64; 3]) {
        self.update(name).expect(0);
        assert_eq!(self.remembers(name), marks, "{name}");
    }

    fn file(&self, path: &str) -> Vec<u8> {
        fs::read(self.world.depot().join(path)).unwrap()
    }

    fn channel(&self, version: u64) -> Value {
        serde_json::from_slice(&self.file(&layout::channel(&stable(), version))).unwrap()
    }

    fn head(&self) -> Head {
        json::read(&self.file(layout::HEAD)).unwrap()
    }

    /// The thief, with copies of these keys as they were under root `n`.
    fn thief(&self, keys: &[&str], n: u64) -> Thief<'_> {
        let folders = keys.iter().map(|folder| self.world.path(folder)).collect();
        let password = Password::File(self.world.path("password"));
        let root = json::read(&self.file(&layout::root(n))).unwrap();
        Thief { drill: self, root, ring: Keyring::of(folders, password) }
    }

    /// A computer that never had anything refuses to install.
    #[track_caller]
    fn refused_by_a_new_one(&self, code: &str) {
        let home = self.world.path("fresh");
        fs::create_dir(&home).unwrap();
        let setup = self.world.path("offgrid-setup.stamped");
        self.on("fresh", setup, &["install", "--yes", "--json"]).expect_error(5, code);
        fs::remove_dir_all(home).unwrap();
    }

    /// The depot as it is now, to be put back.
    fn saved(&self) -> PathBuf {
        let copy = self.world.path("depot-saved");
        assert!(!copy.exists(), "one at a time");
        base::copy_tree(&self.world.depot(), &copy);
        copy
    }

    /// Exchanges the depot and this copy.
    fn swap(&self, copy: &Path) {
        let aside = self.world.path("depot-aside");
        fs::rename(self.world.depot(), &aside).unwrap();
        fs::rename(copy, self.world.depot()).unwrap();
        fs::rename(aside, copy).unwrap();
    }

    fn put_back(&self, copy: &Path) {
        fs::remove_dir_all(self.world.depot()).unwrap();
        fs::rename(copy, self.world.depot()).unwrap();
    }
}

/// Signs what it likes, with the keys that it has, under the root of that day.
struct Thief<'a> {
    drill: &'a Drill,
    root: Root,
    ring: Keyring,
}

impl Thief<'_> {
    fn put(&self, path: &str, bytes: &[u8]) {
        fs::write(self.drill.world.depot().join(path), bytes).unwrap();
    }

    fn head(&mut self, edit: impl FnOnce(&mut Head)) {
        let mut head = self.drill.head();
        head.version = INTEGER_MAX;
        edit(&mut head);
        let bytes = serde_json::to_vec(&head).unwrap();
        let digest = Digest::of(&bytes);
        let comment = signature::comment("offgrid/head", "head", &head.version, &digest);
        let file = self.ring.sign(&self.root, &self.root.roles.head, &bytes, &comment).unwrap();
        self.put(&layout::head_signature(&digest), file.as_bytes());
        self.put(layout::HEAD, &bytes);
    }

    /// A channel document of this version that says something of the thief's.
    fn channel(&mut self, version: u64) -> ChannelPin {
        let pinned = self.drill.head().channels[&stable()].version;
        let mut channel = self.drill.channel(pinned);
        channel["version"] = json!(version);
        channel["critical"] = json!(true);
        let bytes = serde_json::to_vec(&channel).unwrap();
        let (sha256, size) = (Digest::of(&bytes), bytes.len() as u64);
        let comment = signature::comment("offgrid/channel", "stable", &version, &sha256);
        let role = &self.root.roles.release;
        let file = self.ring.sign(&self.root, role, &bytes, &comment).unwrap();
        let place = layout::channel(&stable(), version);
        self.put(&layout::signature(&place), file.as_bytes());
        self.put(&place, &bytes);
        ChannelPin { version, sha256, size }
    }
}

fn stable() -> Id {
    "stable".parse().unwrap()
}

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
