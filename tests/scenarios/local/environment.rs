//! L12: variables may say where things are, never what is to be believed.

use super::all;
use e2e::world::finish;
use e2e::{Victims, World, programs};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// A value of each documented variable with which an install goes as far as the
/// signatures.
const DOCUMENTED: &[(&str, &str)] = &[
    ("OFFGRID_SETUP_ACCEPT_STALE", "true"),
    ("OFFGRID_SETUP_ALLOW_DOWNGRADE", "true"),
    ("OFFGRID_SETUP_CA_FILE", "DEPOT/../ca.pem"),
    ("OFFGRID_SETUP_CHANNEL", "stable"),
    ("OFFGRID_SETUP_COLOR", "false"),
    ("OFFGRID_SETUP_JSON", "true"),
    ("OFFGRID_SETUP_KEEP", "2"),
    ("OFFGRID_SETUP_ADOPT", "no"),
    ("OFFGRID_SETUP_AUTOSTART", "false"),
    ("OFFGRID_SETUP_DRAIN", "5"),
    ("OFFGRID_SETUP_LISTEN", "loopback"),
    ("OFFGRID_SETUP_LINGER", "false"),
    ("OFFGRID_SETUP_METERED", "no"),
    ("OFFGRID_SETUP_UPDATES", "never"),
    ("OFFGRID_SETUP_UPDATE_BUDGET", "5M"),
    ("OFFGRID_SETUP_UPDATE_WINDOW", "02:00-05:00"),
    ("OFFGRID_SETUP_LIMIT_RATE", "100M"),
    ("OFFGRID_SETUP_MAX_DOWNLOAD", "1G"),
    ("OFFGRID_SETUP_MODEL", "tiny"),
    ("OFFGRID_SETUP_MODIFY_PATH", "true"),
    ("OFFGRID_SETUP_OFFLINE", "true"),
    ("OFFGRID_SETUP_PREFIX", "HOME/elsewhere/offgrid"),
    ("OFFGRID_SETUP_QUIET", "false"),
    ("OFFGRID_SETUP_SCOPE", "user"),
    ("OFFGRID_SETUP_SERVICE", "none"),
    ("OFFGRID_SETUP_SELF_UPDATE", "0"),
    ("OFFGRID_SETUP_WAIT", "1"),
    ("OFFGRID_SETUP_ENGINE", "bundled"),
    ("OFFGRID_SETUP_GPU", "none"),
    ("OFFGRID_SETUP_SOURCE", "DEPOT"),
    ("OFFGRID_SETUP_VARIANT", "TARGET-cpu"),
    ("OFFGRID_SETUP_VERBOSE", "true"),
    ("OFFGRID_SETUP_VERSION", "0.2.0"),
    ("OFFGRID_SETUP_YES", "true"),
];

/// What other programs heed, what attackers try, and what nobody has heard of.
const OTHERS: &[(&str, &str)] = &[
    ("HTTP_PROXY", "http://127.0.0.1:9/"),
    ("HTTPS_PROXY", "http://127.0.0.1:9/"),
    ("ALL_PROXY", "socks5://127.0.0.1:9"),
    ("NO_PROXY", "*"),
    ("http_proxy", "http://127.0.0.1:9/"),
    ("TMPDIR", "/nonexistent"),
    ("TMP", "/proc"),
    ("TEMP", "DEPOT"),
    ("SSL_CERT_FILE", "/dev/null"),
    ("SSL_CERT_DIR", "/nonexistent"),
    ("CURL_CA_BUNDLE", "/dev/null"),
    ("REQUESTS_CA_BUNDLE", "/dev/null"),
    ("LANG", "tr_TR.UTF-8"),
    ("LC_ALL", "C"),
    ("LC_NUMERIC", "de_DE"),
    ("LANGUAGE", "\u{1b}[2J"),
    ("TZ", "../../etc/passwd"),
    ("TERM", "dumb"),
    ("COLUMNS", "0"),
    ("NO_COLOR", "1"),
    ("CLICOLOR_FORCE", "1"),
    ("RUST_LOG", "trace"),
    ("RUST_BACKTRACE", "full"),
    ("RUST_MIN_STACK", "1048576"),
    ("MALLOC_CHECK_", "0"),
    ("MALLOC_ARENA_MAX", "1"),
    ("GLIBC_TUNABLES", "glibc.malloc.check=0"),
    ("LD_BIND_NOW", "1"),
    ("LD_LIBRARY_PATH", "DEPOT"),
    ("DYLD_INSERT_LIBRARIES", "DEPOT/evil.dylib"),
    ("SOURCE_DATE_EPOCH", "0"),
    ("FAKETIME", "2099-01-01"),
    ("XDG_DATA_HOME", "DEPOT"),
    ("XDG_STATE_HOME", "DEPOT"),
    ("XDG_CACHE_HOME", "/dev/shm"),
    ("XDG_RUNTIME_DIR", "/proc"),
    ("USERPROFILE", "/"),
    ("USER", "root"),
    ("LOGNAME", "root"),
    ("SUDO_USER", "nobody"),
    ("SUDO_UID", "0"),
    ("SHELL", "/bin/false"),
    ("IFS", "/"),
    ("PWD", "/nonexistent"),
    ("OLDPWD", "/nonexistent"),
    ("CI", "true"),
    ("DEBUG", "1"),
    ("SystemRoot", "DEPOT"),
    ("OFFGRID_INSECURE", "1"),
    ("OFFGRID_SKIP_VERIFY", "1"),
    ("OFFGRID_SETUP_INSECURE", ""),
    ("OFFGRID_SETUP_ROOT", ""),
    ("OFFGRID_ROOT", "DEPOT/root/1.json"),
    ("OFFGRID_TRUST", "none"),
    ("OFFGRID_VERIFY", "0"),
    ("SIGSTORE_NO_VERIFY", "1"),
    ("GIT_SSL_NO_VERIFY", "1"),
    ("NODE_TLS_REJECT_UNAUTHORIZED", "0"),
    ("PYTHONHTTPSVERIFY", "0"),
];

