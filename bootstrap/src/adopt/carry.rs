//! Which settings of a unit of theirs are carried into `offgrid.env`, and how they are
//! written there. Pure.

use crate::preflight::{Unit, Upstream};
use std::path::Path;

/// What the app heeds and what is as true here as it was there (reference/app.md 3).
/// Not where its engine is and how many layers go to the GPU, which the slot says; not
/// what newer engines refuse to start with.
const CARRIED: [&str; 13] = [
    "OFFGRID_PORT",
    "OFFGRID_MODELS_DIR",
    "OFFGRID_CONFIG",
    "OFFGRID_DEFAULT_MODEL",
    "OFFGRID_MAX_CONTEXT",
    "OFFGRID_NUM_THREADS",
    "OFFGRID_MAX_MODELS",
    "OFFGRID_REQUIRE_AUTH",
    "OFFGRID_MULTI_USER",
    "OFFGRID_CORS_ORIGINS",
    "OFFGRID_ENABLE_P2P",
    "OFFGRID_LOG_LEVEL",
    "OFFGRID_KV_CACHE_TYPE",
];

/// The unit whose settings count: of those that start the app one that runs, else one
/// that starts by itself, else the first.
fn spokesman(upstream: &Upstream, user: bool) -> Option<&Unit> {
    let of_app = |unit: &&Unit| unit.user == user && !unit.name.starts_with("llama-server");
    let units = || upstream.units.iter().filter(of_app);
    let by = |is: &dyn Fn(&Unit) -> bool| units().find(|unit| is(unit));
    by(&|unit| unit.running)
        .or_else(|| by(&|unit| !unit.links.is_empty()))
        .or_else(|| by(&|_| true))
}

/// The text of `offgrid.env`; `None` when nothing of it differs from what holds anyway.
pub(super) fn text(upstream: &Upstream, user: bool, models: &Path) -> Option<String> {
    let unit = spokesman(upstream, user)?;
    let mut lines = String::new();
    for name in CARRIED {
        let said = unit.vars.iter().rev().find(|(key, _)| key == name);
        let Some((_, value)) = said.filter(|(_, value)| !value.is_empty()) else { continue };
        let usual = match name {
            "OFFGRID_PORT" => value == "11611",
            "OFFGRID_MODELS_DIR" => Path::new(value) == models,
            _ => false,
        };
        // A control character would be another line.
        if !usual && !value.contains(char::is_control) {
            lines.push_str(&format!("{name}={}\n", quoted(value)));
        }
    }
    let from = unit.path.display();
    (!lines.is_empty()).then(|| format!("# What {from} said; ours heeds it too.\n{lines}"))
}

/// As `offgrid.env` is read: [`crate::service`] and systemd alike.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:,@+=*".contains(c);
    match value.chars().all(plain) {
        true => value.to_owned(),
        false => format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(name: &str, running: bool, vars: &[(&str, &str)]) -> Unit {
        let vars = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let path = format!("/etc/systemd/system/{name}").into();
        Unit { name: name.to_owned(), path, running, vars, ..Unit::default() }
    }

    #[test]
    fn what_the_running_unit_says_is_carried_and_what_would_break_ours_is_not() {
        let vars = [
            ("OFFGRID_PORT", "8080"),
            ("OFFGRID_MODELS_DIR", "/var/lib/offgrid/models"),
            ("OFFGRID_CORS_ORIGINS", "http://a b \"c\\"),
            ("OFFGRID_LLAMA_SERVER_PATH", "/usr/local/bin/llama-server"),
            ("OFFGRID_GPU_LAYERS", "0"),
            ("LLAMA_SERVER_URL", "http://127.0.0.1:42382"),
            ("OFFGRID_LOG_LEVEL", "a\nOFFGRID_PORT=1"),
            ("LD_PRELOAD", "/tmp/x.so"),
        ];
        let units = vec![
            unit("offgrid.service", false, &[("OFFGRID_PORT", "9")]),
            unit("llama-server.service", true, &[("OFFGRID_PORT", "7")]),
            unit("offgrid-llm.service", true, &vars),
        ];
        let upstream = Upstream { units, ..Upstream::default() };
        let models = Path::new("/var/lib/offgrid/models");
        assert_eq!(
            text(&upstream, false, models).unwrap(),
            "# What /etc/systemd/system/offgrid-llm.service said; ours heeds it too.\n\
             OFFGRID_PORT=8080\nOFFGRID_CORS_ORIGINS=\"http://a b \\\"c\\\\\"\n"
        );
        assert!(text(&upstream, false, Path::new("/m")).unwrap().contains("MODELS_DIR=/var/lib"));
        assert_eq!(text(&upstream, true, models), None, "no unit of the user's");
        let usual = unit("offgrid.service", true, &[("OFFGRID_PORT", "11611")]);
        let usual = Upstream { units: vec![usual], ..Upstream::default() };
        assert_eq!(text(&usual, false, models), None);
    }
}
