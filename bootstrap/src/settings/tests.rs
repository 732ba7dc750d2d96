// Long because: one place for what every option means.
//! Who wins, and how every slip reads.

use super::*;
use crate::cli::args::parse;
use crate::env::Env;
use std::ffi::OsString;

/// A world of words, variables and files.
#[derive(Default)]
struct Said<'a> {
    words: &'a str,
    vars: &'a [(&'a str, &'a str)],
    user: &'a str,
    system: &'a str,
}

/// Whether paths here begin with a slash.
fn slashes() -> bool {
    std::env::consts::FAMILY == "unix"
}

fn cwd() -> PathBuf {
    PathBuf::from(if slashes() { "/work" } else { r"C:\work" })
}

impl Said<'_> {
    fn settle(&self) -> Result<Settings, Error> {
        let vars = self.vars.iter().map(|(k, v)| (k.into(), v.into())).collect();
        let env = Env { vars, cwd: cwd(), ..Env::default() };
        let words: Vec<OsString> = self.words.split_whitespace().map(OsString::from).collect();
        let files = [
            (PathBuf::from("/u/setup.toml"), self.user.to_owned(), false),
            (PathBuf::from("/s/setup.toml"), self.system.to_owned(), true),
        ];
        Settings::settle(&parse(&words)?, &env, &files)
    }

    fn settled(&self) -> Settings {
        self.settle().unwrap()
    }

    /// Text and hint of the error it must be.
    fn error(&self) -> String {
        let error = self.settle().expect_err(self.words);
        assert_eq!(error.code(), offgrid_manifest::Code::Usage);
        let text = error.to_string();
        assert!(!text.contains('\n'), "{text}");
        error.hint().map_or(text.clone(), |hint| format!("{text} / {hint}"))
    }
}

fn words(words: &str) -> Said<'_> {
    Said { words, ..Said::default() }
}

fn id(text: &str) -> Option<Id> {
    Some(text.parse().unwrap())
}

#[test]
fn a_flag_beats_a_variable_beats_the_users_file_beats_the_systems() {
    let mut said = Said { system: "channel = 'd'", ..Said::default() };
    assert_eq!(said.settled().channel, id("d"));
    said.user = "channel = 'c'";
    assert_eq!(said.settled().channel, id("c"));
    said.vars = &[("OFFGRID_SETUP_CHANNEL", "b")];
    assert_eq!(said.settled().channel, id("b"));
    said.words = "update --channel a";
    assert_eq!(said.settled().channel, id("a"));
    assert_eq!(words("").settled().channel, None);
    said.vars = &[("OFFGRID_SETUP_CHANNEL", "")];
    said.words = "";
    assert_eq!(said.settled().channel, id("c"), "an empty variable says nothing");
}

#[test]
fn policy_beats_everything_and_says_so() {
    let said = Said {
        words: "install --accept-stale --source /x --yes",
        vars: &[("OFFGRID_SETUP_CHANNEL", "edge")],
        user: "limit_rate = 'none'",
        system: "[enforce]\naccept_stale = false\nchannel = 'stable'\nlimit_rate = '1M'\n\
                 source = ['https://d.example']\nyes = true",
    };
    let settings = said.settled();
    assert!(!settings.accept_stale && settings.yes);
    assert_eq!(settings.channel, id("stable"));
    assert_eq!(settings.limit_rate, Some(1_000_000));
    assert_eq!(settings.sources, ["https://d.example"]);
    assert!(!settings.sources_typed, "policy is not a person at the keyboard");
    let line =
        "`--accept-stale` does not count here: `accept_stale` in `/s/setup.toml`, line 2 decides";
    assert!(settings.overruled.contains(&line.to_owned()), "{:?}", settings.overruled);
    assert_eq!(settings.overruled.len(), 2);
    let said = Said { user: "\n[enforce]\nyes = true", ..Said::default() };
    assert!(
        said.error().contains("`/u/setup.toml`, line 2: `[enforce]` counts only in the system")
    );
}

#[test]
fn what_nobody_says_has_a_default() {
    let settings = words("").settled();
    assert_eq!(settings.service, ServiceKind::Auto);
    assert!(!settings.yes && !settings.color && settings.sources.is_empty());
    assert_eq!((settings.models, settings.prefix, settings.system), (None, None, None));
    let tty = Env { stderr_tty: true, ..Env::default() };
    assert!(Settings::settle(&parse(&[]).unwrap(), &tty, &[]).unwrap().color);
}

