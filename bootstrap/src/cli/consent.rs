//! What a person says: whether somebody can be asked, yes and no, and the answers of
//! the guided install, which count where no setting says anything.
//!
//! Owns what no answer means: a no to everything. Reads nothing itself: `report` does.

use super::refuse::Error;
use super::session::Session;
use crate::engine::Wish;
use crate::error::Error as Any;
use crate::report::Pick;
use crate::run;
use offgrid_manifest::Id;
use std::ffi::OsString;

/// What was answered at the guided install.
#[derive(Debug, Clone, Default)]
pub(super) struct Answers {
    /// Which engine.
    pub(super) engine: Option<Wish>,
    /// Which models; `Some` of nothing: none.
    pub(super) models: Option<Vec<Id>>,
}

impl Answers {
    /// As variables, for a program that takes over and must not ask again.
    pub(super) fn variables(self) -> Vec<(&'static str, OsString)> {
        let engine = self.engine.map(|wish| match wish {
            Wish::Bundled => "bundled".into(),
            Wish::Auto => "auto".into(),
            Wish::Path(path) => path.into_os_string(),
        });
        let models = self.models.map(|models| match models.as_slice() {
            [] => "none".to_owned(),
            some => some.iter().map(Id::as_str).collect::<Vec<_>>().join(","),
        });
        let engine = engine.map(|value| ("OFFGRID_SETUP_ENGINE", value));
        let models = models.map(|value| ("OFFGRID_SETUP_MODEL", value.into()));
        engine.into_iter().chain(models).collect()
    }
}

impl Session<'_> {
    /// Which engine is wanted, by an answer or a setting.
    pub(super) fn engine(&self) -> Option<Wish> {
        self.answers.borrow().engine.clone().or_else(|| self.settings.engine.clone())
    }

    /// Which models are wanted, in the same way.
    pub(super) fn models(&self) -> Option<Vec<Id>> {
        self.answers.borrow().models.clone().or_else(|| self.settings.models.clone())
    }

    /// What was answered so far.
    pub(super) fn answers(&self) -> Answers {
        self.answers.borrow().clone()
    }

    /// From now on these are the answers.
    pub(super) fn say(&self, answers: Answers) {
        self.answers.replace(answers);
    }

    /// Whether there is a person who can be asked and is not answered for: one who
    /// reads JSON is a program.
    pub(super) fn can_ask(&self) -> bool {
        self.env.can_ask && !self.settings.yes && !self.settings.json
    }

    /// Asks for yes or no; only where [`Session::can_ask`].
    pub(super) fn ask(&self, question: &str, usual: bool) -> Result<bool, Any> {
        self.answer(self.reporter.ask(question, usual, &|| self.stop.is_set()))
    }

    /// Asks which of these; the same.
    pub(super) fn pick(&self, question: &str, picks: &[Pick], usual: usize) -> Result<usize, Any> {
        self.answer(self.reporter.pick(question, picks, usual, &|| self.stop.is_set()))
    }

    /// No answer is a no to everything.
    fn answer<T>(&self, answer: Option<T>) -> Result<T, Any> {
        if self.stop.is_set() {
            return Err(run::Error::Interrupted.into());
        }
        Ok(answer.ok_or(Error::Declined)?)
    }

    /// Refuses what nobody could be asked about, before anything is touched.
    pub(super) fn consent_possible(&self, question: &str) -> Result<(), Any> {
        if self.settings.yes || self.can_ask() {
            return Ok(());
        }
        Err(Error::NeedsConsent { question: question.to_owned() }.into())
    }

    /// Asks, unless `--yes` was given.
    pub(super) fn consent(&self, question: &str) -> Result<(), Any> {
        self.consent_possible(question)?;
        if self.settings.yes || self.ask(question, true)? {
            return Ok(());
        }
        Err(Error::Declined.into())
    }
}
