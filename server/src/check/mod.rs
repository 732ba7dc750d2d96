//! stub
use offgrid_manifest::{Code, Time};
#[derive(Debug, thiserror::Error)]
#[error("not yet")]
pub struct Error;
impl Error {
    pub fn code(&self) -> Code {
        Code::Unsupported
    }
    pub fn hint(&self) -> Option<String> {
        None
    }
}
pub struct Problem {
    pub code: Code,
    pub path: String,
    pub what: String,
}
#[derive(Default)]
pub struct Report {
    pub problems: Vec<Problem>,
    pub notes: Vec<String>,
    pub documents: u64,
    pub blobs: u64,
    pub bytes: u64,
}
impl Report {
    pub fn worst(&self) -> Option<Code> {
        None
    }
}
pub fn run(_: &str, _: Option<u64>, _: Time) -> Result<Report, Error> {
    Err(Error)
}
