//! A wire with a meter: passes bytes on to a real server and counts them.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Default)]
struct Meter {
    up: AtomicU64,
    down: AtomicU64,
    requests: AtomicU64,
}

/// The wire.
pub struct Proxy {
    meter: Arc<Meter>,
    port: u16,
}

impl Proxy {
    /// To the server at this address, `http://127.0.0.1:PORT/`. Its threads end
    /// with the test process.
    pub fn to(url: &str) -> Proxy {
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        let address: SocketAddr = address.parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let meter = Arc::new(Meter::default());
        let inner = Arc::clone(&meter);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(address) else { continue };
                let (client_2, server_2) =
                    (client.try_clone().unwrap(), server.try_clone().unwrap());
                let (up, down) = (Arc::clone(&inner), Arc::clone(&inner));
                std::thread::spawn(move || pass(client, server, |bytes| up.upwards(bytes)));
                std::thread::spawn(move || {
                    pass(server_2, client_2, |bytes| {
                        down.down.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                    });
                });
            }
        });
        Proxy { meter, port }
    }

    /// The address of this end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Requests, and bytes of both directions, since the last call.
    pub fn read(&self) -> (u64, u64) {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        (take(&self.meter.requests), take(&self.meter.up) + take(&self.meter.down))
    }
}

impl Meter {
    /// Every request has exactly one first line, and no body of ours has one.
    fn upwards(&self, bytes: &[u8]) {
        self.up.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let lines = bytes.split(|&byte| byte == b'\n');
        let first = lines.filter(|line| line.ends_with(b"HTTP/1.1\r")).count();
        self.requests.fetch_add(first as u64, Ordering::Relaxed);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, count: impl Fn(&[u8])) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(read) = from.read(&mut bytes) {
        // Counted first: once they are passed on, the other end may be done.
        count(&bytes[..read]);
        if read == 0 || to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
