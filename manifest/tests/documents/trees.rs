//! What may be in a tree, and the words and sizes that depots and clients share.

use offgrid_manifest::parts::{OWN_BLOB_MIN, WINDOW_MAX};
use offgrid_manifest::release::Folder;
use offgrid_manifest::{Code, Digest, Parts, Target};
use serde_json::json;

/// Parts with files of these paths and links of those.
fn parts(files: &[&str], links: &[&str]) -> Parts {
    let raw = json!([{"kind": "raw", "sha256": Digest::of(b""), "size": 0}]);
    let file = |path: &&str| {
        let sha256 = Digest::of(b"");
        json!({"path": path, "mode": "0644", "sha256": sha256, "size": 0, "encodings": raw})
    };
    let link = |path: &&str| json!({"path": path, "target": "x"});
    let files: Vec<_> = files.iter().map(file).collect();
    let links: Vec<_> = links.iter().map(link).collect();
    serde_json::from_value(json!({"schema": 1, "files": files, "links": links})).unwrap()
}

#[test]
fn entries_share_a_folder_that_is_spelled_in_one_way() {
    for (files, links) in [
        (&["lib/a", "lib/b", "lib/c/d", "lib/c/e"][..], &["lib/f", "lib/c/g"][..]),
        (&["a/b", "b/a", "ab"], &[]),
        (&[], &["Lib/a", "Lib/b"]),
    ] {
        assert_eq!(parts(files, links).check_shape(), Ok(()), "{files:?} {links:?}");
    }
    for (files, links, shown) in [
        (&["lib/a", "Lib/b"][..], &[][..], "`Lib` and `lib`"),
        (&["lib/a"], &["LIB/b"], "`LIB` and `lib`"),
        (&["x/lib/a", "x/lib/b", "x/liB/c"], &[], "`x/liB` and `x/lib`"),
        // A file that is a folder of another, and one name twice.
        (&["lib/a", "LIB"], &[], "`LIB` and `lib`"),
        (&["lib/a"], &["lib"], "`lib` and `lib`"),
        (&["a"], &["A"], "`A` and `a`"),
        (&["a", "a"], &[], "`a` and `a`"),
    ] {
        let error = parts(files, links).check_shape().unwrap_err();
        assert_eq!(error.code(), Code::Entry, "{files:?} {links:?}");
        assert!(error.to_string().starts_with(shown), "{error}");
    }
}

#[test]
fn a_folder_is_written_with_a_slash_at_its_end() {
    for text in ["llama/", "llama"] {
        let folder: Folder = serde_json::from_value(json!(text)).unwrap();
        assert_eq!(folder.path().as_str(), "llama");
        assert_eq!(serde_json::to_value(&folder).unwrap(), json!("llama/"));
        assert_eq!(String::from(folder), "llama/");
    }
    for bad in ["", "/", "llama//", "../", "/llama"] {
        assert!(serde_json::from_value::<Folder>(json!(bad)).is_err(), "{bad}");
    }
}

/// DESIGN 5. Depots that are signed were made with these, clients that are out
/// there hold them against what they read: neither may change alone.
#[test]
fn blobs_and_windows_have_the_sizes_of_the_design() {
    assert_eq!(OWN_BLOB_MIN, 262_144);
    assert_eq!(WINDOW_MAX, 8_388_608);
}

#[test]
fn a_target_is_its_two_words() {
    for (typed, os, arch) in [
        ("darwin-arm64", "macos", "aarch64"),
        ("win32-x64", "windows", "x86_64"),
        ("linux-amd64", "linux", "x86_64"),
    ] {
        let target: Target = typed.parse().unwrap();
        assert_eq!((target.os(), target.arch()), (os, arch));
        assert_eq!(serde_json::to_value(target).unwrap(), json!(format!("{os}-{arch}")));
    }
}
