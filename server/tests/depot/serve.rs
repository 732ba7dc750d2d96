//! `serve` over real sockets.

use crate::world::{World, hex};
use offgrid_depot::depot::Depot;
use offgrid_depot::serve::Server;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// A server for as long as this lives.
struct Running {
    address: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    fn start(world: &World) -> Running {
        let depot = Depot::open(&world.depot).unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (ready, address) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let listen = "127.0.0.1:0".parse().unwrap();
                let server = Server::bind(depot, listen, false).await.unwrap();
                ready.send(server.address()).unwrap();
                let stop = async {
                    let _ = stopped.await;
                };
                server.run(stop).await.unwrap();
            });
        });
        let address = address.recv().unwrap();
        Running { address, stop: Some(stop), thread: Some(thread) }
    }

    /// One request on a connection of its own.
    fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let host = if headers.contains("Host:") { "" } else { "Host: depot.lan\r\n" };
        let request =
            format!("{method} {path} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_lowercase(), body: bytes[end + 4..].to_vec() }
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")))
    }
}

#[test]
fn every_published_file_is_served_as_it_is() {
    let world = World::published("0.3.0");
    let server = Running::start(&world);
    for (name, bytes) in world.files() {
        let answer = server.get(&format!("/{name}"));
        assert_eq!((answer.status, answer.body == bytes), (200, true), "{name}");
        assert_eq!(answer.header("etag"), Some(&*format!("\"{}\"", hex(&bytes))), "{name}");
        assert_eq!(answer.header("content-length"), Some(&*bytes.len().to_string()), "{name}");
        let head = server.ask("HEAD", &format!("/{name}"), "");
        assert_eq!((head.status, head.body.len()), (200, 0), "{name}");
        assert_eq!(head.header("content-length"), answer.header("content-length"), "{name}");
    }
}

#[test]
fn names_that_never_change_are_kept_and_others_are_asked_for() {
    let world = World::published("0.3.0");
    let server = Running::start(&world);
    for name in world.files().into_keys() {
        let cache = server.get(&format!("/{name}")).header("cache-control").unwrap().to_owned();
        // Signatures are made anew when keys change; those of roots never are.
        let signature = name.ends_with(".minisig") && !name.starts_with("root/");
        let kept = name.contains('/') && !signature;
        assert_eq!(cache.contains("immutable"), kept, "{name}: {cache}");
        assert_eq!(cache == "no-cache", !kept, "{name}: {cache}");
    }
    for (name, kind) in [
        ("head.json", "application/json"),
        ("install", "text/plain; charset=utf-8"),
        ("install.sh", "text/plain; charset=utf-8"),
        ("install.ps1", "text/plain; charset=utf-8"),
        ("root/1.json.minisig", "text/plain; charset=utf-8"),
    ] {
        assert_eq!(server.get(&format!("/{name}")).header("content-type"), Some(kind));
    }
}

#[test]
fn what_the_client_has_is_not_sent_again() {
    let world = World::published("0.3.0");
    let server = Running::start(&world);
    for name in world.files().into_keys() {
        let tag = server.get(&format!("/{name}")).header("etag").unwrap().to_owned();
        let again = server.ask("GET", &format!("/{name}"), &format!("If-None-Match: {tag}\r\n"));
        assert_eq!((again.status, again.body.len()), (304, 0), "{name}");
        assert_eq!(again.header("etag"), Some(&*tag));
        let other = server.ask("GET", &format!("/{name}"), "If-None-Match: \"other\"\r\n");
        assert_eq!(other.status, 200);
    }
    // A head that was replaced has another tag at once.
    let tag = server.get("/head.json").header("etag").unwrap().to_owned();
    world.publish(&world.publish_options("0.3.0")).unwrap();
    let newer = server.ask("GET", "/head.json", &format!("If-None-Match: {tag}\r\n"));
    assert_eq!((newer.status, newer.body), (200, world.read("head.json")));
}

#[test]
fn ranges_of_blobs_are_exact() {
    let world = World::published("0.3.0");
    let server = Running::start(&world);
    let (name, bytes) = world
        .files()
        .into_iter()
        .filter(|(name, _)| name.starts_with("blob/"))
        .max_by_key(|(_, bytes)| bytes.len())
        .unwrap();
    let (path, size) = (format!("/{name}"), bytes.len());
    let digest = hex(&bytes);
    for (range, from, to) in [
        ("bytes=0-0".to_owned(), 0, 1),
        ("bytes=10-19".to_owned(), 10, 20),
        (format!("bytes={}-", size - 5), size - 5, size),
        ("bytes=-7".to_owned(), size - 7, size),
        (format!("bytes=5-{}", size + 100), 5, size),
    ] {
        let answer = server.ask("GET", &path, &format!("Range: {range}\r\n"));
        assert_eq!(answer.status, 206, "{range}");
        assert!(answer.body == bytes[from..to], "{range}");
        let said = format!("bytes {from}-{}/{size}", to - 1);
        assert_eq!(answer.header("content-range"), Some(&*said));
    }
    let beyond = server.ask("GET", &path, &format!("Range: bytes={size}-\r\n"));
    assert_eq!(beyond.status, 416);
    for whole in [
        "Range: bytes=0-1\r\nIf-Range: \"other\"\r\n",
        "Range: bytes=0-1,4-5\r\n",
        "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\n",
    ] {
        let answer = server.ask("GET", &path, whole);
        assert_eq!((answer.status, answer.body.len()), (200, size), "{whole}");
    }
    let same = format!("Range: bytes=0-1\r\nIf-Range: \"{digest}\"\r\n");
    assert_eq!(server.ask("GET", &path, &same).status, 206);
}

#[test]
fn nothing_else_is_served() {
    let world = World::published("0.3.0");
    world.write("depot/stray.txt", b"x");
    world.write("depot/blob/sha256/.hidden", b"x");
    let server = Running::start(&world);
    for path in [
        "/.depot/keys",
        "/.depot/encodings.json",
        "/%2edepot/keys",
        "/../keys/root-1.key",
        "/blob/sha256/../../../keys/root-1.key",
        "/blob/sha256/..%2f..%2f..%2fkeys/root-1.key",
        "/blob/sha256/.hidden",
        "/stray.txt",
        "/blob",
        "/blob/sha256/",
        "/blob/sha256",
        "/release/0.3.0",
        "/root/",
        "/root/2.json",
        "//head.json",
        "/head.json/",
    ] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    let answer = server.ask("POST", "/head.json", "Content-Length: 0\r\n");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("get, head")));
    assert_eq!(server.ask("DELETE", "/head.json", "").status, 405);
    let health = server.get("/healthz");
    assert_eq!((health.status, health.body), (200, b"ok\n".to_vec()));
}

#[test]
fn the_page_says_what_there_is_and_repeats_no_markup() {
    let world = World::published("0.3.0");
    let server = Running::start(&world);
    let page = server.get("/");
    let text = String::from_utf8(page.body).unwrap();
    for part in [
        "curl -fsSL http://depot.lan/install | sh",
        "irm http://depot.lan/install.ps1 | iex",
        "<td>stable<td>0.3.0<td>0.2.12<td>b11158",
        "linux-x86_64-cpu",
    ] {
        assert!(text.contains(part), "{part}");
    }
    assert!(!text.contains("src=") && !text.contains("https://"));
    let page = server.ask("GET", "/", "Host: x\"><script>alert(1)</script>\r\n");
    assert!(!String::from_utf8_lossy(&page.body).contains("script>"));
    let empty = World::new();
    let page = Running::start(&empty).get("/");
    assert!(String::from_utf8_lossy(&page.body).contains("no release"));
}