#[test]
fn every_option_reaches_the_settings() {
    let none = words("").settled();
    for spec in table::TABLE {
        let value = match spec.flag {
            "--service" | "--gpu" => "none",
            "--limit-rate" | "--max-download" | "--update-budget" => "5M",
            "--updates" => "notify",
            "--update-window" => "02:00-05:00",
            "--metered" | "--adopt" => "yes",
            "--listen" => "lan",
            "--drain" => "5",
            "--version" | "--accept-vulnerable" | "--to" => "1.2.3",
            "--keep" => "3",
            "--now" => "2026-09-01T00:00:00Z",
            "--no-color" => continue,
            _ => "x",
        };
        let command = spec.commands.first().map_or("", |command| command.word());
        let value = spec.arg().map_or(String::new(), |_| format!("={value}"));
        let line = format!("{command} {}{value}", spec.flag);
        assert_ne!(words(&line).settled(), none, "{line}");
    }
}

#[test]
fn a_flag_takes_back_what_a_file_switched_on() {
    let user = "yes = true\nquiet = true\ncolor = true\nmodel = ['a', 'b']";
    let said = Said { user, words: "install --yes=no -v --model none", ..Said::default() };
    let settings = said.settled();
    assert!(!settings.yes && !settings.quiet && settings.verbose && settings.color);
    assert_eq!(settings.models, Some(vec![]));
    let said = Said {
        user,
        vars: &[("NO_COLOR", "1"), ("OFFGRID_SETUP_MODEL", "c, d")],
        words: "",
        system: "",
    };
    let settings = said.settled();
    assert!(!settings.color && settings.quiet);
    assert_eq!(settings.models.unwrap().len(), 2);
}

#[test]
fn paths_become_absolute_and_addresses_stay() {
    let cwd = cwd();
    let settings = words("install --prefix ./a --source kit --source https://x/y --user").settled();
    assert_eq!(settings.prefix, Some(cwd.join("a")));
    assert_eq!(settings.sources, [cwd.join("kit").to_str().unwrap(), "https://x/y"]);
    assert!(settings.sources_typed);
    assert_eq!(settings.system, Some(false));
    let said = Said { vars: &[("OFFGRID_SETUP_SOURCE", "kit")], ..Said::default() };
    assert!(!said.settled().sources_typed);
}

#[test]
fn prefixes_that_shells_would_misread_are_refused() {
    let args = |prefix: &str| parse(&["--prefix".into(), prefix.into()]).unwrap();
    let env = Env { cwd: cwd(), ..Env::default() };
    let mut bad = vec!["a\nb", "a\tb", "a\u{7f}", "", "~/x", if slashes() { "/" } else { "C:\\" }];
    if slashes() {
        bad.extend(["/opt/a\"; rm -rf ~", "it's", "$HOME/x", "`id`"]);
    }
    for bad in bad {
        let error = Settings::settle(&args(bad), &env, &[]).expect_err(bad).to_string();
        assert!(error.starts_with("`--prefix`: `") && !error.contains('\n'), "{error}");
    }
    assert!(Settings::settle(&args("with space/é"), &env, &[]).is_ok());
    let said = Said { user: "prefix = 'a/b'", ..Said::default() };
    assert!(said.error().contains("in a file it must begin at the root"));
}

