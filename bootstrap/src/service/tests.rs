//! With real processes: the supervisor runs in a process of its own, which is
//! this test program again, and supervises the stand-in of the app.

use super::health::await_within;
use super::*;
use crate::env::Env;
use crate::gate;
use offgrid_manifest::Code;
use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};

/// A prefix with slots; the first is live.
pub(crate) struct Installed {
    _dir: tempfile::TempDir,
    pub(crate) store: Store,
}

pub(crate) fn slot_name(version: &str) -> SlotName {
    format!("{version}+cpu").parse().unwrap()
}

impl Installed {
    pub(crate) fn new(versions: &[&str]) -> Installed {
        let dir = tempfile::tempdir().unwrap();
        // What the kernel shows of a process has no links in it.
        let store = Store::new(dir.path().canonicalize().unwrap());
        fs::create_dir(store.state()).unwrap();
        let installed = Installed { _dir: dir, store };
        for version in versions {
            let slot = installed.slot(version);
            for folder in ["app", "llama", "probe"] {
                fs::create_dir_all(slot.join(folder)).unwrap();
            }
            fs::write(slot.join("app/VERSION"), version).unwrap();
            installed.release(version, "llama/", "null");
        }
        if let Some(first) = versions.first() {
            installed.switch(first);
        }
        installed
    }

    pub(crate) fn slot(&self, version: &str) -> PathBuf {
        self.store.slot(&slot_name(version))
    }

    /// Writes the slot's release document.
    pub(crate) fn release(&self, version: &str, into: &str, device: &str) {
        let text = format!(
            r#"{{"components":{{"engine":{{"linux-x86_64":{{"into":"{into}"}}}}}},
                "variants":[{{"id":"other","device":"X"}},
                            {{"id":"cpu","target":"linux-x86_64","components":["engine"],
                              "device":{device}}}]}}"#
        );
        fs::write(self.slot(version).join("release.json"), text).unwrap();
    }

    pub(crate) fn switch(&self, version: &str) {
        let to = Path::new("versions").join(slot_name(version).to_string());
        platform::point(&self.store.current(), &to).unwrap();
    }

    /// A program that is a script; false where none can be run.
    pub(crate) fn script(&self, version: &str, path: &str, text: &str) -> bool {
        if !Path::new("/bin/sh").exists() {
            println!("skipped: no /bin/sh");
            return false;
        }
        let path = self.slot(version).join(path);
        fs::write(&path, text).unwrap();
        platform::set_mode(&path, 0o755).unwrap();
        true
    }

    /// The stand-in as the app of every slot; false where there is none.
    pub(crate) fn standin(&self) -> bool {
        let Some(standin) = built("offgrid-standin", "OFFGRID_TEST_STANDIN") else { return false };
        for slot in fs::read_dir(self.store.versions()).unwrap() {
            let app = slot.unwrap().path().join("app").join(platform::exe_name("offgrid"));
            fs::copy(&standin, app).unwrap();
        }
        true
    }
}

/// A program of the stand-in's crate; the reason is printed when there is none.
pub(crate) fn built(name: &str, variable: &str) -> Option<PathBuf> {
    let tests = std::env::current_exe().unwrap();
    let beside = tests.parent()?.parent()?.join(platform::exe_name(name));
    let path = std::env::var_os(variable).map_or(beside, PathBuf::from);
    if path.is_file() {
        return Some(path);
    }
    println!("skipped: no {}; build it with `cargo build -p standin`", path.display());
    None
}

/// This test program, to run one test that does nothing without its variables as a process of its own.
pub(crate) fn helper(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]);
    command
}

