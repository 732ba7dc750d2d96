//! Facts from fixture trees, and what is found.

use super::*;
use crate::host::Tree;
use std::fs;
use std::path::Path;

/// A tree with these files.
fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn link(target: &str, at: &Path) {
    crate::platform::make_link(at, Path::new(target)).unwrap();
}

fn found_for(dir: &Path, prefix: &str, system: bool, ours: &[u32]) -> Vec<Finding> {
    let tree = Tree::sysroot(dir).unwrap();
    let others = [(true, "/opt/offgrid"), (false, "/home/u/.local/share/offgrid")]
        .map(|(system, prefix)| Second { prefix: prefix.into(), system });
    let looked = Looked {
        tree: &tree,
        prefix: Path::new(prefix),
        system,
        home: Some(Path::new("/home/u")),
        models: Path::new("/home/u/.offgrid-llm/models"),
        port: 11611,
        ours,
        answers: None,
        others: &others,
    };
    judge(&facts(&looked))
}

fn words(dir: &Path, prefix: &str, system: bool) -> Vec<&'static str> {
    found_for(dir, prefix, system, &[]).iter().map(|finding| finding.word.name()).collect()
}

const USER: &str = "/home/u/.local/share/offgrid";

#[test]
fn a_plain_machine_has_no_findings_and_neither_has_one_with_ollama() {
    let dir = tree(&[
        ("proc/self/mounts", "/dev/vda1 / ext4 rw 0 0\n"),
        ("proc/net/tcp", "sl\n 0: 0100007F:2CAA 0:0 0A 0:0 0:0 0 0 0 55 1\n"),
        ("etc/systemd/system/ollama.service", "ExecStart=/usr/local/bin/ollama serve\n"),
        ("usr/local/bin/ollama", ""),
        ("etc/offgrid/setup.toml", ""),
        ("home/u/.offgrid-llm/models/m.gguf", ""),
    ]);
    assert_eq!(found_for(dir.path(), USER, false, &[]), []);
    assert_eq!(found_for(tree(&[]).path(), USER, false, &[]), []);
}

#[test]
fn a_home_without_programs_stops_through_a_link_too() {
    let dir =
        tree(&[("proc/self/mounts", "/dev/a / ext4 rw 0 0\n/dev/b /data ext4 rw,noexec 0 0\n")]);
    fs::create_dir_all(dir.path().join("data/u")).unwrap();
    fs::create_dir_all(dir.path().join("home")).unwrap();
    link("/data/u", &dir.path().join("home/u"));
    let found = found_for(dir.path(), USER, false, &[]);
    assert_eq!(found[0].word, Word::Stop(Code::Perm));
    assert!(found[0].what.contains("/data"), "{found:?}");
    let refused = refuse(&found).unwrap_err();
    assert_eq!(refused.code(), Code::Perm);
    assert!(refused.hint().unwrap().contains("--prefix"));
    assert!(words(dir.path(), "/opt/offgrid", true).is_empty());
}

#[test]
fn who_has_the_port_is_named_unless_it_is_ours() {
    let tcp = "sl\n 0: 00000000:2D5B 0:0 0A 0:0 0:0 0 1000 0 77 1\n";
    let dir = tree(&[("proc/net/tcp", tcp), ("proc/42/comm", "python3\n")]);
    let said = |ours: &[u32]| found_for(dir.path(), USER, false, ours);
    assert!(said(&[])[0].what.contains("user 1000"), "{:?}", said(&[]));
    fs::create_dir_all(dir.path().join("proc/42/fd")).unwrap();
    link("socket:[77]", &dir.path().join("proc/42/fd/3"));
    assert!(said(&[])[0].what.contains("`python3` (process 42)"), "{:?}", said(&[]));
    assert_eq!(said(&[42]), []);
    link(&format!("{USER}/versions/1/app/offgrid"), &dir.path().join("proc/42/exe"));
    assert_eq!(said(&[]), [], "what runs from the prefix is ours");
}