/// Of somebody who wants to be trusted.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\n\
    MIIBizCCATGgAwIBAgIUOOvGW+3lywjqKOGyPSgjxY5RJDowCgYIKoZIzj0EAwIw\n\
    GjEYMBYGA1UEAwwPbm9ib2R5IHlvdSBrbm93MCAXDTI2MTEyMzA1NTM0M1oYDzIx\n\
    MjYxMDMwMDU1MzQzWjAaMRgwFgYDVQQDDA9ub2JvZHkgeW91IGtub3cwWTATBgcq\n\
    hkjOPQIBBggqhkjOPQMBBwNCAASWVRxcExy5gO9apIGlr/GnFx6dJtkb2rVC4mqz\n\
    dSWvYBR79TW74E9ZP4MsC6B65tvF6Te8UeZQXFnVWEwjnZS5o1MwUTAdBgNVHQ4E\n\
    FgQU2bsKAqVpsqBKP2CJ+Mce8cFQZY4wHwYDVR0jBBgwFoAU2bsKAqVpsqBKP2CJ\n\
    +Mce8cFQZY4wDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEAhPs1\n\
    czhSOQIEiuatpZ4Kgh9cVhjrKwnKf84RWZnQOCkCIEtOMCW6bETO4EigWQUTSaMN\n\
    uXaeKf0OjkZCQpUkIv67\n\
    -----END CERTIFICATE-----\n";

/// The variables that the reference page names.
fn documented() -> BTreeSet<String> {
    let page = fs::read_to_string(programs::repo().join("docs/SETTINGS.md")).unwrap();
    page.split(|c: char| !c.is_ascii_uppercase() && c != '_')
        .filter(|word| word.starts_with("OFFGRID_SETUP_") && !word.ends_with('_'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn l12_no_variable_switches_verification_off() {
    let known: BTreeSet<String> = DOCUMENTED.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(documented(), known, "a setting came or went: give it a value here");
    assert!(OTHERS.len() >= 50);
    let victims = Victims::new();
    victims.sign_with_other_keys();
    let world = World::new();
    let before = all(&world);
    let target = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    let fill = |value: &str| {
        value
            .replace("DEPOT", victims.depot().to_str().unwrap())
            .replace("HOME", world.home().to_str().unwrap())
            .replace("TARGET", &target)
    };
    fs::write(victims.depot().join("../ca.pem"), CERTIFICATE).unwrap();
    let refused = |vars: BTreeMap<&str, String>| {
        let mut command = world.command(world.setup());
        command.env("OFFGRID_SETUP_SOURCE", victims.depot());
        command.args(["install", "--yes", "--json"]).envs(&vars);
        let outcome = finish(command);
        let ended =
            outcome.ended().map_or(String::new(), |ended| ended["error"]["code"].to_string());
        assert_eq!((outcome.code, &*ended), (5, "\"E_SIG_THRESHOLD\""), "{vars:?} {outcome:?}");
        before.assert_same(&all(&world));
    };
    refused(BTreeMap::new());
    for (name, value) in DOCUMENTED.iter().chain(OTHERS) {
        refused([(*name, fill(value))].into());
    }
    // All of them at once.
    refused(DOCUMENTED.iter().chain(OTHERS).map(|(name, value)| (*name, fill(value))).collect());
}

#[test]
fn l12_an_odd_home_is_refused_or_taken_and_never_trusted_more() {
    let victims = Victims::new();
    victims.sign_with_other_keys();
    let world = World::new();
    let before = all(&world);
    for home in ["", "/", "relative", "/nonexistent/a", "/proc", "/dev/null", "/etc/passwd", "\n"] {
        let mut command = world.command(world.setup());
        command.env("OFFGRID_SETUP_SOURCE", victims.depot()).env("HOME", home);
        command.args(["install", "--yes", "--json"]);
        let outcome = finish(command);
        assert!([1, 2, 5, 8].contains(&outcome.code), "{home:?}: {outcome:?}");
        before.assert_same(&all(&world));
        assert!(!std::path::Path::new("/nonexistent").exists());
    }
}

#[test]
fn l12_settings_of_the_system_that_others_may_write_are_refused() {
    let world = World::new();
    // A mount namespace of its own: the real /etc is never touched.
    let enter = |modes: &str, words: &str| {
        let script = format!(
            "mount -t tmpfs tmpfs /etc && mkdir /etc/offgrid && \
             echo '[enforce]' > /etc/offgrid/setup.toml && {modes} && exec \"$0\" {words}"
        );
        let mut command = world.command("unshare");
        command.args(["-rm", "sh", "-c", &script]).arg(world.setup());
        finish(command)
    };
    let good = enter("true", "status --json");
    if good.code == 1 {
        eprintln!("skipped: no mount namespace here: {}", good.stderr);
        return;
    }
    good.expect(0);
    for modes in ["chmod 666 /etc/offgrid/setup.toml", "chmod 1777 /etc/offgrid"] {
        enter(modes, "status --json").expect(8).says("E_PERM");
        enter(modes, "install --yes --json").expect_error(8, "E_PERM");
    }
}
