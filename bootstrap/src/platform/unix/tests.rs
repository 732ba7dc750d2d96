use super::owners::{OVERFLOW_UID, in_a_user_namespace};
use super::*;
use crate::platform::{processes_of, user_of};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{chown, lchown};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Somebody else, whom only root can give a file.
const OTHER: u32 = 4242;

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_mode_is_exact_and_never_set_through_a_link() {
    let dir = tempfile::tempdir().unwrap();
    let (file, link) = (dir.path().join("file"), dir.path().join("link"));
    create_new(&file, 0o666).unwrap(); // no umask in use leaves these bits
    assert_eq!(mode_of(&file).unwrap(), 0o666);
    make_link(&link, &file).unwrap();
    assert!(set_mode(&link, 0o600).is_err());
    assert_eq!(mode_of(&link).unwrap(), 0o666);
    set_mode(&file, 0o755).unwrap();
    assert_eq!(mode_of(&file).unwrap(), 0o755);
    set_mode(dir.path(), 0o1700).unwrap();
    assert_eq!(mode_of(dir.path()).unwrap(), 0o1700);
}

#[test]
fn a_new_file_is_not_made_through_a_link_that_leads_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("link");
    make_link(&link, Path::new("target")).unwrap();
    assert!(create_new(&link, 0o600).is_err());
    assert!(!dir.path().join("target").exists());
    assert_eq!(read_link(&link).unwrap(), Path::new("target"));
    assert_eq!(read_link(dir.path()), None);
}

#[test]
fn a_link_is_ours_only_when_it_leads_to_a_folder_of_ours() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, link) = (dir.path().join("open/folder"), dir.path().join("link"));
    fs::create_dir_all(&folder).unwrap();
    make_link(&link, Path::new("open/folder")).unwrap();
    assert_eq!(foreign(&link).unwrap(), None);
    chmod(&dir.path().join("open"), 0o777);
    assert!(
        foreign(&link).unwrap().unwrap().contains("open`, which may be written to by everybody")
    );
    let loose = dir.path().join("loose");
    make_link(&loose, Path::new("none")).unwrap();
    assert!(foreign(&loose).unwrap().unwrap().starts_with("is a link that leads nowhere"));
    fs::write(dir.path().join("none"), b"x").unwrap();
    assert!(foreign(&loose).unwrap().unwrap().starts_with("is a link, where only"));
}

#[test]
fn folders_that_others_may_write_to_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    for fine in [0o700, 0o755, 0o1777, 0o1775] {
        chmod(path, fine);
        assert_eq!(writable_by_others(path).unwrap(), None, "{fine:o}");
    }
    for open in [0o777, 0o1777] {
        chmod(path, open);
        assert_eq!(writable_by_any_other(path).unwrap().unwrap(), "may be written to by everybody");
    }
    chmod(path, 0o777);
    assert_eq!(writable_by_others(path).unwrap().unwrap(), "may be written to by everybody");
    chmod(path, 0o775);
    let meta = path.metadata().unwrap();
    assert_eq!(writable_by_others(path).unwrap().is_none(), meta.uid() == meta.gid());
}

#[test]
fn what_only_we_make_is_no_link_and_open_to_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, link) = (dir.path().join("folder"), dir.path().join("link"));
    fs::create_dir(&folder).unwrap();
    make_link(&link, &folder).unwrap();
    assert_eq!(planted(&dir.path().join("none")).unwrap(), None);
    assert!(planted(&link).unwrap().unwrap().starts_with("is a link"));
    for fine in [0o700, 0o755] {
        chmod(&folder, fine);
        assert_eq!(planted(&folder).unwrap(), None, "{fine:o}");
    }
    for open in [0o777, 0o1777] {
        chmod(&folder, open);
        assert_eq!(planted(&folder).unwrap().unwrap(), "may be written to by everybody");
    }
}

#[test]
fn what_a_link_leads_through_counts_and_a_ring_of_links_ends() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("open/inner")).unwrap();
    chmod(&dir.path().join("open"), 0o777);
    let (link, ring) = (dir.path().join("link"), dir.path().join("ring"));
    make_link(&link, Path::new("open/inner")).unwrap();
    assert!(writable_by_others(&link).unwrap().unwrap().starts_with("leads to `"));
    make_link(&ring, Path::new("ring")).unwrap();
    assert!(writable_by_others(&ring).unwrap().unwrap().contains("and so on"));
}

#[test]
fn other_owners_are_named() {
    if !is_root() {
        return; // only root can give a file away
    }
    let dir = tempfile::tempdir().unwrap();
    let (folder, link) = (dir.path().join("folder"), dir.path().join("link"));
    fs::create_dir(&folder).unwrap();
    make_link(&link, &folder).unwrap();
    chown(&folder, None, Some(OTHER)).unwrap();
    chmod(&folder, 0o775);
    assert_eq!(writable_by_others(&folder).unwrap().unwrap(), "may be written to by group 4242");
    chmod(&folder, 0o755);
    chown(&folder, Some(OTHER), None).unwrap();
    let why = "belongs to user 4242, and this command runs as user 0";
    assert_eq!(foreign(&folder).unwrap().unwrap(), why);
    assert!(foreign(&link).unwrap().unwrap().ends_with(why));
    assert!(writable_by_others(&folder).unwrap().unwrap().starts_with("belongs to user 4242"));
    // Nobody is a user like others, but for where it stands for all outside.
    chown(&folder, Some(OVERFLOW_UID), None).unwrap();
    assert_eq!(writable_by_others(&folder).unwrap().is_none(), in_a_user_namespace());
    chown(&folder, Some(0), None).unwrap();
    lchown(&link, Some(OTHER), None).unwrap();
    assert!(foreign(&link).unwrap().is_some() && writable_by_others(&link).unwrap().is_some());
}

