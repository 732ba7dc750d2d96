//! The one error type of this crate. Each kind maps to one stable [`Code`].

use crate::Code;

/// Why a document was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    code: Code,
    message: String,
}

impl Error {
    /// An error of this code; `message` says what is wrong and where, without the code.
    pub fn new(code: Code, message: impl Into<String>) -> Error {
        Error { code, message: message.into() }
    }

    /// The stable name.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The same error, told where it happened: `place: message`.
    pub fn at(self, place: &str) -> Error {
        Error { code: self.code, message: format!("{place}: {}", self.message) }
    }
}

/// A document that was signed but cannot be read.
pub(crate) fn parse(message: impl Into<String>) -> Error {
    Error::new(Code::Parse, message)
}
