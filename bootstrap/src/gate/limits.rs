//! How long each part of a proof may take on this machine. Owns the figures.

use std::time::Duration;

/// How long each proof may take.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub(super) app: Duration,
    pub(super) engine: Duration,
    pub(super) load: Duration,
    pub(super) answer: Duration,
}

/// A first start may mean a virus scan, and machine code made for this card.
pub(super) const LIMITS: Limits = Limits {
    app: Duration::from_secs(20),
    engine: Duration::from_secs(60),
    load: Duration::from_secs(120),
    answer: Duration::from_secs(60),
};

/// How long an app takes to say its version on a machine for which [`LIMITS`] are made.
const USUAL: Duration = Duration::from_millis(200);
/// A slower machine may take so many times as long.
const SLOWEST: u32 = 10;

impl Limits {
    /// For a machine on which the app took this long to say its version.
    pub(super) fn scaled(&self, took: Duration) -> Limits {
        let times = u32::try_from(took.as_millis() / USUAL.as_millis()).unwrap_or(SLOWEST);
        let times = times.clamp(1, SLOWEST);
        let Limits { app, engine, load, answer } = *self;
        Limits { app, engine: engine * times, load: load * times, answer: answer * times }
    }
}
