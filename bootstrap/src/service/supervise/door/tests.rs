//! Real sockets of loopback on both sides. The app's side here is whatever a test says.

use super::*;
use std::io::{Read, Write};
use std::net::Shutdown;

const LONG: Duration = Duration::from_secs(60);

/// A door on a port of its own, and the app's socket behind it.
fn door(limit: Duration) -> (Arc<Door>, SocketAddr, TcpListener) {
    let app = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let front = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = front.local_addr().unwrap();
    let port = app.local_addr().unwrap().port();
    (Door::new(Sockets(vec![front]), port, limit).unwrap(), address, app)
}

fn client(address: SocketAddr, words: &str) -> TcpStream {
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(LONG)).unwrap();
    client.write_all(words.as_bytes()).unwrap();
    client
}

fn heard(stream: &mut TcpStream, expected: &str) {
    let mut bytes = vec![0; expected.len()];
    stream.read_exact(&mut bytes).unwrap();
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
}

fn all(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

fn eventually(claim: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < until, "not in time: {claim}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn connections(door: &Door) -> usize {
    door.lock().flows.len()
}

#[test]
fn each_way_has_an_end_of_its_own_and_nothing_is_lost() {
    let (door, address, app) = door(LONG);
    door.open();
    let bytes: Vec<u8> = (0..8_000_000_u32).map(|n| (n ^ (n >> 8)) as u8).collect();
    let mut client = TcpStream::connect(address).unwrap();
    let (mut writer, sent) = (client.try_clone().unwrap(), bytes.clone());
    let writing = thread::spawn(move || {
        writer.write_all(&sent).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut inside = app.accept().unwrap().0;
    let mut got = Vec::new();
    inside.read_to_end(&mut got).unwrap();
    writing.join().unwrap();
    assert!(got == bytes, "{} bytes", got.len());
    assert!(door.is_busy(), "it is owed an answer");
    let answering = thread::spawn(move || inside.write_all(&got).unwrap());
    let mut back = Vec::new();
    client.read_to_end(&mut back).unwrap();
    answering.join().unwrap();
    assert!(back == bytes, "{} bytes", back.len());
    eventually("both are closed", || connections(&door) == 0);
}

#[test]
fn when_one_side_dies_the_other_is_closed() {
    let (door, address, app) = door(LONG);
    door.open();
    let first = client(address, "hello");
    let mut inside = app.accept().unwrap().0;
    heard(&mut inside, "hello");
    first.shutdown(Shutdown::Both).unwrap();
    drop(first);
    assert_eq!(all(&mut inside), "");
    drop(inside);
    let mut second = client(address, "hello");
    let mut inside = app.accept().unwrap().0;
    heard(&mut inside, "hello");
    inside.write_all(b"half an ans").unwrap();
    drop(inside);
    assert_eq!(all(&mut second), "half an ans");
    drop(second);
    eventually("both are closed", || connections(&door) == 0);
}

#[test]
fn a_shut_door_lets_wait_and_what_has_begun_goes_on() {
    let (door, address, app) = door(LONG);
    door.open();
    let mut early = client(address, "begin");
    let mut inside = app.accept().unwrap().0;
    heard(&mut inside, "begin");
    door.shut(LONG);
    let mut late = client(address, "later");
    early.write_all(b" end").unwrap();
    heard(&mut inside, " end");
    assert!(door.is_busy());
    inside.write_all(b"done").unwrap();
    heard(&mut early, "done");
    app.set_nonblocking(true).unwrap();
    assert!(app.accept().is_err(), "the late one got in");
    eventually("nobody is answered any more", || !door.is_busy());
    app.set_nonblocking(false).unwrap();
    door.open();
    let mut inside = app.accept().unwrap().0;
    heard(&mut inside, "later");
    inside.write_all(b"well").unwrap();
    heard(&mut late, "well");
}

#[test]
fn who_was_at_rest_goes_on_with_the_next_app() {
    let (door, address, app) = door(LONG);
    door.open();
    let mut client = client(address, "one");
    let mut inside = app.accept().unwrap().0;
    heard(&mut inside, "one");
    inside.write_all(b"first").unwrap();
    heard(&mut client, "first");
    eventually("it is at rest", || !door.is_busy());
    door.shut(LONG);
    door.park();
    drop(inside);
    client.write_all(b"two").unwrap();
    door.open();
    let mut inside = app.accept().unwrap().0;
    heard(&mut inside, "two");
    inside.write_all(b"second").unwrap();
    drop(inside);
    assert_eq!(all(&mut client), "second");
}

#[test]
fn when_its_time_is_up_clients_are_refused_in_words() {
    let (door, address, app) = door(Duration::from_millis(200));
    drop(app);
    // Another end of the app does not begin the time anew.
    door.shut(LONG);
    let mut client = client(address, "GET / HTTP/1.1\r\n\r\n");
    let answer = all(&mut client);
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.ends_with(&format!("Content-Length: {}", body.len())), "{answer}");
    drop(client);
    eventually("it is closed", || connections(&door) == 0);
}

#[test]
fn sockets_are_of_another_network_only_when_they_are() {
    let sockets = Sockets::bind(Listen::Loopback, 0).unwrap();
    assert!(sockets.port().is_some_and(|port| port > 0));
    let one = Sockets(vec![TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()]);
    assert!(!one.are_outside());
    let (address, taken) = Sockets::bind(Listen::Loopback, one.port().unwrap()).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    assert_eq!(address.port(), one.port().unwrap());
}
