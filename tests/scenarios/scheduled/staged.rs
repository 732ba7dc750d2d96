//! The whole system's: a child without rights fetches and decodes, and root believes
//! nothing of it.

use e2e::room::Room;
use e2e::world::finish;
use e2e::{Outcome, World, base};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// An installation of 0.1.0 for everybody, from a server that offers 0.2.0 by now.
struct Everybody {
    world: World,
    room: Room,
    url: String,
}

impl Everybody {
    /// `Err` says why there can be none here.
    fn new() -> Result<Everybody, String> {
        let mut world = World::new();
        let room = Room::for_everybody_of_root()?;
        let url = world.serve();
        let this = Everybody { world, room, url };
        this.run(&["install", "--yes", "--system"]).expect(0);
        this.world.publish_newer();
        Ok(this)
    }

    fn run(&self, words: &[&str]) -> Outcome {
        let mut command = self.room.command(&self.world, self.world.setup());
        command.env("OFFGRID_SETUP_SOURCE", &self.url).env("OFFGRID_SETUP_SCOPE", "system");
        command.env("OFFGRID_SETUP_UPDATES", "install").args(words);
        finish(command)
    }

    fn scheduled(&self) -> Outcome {
        self.run(&["update", "--scheduled", "--json"])
    }

    fn live(&self) -> String {
        let link = fs::read_link(self.prefix().join("current")).unwrap();
        link.file_name().unwrap().to_string_lossy().into_owned()
    }

    /// The prefix, seen from here.
    fn prefix(&self) -> PathBuf {
        self.room.home().join("offgrid")
    }

    /// The child's folder, seen from here.
    fn cache(&self) -> PathBuf {
        self.room.home().join("../var/cache/offgrid/child")
    }

    /// Lets the child end with this line of the shell, after it has done its work; `$1`
    /// is its folder.
    fn child_ends_with(&self, line: &str) {
        let (bin, honest) = (self.prefix().join("bin"), self.room.home().join("honest"));
        fs::create_dir(&honest).unwrap();
        fs::rename(bin.join("offgrid"), honest.join("offgrid")).unwrap();
        let script = format!(
            "#!/bin/sh\nfor last; do :; done\n/opt/honest/offgrid \"$@\" || exit $?\n\
             set -- \"$last\"\n{line}\nexit 0\n"
        );
        fs::write(bin.join("offgrid.new"), script).unwrap();
        base::set_mode(&bin.join("offgrid.new"), 0o755);
        fs::rename(bin.join("offgrid.new"), bin.join("offgrid")).unwrap();
    }
}

/// Lets the test end where there can be no such installation, and says why.
macro_rules! everybody {
    () => {
        match Everybody::new() {
            Ok(everybody) => everybody,
            Err(why) => {
                eprintln!("skipped: nobody here may become another user: {why}");
                return;
            }
        }
    };
}

/// What each process and thread of a command did, by strace: those that gave up root's
/// rights with all that they started, and the others.
fn traces(folder: &Path) -> (Vec<String>, Vec<String>) {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let pid = path.extension().unwrap().to_str().unwrap().to_owned();
        all.insert(pid, String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned());
    }
    let started = |trace: &str| -> Vec<String> {
        let calls = trace.lines().filter(|line| line.contains("clone") || line.contains("fork("));
        calls.filter_map(|line| Some(line.rsplit_once("= ")?.1.trim().to_owned())).collect()
    };
    let lowers = |trace: &String| trace.contains("setuid(");
    let mut next: Vec<String> =
        all.iter().filter(|(_, trace)| lowers(trace)).map(|(pid, _)| pid.clone()).collect();
    let mut lowered = Vec::new();
    while let Some(pid) = next.pop() {
        if let Some(trace) = all.remove(&pid) {
            next.extend(started(&trace));
            lowered.push(trace);
        }
    }
    (lowered, all.into_values().collect())
}

