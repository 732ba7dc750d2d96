//! Words that cannot be meant, and people who cannot be asked. Every refusal
//! comes before anything is touched and says what to type next.

use e2e::world::finish;
use e2e::{Outcome, World};
use std::fs;
use std::process::Command;

/// Exit 2 with this code, a hint, and nothing touched; said to people and to
/// programs alike. The rest of the test looks at what people read.
#[track_caller]
fn refused(world: &World, code: &str, make: impl Fn() -> Command, text: &str) -> Outcome {
    let before = world.snapshot();
    let mut for_programs = make();
    for_programs.arg("--json");
    let json = finish(for_programs).expect_error(2, code);
    let error = json.ended().expect("no last event")["error"].clone();
    let hint = error["hint"].as_str().unwrap_or_default();
    assert!(!hint.is_empty(), "no hint: {error}");
    let human = finish(make()).expect(2).says(text);
    assert_eq!(human.stderr.matches(code).count(), 1, "{}", human.stderr);
    assert!(human.stderr.contains("hint: "), "{}", human.stderr);
    assert!(human.stdout.is_empty(), "text for people goes to stderr: {}", human.stdout);
    before.assert_same(&world.snapshot());
    human
}

#[track_caller]
fn refused_words(world: &World, words: &[&str], text: &str) {
    let make = || {
        let mut command = world.command(world.setup());
        command.env("OFFGRID_SETUP_SOURCE", world.depot()).args(words);
        command
    };
    refused(world, "E_USAGE", make, text);
}

#[test]
fn words_that_are_none_say_what_may_have_been_meant() {
    let world = World::new();
    for (words, text) in [
        (&["instal"][..], "did you mean `install`?"),
        (&["frobnicate"], "`frobnicate` is not a command"),
        (&["self", "status"], "leave `self` out"),
        (&["install", "--prefx", "x"], "did you mean `--prefix`?"),
        (&["install", "--check"], "`--check` does not belong to `install`, only to `update`"),
        (&["--purge"], "`--purge` needs a command in front of it"),
        (&["install", "0.1.0"], "install --version 0.1.0"),
        (&["install", "extra"], "`install` does not know what to do with `extra`"),
        (&["install", "--version"], "`--version` needs a value"),
        (&["install", "--yes=maybe"], "`maybe` is not `true` or `false`"),
        (&["install", "--system", "--user"], "exclude each other"),
        (&["install", "--quiet", "--verbose"], "exclude each other"),
        (&["repair", "--finish", "--back"], "exclude each other"),
        (&["service", "dance"], "`service` does not know what to do with `dance`"),
        (&["model", "install", "../etc"], "names are of a-z"),
    ] {
        refused_words(&world, words, text);
    }
}

#[test]
fn values_that_cannot_be_are_refused_before_anything_is_touched() {
    let world = World::new();
    for (flag, value, text) in [
        ("--version", "1.x", "is not a release number like 0.3.0"),
        ("--version", "1.0.0;reboot", "is not a release number"),
        ("--channel", "Stable News", "is not a name of a-z"),
        ("--channel", "../head", "is not a name of a-z"),
        ("--variant", "a/b", "is not a name of a-z"),
        ("--prefix", "/opt/a\nb", "line break"),
        ("--prefix", "/opt/\"a\"", "quote"),
        ("--prefix", "/opt/$HOME", "`$`"),
        ("--prefix", "/opt/`id`", "backtick"),
        ("--prefix", "", "--prefix"),
        ("--service", "cron", "is not one of auto, systemd"),
        ("--limit-rate", "fast", "--limit-rate"),
        ("--max-download", "-1", "--max-download"),
    ] {
        refused_words(&world, &["install", "--yes", flag, value], text);
    }
}

#[test]
fn what_the_depot_does_not_have_is_told_with_what_it_has() {
    let world = World::new();
    refused_words(&world, &["install", "--yes", "--channel", "nope"], "there is stable");
    for source in ["/nowhere", "ftp://example.org/", "stick"] {
        let make = || {
            let mut command = world.command(world.setup());
            command.args(["install", "--yes", "--source", source]);
            command
        };
        let text = "is neither a web address nor a folder that is there";
        refused(&world, "E_USAGE", make, text);
    }
}

#[test]
fn settings_files_with_slips_name_the_file_and_the_line() {
    let world = World::new();
    let folder = world.home().join(".config/offgrid");
    fs::create_dir_all(&folder).unwrap();
    for (toml, text) in [
        ("channel = \"stable\"\nchanel = \"x\"\n", "line 2: `chanel` is not a setting"),
        ("chanel = \"x\"\n", "did you mean `channel`?"),
        ("yes = \"true\"\n", "true or false, without quotes"),
        ("channel = [1]\n", "a text in quotes"),
        ("prefix = \"/opt/a$b\"\n", "setup.toml"),
        ("channel = \"sta\n", "line 1"),
        ("[enforce]\nyes = true\n", "only in the system's setup.toml"),
    ] {
        fs::write(folder.join("setup.toml"), toml).unwrap();
        refused_words(&world, &["install", "--yes"], text);
    }
    // The flag wins, so a wrong value in a file does no harm.
    fs::write(folder.join("setup.toml"), "channel = \"No Such Name\"\n").unwrap();
    world.run(&["install", "--yes", "--channel", "stable"]).expect(0);
}

