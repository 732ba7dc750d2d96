//! stub
use offgrid_manifest::Code;
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
pub fn run(_: &std::path::Path, _: std::net::SocketAddr, _: bool) -> Result<(), Error> {
    Err(Error)
}
