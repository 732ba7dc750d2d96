//! Patterns of asset names. `*` is any characters, `{engine}` a build of
//! llama.cpp like `b11158`, `{app}` a version of the app like `v0.2.12`. Names are
//! listed and held against a pattern; no name is ever made from one, because names
//! change from build to build (reference/gpu.md 1.5).

use offgrid_manifest::Version;
use std::fmt;

/// What a pattern can ask of a name beside its letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// A build of llama.cpp.
    Engine,
    /// A version of the app.
    App,
}

impl Word {
    /// All of them.
    pub const ALL: [Word; 2] = [Word::Engine, Word::App];

    /// As it stands between braces, and as a key of release.toml.
    pub fn name(self) -> &'static str {
        match self {
            Word::Engine => "engine",
            Word::App => "app",
        }
    }

    /// The value that a piece of a name has: `v0.2.12` and `0.2.12` are one.
    pub(super) fn value(self, piece: &str) -> Option<String> {
        match self {
            Word::Engine => is_build(piece).then(|| piece.to_owned()),
            Word::App => piece.parse::<Version>().ok().map(|version| version.to_string()),
        }
    }
}

/// Whether a text is a build's tag, `b` and digits.
pub(super) fn is_build(text: &str) -> bool {
    text.strip_prefix('b').is_some_and(|digits| {
        (1..=9).contains(&digits.len()) && digits.bytes().all(|c| c.is_ascii_digit())
    })
}

/// The values that are settled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) engine: Option<String>,
    pub(super) app: Option<String>,
}

impl Bound {
    pub(super) fn get(&self, word: Word) -> Option<&str> {
        match word {
            Word::Engine => self.engine.as_deref(),
            Word::App => self.app.as_deref(),
        }
    }

    pub(super) fn set(&mut self, word: Word, value: String) {
        match word {
            Word::Engine => self.engine = Some(value),
            Word::App => self.app = Some(value),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Any,
    Word(Word),
}

/// A pattern as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    text: String,
    pieces: Vec<Piece>,
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Pattern {
    /// Reads one; the error is for people.
    pub(super) fn new(text: &str) -> Result<Pattern, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['*', '{', '}', '/', '\\']) {
            if at > 0 {
                pieces.push(Piece::Text(rest[..at].to_owned()));
            }
            if let Some(after) = rest[at..].strip_prefix('*') {
                pieces.push(Piece::Any);
                rest = after;
                continue;
            }
            let named = |word: &Word| {
                rest[at..].strip_prefix('{')?.strip_prefix(word.name())?.strip_prefix('}')
            };
            let found = Word::ALL.iter().find_map(|word| Some((*word, named(word)?)));
            let (word, after) = found.ok_or_else(|| {
                format!("`{text}` is no pattern of a name: it may have *, {{engine}} and {{app}}")
            })?;
            pieces.push(Piece::Word(word));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        if pieces.is_empty() {
            return Err("an empty pattern fits no name".to_owned());
        }
        Ok(Pattern { text: text.to_owned(), pieces })
    }

    /// Whether a name fits, and the values that it then has; those that are
    /// settled must be met.
    pub(super) fn fits(&self, name: &str, settled: &Bound) -> Option<Bound> {
        fits(&self.pieces, name, settled)
    }
}

/// Tries the longest first. Names are short, so going back costs nothing.
fn fits(pieces: &[Piece], name: &str, bound: &Bound) -> Option<Bound> {
    let Some((piece, rest)) = pieces.split_first() else {
        return name.is_empty().then(|| bound.clone());
    };
    let mut ends = (0..=name.len()).rev().filter(|end| name.is_char_boundary(*end));
    match piece {
        Piece::Text(text) => fits(rest, name.strip_prefix(text.as_str())?, bound),
        Piece::Any => ends.find_map(|end| fits(rest, &name[end..], bound)),
        Piece::Word(word) => ends.find_map(|end| {
            let value = word.value(&name[..end])?;
            if bound.get(*word).is_some_and(|settled| settled != value) {
                return None;
            }
            let mut bound = bound.clone();
            bound.set(*word, value);
            fits(rest, &name[end..], &bound)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(pattern: &str, name: &str) -> Option<String> {
        Pattern::new(pattern).unwrap().fits(name, &Bound::default())?.engine
    }

    #[test]
    fn a_pattern_finds_the_build_in_a_name() {
        let cpu = "llama-{engine}-bin-ubuntu-x64.tar.gz";
        assert_eq!(engine(cpu, "llama-b11158-bin-ubuntu-x64.tar.gz").as_deref(), Some("b11158"));
        for other in [
            "cudart-llama-b11158-bin-ubuntu-x64.tar.gz",
            "llama-b11158-bin-ubuntu-vulkan-x64.tar.gz",
            "llama-b-bin-ubuntu-x64.tar.gz",
            "llama-v0.5.0-bin-ubuntu-x64.tar.gz",
            "llama-b11158-bin-ubuntu-x64.tar.gz.part",
            "llama-b11158-bin-ubuntu-x64.tar.gz.sha256",
        ] {
            assert_eq!(engine(cpu, other), None, "{other}");
        }
        let cuda = Pattern::new("llama-{engine}-bin-ubuntu-cuda-12.8-x64.tar.gz").unwrap();
        let later = "llama-b11900-bin-ubuntu-cuda-12.9-x64.tar.gz";
        assert_eq!(cuda.fits(later, &Bound::default()), None, "another toolkit has other floors");
    }

    #[test]
    fn a_settled_value_must_be_met() {
        let pattern = Pattern::new("offgrid-{app}-linux-amd64-cpu-avx2.tar.gz").unwrap();
        let name = "offgrid-v0.2.12-linux-amd64-cpu-avx2.tar.gz";
        let found = pattern.fits(name, &Bound::default()).unwrap();
        assert_eq!(found.app.as_deref(), Some("0.2.12"));
        assert_eq!(pattern.fits(name, &found), Some(found.clone()));
        let other = Bound { app: Some("0.2.13".into()), ..Bound::default() };
        assert_eq!(pattern.fits(name, &other), None);
        // The same word twice in one name is one value.
        let twice = Pattern::new("{engine}-{engine}").unwrap();
        assert!(twice.fits("b1-b1", &Bound::default()).is_some());
        assert!(twice.fits("b1-b2", &Bound::default()).is_none());
    }

    #[test]
    fn a_star_is_any_characters_and_other_signs_are_refused() {
        let star = Pattern::new("llama-*-{engine}*").unwrap();
        assert!(star.fits("llama-x-y-b1.zip", &Bound::default()).is_some());
        assert!(star.fits("llama-b1.zip", &Bound::default()).is_none());
        for bad in ["", "{tag}", "{engine", "a/b", "..\\x", "a}"] {
            assert!(Pattern::new(bad).is_err(), "{bad}");
        }
    }
}
