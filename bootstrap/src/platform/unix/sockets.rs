//! What the standard library does not do with a socket.

use rustix::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};
use rustix::net::sockopt;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

/// As the app does it: a client that vanishes is noticed after some minutes.
const KEEPALIVE: Duration = Duration::from_secs(60);

#[expect(unsafe_code, reason = "a descriptor is only a number before somebody says what it is")]
pub(crate) fn inherited_listener(number: i32) -> io::Result<TcpListener> {
    if number < 3 {
        return Err(ErrorKind::InvalidInput.into());
    }
    // SAFETY: the first call fails when nothing is open by this number.
    let fd = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl_setfd(fd, fcntl_getfd(fd)? | FdFlags::CLOEXEC)?;
    // Apple's systems do not say.
    #[cfg(not(target_os = "macos"))]
    if !sockopt::socket_acceptconn(fd)? {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it does not listen"));
    }
    // SAFETY: who started us gave it to us, and nothing here has opened it.
    let listener = TcpListener::from(unsafe { OwnedFd::from_raw_fd(number) });
    listener.local_addr()?;
    listener.set_nonblocking(false)?;
    Ok(listener)
}

pub(crate) fn line() -> io::Result<(File, Stdio)> {
    let (ours, theirs) = UnixStream::pair()?;
    Ok((OwnedFd::from(ours).into(), OwnedFd::from(theirs).into()))
}

pub(crate) fn own_line() -> io::Result<File> {
    Ok(io::stdin().as_fd().try_clone_to_owned()?.into())
}

pub(crate) fn let_wait(listener: &TcpListener, clients: i32) {
    // Fewer will do.
    let _ = rustix::net::listen(listener.as_fd(), clients);
}

pub(crate) fn keep_alive(stream: &TcpStream) {
    let asked = sockopt::set_socket_keepalive(stream, true);
    // It is for the client's sake that it is noticed: without it goes too.
    let _ = asked.and_then(|()| sockopt::set_tcp_keepidle(stream, KEEPALIVE));
}

pub(crate) fn raise_open_files(wanted: u64) -> u64 {
    let now = getrlimit(Resource::Nofile);
    let most = now.maximum.map_or(wanted, |most| most.min(wanted));
    let enough = now.current.is_none_or(|current| current >= most);
    let raised = Rlimit { current: Some(most), maximum: now.maximum };
    if enough || setrlimit(Resource::Nofile, raised).is_ok() {
        return most;
    }
    now.current.unwrap_or(most)
}