/// A supervisor; ended with its app and reaped when dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let until = Instant::now() + END;
        let _ = platform::signal(self.0.id(), platform::Signal::Stop);
        while matches!(self.0.try_wait(), Ok(None)) && Instant::now() < until {
            thread::sleep(LOOK);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for a condition; the claim is what is missing when time is up.
fn eventually(claim: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < until, "not in time: {claim}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Starts a supervisor, with the app on a port of its own.
fn supervise(installed: &Installed) -> Process {
    let prefix = installed.store.prefix();
    let file = prefix.join("offgrid.env");
    if !file.exists() {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        let text = format!("STANDIN_LISTEN='127.0.0.1:{port}'\nOFFGRID_PORT={port}\n");
        fs::write(&file, text).unwrap();
    }
    let mut command = helper("service::tests::process");
    command.env("OFFGRID_TEST_PREFIX", prefix).stdout(Stdio::piped());
    Process(command.spawn().unwrap())
}

/// Supervises; started by the tests below.
#[test]
fn process() {
    let Some(prefix) = std::env::var_os("OFFGRID_TEST_PREFIX").map(PathBuf::from) else { return };
    let say = |line: &str| eprintln!("{line}");
    let (store, file) = (Store::new(prefix.clone()), prefix.join("offgrid.env"));
    let models = prefix.join("models");
    let env = Env::capture();
    let job = supervise::Job {
        store: &store,
        models: &models,
        env: &env,
        env_file: Some(&file),
        listen: backend::Listen::Loopback,
        drain: Duration::from_secs(1),
        system: false,
        guarded: false,
        // This process has threads, and is no program that runs itself.
        confine: false,
    };
    if let Err(error) = supervise::run(&job, &say) {
        println!("ended with {}: {error}", error.code());
    }
}

/// Two slots with the stand-in, supervised and healthy.
fn started() -> Option<(Installed, Process)> {
    let installed = Installed::new(&["1.0.0", "2.0.0"]);
    if !platform::can_supervise() || !installed.standin() {
        return None;
    }
    let process = supervise(&installed);
    eventually("the supervisor runs", || state(&installed.store).running.is_some());
    healthy(&installed, "1.0.0");
    Some((installed, process))
}

fn healthy(installed: &Installed, version: &str) {
    let limit = Duration::from_secs(20);
    await_within(&installed.store, &slot_name(version), LOOK, limit, &|| false).unwrap();
    let port = state(&installed.store).port.unwrap();
    let (_, text) = gate::ask(port, "/health", None, ANSWER).unwrap();
    assert!(text.contains(&format!("\"{version}\"")), "{text}");
}

#[test]
fn a_supervisor_starts_the_app_and_ends_with_it() {
    let Some((installed, mut process)) = started() else { return };
    let store = &installed.store;
    let seen = state(store);
    assert_eq!((seen.running, seen.slot), (Some(process.0.id()), Some(slot_name("1.0.0"))));
    let mut second = supervise(&installed);
    second.0.wait().unwrap();
    let said = std::io::read_to_string(second.0.stdout.take().unwrap()).unwrap();
    assert!(said.contains("ended with E_LOCKED"), "{said}");
    let env = Env { args: vec!["serve".into()], ..Env::default() };
    let error = crate::dispatch::app(&env, store, Path::new("/m"), &|_| {}).unwrap_err();
    assert_eq!(error.code(), Code::Usage);
    assert!(error.to_string().contains(&process.0.id().to_string()), "{error}");
    stop(store).unwrap();
    assert!(process.0.wait().unwrap().success());
    assert!(!platform::process_id_alive(seen.child.unwrap()), "the app lives on");
    assert!(!store.service().exists());
    assert_eq!(state(store), ServiceState::default());
    assert_eq!(stop(store).unwrap_err().code(), Code::Unsupported);
    await_within(store, &slot_name("2.0.0"), LOOK, Duration::from_secs(60), &|| false).unwrap();
}

#[test]
fn an_app_that_dies_is_started_again() {
    let Some((installed, _process)) = started() else { return };
    let child = state(&installed.store).child.unwrap();
    platform::signal(child, platform::Signal::Kill).unwrap();
    eventually("another app", || state(&installed.store).child.is_some_and(|now| now != child));
    healthy(&installed, "1.0.0");
    let child = state(&installed.store).child;
    restart(&installed.store).unwrap();
    assert_ne!(state(&installed.store).child, child);
}

#[test]
fn a_supervisor_goes_on_with_the_slot_that_is_live_when_it_is_told() {
    let Some((installed, mut process)) = started() else { return };
    installed.switch("2.0.0");
    let wrong =
        await_within(&installed.store, &slot_name("2.0.0"), LOOK, LOOK, &|| false).unwrap_err();
    assert_eq!(wrong.code(), Code::Health);
    assert!(wrong.to_string().contains("it runs 1.0.0+cpu"), "{wrong}");
    tell(&installed.store);
    healthy(&installed, "2.0.0");
    fs::remove_file(installed.store.current()).unwrap();
    tell(&installed.store);
    assert!(process.0.wait().unwrap().success(), "nothing is live any more");
}

#[test]
fn what_a_killed_supervisor_left_behind_is_ended_by_the_next() {
    let Some((installed, mut process)) = started() else { return };
    let child = state(&installed.store).child.unwrap();
    process.0.kill().unwrap();
    process.0.wait().unwrap();
    assert_eq!(state(&installed.store), ServiceState::default(), "its note is stale");
    if !Path::new("/proc/self/exe").exists() {
        let _ = platform::signal(child, platform::Signal::Kill);
        return println!("skipped: no /proc to know the app by");
    }
    let _process = supervise(&installed);
    eventually("another app", || state(&installed.store).child.is_some_and(|now| now != child));
    healthy(&installed, "1.0.0");
}

#[test]
fn an_app_that_ends_at_once_is_not_started_in_a_hurry() {
    let installed = Installed::new(&["1.0.0"]);
    let script = "#!/bin/sh\necho x >> $HOME/starts\nexit 1\n";
    if !platform::can_supervise() || !installed.script("1.0.0", "app/offgrid", script) {
        return;
    }
    let prefix = installed.store.prefix();
    fs::write(prefix.join("offgrid.env"), format!("HOME={}\n", prefix.display())).unwrap();
    let mut process = supervise(&installed);
    let starts = || fs::read(prefix.join("starts")).map_or(0, |text| text.len() / 2);
    eventually("a second start", || starts() == 2);
    let limit = Duration::from_millis(300);
    let wrong = await_within(&installed.store, &slot_name("1.0.0"), LOOK, limit, &|| false);
    assert_eq!(wrong.unwrap_err().code(), Code::Health);
    assert!(starts() <= 2, "no third start within two seconds");
    stop(&installed.store).unwrap();
    assert!(process.0.wait().unwrap().success());
}

#[test]
fn the_variables_name_the_slot_and_leave_alone_what_is_set() {
    let installed = Installed::new(&["1.0.0"]);
    let of = |user: &[(&str, &str)]| {
        let user = user.iter().map(|(name, value)| (name.into(), value.into())).collect();
        environment(&installed.store, &slot_name("1.0.0"), Path::new("/models"), &user, true)
            .unwrap()
            .vars
    };
    let get = |vars: &[(String, OsString)], name: &str| {
        vars.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    };
    let vars = of(&[("OFFGRID_PORT", ""), ("HOME", "/h")]);
    assert_eq!(vars.len(), 4);
    let engine = installed.slot("1.0.0").join("llama").join(platform::exe_name("llama-server"));
    assert_eq!(get(&vars, "OFFGRID_LLAMA_SERVER_PATH"), Some(engine.into()));
    assert_eq!(get(&vars, "OFFGRID_GPU_LAYERS"), Some("0".into()));
    assert_eq!(get(&vars, "OFFGRID_MODELS_DIR"), Some("/models".into()));
    assert_eq!(get(&vars, "OFFGRID_PORT"), Some("11611".into()));
    installed.release("1.0.0", "llama/", "\"CUDA\"");
    let vars = of(&[("OFFGRID_PORT", "1")]);
    assert_eq!(get(&vars, "OFFGRID_GPU_LAYERS"), Some("999".into()));
    assert_eq!(get(&vars, "OFFGRID_PORT"), None);
}