#[test]
fn two_listeners_hear_the_same_signal() {
    let (one, heard) = mpsc::channel();
    for name in ["a", "b"] {
        let tell = one.clone();
        on_signal(&[Caught::HangUp], move |kind| tell.send((name, kind)).unwrap()).unwrap();
    }
    signal(std::process::id(), Signal::Reload).unwrap();
    let mut got = [0; 2].map(|_| heard.recv_timeout(Duration::from_secs(10)).unwrap());
    got.sort_unstable_by_key(|(name, _)| *name);
    assert_eq!(got, [("a", Caught::HangUp), ("b", Caught::HangUp)]);
}

#[test]
fn a_child_has_a_group_and_is_not_alive_after_its_end() {
    let mut command = Command::new("sleep");
    own_group(command.arg("60"));
    let mut child = command.spawn().unwrap();
    let pid = process(child.id()).unwrap();
    assert_eq!(rustix::process::getpgid(Some(pid)).unwrap(), pid);
    assert!(process_id_alive(child.id()));
    signal(child.id(), Signal::Stop).unwrap();
    let start = Instant::now();
    while Path::new("/proc/self/stat").exists() && process_id_alive(child.id()) {
        assert!(start.elapsed() < Duration::from_secs(10), "it has ended, but nobody asked");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(!child.wait().unwrap().success());
    assert!(!process_id_alive(child.id()));
    assert_eq!(signal(child.id(), Signal::Stop).unwrap_err().raw_os_error(), Some(3));
}

#[test]
fn a_process_that_nobody_asked_about_has_ended() {
    assert!(ended("7 (a) b) Z 1"));
    assert!(!ended("7 (Z) S 1"));
    assert!(!ended(""));
}

#[test]
fn a_child_that_root_lowers_has_that_user_those_groups_and_gains_nothing() {
    if !is_root() {
        eprintln!("skipped: only root can give its rights away");
        return;
    }
    let mut command = Command::new("/bin/cat");
    command.arg("/proc/self/status");
    lower_rights(&mut command, OTHER, OTHER + 1, &[OTHER + 2, OTHER + 3]);
    let said = command.output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let value = |key: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let all = |number: u32| [number; 4].map(|number| number.to_string()).join(" ");
    assert_eq!(value("Uid:"), all(OTHER));
    assert_eq!(value("Gid:"), all(OTHER + 1));
    if cfg!(target_os = "linux") {
        assert_eq!(value("Groups:"), format!("{} {}", OTHER + 2, OTHER + 3));
        assert_eq!(value("NoNewPrivs:"), "1");
        assert_eq!(u64::from_str_radix(&value("CapEff:"), 16), Ok(0), "{said}");
        assert_eq!(u64::from_str_radix(&value("CapPrm:"), 16), Ok(0), "{said}");
    }
}

#[test]
fn what_is_written_to_one_end_of_a_line_is_read_at_the_other() {
    let (mut ours, theirs) = line().unwrap();
    let mut command = Command::new("/bin/cat");
    let mut child = command.stdin(theirs).stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(command);
    ours.write_all(b"x").unwrap();
    let mut heard = [0];
    child.stdout.take().unwrap().read_exact(&mut heard).unwrap();
    assert_eq!(heard, *b"x");
    drop(ours);
    assert!(child.wait().unwrap().success());
}

#[test]
fn who_runs_as_a_user_is_found_but_not_in_a_container() {
    if !is_root() || user_of(std::process::id()).is_none() {
        eprintln!("skipped: only root on Linux can start somebody else and see who runs what");
        return;
    }
    let sleep = |words: &[&str]| {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).stdout(std::process::Stdio::piped());
        lower_rights(&mut command, OTHER + 7, OTHER + 7, &[]);
        command.spawn().unwrap()
    };
    let mut ours = sleep(&["/bin/sleep", "600"]);
    assert_eq!(processes_of(OTHER + 7), [ours.id()]);
    signal(ours.id(), Signal::Kill).unwrap();
    // Not yet waited for: it holds its number, and nothing else.
    let until = Instant::now() + Duration::from_secs(20);
    while !processes_of(OTHER + 7).is_empty() {
        assert!(Instant::now() < until, "one that was killed counts");
    }
    ours.wait().unwrap();
    let apart = ["--user", "--map-root-user", "--pid", "--fork", "--kill-child"];
    let words = [&["/usr/bin/unshare"], &apart[..], &["sh", "-c", "echo; sleep 600"]].concat();
    let mut apart = sleep(&words);
    let mut began = [0];
    if apart.stdout.take().unwrap().read_exact(&mut began).is_err() {
        eprintln!("skipped: no namespaces here");
        apart.wait().unwrap();
        return;
    }
    let found = processes_of(OTHER + 7);
    signal(apart.id(), Signal::Kill).unwrap();
    apart.wait().unwrap();
    assert_eq!(found, [apart.id()], "the one outside alone");
}