#[test]
fn variables_with_slips_are_named() {
    let world = World::new();
    for (name, value, text) in [
        ("OFFGRID_SETUP_YES", "maybe", "`OFFGRID_SETUP_YES`: `maybe`"),
        ("OFFGRID_SETUP_VERSION", "latest", "`OFFGRID_SETUP_VERSION`: `latest`"),
        ("OFFGRID_SETUP_SCOPE", "planet", "`OFFGRID_SETUP_SCOPE`: `planet`"),
        ("OFFGRID_SETUP_PREFIX", "relative'quote", "`OFFGRID_SETUP_PREFIX`"),
    ] {
        let make = || {
            let mut command = world.command(world.setup());
            command.env("OFFGRID_SETUP_SOURCE", world.depot()).env(name, value).arg("install");
            command
        };
        refused(&world, "E_USAGE", make, text).says("unset");
    }
}

#[test]
fn without_a_terminal_and_without_a_yes_nothing_is_assumed() {
    let world = World::new();
    let make = || {
        let mut command = world.command(world.setup());
        command.env("OFFGRID_SETUP_SOURCE", world.depot()).arg("install");
        command
    };
    refused(&world, "E_NEEDS_CONSENT", make, "--yes");
    // The variable is as good as the flag.
    let mut said = make();
    said.env("OFFGRID_SETUP_YES", "1");
    finish(said).expect(0).says("0.1.0 is installed");
}

#[test]
fn no_words_and_no_terminal_is_help_and_exit_2() {
    let world = World::new();
    let before = world.snapshot();
    let help = world.run(&[]).expect(2);
    assert!(help.stdout.is_empty(), "{}", help.stdout);
    help.says("Examples:").says("offgrid-setup install").says("Exit codes");
    before.assert_same(&world.snapshot());
}

#[test]
fn help_is_a_result_everywhere_and_fits_80_columns() {
    let world = World::new();
    let commands = "install update plan detect status rollback repair verify uninstall service \
                    model version";
    let overview = world.run(&["--help"]).expect(0);
    let mut pages = vec![overview.stdout.clone(), world.run(&["help"]).expect(0).stdout];
    assert_eq!(pages[0], pages[1]);
    for command in commands.split_whitespace() {
        assert!(overview.stdout.contains(&format!("\n  {command} ")), "{command} is not listed");
        let page = world.run(&[command, "--help"]).expect(0).stdout;
        assert_eq!(page, world.run(&["help", command]).expect(0).stdout);
        assert!(page.starts_with(&format!("offgrid-setup {command}: ")), "{page}");
        pages.push(page);
    }
    let long = pages.iter().flat_map(|page| page.lines()).find(|line| line.chars().count() > 79);
    assert_eq!(long, None);
    // A home is not needed to read it.
    let mut homeless = world.command(world.setup());
    homeless.env_remove("HOME").arg("--help");
    finish(homeless).expect(0);
}

/// The bootstrapper without words on a terminal of its own; `answer` is typed
/// there. `None` where util-linux's `script` is missing.
fn guided(world: &World, answer: &str) -> Option<Outcome> {
    let script =
        ["/usr/bin/script", "/bin/script"].into_iter().find(|at| fs::exists(at).unwrap())?;
    let typed = world.path("typed");
    fs::write(&typed, answer).unwrap();
    let mut command = world.command(script);
    command
        .env("OFFGRID_SETUP_SOURCE", world.depot())
        .env("TERM", "xterm")
        .args(["-qefc", world.setup().to_str().unwrap(), "/dev/null"])
        .stdin(fs::File::open(typed).unwrap());
    Some(finish(command))
}

#[test]
fn the_guided_install_asks_and_does_what_the_answer_says() {
    let world = World::new();
    let before = world.snapshot();
    let Some(no) = guided(&world, "none\nn\n") else {
        eprintln!("skipped: there is no `script` (util-linux) to make a terminal with");
        return;
    };
    let no = no.expect(2).says("Go on? [Y/n]").says("nothing was done, as you asked");
    no.says("Install 0.1.0").says("download:").says("generates text on this machine");
    before.assert_same(&world.snapshot());
    guided(&world, "none\ny\n").unwrap().expect(0).says("0.1.0 is installed");
    world.offgrid_run(&["version"]).expect(0).says("0.2.11");
    // Installed: the same word shows how it is, and asks nothing.
    guided(&world, "").unwrap().expect(0).says("OffGrid LLM 0.1.0");
}
