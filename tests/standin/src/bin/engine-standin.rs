//! A stand-in for a llama-server that must not be taken: it does what the last word of
//! its own file says, and in between what a good one would. For tests only.

use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let own = std::env::current_exe().and_then(std::fs::read).unwrap_or_default();
    let last = own.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    let last = String::from_utf8_lossy(last).into_owned();
    let words: Vec<String> = std::env::args().skip(1).collect();
    ran(&words);
    let has = |word: &str| words.iter().any(|own| own == word);
    match last.as_str() {
        "hangs" => park(),
        "exits" => return ExitCode::from(1),
        "crashes" => std::process::abort(),
        "babbles" => loop {
            if say(&"again and again and again ".repeat(400)) == ExitCode::FAILURE {
                return ExitCode::FAILURE;
            }
        },
        "lies" => return say("offgrid version 1.0, and all is well\n"),
        "forks" if words == ["stay"] => park(),
        // Leaves somebody behind who holds its streams open.
        "forks" => {
            let child =
                std::env::current_exe().and_then(|own| Command::new(own).arg("stay").spawn());
            if child.is_err() {
                return ExitCode::from(9);
            }
            // Ended before it had begun, it would be nobody who was left behind.
            while !has_run("stay") {
                std::thread::yield_now();
            }
        }
        // As b10955 and later refuse `--mlock`.
        "older-words" if has("-fit") => {
            eprint("error: invalid argument: -fit\n");
            return ExitCode::from(1);
        }
        "blind" if has("--list-devices") => return ExitCode::from(3),
        // Everything is right but for the words that it would generate.
        "mute" if has("-m") && !has("--version") => return ExitCode::from(1),
        _ => {}
    }
    if has("--list-devices") {
        return match last.as_str() {
            "cuda" => say("Available devices:\n  CUDA0: A card (8188 MiB, 8000 MiB free)\n"),
            _ => say("Available devices:\n  (none)\n"),
        };
    }
    match last.as_str() {
        "old" => say("version: 5897 (bdca3837)\nbuilt with cc for x86_64-linux-gnu\n"),
        "new" => say("version: 9.9.9-dev (build 99999, commit 930e2fa59)\n"),
        // Where the newer ones say it.
        _ => eprint("version: 0.4.1-dev (build 10991, commit 930e2fa59)\nbuilt with cc\n"),
    }
}

/// Leaves a line beside the program: that it ran at all, and with which words.
fn ran(words: &[String]) {
    let Ok(own) = std::env::current_exe() else { return };
    let file = own.parent().unwrap_or(Path::new("/")).join("ran");
    let file = std::fs::OpenOptions::new().append(true).create(true).open(file);
    let vars: Vec<String> =
        std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
    let cwd = std::env::current_dir().unwrap_or_default();
    // Where that cannot be, the test sees nothing of it.
    let _ = file.map(|mut file| {
        writeln!(file, "{} | {} | {}", words.join(" "), vars.join(" "), cwd.display())
    });
}

/// Whether there is a line of a run with these words.
fn has_run(words: &str) -> bool {
    let Ok(own) = std::env::current_exe() else { return false };
    let text = std::fs::read_to_string(own.with_file_name("ran")).unwrap_or_default();
    text.lines().any(|line| line.strip_prefix(words).is_some_and(|rest| rest.starts_with(" |")))
}

fn park() -> ! {
    loop {
        std::thread::park();
    }
}

fn say(text: &str) -> ExitCode {
    written(std::io::stdout().write_all(text.as_bytes()))
}

fn eprint(text: &str) -> ExitCode {
    written(std::io::stderr().write_all(text.as_bytes()))
}

fn written(result: std::io::Result<()>) -> ExitCode {
    if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
