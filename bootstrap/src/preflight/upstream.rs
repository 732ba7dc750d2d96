//! The app as its makers install it (reference/app.md 6 and 8), and other
//! installations of ours. `find` looks; the rest decides from what it found.

mod find;
mod unit;

pub(super) use find::{Search, is_ours};

use super::{Facts, Finding, Word};
use std::path::{Path, PathBuf};

/// What of its makers' own installation is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upstream {
    /// Its programs and its other files.
    pub files: Vec<PathBuf>,
    /// Its units, and those that it starts.
    pub units: Vec<Unit>,
    /// Processes of either that run now.
    pub processes: Vec<u32>,
    /// Folders with models that are not the one of this installation.
    pub models: Vec<PathBuf>,
    /// How many models are in that one.
    pub own_models: usize,
}

/// A unit of systemd.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unit {
    /// Its name; of a template, `offgrid@.service`.
    pub name: String,
    /// Whether it is of a user's own manager.
    pub user: bool,
    /// Its file.
    pub path: PathBuf,
    /// Links that start it by itself.
    pub links: Vec<PathBuf>,
    /// What can be stopped: itself, or the instances of a template.
    pub instances: Vec<String>,
    /// Whether a process of it runs.
    pub running: bool,
    /// The folder of its drop-ins.
    pub drop_ins: Option<PathBuf>,
    /// What it sets in the environment, its drop-ins too, the latest last.
    pub vars: Vec<(String, String)>,
}

/// Another installation of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Second {
    /// Its prefix.
    pub prefix: PathBuf,
    /// Whether it is the whole system's.
    pub system: bool,
}

/// Whether a unit of this name may be upstream's: `offgrid-llm.service`,
/// `offgrid.service`, `offgrid@*.service`, and the engine's.
pub(super) fn is_named(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".service") else { return false };
    let stem = stem.split('@').next().unwrap_or(stem);
    matches!(stem, "offgrid-llm" | "offgrid" | "llama-server")
}

/// Whether the text of a unit with such a name is not ours. An engine's unit is
/// upstream's only when it says so: others run llama.cpp, too.
pub(super) fn is_upstream(name: &str, text: &str, prefix: &Path) -> bool {
    let starts: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("ExecStart=")).collect();
    let program = prefix.join("bin");
    let ours =
        |start: &&str| start.contains("service run") || start.contains(&*program.to_string_lossy());
    if starts.iter().any(ours) {
        return false;
    }
    !name.starts_with("llama-server") || text.to_lowercase().contains("offgrid")
}

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    let Upstream { files, units, models, .. } = &facts.upstream;
    if !files.is_empty() || !units.is_empty() {
        let names = units.iter().map(|unit| format!("the service {}", unit.name));
        let files = files.iter().map(|path| path.display().to_string());
        let there: Vec<String> = files.chain(names).collect();
        let what = format!(
            "OffGrid LLM is here as its makers install it ({}); when that starts to serve, it ends \
             every llama-server of this computer (pkill -9), also the one of this installation",
            there.join(", ")
        );
        let mut hint = stop(units);
        hint.push_str("; or `--adopt yes` with a first install takes it over, until an uninstall");
        for models in models {
            hint.push_str(&format!(
                "; its models stay: OFFGRID_MODELS_DIR={} in offgrid.env uses them",
                models.display()
            ));
        }
        found.push(Finding::new(Word::Warn("W_UPSTREAM"), what, hint));
    }
    if let Some(Second { prefix, system }) = &facts.second {
        let whose = if *system { "for everybody" } else { "for this user" };
        let prefix = prefix.display();
        let what = format!(
            "OffGrid LLM is installed {whose}, too, in `{prefix}`; both answer on port {}",
            facts.port
        );
        let hint = format!(
            "use that one: `{prefix}/bin/offgrid self status`; or take it off: \
             `{prefix}/bin/offgrid uninstall`"
        );
        found.push(Finding::new(Word::Warn("W_SECOND_INSTALL"), what, hint));
    }
    found
}

/// What stops it.
fn stop(units: &[Unit]) -> String {
    let of = |user: bool| {
        let names: Vec<&str> =
            units.iter().filter(|unit| unit.user == user).map(|unit| unit.name.as_str()).collect();
        names.join(" ")
    };
    let (system, user) = (of(false), of(true));
    let mut lines = Vec::new();
    if !system.is_empty() {
        lines.push(format!("`sudo systemctl disable --now {system}`"));
    }
    if !user.is_empty() {
        lines.push(format!("`systemctl --user disable --now {user}`"));
    }
    match lines.is_empty() {
        true => "start only one of the two".to_owned(),
        false => format!("stop it first: {}", lines.join(" and ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_known_by_its_name_and_by_what_it_starts() {
        for (name, named) in [
            ("offgrid-llm.service", true),
            ("offgrid@anna.service", true),
            ("llama-server@.service", true),
            ("offgrid-llm.service.d", false),
            ("ollama.service", false),
            ("offgridder.service", false),
        ] {
            assert_eq!(is_named(name), named, "{name}");
        }
        let prefix = Path::new("/opt/offgrid");
        let upstream = "[Service]\nExecStart=/usr/local/bin/offgrid serve\n";
        assert!(is_upstream("offgrid-llm.service", upstream, prefix));
        let ours = "[Service]\nExecStart=/opt/offgrid/bin/offgrid self service run\n";
        assert!(!is_upstream("offgrid-llm.service", ours, prefix));
        let alone = "[Service]\nExecStart=/usr/bin/llama-server -m x\n";
        assert!(!is_upstream("llama-server.service", alone, prefix));
        assert!(is_upstream("llama-server.service", "Description=for OffGrid\n", prefix));
    }

    #[test]
    fn what_is_there_is_named_with_what_to_type() {
        let unit = |name: &str, user| Unit { name: name.to_owned(), user, ..Unit::default() };
        let facts = |upstream, second| Facts { upstream, second, port: 11611, ..Facts::default() };
        assert_eq!(judge(&facts(Upstream::default(), None)), []);
        let upstream = Upstream {
            files: vec!["/usr/local/bin/offgrid".into()],
            units: vec![unit("offgrid-llm.service", false), unit("offgrid.service", true)],
            models: vec!["/var/lib/offgrid/models".into()],
            ..Upstream::default()
        };
        let said = judge(&facts(upstream, None))[0].line();
        for part in [
            "W_UPSTREAM",
            "/usr/local/bin/offgrid",
            "pkill -9",
            "`sudo systemctl disable --now offgrid-llm.service`",
            "`systemctl --user disable --now offgrid.service`",
            "OFFGRID_MODELS_DIR=/var/lib/offgrid/models",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let second = Second { prefix: "/opt/offgrid".into(), system: true };
        let said = judge(&facts(Upstream::default(), Some(second)))[0].line();
        assert!(said.contains("for everybody") && said.contains("11611"), "{said}");
        let bare = Upstream { files: vec!["/usr/local/bin/offgrid".into()], ..Upstream::default() };
        assert!(judge(&facts(bare, None))[0].line().contains("only one of the two"));
    }
}
