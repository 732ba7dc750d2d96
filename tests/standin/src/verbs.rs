//! The command line. Owns the verbs and everything they print; never serves
//! a request (`serve`). `serve` ignores every flag, as upstream does.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::json;

use crate::settings::Settings;
use crate::{engine, models, platform, serve, version};

const HELP: &str = "\
OffGrid LLM stand-in: plays the upstream app for installer tests.

  serve, server   serve the API and the web page (the default; ignores flags)
  version         this version (also -v, --version)
  list            the models
  info, status    what the environment makes of it
  help            this text
  --json          machine-readable version, list and info

Only for tests: `echo-args ARG...` prints its arguments and copies stdin,
exits with STANDIN_EXIT; `env` prints the OFFGRID_* variables. STANDIN_LISTEN
is an address to listen on, STANDIN_ENGINE_PORT the first port for engines.";

/// Runs the typed words and says how it went.
pub(crate) fn run(words: &[OsString]) -> ExitCode {
    // These two get their words untouched: `--json` may be one of them.
    match words.first().and_then(|word| word.to_str()) {
        Some("echo-args") => return done("echo-args", echo(&words[1..])),
        Some(platform::GUARD_VERB) => {
            eprintln!("offgrid stand-in: {}", platform::guarded_exec(&words[1..]));
            return ExitCode::FAILURE;
        }
        _ => {}
    }
    let json = words.iter().any(|word| word == "--json");
    let verb = words.iter().find(|word| *word != "--json");
    let verb = verb.map_or("serve".into(), |word| word.to_string_lossy());
    match verb.as_ref() {
        "serve" | "server" => done("serve", serve::serve(Settings::from_env())),
        "version" | "-v" | "--version" => say(&version_text(json)),
        "help" | "-h" | "--help" => say(HELP),
        "list" => say(&list(json)),
        "info" | "status" => say(&info(json)),
        "env" => say(&environment()),
        unknown => {
            eprintln!("offgrid stand-in: unknown command: {unknown} (see `offgrid help`)");
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) -> ExitCode {
    if !text.is_empty() {
        println!("{text}");
    }
    ExitCode::SUCCESS
}

fn done(verb: &str, result: io::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("offgrid stand-in: {verb}: {error}");
        ExitCode::FAILURE
    })
}

fn version_text(json: bool) -> String {
    let version = version::of_release();
    if !json {
        return format!("OffGrid LLM stand-in {version}");
    }
    json!({
        "arch": version::go_arch(),
        "go": "stand-in",
        "os": version::go_os(),
        "standin": true,
        "version": version,
    })
    .to_string()
}

fn list(json: bool) -> String {
    let settings = Settings::from_env();
    let found = models::list(&settings.models);
    if json {
        return models::to_json(&found).to_string();
    }
    if found.is_empty() {
        return format!("No models in {}", settings.models.display());
    }
    let lines: Vec<_> =
        found.iter().map(|model| format!("{}\t{} bytes", model.name, model.size)).collect();
    lines.join("\n")
}

fn info(json: bool) -> String {
    let settings = Settings::from_env();
    let engine = engine::find(&settings.engines);
    if json {
        return json!({
            "engine": engine.map(|path| path.display().to_string()),
            "gpu_layers": settings.gpu_layers,
            "listen": settings.listen,
            "models_dir": settings.models.display().to_string(),
            "standin": true,
            "version": version::of_release(),
        })
        .to_string();
    }
    format!(
        "OffGrid LLM stand-in {}\nlistens on: {}\nmodels: {}\nengine: {}\nGPU layers: {}",
        version::of_release(),
        settings.listen,
        settings.models.display(),
        engine.map_or("none found".to_owned(), |path| path.display().to_string()),
        settings.gpu_layers,
    )
}

fn environment() -> String {
    let mut lines: Vec<_> = env::vars_os()
        .filter(|(name, _)| name.to_string_lossy().starts_with("OFFGRID_"))
        .map(|(name, value)| format!("{}={}", name.to_string_lossy(), value.to_string_lossy()))
        .collect();
    lines.sort();
    lines.join("\n")
}

/// Arguments, stdin and exit code, all passed through byte for byte.
fn echo(words: &[OsString]) -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    for word in words {
        out.write_all(word.as_encoded_bytes())?;
        out.write_all(b"\n")?;
    }
    io::copy(&mut io::stdin().lock(), &mut out)?;
    out.flush()?;
    let wanted = env::var("STANDIN_EXIT").unwrap_or_default();
    Ok(ExitCode::from(wanted.parse().unwrap_or(0)))
}