#[test]
fn paths_need_not_be_utf8() {
    // Serde makes one without asking which system this is.
    let json =
        if slashes() { r#"{"Unix":[47,97,255]}"# } else { r#"{"Windows":[67,58,92,55296]}"# };
    let word: OsString = serde_json::from_str(json).unwrap();
    assert_eq!(word.to_str(), None);
    let env = Env { cwd: cwd(), ..Env::default() };
    for words in [
        vec!["--prefix".into(), word.clone()],
        vec![{
            let mut whole = OsString::from("--prefix=");
            whole.push(&word);
            whole
        }],
    ] {
        let settings = Settings::settle(&parse(&words).unwrap(), &env, &[]).unwrap();
        assert_eq!(settings.prefix, Some(PathBuf::from(&word)));
    }
    let error = Settings::settle(&parse(&["--channel".into(), word]).unwrap(), &env, &[]);
    assert!(error.unwrap_err().to_string().contains("is not plain text"));
}

#[test]
fn every_slip_on_the_command_line_reads_well() {
    for (line, part) in [
        (
            "--soruce x",
            "`--soruce` is not an option / did you mean `--source`? Otherwise type `offgrid-setup --help`",
        ),
        ("--frobnicate", "`--frobnicate` is not an option / type `offgrid-setup --help`"),
        ("-x", "`-x` is not an option"),
        ("isntall", "`isntall` is not a command / did you mean `install`?"),
        ("install --check", "`--check` does not belong to `install`, only to `update`"),
        (
            "status --version 1.0.0",
            "only to `install`, `update`, `plan`, `trust` / type `offgrid-setup help status`",
        ),
        ("--purge", "`--purge` needs a command in front of it: `uninstall`"),
        ("install --source", "`--source` needs a value: --source URL|DIR"),
        ("install --source --yes", "`--source` needs a value"),
        ("update --version", "`--version` needs a value: --version V"),
        ("install 0.3.0", "to choose a release: `install --version 0.3.0`"),
        ("status now", "`status` does not know what to do with `now`"),
        ("service restrat", "did you mean `service restart`?"),
        ("service dance", "it knows status, run,"),
        ("model install", "`model install` needs the name of a model"),
        ("model install Q4", "names are of a-z"),
        ("model list x", "does not know what to do with `x`"),
        ("--system --user", "`--system` and `--user` exclude each other / keep one"),
        ("repair --finish --back", "`--finish` and `--back` exclude each other"),
        ("-qv", "`--quiet` and `--verbose` exclude each other"),
        ("--user=me", "`--user` takes no value, but `me` was given"),
        ("--yes=perhaps", "`--yes`: `perhaps` is not `true` or `false`"),
        ("--channel Edge!", "`--channel`: `Edge!` is not a name of a-z"),
        ("install --version newest", "`--version`: `newest` is not a release number like 0.3.0"),
        ("install --service upstart", "`upstart` is not one of auto, systemd,"),
        ("install --limit-rate fast", "`fast` is not a number of bytes a second like 500K"),
        ("install --limit-rate 0", "`none` lifts the limit"),
        ("install --max-download 1X", "like 300M, 1.5G or 700MiB"),
        ("install --model none --model a", "`none` is not the name of a model"),
    ] {
        let text = words(line).error();
        assert!(text.contains(part), "{line}\n  {text}\n  {part}");
    }
}

#[test]
fn every_slip_in_a_file_or_variable_names_the_place() {
    for (user, part) in [
        (
            "\nsources = 'x'",
            "`/u/setup.toml`, line 2: `sources` is not a setting / did you mean `source`?",
        ),
        (
            "accept-stale = true",
            "line 1: `accept-stale` is not a setting / did you mean `accept_stale`?",
        ),
        ("colour = 'red'", "did you mean `color`?"),
        ("zebra = 1", "take the line out"),
        (
            "yes = 'true'",
            "`yes` in `/u/setup.toml`, line 1: `string` is not true or false, without quotes",
        ),
        ("source = [1.5]", "is not a text in quotes, or several in [ ]"),
        ("yes = true\nyes = ", "`/u/setup.toml`, line 2: not TOML: "),
        ("scope = 'all'", "`scope` in `/u/setup.toml`, line 1: `all` is not `system` or `user`"),
        ("# é\nlimit_rate = '5 parsec'", "line 2: `5 parsec` is not a number"),
    ] {
        let text = Said { user, ..Said::default() }.error();
        assert!(text.contains(part), "{user}\n  {text}\n  {part}");
    }
    let said = Said { vars: &[("OFFGRID_SETUP_JSON", "maybe")], ..Said::default() };
    assert_eq!(
        said.error(),
        "`OFFGRID_SETUP_JSON`: `maybe` is not `true` or `false` / change the variable or take it \
         away: unset OFFGRID_SETUP_JSON"
    );
    let said = Said { user: "\u{feff}max_download = 5_000\r\n", ..Said::default() };
    assert_eq!(said.settled().max_download, Some(5_000));
}

#[test]
fn a_flag_mends_a_bad_value_in_a_file() {
    let said = Said { user: "channel = 'No Good'", words: "--channel edge", ..Said::default() };
    assert_eq!(said.settled().channel, id("edge"));
}

#[test]
fn what_was_said_of_the_variant_is_known_by_its_place() {
    let file = Said { user: "variant = 'auto'\ngpu = 'amd'", ..Said::default() };
    let of = |said: &Said<'_>| {
        let now = said.settled();
        (now.variant, now.variant_in_file, now.gpu, now.gpu_in_file)
    };
    let amd = Some(crate::select::Wanted::Amd);
    assert_eq!(of(&file), (Some(VariantWish::Best), true, amd, true));
    let typed = Said { words: "install --variant x", ..file };
    assert_eq!(of(&typed), (id("x").map(VariantWish::This), false, amd, true));
    assert_eq!(of(&Said::default()), (None, false, None, false));
}