#[test]
fn upstream_is_found_by_its_files_and_units_and_ours_is_not_taken_for_it() {
    let unit = "[Service]\nExecStart=/usr/local/bin/offgrid serve\n";
    let dir = tree(&[
        ("usr/local/bin/offgrid", ""),
        ("etc/systemd/system/offgrid-llm.service", unit),
        ("lib/systemd/system/offgrid-llm.service", unit),
        ("home/u/.config/systemd/user/offgrid.service", unit),
        ("var/lib/offgrid/models/m.gguf", ""),
    ]);
    let found = found_for(dir.path(), USER, false, &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    let line = found[0].line();
    assert_eq!(line.matches("service offgrid-llm.service").count(), 1, "{line}");
    assert!(line.contains("--user disable --now offgrid.service"), "{line}");
    assert!(line.contains("/var/lib/offgrid/models"), "{line}");
    // Our own installation for everybody, with its link and its unit.
    let unit = "[Service]\nExecStart=/opt/offgrid/bin/offgrid self service run\n";
    let dir = tree(&[
        ("opt/offgrid/bin/offgrid", ""),
        ("opt/offgrid/state/receipt.json", "{}"),
        ("etc/systemd/system/offgrid-llm.service", unit),
    ]);
    fs::create_dir_all(dir.path().join("usr/local/bin")).unwrap();
    link("/opt/offgrid/bin/offgrid", &dir.path().join("usr/local/bin/offgrid"));
    assert!(words(dir.path(), "/opt/offgrid", true).is_empty());
    assert_eq!(words(dir.path(), USER, false), ["W_SECOND_INSTALL"]);
    // As somebody sees it who may not look into `state`.
    fs::remove_dir_all(dir.path().join("opt/offgrid/state")).unwrap();
    fs::create_dir_all(dir.path().join("opt/offgrid/versions/1.0.0+a")).unwrap();
    link("versions/1.0.0+a", &dir.path().join("opt/offgrid/current"));
    assert!(words(dir.path(), "/opt/offgrid", true).is_empty());
    assert_eq!(words(dir.path(), USER, false), ["W_SECOND_INSTALL"]);
}

/// systemd holds the port, before the service has started and after it was stopped.
#[test]
fn the_door_that_systemd_opens_for_our_service_is_ours() {
    let of = |uid: u32, port: u16| {
        let tcp = format!("sl\n 0: 0100007F:2D5B 0:0 0A 0:0 0:0 0 {uid} 0 77 1\n");
        let socket =
            format!("[Socket]\nListenStream=127.0.0.1:{port}\nListenStream=[::1]:{port}\n");
        let dir = tree(&[
            ("proc/net/tcp", &tcp),
            ("proc/1/comm", "systemd\n"),
            ("etc/systemd/system/offgrid-llm.socket", &socket),
        ]);
        fs::create_dir_all(dir.path().join("proc/1/fd")).unwrap();
        link("socket:[77]", &dir.path().join("proc/1/fd/9"));
        words(dir.path(), "/opt/offgrid", true)
    };
    assert!(of(0, 11611).is_empty());
    assert_eq!(of(0, 1161), ["W_PORT"]);
    assert_eq!(of(1000, 11611), ["W_PORT"], "no other user's is systemd's");
}

/// A machine with all of it, of the system and of the user `u`.
fn all_of_upstream() -> tempfile::TempDir {
    let main = "[Service]\nEnvironment=OFFGRID_PORT=8080\nExecStart=/usr/local/bin/offgrid serve\n\
                [Install]\nWantedBy=multi-user.target\n";
    let engine =
        "[Unit]\nDescription=llama for OffGrid\n[Service]\nExecStart=/usr/local/bin/llama-server\n";
    let own = "[Service]\nExecStart=%h/.local/bin/offgrid serve\n";
    let dir = tree(&[
        ("usr/local/bin/offgrid", ""),
        ("usr/local/bin/llama-server", ""),
        ("var/lib/offgrid/web/ui/index.html", ""),
        ("var/lib/offgrid/models/m.gguf", ""),
        ("home/u/.offgrid-llm/models/n.GGUF", ""),
        ("home/u/.local/bin/offgrid", ""),
        ("etc/systemd/system/offgrid-llm.service", main),
        ("etc/systemd/system/offgrid-llm.service.d/port.conf", "Environment=OFFGRID_PORT=9090\n"),
        ("etc/systemd/system/llama-server@.service", engine),
        ("home/u/.config/systemd/user/offgrid.service", own),
        ("proc/41/cgroup", "0::/system.slice/offgrid-llm.service\n"),
        ("proc/42/cgroup", "0::/system.slice/system-x.slice/llama-server@b.service\n"),
        ("proc/43/cgroup", "0::/user.slice\n"),
        ("proc/44/cgroup", "0::/system.slice/ssh.service\n"),
    ]);
    let wants = dir.path().join("etc/systemd/system/multi-user.target.wants");
    fs::create_dir_all(&wants).unwrap();
    link("/etc/systemd/system/offgrid-llm.service", &wants.join("offgrid-llm.service"));
    link("../llama-server@.service", &wants.join("llama-server@a.service"));
    link("/home/u/.local/bin/offgrid", &dir.path().join("proc/43/exe"));
    dir
}

#[test]
fn all_of_upstream_is_found_with_what_starts_it_and_what_runs() {
    let dir = all_of_upstream();
    let tree = Tree::sysroot(dir.path()).unwrap();
    let (home, models) = (Path::new("/home/u"), Path::new("/var/lib/offgrid/models"));
    let search = upstream::Search {
        tree: &tree,
        prefix: Path::new("/opt/offgrid"),
        home: Some(home),
        models,
    };
    let found = search.run();
    let paths =
        |paths: &[PathBuf]| paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>();
    let files = [
        "/usr/local/bin/offgrid",
        "/usr/local/bin/llama-server",
        "/var/lib/offgrid/web/ui",
        "/home/u/.local/bin/offgrid",
    ];
    assert_eq!(paths(&found.files), files);
    assert_eq!(
        (found.own_models, paths(&found.models)),
        (1, vec!["/home/u/.offgrid-llm/models".to_owned()])
    );
    assert_eq!(found.processes, [41, 42, 43]);
    let [engine, main, own] = &found.units[..] else { panic!("{:?}", found.units) };
    assert_eq!(engine.instances, ["llama-server@a.service", "llama-server@b.service"]);
    assert!(engine.running && main.running && !own.running);
    assert_eq!(
        paths(&main.links),
        ["/etc/systemd/system/multi-user.target.wants/offgrid-llm.service"]
    );
    assert_eq!(main.vars.last().unwrap().1, "9090", "a drop-in says the last word");
    assert!(main.drop_ins.is_some() && engine.drop_ins.is_none());
    assert!(own.user && own.links.is_empty());
    assert_eq!(own.path, Path::new("/home/u/.config/systemd/user/offgrid.service"));
}

#[test]
fn an_engine_without_the_app_beside_it_is_somebody_elses() {
    let dir = tree(&[
        ("usr/local/bin/llama-server", ""),
        ("etc/systemd/system/llama-server.service", "ExecStart=/usr/local/bin/llama-server\n"),
        ("home/u/.local/bin/offgrid", ""),
    ]);
    assert_eq!(found_for(dir.path(), USER, false, &[]), []);
}

#[test]
fn guards_are_found_and_what_stops_comes_first() {
    let dir = tree(&[
        ("run/fapolicyd.pid", "1\n"),
        ("etc/fapolicyd/fapolicyd.conf", "permissive = 0\n"),
        ("sys/fs/selinux/enforce", "1"),
        ("proc/self/mounts", "/dev/a / ext4 rw 0 0\n/dev/b /home ext4 rw,noexec 0 0\n"),
        ("usr/local/bin/offgrid", ""),
    ]);
    fs::create_dir_all(dir.path().join("home/u")).unwrap();
    let all = words(dir.path(), "/home/u/o", true);
    assert_eq!(all, ["E_PERM", "W_FAPOLICYD", "W_SELINUX", "W_UPSTREAM"]);
    fs::write(dir.path().join("etc/fapolicyd/fapolicyd.conf"), "permissive = 1\n").unwrap();
    fs::write(dir.path().join("sys/fs/selinux/enforce"), "0").unwrap();
    assert_eq!(words(dir.path(), "/home/u/o", true), ["E_PERM", "W_UPSTREAM"]);
    let windows = r#"{"applocker":{"exe":"enforce","allow":["%PROGRAMFILES%\\*"]}}"#;
    let dir = tree(&[(".setup/windows.json", windows)]);
    assert_eq!(words(dir.path(), USER, false), ["E_PERM"]);
    assert!(words(dir.path(), "/opt/offgrid", true).is_empty());
}

#[test]
fn a_captured_machine_has_the_disks_that_it_says() {
    let of = |disks: &str| {
        let dir = tree(&[(".setup/disks", disks), ("home/x", "")]);
        words(dir.path(), USER, false)
    };
    assert!(of("prefix,models ext4 81920000000 rw\ntemp tmpfs 5 rw,noexec\n").is_empty());
    assert_eq!(of("prefix ext4 81920000000 rw,noexec\n"), ["E_PERM"]);
    assert_eq!(of("models,prefix btrfs ? ro\n"), ["E_PERM"]);
    assert!(of("models ext4 5 ro,noexec\n").is_empty());
}
