//! A stand-in under test: its folder, its process, and talking to it. Owns
//! starting and ending; claims nothing itself.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_offgrid-standin");

/// An empty folder of this name; what an earlier run left is removed.
pub(crate) fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(path.join("models")).unwrap();
    path
}

/// The stand-in with nothing in its environment but its models folder.
pub(crate) fn command(home: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command.env_clear().current_dir(home).env("OFFGRID_MODELS_DIR", home.join("models"));
    command
}

/// A port nobody uses now, so that tests side by side start engines apart.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A serving stand-in. Dropping it ends it.
pub(crate) struct Serving {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

impl Serving {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .env("STANDIN_LISTEN", "127.0.0.1:0")
            .env("STANDIN_ENGINE_PORT", free_port().to_string())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (found, address) = mpsc::channel();
        // Reads on to the end: a full pipe would stop the engine's log.
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(address) = line.strip_prefix("listening on ") {
                    let _ = found.send(address.parse().unwrap());
                }
            }
        });
        let address = address.recv_timeout(Duration::from_secs(20)).unwrap();
        Self { child, address }
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> (u16, String) {
        let length = body.len();
        self.ask(&format!("POST {path} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}"))
    }

    /// Sends the text and gives back the status and the body, head cut off; status 0
    /// for a connection that was closed without an answer.
    fn ask(&self, text: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let Some((head, body)) = answer.split_once("\r\n\r\n") else { return (0, answer) };
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
