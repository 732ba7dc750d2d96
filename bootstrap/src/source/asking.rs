//! One small file, from the first source that has a good one.

use super::{Error, Source, Sources, Worst};
use crate::error::Error as Any;
use std::cell::Cell;

impl Sources {
    /// A small file of at most `max` bytes that `take` accepts, from the first
    /// source that has one.
    ///
    /// # Errors
    /// When every source fails: the most telling of their errors.
    pub fn small<T>(
        &self,
        path: &str,
        max: u64,
        take: impl Fn(Vec<u8>) -> Result<T, Any>,
    ) -> Result<T, Any> {
        self.each(|source| {
            let read = self.read(source, path, max);
            if let Err(error @ Error::Absent { .. }) = &read {
                self.remark(error.to_string());
            }
            take(read?)
        })
    }

    /// As [`Sources::small`]; `None` when no source has a good one and at least one
    /// says that there is none. What that hides from us the head tells: it names
    /// the newest root.
    ///
    /// # Errors
    /// As [`Sources::small`].
    pub fn optional<T>(
        &self,
        path: &str,
        max: u64,
        take: impl Fn(Vec<u8>) -> Result<T, Any>,
    ) -> Result<Option<T>, Any> {
        match self.absent_or(path, max, take) {
            (Err(_), true) if !self.stop.is_set() => Ok(None),
            (other, _) => other.map(Some),
        }
    }

    /// As [`Sources::optional`], but a file that is there and wrong is an error.
    ///
    /// # Errors
    /// As [`Sources::small`].
    pub fn there<T>(
        &self,
        path: &str,
        max: u64,
        take: impl Fn(Vec<u8>) -> Result<T, Any>,
    ) -> Result<Option<T>, Any> {
        match self.absent_or(path, max, take) {
            (Err(Any::Source(_)), true) if !self.stop.is_set() => Ok(None),
            (other, _) => other.map(Some),
        }
    }

    /// As [`Sources::small`], and whether a source said that there is none. Once one
    /// has, nobody waits again for a source that stopped answering.
    fn absent_or<T>(
        &self,
        path: &str,
        max: u64,
        take: impl Fn(Vec<u8>) -> Result<T, Any>,
    ) -> (Result<T, Any>, bool) {
        let absent = Cell::new(false);
        let found = self.each(|source| {
            if absent.get() && self.is_bad(source) {
                return Err(Error::Nowhere.into());
            }
            let read = self.read(source, path, max);
            absent.set(absent.get() || matches!(read, Err(Error::Absent { .. })));
            take(read?)
        });
        (found, absent.get())
    }

    /// Asks one source after the other.
    fn each<T>(&self, mut ask: impl FnMut(&Source) -> Result<T, Any>) -> Result<T, Any> {
        let mut worst = Worst::default();
        for source in &self.documents() {
            match ask(source) {
                Ok(answer) => return Ok(answer),
                Err(_) if self.stop.is_set() => return Err(crate::run::Error::Interrupted.into()),
                Err(error) => {
                    // What is not there is no trouble to everybody who asks.
                    if !matches!(error, Any::Source(Error::Absent { .. } | Error::Nowhere)) {
                        self.note(source, &error);
                    }
                    worst.add(error);
                }
            }
        }
        Err(worst.into_error())
    }
}