#[test]
#[expect(clippy::too_many_lines, reason = "one run, looked at from all sides")]
fn root_opens_no_connection_and_decodes_nothing() {
    if e2e::cut::why_not().is_some() {
        eprintln!("skipped: no strace here");
        return;
    }
    let everybody = everybody!();
    let log = everybody.world.path("log");
    fs::create_dir(&log).unwrap();
    let mut command = everybody.room.command(&everybody.world, "strace");
    command.args([
        "-ff",
        "-y",
        "-qq",
        "-s",
        "300",
        "-e",
        "trace=execve,open,openat,socket,connect,setuid,clone,clone3,fork,vfork",
    ]);
    command.arg("-o").arg(log.join("t")).arg(everybody.world.setup());
    command.args(["update", "--scheduled"]);
    command.env("OFFGRID_SETUP_SOURCE", &everybody.url).env("OFFGRID_SETUP_SCOPE", "system");
    command.env("OFFGRID_SETUP_UPDATES", "install");
    finish(command).expect(0).says("0.2.0 is live");
    assert!(everybody.live().starts_with("0.2.0+"));

    let (children, roots) = traces(&log);
    let orders = children.iter().filter(|trace| trace.contains("\"stage\"")).count();
    assert!(orders >= 3, "one for each order");
    // Not the loopback, where a release proves itself.
    let port = everybody.url.trim_end_matches('/').rsplit(':').next().unwrap();
    let port = format!("sin_port=htons({port})");
    let net = |trace: &String| trace.contains(&port);
    assert!(children.iter().any(net), "somebody fetched");
    assert!(children.iter().any(|trace| trace.contains("/child/blobs/")), "somebody decoded");
    assert!(roots.iter().any(|trace| trace.contains("/child/plain\"")), "root has installed");
    assert!(!roots.iter().any(net));
    // What is encoded lies in blobs; root reads none, and of the depot documents alone.
    let blob = |line: &&str| line.contains("/var/cache/offgrid") || line.contains("blob");
    let mut read = BTreeSet::new();
    for trace in &roots {
        for line in trace.lines().filter(blob).filter(|line| !line.contains("ENOENT")) {
            let named = line.split('"').nth(1).unwrap_or_default().rsplit('/').next();
            read.insert(named.unwrap_or_default().to_owned());
        }
    }
    let depot = everybody.world.depot().join("blob/sha256");
    for name in &read {
        if let Ok(bytes) = fs::read(depot.join(name)) {
            assert_eq!(bytes.first(), Some(&b'{'), "root has read {name}, which is no document");
        }
    }
    // All but what the child remembers is gone, and the uninstall takes the rest.
    assert!(!everybody.cache().join("plain").exists());
    assert!(everybody.cache().join("trust.json").exists());
    everybody.run(&["uninstall", "--yes"]).expect(0);
    assert!(!everybody.cache().parent().unwrap().exists());
}

#[test]
fn a_child_that_lies_is_refused() {
    let each = |what: &str| format!("for f in \"$1\"/plain/*; do {what}; done");
    let decoded = |what: String| format!("if [ -d \"$1/plain\" ]; then {what}; fi");
    let lies = [
        // Another byte in a file that it decoded, one more, and no file.
        (decoded(each("printf x | dd of=\"$f\" conv=notrunc 2>/dev/null")), 5, "E_HASH"),
        (decoded(each("printf x >> \"$f\"")), 5, "E_SIZE"),
        (decoded("rm -rf \"$1/plain\"".to_owned()), 5, "E_HASH"),
        // Links to what it could not read itself, and what one would wait for.
        (decoded(each("ln -sf /etc/shadow \"$f\"")), 1, "E_STATE"),
        (decoded("mv \"$1/plain\" \"$1/p\"; ln -s p \"$1/plain\"".to_owned()), 5, "E_HASH"),
        (decoded(each("rm \"$f\"; mkfifo \"$f\"")), 1, "E_STATE"),
        // A document of its own, and a link in the place of one.
        ("sed -i s/stable/stabla/ \"$1/depot/head.json\"".to_owned(), 5, "E_"),
        ("mv \"$1/depot\" \"$1/d\"; ln -s d \"$1/depot\"".to_owned(), 4, "E_UNREACHABLE"),
    ];
    for (line, exit, name) in lies {
        let everybody = everybody!();
        everybody.child_ends_with(&line);
        everybody.scheduled().expect_error(exit, name);
        assert!(everybody.live().starts_with("0.1.0+"), "{line}");
        let staging = everybody.prefix().join("state/staging");
        assert!(!staging.exists(), "{line}");
    }
}
