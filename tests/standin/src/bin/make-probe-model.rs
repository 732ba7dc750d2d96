//! `make-probe-model OUT.gguf [--seed N] [--name NAME]`: writes a tiny model
//! with random weights that a real llama-server loads. Owns the command line
//! and the one write; the bytes come from `standin::probe`. It writes beside
//! the target and renames, so a reader never sees half a model.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool prints")]

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs, io};

const USAGE: &str = "usage: make-probe-model OUT.gguf [--seed N] [--name NAME]";

struct Wish {
    out: PathBuf,
    seed: u64,
    name: String,
}

fn main() -> ExitCode {
    let wish = match parse(env::args_os().skip(1)) {
        Ok(wish) => wish,
        Err(reason) => {
            eprintln!("make-probe-model: {reason}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let bytes = standin::probe::model(&wish.name, wish.seed);
    match write(&wish, &bytes) {
        Ok(()) => {
            println!("{} {} bytes, seed {}", wish.out.display(), bytes.len(), wish.seed);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("make-probe-model: cannot write {}: {error}", wish.out.display());
            ExitCode::FAILURE
        }
    }
}

fn write(wish: &Wish, bytes: &[u8]) -> io::Result<()> {
    let mut beside = wish.out.clone().into_os_string();
    beside.push(".part");
    fs::write(&beside, bytes)?;
    fs::rename(&beside, &wish.out)
}

fn parse(mut arguments: impl Iterator<Item = OsString>) -> Result<Wish, String> {
    let (mut out, mut seed, mut name) = (None, 1, "tiny-random-llama".to_owned());
    while let Some(argument) = arguments.next() {
        let mut text = |option: &str| {
            let value = arguments.next().and_then(|value| value.into_string().ok());
            value.ok_or_else(|| format!("{option} needs a value"))
        };
        match argument.to_str() {
            Some("--seed") => {
                seed = text("--seed")?.parse().map_err(|_| "--seed needs a whole number")?;
            }
            Some("--name") => name = text("--name")?,
            Some(option) if option.starts_with('-') => {
                return Err(format!("unknown option {option}"));
            }
            _ if out.is_none() => out = Some(PathBuf::from(argument)),
            _ => return Err("one output file only".to_owned()),
        }
    }
    Ok(Wish { out: out.ok_or("no output file named")?, seed, name })
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn typed(words: &[&str]) -> Result<super::Wish, String> {
        parse(words.iter().map(std::ffi::OsString::from))
    }

    #[test]
    fn options_stand_anywhere_and_have_defaults() {
        let wish = typed(&["--seed", "7", "a.gguf", "--name", "x"]).unwrap();
        assert_eq!((wish.out.to_str(), wish.seed, wish.name.as_str()), (Some("a.gguf"), 7, "x"));
        assert_eq!(typed(&["a.gguf"]).unwrap().seed, 1);
    }

    #[test]
    fn a_wrong_command_line_is_refused() {
        for words in [&[][..], &["a", "b"], &["a", "--seed"], &["a", "--seed", "x"], &["--bogus"]] {
            assert!(typed(words).is_err(), "{words:?}");
        }
    }
}
