//! Events for people, as lines on stderr.
//!
//! On a terminal the step under way is drawn over and becomes a line with a
//! check mark; downloads have a bar. Anywhere else every step is one plain line
//! and downloads say how far they are now and then. Never sleeps, never fails.

use super::meter::Meter;
use super::style::{Paint, Style};
use super::{plan, text, units};
use crate::event::Event;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::Write;
use std::time::{Duration, Instant};

/// Fast enough for the eye.
const PACE: Duration = Duration::from_millis(100);
const BAR: &str = "  {bar:16} {percent:>3} %  {prefix}";
const BAR_OF_STEP: &str = "  {wide_msg}\n  {bar:16} {percent:>3} %  {prefix}";

/// Tells events to people.
pub(super) struct Human {
    style: Style,
    err: Box<dyn Write + Send>,
    /// Where bars are drawn.
    target: fn() -> ProgressDrawTarget,
    /// What is drawn over: the step under way or its bar.
    bar: Option<ProgressBar>,
    meter: Option<Meter>,
    drawn: Option<Instant>,
    step: Option<Step>,
}

/// The step under way.
struct Step {
    label: String,
    since: Instant,
}

impl Human {
    pub(super) fn new(
        style: Style,
        err: Box<dyn Write + Send>,
        target: fn() -> ProgressDrawTarget,
    ) -> Human {
        Human { style, err, target, bar: None, meter: None, drawn: None, step: None }
    }

    pub(super) fn event(&mut self, event: &Event<'_>, now: Instant) {
        if let Event::Noted { what, hint, .. } = event {
            return self.note(what, *hint);
        }
        if let Event::Problem { problem } = event {
            self.clear();
            return self.say(&text::line(&problem.to_string()));
        }
        if self.style.quiet {
            return;
        }
        match event {
            Event::Looking { what } => {
                self.clear();
                let line = self.style.paint(Paint::Dim, &text::line(what));
                self.say(&line);
            }
            Event::RunBegan { plan } => {
                self.clear();
                self.say(&plan::began(plan));
            }
            Event::StepBegan { minor: true, .. } if !self.style.verbose => {}
            Event::StepBegan { index, of, what, .. } => self.step_began(*index, *of, what, now),
            Event::StepEnded { .. } => self.step_ended(now),
            Event::Progress { done, total } => self.progress(*done, *total, now),
            Event::Noted { .. } | Event::Problem { .. } => {}
            Event::TakingBack { why } => self.taking_back(why),
        }
    }

    /// Writes safe text and ends the line; what is drawn over stays below it. A
    /// terminal that went away is not a failure.
    pub(super) fn say(&mut self, safe: &str) {
        self.above(|err| {
            let _ = writeln!(err, "{safe}");
        });
    }

    /// The same without an end of the line.
    pub(super) fn prompt(&mut self, safe: &str) {
        self.clear();
        self.above(|err| {
            let _ = write!(err, "{safe}");
        });
    }

    /// Writes while nothing is drawn over.
    fn above(&mut self, write: impl FnOnce(&mut dyn Write)) {
        let err = &mut self.err;
        let write = || {
            write(err);
            let _ = err.flush();
        };
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Takes away what is drawn over.
    pub(super) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.meter = None;
        self.drawn = None;
    }

    fn note(&mut self, what: &str, hint: Option<&str>) {
        let word = self.style.paint(Paint::Note, "note");
        let mut line = format!("{word}: {}", text::lines(what, "  "));
        if let Some(hint) = hint {
            line.push_str("\n  ");
            line.push_str(&text::lines(hint, "  "));
        }
        self.say(&line);
    }

    fn step_began(&mut self, index: usize, of: usize, what: &str, now: Instant) {
        self.clear();
        let what = text::line(what);
        let label = if self.style.verbose {
            format!("[{}/{of}] {what}", index + 1)
        } else {
            what.into_owned()
        };
        if self.style.live() {
            self.draw("  {wide_msg}", &label, 0).tick();
        } else {
            self.say(&label);
        }
        self.step = Some(Step { label, since: now });
    }

    fn step_ended(&mut self, now: Instant) {
        self.clear();
        let Some(step) = self.step.take() else { return };
        let took = if self.style.verbose {
            format!(" ({})", units::duration(now.saturating_duration_since(step.since)))
        } else {
            String::new()
        };
        if self.style.live() {
            let line = format!("{} {}{took}", self.style.check(), step.label);
            self.say(&line);
        } else if self.style.verbose {
            self.say(&format!("  done{took}"));
        }
    }

    fn taking_back(&mut self, why: &str) {
        self.clear();
        if let Some(step) = self.step.take()
            && self.style.live()
        {
            let line = format!("{} {}", self.style.cross(), step.label);
            self.say(&line);
        }
        // Why is told once, by the error at the end.
        let line = if self.style.verbose {
            format!("taking back what was done: {}", text::lines(why, "  "))
        } else {
            "taking back what was done".to_owned()
        };
        self.say(&line);
    }

    fn progress(&mut self, done: u64, total: u64, now: Instant) {
        let first = self.meter.is_none();
        let meter = self.meter.get_or_insert_with(|| Meter::new(done, total, now));
        meter.update(done, total, now);
        if !self.style.live() {
            if meter.due(now) {
                let line = format!("  {:>3} %  {}", meter.percent(), meter.line());
                self.say(&line);
            }
            return;
        }
        let early = self.drawn.is_some_and(|drawn| now.saturating_duration_since(drawn) < PACE);
        if early && done < total {
            return;
        }
        let line = meter.line();
        self.drawn = Some(now);
        if first {
            let label = self.step.as_ref().map(|step| step.label.clone());
            let template = if label.is_some() { BAR_OF_STEP } else { BAR };
            self.draw(template, &label.unwrap_or_default(), total);
        }
        let Some(bar) = &self.bar else { return };
        bar.update(|state| {
            state.set_len(total);
            state.set_pos(done);
        });
        bar.set_prefix(line);
    }

    /// A new bar in the place of the old one; it shows when it is next told
    /// something.
    fn draw(&mut self, template: &str, message: &str, total: u64) -> &ProgressBar {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let chars = if self.style.utf8 { "█▉▊▋▌▍▎▏ " } else { "=> " };
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars(chars);
        let bar = ProgressBar::with_draw_target(Some(total), (self.target)())
            .with_style(style)
            .with_message(message.to_owned());
        self.bar.insert(bar)
    }
}
