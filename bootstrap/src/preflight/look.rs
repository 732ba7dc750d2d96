//! Reads the facts of a machine for [`super::judge`], from files below the root of a
//! tree. Writes nothing and starts nothing; what cannot be read is not known, and what
//! is not known is no finding.

use super::guards::{self, AppLocker, Guards};
use super::ports::{self, Holder};
use super::upstream::{self, Second, Unit, Upstream};
use super::{Facts, disks, mounts};
use crate::host::Tree;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
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
    /// Where another installation of ours would be.
    pub(crate) others: &'a [Second],
}

/// Where systemd looks for units, the system's first.
const UNITS: [(&str, bool); 5] = [
    ("/etc/systemd/system", false),
    ("/usr/local/lib/systemd/system", false),
    ("/usr/lib/systemd/system", false),
    ("/lib/systemd/system", false),
    ("/etc/systemd/user", true),
];
/// What upstream's own installers leave behind, besides units.
const FILES: [&str; 4] = [
    "/usr/local/bin/offgrid",
    "/var/lib/offgrid/web/ui",
    "/etc/offgrid/llama-port",
    "/etc/offgrid/active-model",
];
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
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| self.tree.text(path));
        if tables.iter().all(Result::is_err) {
            return self.knock();
        }
        let tables = tables.into_iter().filter_map(Result::ok);
        let listener = tables.flat_map(|table| ports::listeners(&table, self.port)).next()?;
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
        let own = self.home.map(|home| home.join(".config/offgrid/llama-port"));
        let own = own.as_deref().and_then(Path::to_str);
        let files = FILES.into_iter().chain(own).filter(|path| self.is_upstream(path));
        let models = "/var/lib/offgrid/models";
        let full = self.tree.names(models).is_ok_and(|names| !names.is_empty());
        Upstream {
            files: files.map(PathBuf::from).collect(),
            units: self.units(),
            models: (full && self.models != Path::new(models)).then(|| models.into()),
        }
    }

    /// Whether a file is there and of no installation of ours.
    fn is_upstream(&self, path: &str) -> bool {
        let Ok(real) = self.tree.canonical(path) else { return false };
        let prefix = Path::new(&real).parent().and_then(Path::parent);
        let receipt = prefix.map(|prefix| prefix.join("state/receipt.json"));
        !receipt.as_deref().and_then(Path::to_str).is_some_and(|path| self.tree.exists(path))
    }

    fn units(&self) -> Vec<Unit> {
        let own = self.home.map(|home| home.join(".config/systemd/user"));
        let own = own.as_deref().and_then(Path::to_str).map(|folder| (folder, true));
        let mut units: Vec<Unit> = Vec::new();
        for (folder, user) in UNITS.into_iter().chain(own) {
            for name in self.tree.names(folder).unwrap_or_default() {
                let text = || self.tree.text(&format!("{folder}/{name}")).ok();
                let named = upstream::is_named(&name);
                let known = units.iter().any(|unit| unit.name == name && unit.user == user);
                let text = if named && !known { text() } else { None };
                if text.is_some_and(|text| upstream::is_upstream(&name, &text, self.prefix)) {
                    units.push(Unit { name, user });
                }
            }
        }
        units
    }

    fn is_there(&self, other: &Second) -> bool {
        let receipt = other.prefix.join("state/receipt.json");
        other.prefix != self.prefix && receipt.to_str().is_some_and(|path| self.tree.exists(path))
    }
}
