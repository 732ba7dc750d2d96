//! The web page. Owns the way from a URL to a file below `./web/ui` of the
//! working folder; never serves a file outside of it and has no page of its
//! own: without the folder the answer is 404, as upstream's.

use std::fs;
use std::path::{Path, PathBuf};

use crate::http::Answer;

const ROOT: &str = "web/ui";

/// The answer for a path below `/ui/`, given without that start.
pub(crate) fn answer(rest: &str) -> Answer {
    match file(Path::new(ROOT), rest).and_then(|path| Some((fs::read(&path).ok()?, path))) {
        Some((body, path)) => Answer { status: 200, content_type: content_type(&path), body },
        None => Answer::text(404, format!("OffGrid LLM stand-in: no such file in {ROOT}\n")),
    }
}

fn file(root: &Path, rest: &str) -> Option<PathBuf> {
    let mut path = root.to_owned();
    for part in decode(rest)?.split('/').filter(|part| !part.is_empty()) {
        // `:` and `\` have a meaning on Windows; no page needs them.
        if part.starts_with('.') || part.contains(['\\', ':', '\0']) {
            return None;
        }
        path.push(part);
    }
    if path.is_dir() {
        path.push("index.html");
    }
    // A link inside of the folder may still lead out of it.
    let real = path.canonicalize().ok()?;
    (real.starts_with(root.canonicalize().ok()?) && real.is_file()).then_some(real)
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first == b'%' {
            let digit = |at: usize| char::from(*rest.get(at)?).to_digit(16);
            bytes.push((digit(0)? * 16 + digit(1)?) as u8);
            rest = &rest[2..];
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes).ok()
}

fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|end| end.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{decode, file};

    #[test]
    fn a_path_leads_to_a_file_below_the_root_or_nowhere() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/ui");
        let index = root.join("index.html").canonicalize().unwrap();
        for path in ["", "/", "index.html", "//index.html", "index%2ehtml"] {
            assert_eq!(file(&root, path).as_deref(), Some(index.as_path()), "{path}");
        }
        for path in [
            "../../Cargo.toml",
            "..%2f..%2fCargo.toml",
            "%2e%2e/%2e%2e/Cargo.toml",
            "..\\..\\Cargo.toml",
            "/etc/passwd",
            "C:/x",
            "index.html/x",
            "none.html",
            "%",
            "%zz",
            "%00",
        ] {
            assert_eq!(file(&root, path), None, "{path}");
        }
    }

    #[test]
    fn only_whole_escapes_are_decoded() {
        assert_eq!(decode("a%20b+c").as_deref(), Some("a b+c"));
        assert_eq!(decode("%+1"), None);
    }
}
