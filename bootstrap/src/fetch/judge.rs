//! Who is to blame when bytes cannot be unpacked: the source that sent them, or
//! the one who signed them.

use super::Consumer;
use crate::error::Error as Any;

/// Hears what the consumer has against the bytes, and believes it only when they
/// were the signed ones: bytes that a source made up are that source's fault
/// (`E_HASH`), and another source may have better ones.
pub(super) struct Judge<C> {
    consumer: C,
    refused: Option<Any>,
}

impl<C: Consumer> Judge<C> {
    pub(super) fn new(consumer: C) -> Judge<C> {
        Judge { consumer, refused: None }
    }

    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), Any> {
        if self.refused.is_some() {
            return Ok(());
        }
        match self.consumer.take(bytes) {
            Err(error @ Any::Unpack(_)) => self.refused = Some(error),
            other => return other,
        }
        Ok(())
    }

    pub(super) fn end(&mut self) -> Result<(), Any> {
        match self.refused.take() {
            Some(error) => Err(error),
            None => self.consumer.end(),
        }
    }
}
