//! Trees on a disk and in memory.

use super::*;
use std::fs;

#[test]
fn links_stay_inside_the_root_and_loops_end() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    let dir = outside.path().join("root");
    fs::create_dir_all(dir.join("etc")).unwrap();
    fs::write(dir.join("etc/real"), "inside").unwrap();
    let made = [
        ("/etc/real", "etc/absolute"),
        ("../../../etc/real", "etc/up"),
        ("../../secret", "etc/escape"),
        ("/secret", "etc/escape2"),
        ("/etc/loop", "etc/loop"),
        ("/..", "up"),
    ];
    for (target, name) in made {
        if !crate::platform::link_for_tests(target, &dir.join(name)) {
            return; // no links on this machine
        }
    }
    let tree = Tree::sysroot(&dir).unwrap();
    assert_eq!(tree.text("/etc/absolute").unwrap(), "inside");
    assert_eq!(tree.text("/etc/up").unwrap(), "inside");
    assert_eq!(tree.text("/up/etc/real").unwrap(), "inside");
    for path in ["/etc/escape", "/etc/escape2", "/up/secret", "/../secret", "../secret"] {
        assert!(matches!(tree.text(path), Err(TreeError::Missing(_))), "{path}");
    }
    assert!(matches!(tree.text("/etc/loop"), Err(TreeError::TooManyLinks(_))));
    assert_eq!(tree.canonical("/etc/up").unwrap(), "/etc/real");
    assert_eq!(tree.link("/etc/up").unwrap(), "../../../etc/real");
}

#[test]
fn reads_are_bounded_and_folders_are_no_files() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("long"), vec![b'x'; (TEXT_LIMIT + 9) as usize]).unwrap();
    let tree = Tree::sysroot(dir.path()).unwrap();
    assert_eq!(tree.text("/long").unwrap().len() as u64, TEXT_LIMIT);
    assert_eq!(tree.read("long", 3).unwrap(), b"xxx");
    assert!(matches!(tree.text("/"), Err(TreeError::NotAFile(_))));
    assert!(matches!(tree.text("/long/er"), Err(TreeError::Missing(_))));
    assert_eq!(tree.names("/").unwrap(), ["long"]);
    assert!(Tree::sysroot(&dir.path().join("none")).is_err());
}

#[test]
fn a_line_has_no_control_characters() {
    assert_eq!(plain("\x1b[2Jevil\n\0 x "), "[2Jevil x");
}

const PATHS: [&str; 17] = [
    "/",
    "/etc",
    "/etc/os-release",
    "/etc/os-release/x",
    "/sys",
    "/sys/a",
    "/sys/a/b",
    "/sys/a-b",
    "/sys/link",
    "/sys/link/x",
    "/sys/up",
    "/sys/up/c",
    "/sys/up/../a/b",
    "/loop",
    "/empty",
    "/gone",
    "/gone/x",
];

#[test]
fn a_held_tree_answers_as_the_same_one_on_a_disk() {
    let dir = tempfile::tempdir().unwrap();
    let files = [("etc/os-release", "x"), ("sys/a/b", "1"), ("sys/a-b/c", "2"), ("sys/a.b", "3")];
    let mut nodes = Nodes::new();
    for (path, text) in files {
        let at = dir.path().join(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, text).unwrap();
        nodes.insert(format!("/{path}"), Node::File(text.as_bytes().into()));
    }
    fs::create_dir(dir.path().join("empty")).unwrap();
    nodes.insert("/empty".to_owned(), Node::Folder);
    for (path, target) in [("sys/link", "a/b"), ("loop", "loop"), ("sys/up", "/sys/a/../a-b")] {
        if !crate::platform::link_for_tests(target, &dir.path().join(path)) {
            return; // no links on this machine
        }
        nodes.insert(format!("/{path}"), Node::Link(target.to_owned()));
    }
    let (disk, held) = (Tree::sysroot(dir.path()).unwrap(), Tree::held(nodes));
    for path in PATHS {
        let answers = |tree: &Tree| {
            let read = (tree.text(path).ok(), tree.read(path, 1).ok(), tree.names(path).ok());
            (
                read,
                tree.exists(path),
                tree.is_dir(path),
                tree.link(path).ok(),
                tree.canonical(path).ok(),
            )
        };
        assert_eq!(answers(&disk), answers(&held), "{path}");
    }
    assert_eq!(held.names("/sys").unwrap(), ["a", "a-b", "a.b", "link", "up"]);
}
