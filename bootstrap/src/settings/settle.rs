//! From layers to settings: who wins, then what the winner's value means.
//!
//! Owns precedence and defaults. Only values that win are read, so a flag
//! mends a mistake in a file.

use super::Settings;
use super::error::Error;
use super::layer::{Given, Layer, Origin, Value};
use super::table::{self, Spec, TABLE};
use super::value::{self, Read};
use crate::cli::args::Parsed;
use crate::engine::Wish;
use crate::env::Env;
use crate::plan::KEEP_LEAST;
use crate::schedule::{Metered, Mode, Window};
use offgrid_manifest::Id;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

impl Settings {
    /// Settles what is meant. `files` are the texts of those `setup.toml` that
    /// are there: path, text, and whether it is the system's. Reading them is
    /// the caller's.
    ///
    /// # Errors
    /// Any value that wins and cannot be read; any file that cannot.
    #[expect(clippy::too_many_lines, reason = "one line for each setting")]
    pub fn settle(
        args: &Parsed,
        env: &Env,
        files: &[(PathBuf, String, bool)],
    ) -> Result<Settings, Error> {
        let stack = Stack::of(args, env, files)?.one_way()?;
        let service = stack.read("--service", value::service)?;
        let (quiet, verbose) = stack.loudness()?;
        Ok(Settings {
            // Nobody is there to be asked.
            yes: stack.switch("--yes") || stack.switch("--scheduled"),
            json: stack.switch("--json"),
            quiet,
            verbose,
            offline: stack.switch("--offline"),
            sources: stack.sources()?,
            sources_typed: stack.typed("--source"),
            channel: stack.read("--channel", value::id)?,
            prefix: stack.path("--prefix", value::prefix)?,
            system: stack.read("--system", value::scope)?,
            color: stack.color(),
            modify_path: !stack.is_off("--no-modify-path"),
            service_typed: service.is_some() && stack.typed("--service"),
            service: service.unwrap_or_default(),
            adopt: stack.read("--adopt", crate::adopt::Wish::read)?.unwrap_or_default(),
            autostart: !stack.is_off("--no-autostart"),
            listen: stack.read("--listen", value::listen)?,
            drain: stack.read("--drain", value::drain)?.unwrap_or(value::DRAIN),
            linger: stack.switch_or_none("--linger"),
            models: stack.models()?,
            engine: stack.engine()?,
            engine_typed: stack.typed("--llama-server"),
            variant: stack.read("--variant", value::variant)?,
            variant_in_file: stack.in_file("--variant"),
            gpu: stack.read("--gpu", value::gpu)?,
            gpu_in_file: stack.in_file("--gpu"),
            rematch: stack.switch("--rematch"),
            version: stack.read("--version", value::version)?,
            keep: stack.read("--keep", value::keep)?.unwrap_or(KEEP_LEAST),
            to: stack.read("--to", value::slot)?,
            accept_stale: stack.switch("--accept-stale"),
            allow_downgrade: stack.switch("--allow-downgrade"),
            allow_yanked: stack.switch("--allow-yanked"),
            accept_vulnerable: stack.read("--accept-vulnerable", value::version)?,
            ca_file: stack.path("--ca-file", value::path)?,
            limit_rate: stack.read("--limit-rate", value::rate)?.flatten(),
            max_download: stack.read("--max-download", value::size)?.flatten(),
            updates: stack.read("--updates", Mode::read)?,
            updates_in_file: stack.in_file("--updates"),
            update_windows: stack.windows()?,
            update_budget: stack.read("--update-budget", value::size)?.flatten(),
            metered: stack.read("--metered", Metered::read)?.unwrap_or_default(),
            scheduled: stack.switch("--scheduled"),
            history: stack.switch("--history"),
            wait: stack.switch("--wait"),
            self_update: stack.winner("--no-self-update").is_none_or(on),
            check: stack.switch("--check"),
            explain: stack.switch("--explain"),
            sysroot: stack.path("--sysroot", value::path)?,
            capture: stack.path("--capture", value::path)?,
            purge: stack.switch("--purge"),
            finish: stack.switch("--finish"),
            back: stack.switch("--back"),
            state: stack.path("--state", value::path)?,
            root: stack.path("--root", value::path)?,
            now: stack.read("--now", value::time)?,
            target: stack.read("--target", |text| Ok(text.to_owned()))?,
            into: stack.path("--into", value::path)?,
            overruled: stack.overruled(&args.layer),
        })
    }
}

