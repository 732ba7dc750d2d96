//! How long an engine is waited for. An engine for a GPU that it has no finished code
//! for compiles that first, which takes minutes, once: as long as it works it is given
//! more time, bounded, and that is said (reference/gpu.md 1).

use crate::platform;
use std::time::{Duration, Instant};

/// The longest that an engine is waited for.
pub(super) const MOST: Duration = Duration::from_secs(30 * 60);
/// After this long somebody wants to know why nothing happens.
const TELL: Duration = Duration::from_secs(30);
/// Over so long an engine has to have worked to be given more time.
const SPAN: Duration = Duration::from_secs(10);
/// Compiling keeps at least a tenth of one processor busy.
const WORKED: Duration = Duration::from_secs(1);

/// The waiting for one engine.
pub(super) struct Patience {
    began: Instant,
    limit: Duration,
    /// The engine's process, where it may have to compile.
    engine: Option<u32>,
    told: bool,
    /// When it was looked at, and how long it had worked then.
    looked: (Instant, Duration),
    works: bool,
}

impl Patience {
    /// From now on. `engine`: the process of one that may have to compile.
    pub(super) fn new(limit: Duration, engine: Option<u32>) -> Patience {
        let now = Instant::now();
        let worked = engine.and_then(platform::cpu_time).unwrap_or_default();
        Patience { began: now, limit, engine, told: false, looked: (now, worked), works: true }
    }

    /// How long so far.
    pub(super) fn waited(&self) -> Duration {
        self.began.elapsed()
    }

    /// Whether it took too long.
    pub(super) fn is_over(&mut self, say: &dyn Fn(&str)) -> bool {
        let waited = self.waited();
        let Some(engine) = self.engine else { return waited >= self.limit };
        let (at, before) = self.looked;
        if at.elapsed() >= SPAN {
            let now = platform::cpu_time(engine);
            self.works = now.is_some_and(|now| now.saturating_sub(before) >= WORKED);
            self.looked = (Instant::now(), now.unwrap_or_default());
        }
        if waited >= TELL && self.works && !self.told {
            self.told = true;
            say("the engine prepares code for this GPU; that may take some minutes");
        }
        waited >= MOST || (waited >= self.limit && !self.works)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience(limit: Duration, engine: Option<u32>) -> Patience {
        Patience::new(limit, engine)
    }

    #[test]
    fn an_engine_that_compiles_nothing_has_its_limit() {
        let never = |_: &str| panic!("said something");
        assert!(patience(Duration::ZERO, None).is_over(&never));
        assert!(!patience(MOST, None).is_over(&never));
    }

    #[test]
    fn one_that_works_is_waited_for_and_told_of_once_and_one_that_sleeps_is_not() {
        let earlier = Instant::now().checked_sub(TELL + SPAN);
        let earlier = earlier.expect("a machine that was booted some seconds ago");
        let told = std::cell::Cell::new(0);
        let say = |_: &str| told.set(told.get() + 1);
        // This process has worked at least as long as it says now.
        let mut busy = patience(Duration::ZERO, Some(std::process::id()));
        (busy.began, busy.looked) = (earlier, (Instant::now(), Duration::ZERO));
        assert!(!busy.is_over(&say) && !busy.is_over(&say));
        assert_eq!(told.get(), 1);
        // Nobody has this number: it does no work.
        let mut idle = patience(Duration::ZERO, Some(u32::MAX));
        (idle.began, idle.looked) = (earlier, (earlier, Duration::ZERO));
        assert!(idle.is_over(&say));
        let mut long = patience(Duration::ZERO, Some(std::process::id()));
        let Some(before) = Instant::now().checked_sub(MOST) else { return };
        long.began = before;
        assert!(long.is_over(&say));
    }
}
