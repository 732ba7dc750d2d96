//! Trying out an engine that was asked for and that nobody else could have changed:
//! its version, the app's own words, and the devices that it sees. In its folder, with
//! an empty environment, for a bounded time; whatever it starts ends with it.

use super::known::Existing;
use super::search::{Search, builds};
use super::{Refusal, libraries, said};
use crate::child::{self, Ended, Outcome};
use std::path::Path;
use std::time::Duration;

/// For each of the three (reference/gpu.md 4.4).
const LIMIT: Duration = Duration::from_secs(20);
/// More than any engine says of itself.
const MOST: u64 = 1024 * 1024;

/// What the app gives its engine (reference/app.md 4), and at the end a word with which
/// it stops before it does anything.
const WORDS: &str = "-m /nonexistent --port 1 --host 127.0.0.1 -c 4096 -np 1 -b 512 --no-warmup \
                     -fit off -t 4 --cache-type-k q8_0 --cache-type-v q8_0 -cb -ngl 0 --version";

/// Tries it out; what is learned of it is what is known of it from now on.
///
/// # Errors
/// Why it is not used.
pub(super) fn run(search: &Search<'_>, path: &Path, real: &Path) -> Result<Existing, Refusal> {
    let folders = libraries::folders(real, [].into_iter())?;
    libraries::are_safe(&libraries::files(real, &folders)?, search.system)?;
    let trial = Trial { real, stop: search.stop };
    let version = trial.well("`--version`", &["--version"])?;
    let read = said::version(&version.stdout).or_else(|| said::version(&version.stderr));
    let read = read.ok_or_else(|| Refusal::NoVersion(version.said()))?;
    let (oldest, newest) = builds(search.release);
    if let Some(build) = read.build.filter(|build| !(oldest..=newest).contains(build)) {
        return Err(Refusal::Build { build, oldest, newest });
    }
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    trial.well("it", &words).map_err(|why| match why {
        Refusal::Ended { ended: Ended::Exited(_), said, .. } => Refusal::Words(said),
        other => other,
    })?;
    let list = trial.well("`--list-devices`", &["--verbose", "--list-devices"])?;
    let device = said::device(&list.stdout).or_else(|| said::device(&list.stderr));
    let device = device.filter(|_| search.gpu);
    let (variant, needs_device) = search.variant;
    if needs_device && device.is_none() {
        return Err(Refusal::NoDevice(variant.to_owned()));
    }
    let named = said::backends(&list.stdout).chain(said::backends(&list.stderr));
    let folders = libraries::folders(real, named)?;
    let files = libraries::files(real, &folders)?;
    libraries::are_safe(&files, search.system)?;
    Ok(Existing {
        path: path.to_owned(),
        real: real.to_owned(),
        version: read.name,
        sha256: libraries::digest(&files)?,
        seen: libraries::outlook(&files)?,
        folders,
        device,
        system: search.system,
    })
}

struct Trial<'a> {
    real: &'a Path,
    stop: &'a dyn Fn() -> bool,
}

impl Trial<'_> {
    /// Runs it to a good end.
    fn well(&self, ran: &'static str, words: &[&str]) -> Result<Outcome, Refusal> {
        // The working folder is one in which it looks for backends.
        let folder = self.real.parent().unwrap_or(self.real);
        let mut command = child::command(self.real, folder);
        command.args(words);
        child::give(&mut command, [("NO_PROXY", "*".into())]);
        let outcome = child::run_within(command, LIMIT, MOST, self.stop);
        let outcome = outcome.map_err(|why| Refusal::Start { ran, why: why.to_string() })?;
        match &outcome.ended {
            Ended::Stopped => Err(Refusal::Stopped),
            ended if ended.is_success() => Ok(outcome),
            ended => {
                let (ended, said) = (ended.clone(), outcome.said());
                Err(Refusal::Ended { ran, ended, said })
            }
        }
    }
}