/// The layers, strongest first.
struct Stack<'a> {
    layers: Vec<Layer>,
    /// How many of them are policy.
    policies: usize,
    env: &'a Env,
}

/// Whether somebody said "on".
fn on((_, given): (usize, &Given)) -> bool {
    given.value == Value::Switch(true)
}

/// How a path is read.
type Place = fn(&OsStr, &Origin, &Path) -> Result<PathBuf, Error>;

impl<'a> Stack<'a> {
    /// Nobody wants a run both finished and taken back.
    fn one_way(self) -> Result<Stack<'a>, Error> {
        match (self.on("--finish"), self.on("--back")) {
            (Some(finish), Some(back)) => {
                Err(Error::Conflict(finish.origin.clone(), back.origin.clone()))
            }
            _ => Ok(self),
        }
    }

    fn of(
        args: &Parsed,
        env: &'a Env,
        files: &[(PathBuf, String, bool)],
    ) -> Result<Stack<'a>, Error> {
        let (mut policy, mut user, mut system) = (Vec::new(), Vec::new(), Vec::new());
        for (path, text, is_system) in files {
            let file = Layer::from_toml(path, text)?;
            match (file.enforce, *is_system) {
                (Some((_, layer)), true) => policy.push(layer),
                (Some((line, _)), false) => {
                    let why = "`[enforce]` counts only in the system's setup.toml".to_owned();
                    return Err(Error::BadFile { path: path.clone(), line, why });
                }
                (None, _) => {}
            }
            if *is_system { &mut system } else { &mut user }.push(file.settings);
        }
        let policies = policy.len();
        let mut layers = policy;
        layers.extend([args.layer.clone(), Layer::from_vars(env)?]);
        layers.extend(user);
        layers.extend(system);
        Ok(Stack { layers, policies, env })
    }

    /// Who wins, and how strong it is: 0 is the strongest.
    fn winner(&self, flag: &'static str) -> Option<(usize, &Given)> {
        let spec = table::by_flag(flag)?;
        self.layers.iter().enumerate().find_map(|(rank, layer)| Some((rank, layer.get(spec)?)))
    }

    fn words(&self, flag: &'static str) -> Option<(Vec<&OsString>, &Origin)> {
        let (_, given) = self.winner(flag)?;
        let words = match &given.value {
            Value::Switch(_) => Vec::new(),
            Value::Text(word) => vec![word],
            Value::List(words) => words.iter().collect(),
        };
        Some((words, &given.origin))
    }

    /// Whether the winner is the command line.
    fn typed(&self, flag: &'static str) -> bool {
        self.winner(flag).is_some_and(|(_, given)| matches!(given.origin, Origin::Flag(_)))
    }

    /// Whether the winner is a file.
    fn in_file(&self, flag: &'static str) -> bool {
        self.winner(flag).is_some_and(|(_, given)| matches!(given.origin, Origin::Key { .. }))
    }

    /// The winner, when it says "on".
    fn on(&self, flag: &'static str) -> Option<&Given> {
        let (_, given) = self.winner(flag)?;
        (given.value == Value::Switch(true)).then_some(given)
    }

    fn switch(&self, flag: &'static str) -> bool {
        self.on(flag).is_some()
    }

    /// What somebody said, or nobody anything.
    fn switch_or_none(&self, flag: &'static str) -> Option<bool> {
        self.winner(flag).map(|(_, given)| given.value == Value::Switch(true))
    }

    /// Whether somebody turned it off.
    fn is_off(&self, flag: &'static str) -> bool {
        self.winner(flag).is_some_and(|(_, given)| given.value == Value::Switch(false))
    }

    fn read<T>(&self, flag: &'static str, read: Read<T>) -> Result<Option<T>, Error> {
        let Some((words, origin)) = self.words(flag) else { return Ok(None) };
        let Some(word) = words.first() else { return Ok(None) };
        let read = read(value::text(word, origin)?);
        read.map(Some).map_err(|wants| value::bad(word, origin, wants))
    }

    fn path(&self, flag: &'static str, place: Place) -> Result<Option<PathBuf>, Error> {
        let Some((words, origin)) = self.words(flag) else { return Ok(None) };
        words.first().map(|word| place(word, origin, &self.env.cwd)).transpose()
    }

    fn engine(&self) -> Result<Option<Wish>, Error> {
        let Some((words, origin)) = self.words("--llama-server") else { return Ok(None) };
        words.first().map(|word| value::engine(word, origin, &self.env.cwd)).transpose()
    }

    fn sources(&self) -> Result<Vec<String>, Error> {
        let Some((words, origin)) = self.words("--source") else { return Ok(Vec::new()) };
        words.into_iter().map(|word| value::source(word, origin, &self.env.cwd)).collect()
    }

    fn windows(&self) -> Result<Vec<Window>, Error> {
        let Some((words, origin)) = self.words("--update-window") else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        for word in words {
            let read = Window::all(value::text(word, origin)?);
            all.extend(read.map_err(|wants| value::bad(word, origin, wants))?);
        }
        Ok(all)
    }

    /// `none` stands alone.
    fn models(&self) -> Result<Option<Vec<Id>>, Error> {
        let Some((words, origin)) = self.words("--model") else { return Ok(None) };
        if words.iter().all(|word| word.as_os_str() == "none") {
            return Ok(Some(Vec::new()));
        }
        let mut models = Vec::new();
        for word in words {
            let read = value::text(word, origin)?;
            if read == "none" {
                let wants = "the name of a model, and others are named: leave it out".to_owned();
                return Err(value::bad(word, origin, wants));
            }
            models.push(value::id(read).map_err(|wants| value::bad(word, origin, wants))?);
        }
        Ok(Some(models))
    }

    /// Quiet and verbose: the stronger place wins; one place cannot say both.
    fn loudness(&self) -> Result<(bool, bool), Error> {
        let on = |flag| self.winner(flag).filter(|(_, given)| given.value == Value::Switch(true));
        match (on("--quiet"), on("--verbose")) {
            (Some((a, quiet)), Some((b, verbose))) if a == b => {
                Err(Error::Conflict(quiet.origin.clone(), verbose.origin.clone()))
            }
            (Some((a, _)), Some((b, _))) => Ok((a < b, b < a)),
            (quiet, verbose) => Ok((quiet.is_some(), verbose.is_some())),
        }
    }

    fn color(&self) -> bool {
        match self.winner("--no-color") {
            Some((_, given)) => given.value == Value::Switch(true),
            None => self.env.stderr_tty && self.env.var("TERM").is_none_or(|term| term != "dumb"),
        }
    }

    /// What was typed and lost to policy.
    fn overruled(&self, typed: &Layer) -> Vec<String> {
        let sentence = |spec: &'static Spec| {
            let (rank, winner) = self.winner(spec.flag)?;
            let lost = typed.get(spec)?;
            let differs = winner.value != lost.value;
            let said = (rank < self.policies && differs).then_some(&lost.origin)?;
            Some(format!("{said} does not count here: {} decides", winner.origin))
        };
        TABLE.iter().filter_map(sentence).collect()
    }
}
