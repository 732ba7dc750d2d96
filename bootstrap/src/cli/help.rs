//! The help pages: text made from the table of options and the list of
//! commands, for people who are tired and no programmers.
//!
//! Owns their words and their 80 columns. Never prints.

use crate::settings::Command;
use crate::settings::table::{Kind, Spec, TABLE};

const WIDTH: usize = 79;
/// Where the right column begins.
const RIGHT: usize = 26;

const EXITS: &[(u8, &str)] = &[
    (0, "done, or there was nothing to do"),
    (1, "it failed and was taken back: this computer is as before"),
    (2, "what was typed or set is not understood; nothing was touched"),
    (3, "this computer, or this wish, cannot be served"),
    (4, "nothing could be reached; try again later"),
    (5, "what came cannot be trusted; nothing of it was used"),
    (6, "another run is at work"),
    (7, "taking back failed too: type `repair`"),
    (8, "no permission"),
    (9, "no space left on the disk"),
    (10, "update --check: there is an update"),
    (130, "interrupted, and taken back"),
];

/// The first page. `name` is what to type: `offgrid-setup` or `offgrid self`.
pub fn overview(name: &str) -> String {
    let mut page = "OffGrid Setup puts OffGrid LLM on this computer and keeps it up to date.\n\n\
                    Examples:\n"
        .to_owned();
    for (line, what) in [
        ("install", "look at this computer, ask, install what fits"),
        ("install --source /media/stick", "the same from a USB stick, without internet"),
        ("update", "get the newest release"),
        ("status", "is it running, is it up to date?"),
        ("uninstall", "take it off again; models are kept"),
    ] {
        example(&mut page, name, line, what);
    }
    page += "\nCommands:\n";
    for command in Command::ALL.iter().filter(|command| !command.is_hidden()) {
        columns(&mut page, command.word(), command.about());
    }
    page += &format!("\n`{name} help COMMAND` tells more about one of them.\n");
    everywhere(&mut page);
    page += "\nExit codes, for scripts:\n";
    for (exit, what) in EXITS {
        page += &format!("  {exit:>3}  {what}\n");
    }
    page
}

/// The page of one command.
pub fn command(name: &str, command: Command) -> String {
    let word = command.word();
    let mut page = format!("{name} {word}: {}\n\nExamples:\n", command.about());
    for (line, what) in examples(command) {
        example(&mut page, name, line, what);
    }
    if let Some(more) = more(command) {
        page += "\n";
        wrapped(&mut page, 0, more);
    }
    let mut own: Vec<_> = TABLE.iter().filter(|spec| spec.commands.contains(&command)).collect();
    // What no other command has comes first.
    own.sort_by_key(|spec| spec.key.is_some());
    if !own.is_empty() {
        page += &format!("\nOptions of {word}:\n");
        own.iter().for_each(|spec| option(&mut page, spec));
    }
    everywhere(&mut page);
    page
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn examples(command: Command) -> &'static [(&'static str, &'static str)] {
    match command {
        Command::Install => &[
            ("install", "look at this computer, ask, install what fits"),
            ("install --yes", "the same without a question"),
            ("install --source /media/stick", "from a USB stick, without internet"),
            ("install --yes --json --system", "unattended, for everybody on it"),
        ],
        Command::Update => &[
            ("update", "get the newest release, if there is one"),
            ("update --check", "only ask whether there is one"),
            ("update --limit-rate 500K", "slowly, to leave room for others"),
        ],
        Command::Plan => &[
            ("plan", "what would be downloaded and done"),
            ("plan --explain", "and why this variant and no other"),
            ("plan --reuse-llama", "with a llama.cpp that is here already"),
        ],
        Command::Detect => &[
            ("detect", "what this computer has"),
            ("detect --json", "the same for a program"),
            ("detect --capture here", "the files behind it, for a bug report"),
        ],
        Command::Doctor => &[
            ("doctor", "what is missing here, and what to type"),
            ("doctor --json", "the same for a program"),
            ("doctor --sysroot here", "of a captured computer"),
        ],
        Command::Status => &[("status", "what is installed"), ("status --json", "for a program")],
        Command::Rollback => &[("rollback", "back to the release before; nothing is downloaded")],
        Command::Repair => &[
            ("repair", "end a run that was cut off, then mend what is damaged"),
            ("repair --back", "take the interrupted run back, and no more"),
        ],
        Command::Verify => &[("verify", "read every installed file and compare")],
        Command::Uninstall => &[
            ("uninstall", "models and your settings are kept"),
            ("uninstall --purge", "nothing is kept"),
        ],
        Command::Service => &[
            ("service status", "is it running?"),
            ("service restart", "stop it and start it again"),
            ("service run", "stay in the foreground and keep the app running"),
        ],
        Command::Model => &[
            ("model list", "which there are, and which are here"),
            ("model install NAME", "fetch one; goes on where it stopped"),
            ("model remove NAME", "delete one"),
        ],
        Command::Trust => &[
            ("trust show", "what this installation believes, and until when"),
            ("trust refresh --state DIR --source URL", "check a depot; install nothing"),
            ("trust download --state DIR --target setup --into .", "fetch one verified thing"),
        ],
        Command::Selftest => &[("selftest", "what an update asks of a new program first")],
        Command::Version => &[("version", "of this program, the release, app and engine")],
        Command::Stage => &[("stage --into DIR", "what a scheduled update starts for itself")],
    }
}

