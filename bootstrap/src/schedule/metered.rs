//! Whether bytes cost money on the link that this machine uses, as far as files say:
//! NetworkManager's. Starts no program and asks no bus.
//!
//! What is read: the interface of the default route, the connection that
//! NetworkManager has on it, and that connection's own file, which only root may read.
//! A phone or a modem counts as metered, as NetworkManager guesses it. What a phone
//! says by DHCP is in no file, and so is not known.

use super::Metered;
use crate::host::Tree;

const FOLDERS: [&str; 3] = [
    "/etc/NetworkManager/system-connections",
    "/run/NetworkManager/system-connections",
    "/usr/lib/NetworkManager/system-connections",
];

/// Whether it does; what is not known does not.
pub fn is_metered(asked: Metered, tree: &Tree) -> bool {
    match asked {
        Metered::Yes => true,
        Metered::No => false,
        Metered::Auto => of_default_route(tree).unwrap_or(false),
    }
}

fn of_default_route(tree: &Tree) -> Option<bool> {
    let routes = tree.text("/proc/net/route").ok()?;
    let default = routes.lines().skip(1).find_map(|line| {
        let mut words = line.split_whitespace();
        let (name, to) = (words.next()?, words.next()?);
        (to == "00000000").then(|| name.to_owned())
    })?;
    let index = tree.text(&format!("/sys/class/net/{default}/ifindex")).ok()?;
    let device = tree.text(&format!("/run/NetworkManager/devices/{}", index.trim())).ok()?;
    let uuid = value(&device, "device", "connection-uuid")?;
    FOLDERS.iter().find_map(|folder| {
        let names = tree.names(folder).ok()?;
        names.iter().find_map(|name| {
            let text = tree.text(&format!("{folder}/{name}")).ok()?;
            let is_it = value(&text, "connection", "uuid")? == uuid;
            is_it.then(|| of_connection(&text))?
        })
    })
}

/// NetworkManager's words: 1 and 2 are yes and no, 0 is a guess by the kind.
fn of_connection(text: &str) -> Option<bool> {
    match value(text, "connection", "metered").as_deref() {
        Some("1" | "yes") => Some(true),
        Some("2" | "no") => Some(false),
        _ => {
            let kind = value(text, "connection", "type")?;
            matches!(kind.as_str(), "gsm" | "cdma" | "bluetooth").then_some(true)
        }
    }
}

/// The value of a key in a section of a key file.
fn value(text: &str, section: &str, key: &str) -> Option<String> {
    let mut within = false;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            within = name.strip_suffix(']') == Some(section);
        } else if let Some((name, value)) = line.split_once('=')
            && within
            && name.trim() == key
        {
            return Some(value.trim().to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const ROUTES: &str = "Iface\tDestination\tGateway\n\
                          eth0\t0001A8C0\t00000000\n\
                          wlan0\t00000000\t0101A8C0\n";

    fn metered(profile: &str) -> bool {
        let dir = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put("proc/net/route", ROUTES);
        put("sys/class/net/wlan0/ifindex", "3\n");
        put("run/NetworkManager/devices/3", "[device]\nmanaged=true\nconnection-uuid=abc\n");
        put("etc/NetworkManager/system-connections/a.nmconnection", "[connection]\nuuid=x\n");
        put("etc/NetworkManager/system-connections/b.nmconnection", profile);
        is_metered(Metered::Auto, &Tree::sysroot(dir.path()).unwrap())
    }

    #[test]
    fn what_the_connection_says_counts_and_what_is_not_known_is_not_metered() {
        let of = |rest: &str| metered(&format!("[connection]\nid=b\nuuid=abc\n{rest}\n[wifi]\n"));
        assert!(of("type=wifi\nmetered=1"));
        assert!(!of("type=wifi\nmetered=2"));
        assert!(of("type=gsm"));
        assert!(!of("type=gsm\nmetered=2"));
        assert!(!of("type=wifi"));
        // Of another section, of another connection.
        assert!(!of("type=wifi\n[other]\nmetered=1"));
        assert!(!metered("[connection]\nuuid=other\nmetered=1\n"));
        let empty = tempfile::tempdir().unwrap();
        let tree = Tree::sysroot(empty.path()).unwrap();
        assert!(!is_metered(Metered::Auto, &tree));
        assert!(is_metered(Metered::Yes, &tree));
    }
}
