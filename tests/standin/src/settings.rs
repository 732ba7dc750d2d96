//! The settings. Owns the environment: it is read once, here, with upstream's
//! names and defaults. Never reads a config file or a flag: upstream's `serve`
//! ignores flags, and the installer configures by environment.

use std::env;
use std::ffi::OsString;
use std::path::{self, Path, PathBuf};
use std::str::FromStr;
use std::thread;

const SYSTEM_MODELS: &str = "/var/lib/offgrid/models";

/// What the environment makes of the app.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: String,
    pub(crate) models: PathBuf,
    pub(crate) default_model: Option<String>,
    pub(crate) max_models: usize,
    /// Where an engine may lie, best first. None of them need exist.
    pub(crate) engines: Vec<PathBuf>,
    pub(crate) first_engine_port: u16,
    pub(crate) context: u32,
    pub(crate) threads: usize,
    pub(crate) gpu_layers: i32,
}

impl Settings {
    pub(crate) fn from_env() -> Self {
        Self::from(|name| env::var_os(name))
    }

    fn from(get: impl Fn(&str) -> Option<OsString>) -> Self {
        let text = |name: &str| {
            get(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty())
        };
        let models = models_dir(&get);
        let cores = thread::available_parallelism().map_or(1, usize::from);
        // All interfaces, and OFFGRID_HOST without effect: upstream's trap.
        // STANDIN_LISTEN is for tests, which must not open a port to others.
        let port = number(text("OFFGRID_PORT"), 11611_u16);
        Self {
            listen: text("STANDIN_LISTEN").unwrap_or_else(|| format!("0.0.0.0:{port}")),
            default_model: text("OFFGRID_DEFAULT_MODEL"),
            max_models: number(text("OFFGRID_MAX_MODELS"), 10).max(1),
            engines: engine_places(&get, &models),
            models,
            first_engine_port: number(text("STANDIN_ENGINE_PORT"), 42382),
            context: number(text("OFFGRID_MAX_CONTEXT"), 4096),
            threads: number(text("OFFGRID_NUM_THREADS"), cores),
            gpu_layers: number(text("OFFGRID_GPU_LAYERS"), 0),
        }
    }
}

fn number<N: FromStr>(text: Option<String>, default: N) -> N {
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(default)
}

fn models_dir(get: impl Fn(&str) -> Option<OsString>) -> PathBuf {
    if let Some(named) = get("OFFGRID_MODELS_DIR").filter(|value| !value.is_empty()) {
        return PathBuf::from(named);
    }
    let system = Path::new(SYSTEM_MODELS);
    if system.read_dir().is_ok() {
        return system.to_owned();
    }
    let home = get("HOME").or_else(|| get("USERPROFILE")).unwrap_or_default();
    Path::new(&home).join(".offgrid-llm").join("models")
}

/// Upstream's order: the variable, `bin` beside the models, then PATH.
fn engine_places(get: impl Fn(&str) -> Option<OsString>, models: &Path) -> Vec<PathBuf> {
    let file = format!("llama-server{}", env::consts::EXE_SUFFIX);
    let named = get("OFFGRID_LLAMA_SERVER_PATH").map(PathBuf::from);
    let beside = models.parent().map(|parent| parent.join("bin").join(&file));
    let search = get("PATH").unwrap_or_default();
    named
        .into_iter()
        .chain(beside)
        .chain(env::split_paths(&search).map(|folder| folder.join(&file)))
        .filter_map(|place| path::absolute(place).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::Settings;

    fn with(variables: &[(&str, &str)]) -> Settings {
        let find = |name: &str| variables.iter().find(|(key, _)| *key == name);
        Settings::from(|name| find(name).map(|(_, value)| OsString::from(value)))
    }

    #[test]
    fn the_defaults_are_those_of_upstream() {
        let settings = with(&[("OFFGRID_HOST", "127.0.0.1"), ("OFFGRID_MODELS_DIR", "/m")]);
        assert_eq!(settings.listen, "0.0.0.0:11611");
        assert_eq!(settings.first_engine_port, 42382);
        assert_eq!((settings.context, settings.gpu_layers), (4096, 0));
    }

    #[test]
    fn variables_change_what_they_name_and_nonsense_changes_nothing() {
        let settings = with(&[("OFFGRID_PORT", "8"), ("OFFGRID_GPU_LAYERS", "99")]);
        assert_eq!((settings.listen.as_str(), settings.gpu_layers), ("0.0.0.0:8", 99));
        assert_eq!(with(&[("OFFGRID_PORT", "80000")]).listen, "0.0.0.0:11611");
        assert_eq!(with(&[("STANDIN_LISTEN", "[::1]:0")]).listen, "[::1]:0");
    }

    #[cfg(unix)]
    #[test]
    fn an_engine_is_sought_in_upstreams_order() {
        let settings = with(&[
            ("OFFGRID_LLAMA_SERVER_PATH", "/a/engine"),
            ("OFFGRID_MODELS_DIR", "/b/models"),
            ("PATH", "/c:/d"),
        ]);
        let expected = ["/a/engine", "/b/bin/llama-server", "/c/llama-server", "/d/llama-server"];
        assert_eq!(settings.engines, expected.map(std::path::Path::new));
    }
}
