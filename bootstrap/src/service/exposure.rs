//! Whether the app can be reached from other computers, measured: by connecting from
//! an address of this machine that is not its loopback (DESIGN 10). Owns that look;
//! what follows from it is others'.

use crate::disk;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::time::Duration;

/// An address of this machine answers at once or not at all.
const LIMIT: Duration = Duration::from_secs(1);
const LIST_MAX: u64 = 4 * 1024 * 1024;

/// Whether a port is reachable at an address that others could use; `None` where this
/// machine has no such address, or nothing listens at all.
pub fn measure(port: u16) -> Option<bool> {
    let connects = |address: IpAddr| {
        TcpStream::connect_timeout(&SocketAddr::new(address, port), LIMIT).is_ok()
    };
    let addresses = addresses();
    if addresses.is_empty() || !connects(Ipv4Addr::LOCALHOST.into()) {
        return None;
    }
    Some(addresses.into_iter().any(connects))
}

/// Addresses of this machine that are not its loopback.
fn addresses() -> BTreeSet<IpAddr> {
    let read = |path: &str| {
        let bytes = disk::read(Path::new(path), LIST_MAX).ok().flatten().unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let v4 = of_fib_trie(&read("/proc/net/fib_trie")).into_iter().map(IpAddr::from);
    let v6 = of_if_inet6(&read("/proc/net/if_inet6")).into_iter().map(IpAddr::from);
    v4.chain(v6).chain(of_routes()).collect()
}

/// The kernel's own list: a `/32 host LOCAL` line belongs to the address above it.
fn of_fib_trie(text: &str) -> Vec<Ipv4Addr> {
    let (mut found, mut above) = (Vec::new(), None);
    for line in text.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            above = address.parse::<Ipv4Addr>().ok();
        } else if line == "/32 host LOCAL" {
            found.extend(above.filter(|address| !address.is_loopback()));
        }
    }
    found
}

/// proc(5): an address in 32 digits, then index, length, scope, flags and name. Those of
/// one link alone need its name to be used, and are left out.
fn of_if_inet6(text: &str) -> Vec<Ipv6Addr> {
    let address = |line: &str| {
        let mut fields = line.split_whitespace();
        let digits = u128::from_str_radix(fields.next()?, 16).ok()?;
        let scope = fields.nth(2)?;
        (scope == "00").then(|| Ipv6Addr::from(digits))
    };
    text.lines().filter_map(address).collect()
}

/// Where there are no such files: the address that a packet to elsewhere would have.
/// Nothing is sent; the addresses are those of documentation (RFC 5737, RFC 3849).
fn of_routes() -> Vec<IpAddr> {
    let tries = [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")];
    let own = |(from, to): (&str, &str)| {
        let socket = UdpSocket::bind(from).ok()?;
        socket.connect(to).ok()?;
        let address = socket.local_addr().ok()?.ip();
        (!address.is_loopback() && !address.is_unspecified()).then_some(address)
    };
    tries.into_iter().filter_map(own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_machine_are_read_without_its_loopback() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n\
                    \x20    |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 192.168.1.7\n        \
                    /32 host LOCAL\n     |-- 192.168.1.255\n        /32 link BROADCAST\n";
        assert_eq!(of_fib_trie(trie), [Ipv4Addr::new(192, 168, 1, 7)]);
        let inet6 = "00000000000000000000000000000001 01 80 10 80       lo\n\
                     fe80000000000000025056fffe000001 02 40 20 80     eth0\n\
                     20010db8000000000000000000000007 02 40 00 80     eth0\nodd\n";
        assert_eq!(of_if_inet6(inet6), ["2001:db8::7".parse::<Ipv6Addr>().unwrap()]);
        assert!(of_if_inet6("").is_empty() && of_fib_trie("").is_empty());
    }

    #[test]
    fn a_port_that_nothing_listens_at_is_not_measured() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        assert_eq!(measure(port), None);
    }

    #[test]
    fn a_listener_on_loopback_alone_is_not_exposed_and_one_on_all_is() {
        let alone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        // A machine without any other address has nothing to be exposed at.
        let others = !addresses().is_empty();
        assert_eq!(measure(alone.local_addr().unwrap().port()), others.then_some(false));
        let open = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
        assert_eq!(measure(open.local_addr().unwrap().port()), others.then_some(true));
    }
}
