//! Reads the facts of a machine for [`super::judge`], from files below the root of a
//! tree. Writes nothing and starts nothing; what cannot be read is not known, and what
//! is not known is no finding.

use super::guards::{self, AppLocker, Guards};
use super::ports::{self, Holder};
use super::upstream::{self, Search, Second, Upstream};
use super::{Facts, disks, mounts};
use crate::host::Tree;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::time::Duration;

/// For whom it is looked.
pub(crate) struct Looked<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) prefix: &'a Path,
    pub(crate) system: bool,
    pub(crate) home: Option<&'a Path>,
    pub(crate) models: &'a Path,
    /// The app's port.
    pub(crate) port: u16,
    /// Processes of ours, which may have it.
    pub(crate) ours: &'a [u32],
    /// Where our service answers now.
    pub(crate) answers: Option<u16>,
    /// Where another installation of ours would be.
    pub(crate) others: &'a [Second],
}

/// For an answer on loopback, where no file says who listens.
const KNOCK: Duration = Duration::from_millis(200);

/// Reads them.
pub(crate) fn facts(looked: &Looked<'_>) -> Facts {
    let tree = looked.tree;
    let applocker = tree.captured("windows.json").and_then(|text| AppLocker::parse(&text));
    let mut facts = Facts {
        prefix: looked.prefix.to_owned(),
        ground: disks::ground(tree, looked.prefix),
        system: looked.system,
        mounts: mounts::parse(&looked.text("/proc/self/mounts")),
        guards: looked.guards(),
        port: looked.port,
        holder: looked.holder(),
        upstream: looked.upstream(),
        second: looked.others.iter().find(|other| looked.is_there(other)).cloned(),
    };
    // Of a captured machine its own disk, by what it is used for; where is not told.
    let disks = disks::parse(&tree.captured("disks").unwrap_or_default());
    if let Some(disk) = disks.iter().find(|disk| disk.is_for("prefix")) {
        facts.ground.clone_from(&facts.prefix);
        facts.mounts.push(disk.mount(&facts.prefix));
    }
    if applocker.is_some() {
        // A captured Windows has places of its own.
        facts.prefix = match looked.system {
            true => "C:\\Program Files\\OffGrid".into(),
            false => "C:\\Users\\user\\AppData\\Local\\OffGrid".into(),
        };
        facts.guards.applocker = applocker;
    }
    facts
}

impl Looked<'_> {
    fn text(&self, path: &str) -> String {
        self.tree.text(path).unwrap_or_default()
    }

    fn guards(&self) -> Guards {
        let runs = ["/run/fapolicyd.pid", "/run/fapolicyd/fapolicyd.pid"];
        let runs = runs.iter().any(|path| self.tree.exists(path));
        let conf = self.text("/etc/fapolicyd/fapolicyd.conf");
        let rules = "/etc/fapolicyd/rules.d";
        let names = self.tree.names(rules).unwrap_or_default();
        let texts = names.iter().map(|name| self.text(&format!("{rules}/{name}")));
        Guards {
            fapolicyd: runs && !guards::is_permissive(&conf),
            fapolicyd_rules: texts.collect(),
            selinux: self.text("/sys/fs/selinux/enforce").trim() == "1",
            applocker: None,
        }
    }

    fn holder(&self) -> Option<Holder> {
        if self.answers == Some(self.port) {
            return None;
        }
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| self.tree.text(path));
        if tables.iter().all(Result::is_err) {
            return self.knock();
        }
        let tables = tables.into_iter().filter_map(Result::ok);
        let listener = tables.flat_map(|table| ports::listeners(&table, self.port)).next()?;
        if listener.uid == 0 && self.is_door() {
            return None;
        }
        let uid = Some(listener.uid);
        let Some(pid) = self.process_with(listener.inode) else {
            return Some(Holder { uid, ..Holder::default() });
        };
        let link = self.tree.link(&format!("/proc/{pid}/exe")).unwrap_or_default();
        if self.ours.contains(&pid) || Path::new(&link).starts_with(self.prefix) {
            return None;
        }
        let name = self.text(&format!("/proc/{pid}/comm")).trim().to_owned();
        Some(Holder { pid: Some(pid), name: Some(name).filter(|name| !name.is_empty()), uid })
    }

    /// Whether systemd listens there for our service.
    fn is_door(&self) -> bool {
        let port = format!(":{}", self.port);
        let socket = self.text("/etc/systemd/system/offgrid-llm.socket");
        let mut doors = socket.lines().filter_map(|line| line.strip_prefix("ListenStream="));
        doors.any(|address| address.trim().ends_with(&port))
    }

    /// Whether somebody answers, on systems whose tables are no files.
    fn knock(&self) -> Option<Holder> {
        if !self.tree.is_live() || !self.ours.is_empty() {
            return None;
        }
        let address = (Ipv4Addr::LOCALHOST, self.port).into();
        TcpStream::connect_timeout(&address, KNOCK).ok().map(|_| Holder::default())
    }

    /// Of those that this user may see.
    fn process_with(&self, inode: u64) -> Option<u32> {
        let names = self.tree.names("/proc").unwrap_or_default();
        names.iter().filter_map(|name| name.parse::<u32>().ok()).find(|pid| {
            let folder = format!("/proc/{pid}/fd");
            let files = self.tree.names(&folder).unwrap_or_default();
            let link = |file: &String| self.tree.link(&format!("{folder}/{file}")).ok();
            files.iter().filter_map(link).any(|link| ports::socket(&link) == Some(inode))
        })
    }

    fn upstream(&self) -> Upstream {
        let Looked { tree, prefix, home, models, .. } = *self;
        Search { tree, prefix, home, models }.run()
    }

    fn is_there(&self, other: &Second) -> bool {
        other.prefix != self.prefix && upstream::is_ours(self.tree, &other.prefix)
    }
}
