//! Names from outside: wherever they are put, they stay inside, by the rules of
//! every system (reference/trust.md A20, L1, L2).

use offgrid_manifest::{Id, TreePath, name};
use std::path::{Component, Path};

/// A path, or the path of a link and its target with a line feed between.
pub fn path(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (first, target) = text.split_once('\n').unwrap_or((text, ""));
    if let Ok(id) = first.parse::<Id>() {
        assert_eq!(id.as_str(), first);
        assert_eq!(first, first.to_lowercase());
        inside(first);
        assert!(!first.contains('/') && first.len() <= 64 && !first.starts_with(['.', '-', '_']));
    }
    let Ok(path) = first.parse::<TreePath>() else { return };
    assert_eq!(path.as_str(), first);
    inside(first);
    let parts: Vec<&str> = path.parts().collect();
    assert_eq!(parts.join("/"), first);
    let folders: Vec<&str> = path.folders().collect();
    assert_eq!(folders.len(), parts.len() - 1);
    for (i, folder) in folders.iter().enumerate() {
        assert_eq!(*folder, parts[..=i].join("/"));
    }
    let Some(end) = name::link_end(&path, target) else { return };
    inside(end.as_str());
    // Up first, then down: a name may be a link too, and nothing may follow it up.
    let ups = target.split('/').take_while(|part| *part == "..").count();
    let names: Vec<&str> = target.split('/').skip(ups).collect();
    assert!(ups < parts.len());
    let walked: Vec<&str> = parts[..parts.len() - 1 - ups].iter().chain(&names).copied().collect();
    assert_eq!(walked.join("/"), end.as_str());
}

/// Whether a path names something below where it is put: by this system's own
/// rules, and by those of Windows as its makers write them down.
pub fn inside(path: &str) {
    let joined = Path::new("/tree").join(path);
    assert!(joined.starts_with("/tree") && joined != Path::new("/tree"));
    let mut below = joined.components().skip(2);
    assert!(below.all(|part| matches!(part, Component::Normal(_))), "{path:?}");
    for part in path.split(['/', '\\']) {
        assert!(!part.is_empty() && part != "." && part != "..", "{path:?}");
        assert!(!part.chars().any(|c| c < ' ' || r#"<>:"|?*"#.contains(c)), "{path:?}");
        assert!(!part.ends_with([' ', '.']), "{path:?}");
        // One spelling for every file system: nothing to normalise or to fold but A-Z.
        assert!(part.is_ascii() && part.len() <= 255, "{path:?}");
        let stem = part.split('.').next().unwrap_or(part).trim_end().to_uppercase();
        let devices = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
        assert!(!devices.contains(&&*stem), "{path:?}");
        let numbered = stem.strip_prefix("COM").or(stem.strip_prefix("LPT"));
        let number = numbered.is_some_and(|n| n.len() == 1 && n.parse::<u8>().is_ok());
        assert!(!number, "{path:?}");
    }
    assert!(!path.contains('\\') && path.len() <= 512);
}