fn more(command: Command) -> Option<&'static str> {
    Some(match command {
        Command::Install => {
            "If it is interrupted, type the same again: what is already here is not downloaded \
             twice. If it fails, this computer is left as it was."
        }
        Command::Update => {
            "The new release has to prove that it works here before the old one stops. If it \
             does not, the old one stays."
        }
        Command::Rollback => {
            "The release before the last update is still here and starts again. `update` does \
             not return to the one that you left, unless you name it; a later one it takes. \
             `rollback --to 0.2.0` goes to another one that is kept."
        }
        Command::Repair => {
            "Without a run that was cut off: whatever verify finds is made anew, from other \
             releases on this disk where they have it, else from where it came. What is not \
             ours is moved out of the way and kept."
        }
        Command::Doctor => {
            "It looks and advises; it installs no driver and changes nothing. It ends with 0, \
             whatever it finds."
        }
        Command::Verify => "Each line says what is wrong and what repair would do about it.",
        Command::Service => {
            "Words: status start stop restart logs install uninstall run. `run` stays in the \
             foreground, as containers need it."
        }
        Command::Trust => {
            "Words: show init refresh download. `init` makes the state in DIR, `refresh` brings \
             it up to date, `download` also fetches NAME and checks it. Only here may the clock \
             and the root of trust be given."
        }
        Command::Uninstall => "This computer gets back what was there before the first install.",
        _ => return None,
    })
}

fn everywhere(page: &mut String) {
    *page += "\nOptions of every command:\n";
    TABLE.iter().filter(|spec| spec.commands.is_empty()).for_each(|spec| option(page, spec));
    columns(page, "-h, --help", "this text");
}

fn option(page: &mut String, spec: &Spec) {
    let left = match (spec.kind, spec.arg(), spec.short) {
        (Kind::Flags(_), _, _) => format!("    {}", spec.flags().join(", ")),
        (Kind::OneOr { arg, switch, .. }, ..) => format!("    {} {arg}, {switch}", spec.flag),
        (_, Some(arg), _) => format!("    {} {arg}", spec.flag),
        (_, None, Some(short)) => format!("-{short}, {}", spec.flag),
        (_, None, None) => format!("    {}", spec.flag),
    };
    columns(page, &left, spec.help);
}

/// A line to type, and below it what it does.
fn example(page: &mut String, name: &str, line: &str, what: &str) {
    *page += &format!("  {name} {line}\n      {what}\n");
}

/// `left` and, from one column on, `right`.
fn columns(page: &mut String, left: &str, right: &str) {
    let mut text = String::new();
    wrapped(&mut text, RIGHT, right);
    let left = format!("  {left}");
    match text.get(RIGHT..) {
        Some(text) if left.len() + 2 <= RIGHT => *page += &format!("{left:<RIGHT$}{text}"),
        _ => *page += &format!("{left}\n{text}"),
    }
}

/// Words in lines that begin with so many spaces.
fn wrapped(page: &mut String, indent: usize, text: &str) {
    let mut used = 0;
    for word in text.split_whitespace() {
        let long = word.chars().count();
        if used == 0 || used + 1 + long > WIDTH {
            *page += if used == 0 { "" } else { "\n" };
            *page += &" ".repeat(indent);
            used = indent;
        } else {
            *page += " ";
            used += 1;
        }
        *page += word;
        used += long;
    }
    *page += "\n";
}

#[cfg(test)]
mod tests {
    use super::*;
    use offgrid_manifest::Code;

    fn pages() -> Vec<String> {
        let of = |name: &'static str| {
            let all = Command::ALL.iter().map(move |c| command(name, *c));
            all.chain([overview(name)])
        };
        of("offgrid-setup").chain(of("offgrid self")).collect()
    }

    #[test]
    fn no_line_is_longer_than_80_columns() {
        for page in pages() {
            for line in page.lines() {
                assert!(line.chars().count() <= 80, "{line}");
                assert_eq!(line, line.trim_end());
            }
        }
    }

    #[test]
    fn every_page_names_every_flag_that_may_be_typed() {
        for one in Command::ALL {
            let page = command("offgrid-setup", *one);
            for spec in TABLE {
                for flag in spec.flags() {
                    let there = page
                        .lines()
                        .filter(|line| !line.starts_with("  offgrid-setup"))
                        .any(|line| line.split([' ', ',']).any(|word| word == flag));
                    assert_eq!(there, spec.fits(Some(*one)), "{flag} in\n{page}");
                }
            }
            let listed = overview("x").contains(&format!("\n  {} ", one.word()));
            assert_eq!(listed, !one.is_hidden());
        }
    }

    #[test]
    fn every_exit_code_is_explained() {
        let known: Vec<_> = EXITS.iter().map(|(exit, _)| *exit).collect();
        assert!(Code::ALL.iter().all(|code| known.contains(&code.exit())));
        assert!(overview("x").contains("  130  interrupted"));
    }
}
