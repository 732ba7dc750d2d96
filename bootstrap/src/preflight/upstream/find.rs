//! Finds what of it is there: files, units with what starts them, processes, models.
//! Reads files below the root of a tree and starts nothing.

use super::unit;
use super::{Unit, Upstream, is_named, is_upstream};
use crate::host::Tree;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Where systemd looks for units, the system's first (systemd.unit(5)).
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
/// Folders with links to what is started together (systemd.unit(5)).
const STARTED_BY: [&str; 3] = [".wants", ".requires", ".upholds"];

/// Where one looks, and for whom.
pub(in crate::preflight) struct Search<'a> {
    pub(in crate::preflight) tree: &'a Tree,
    pub(in crate::preflight) prefix: &'a Path,
    pub(in crate::preflight) home: Option<&'a Path>,
    pub(in crate::preflight) models: &'a Path,
}

/// Whether one of our installations is in this prefix. Of somebody else's the receipt is
/// not to be seen; that there are slots, one of them live, is.
pub(in crate::preflight) fn is_ours(tree: &Tree, prefix: &Path) -> bool {
    let there = |name: &str| prefix.join(name).to_str().is_some_and(|path| tree.exists(path));
    there("state/receipt.json") || (there("versions") && there("current"))
}

impl Search<'_> {
    pub(in crate::preflight) fn run(&self) -> Upstream {
        let (mut units, programs) = self.units();
        let files = self.files(&programs);
        let mut processes = BTreeSet::new();
        if !units.is_empty() || !files.is_empty() {
            self.processes(&files, &mut units, &mut processes);
        }
        let said = units.iter().flat_map(|unit| &unit.vars);
        let said = said.filter(|(name, _)| name == "OFFGRID_MODELS_DIR").map(|(_, value)| value);
        let own = self.home.map(|home| home.join(".offgrid-llm/models"));
        let places = ["/var/lib/offgrid/models".into()].into_iter().chain(own);
        let places: BTreeSet<PathBuf> = places.chain(said.map(PathBuf::from)).collect();
        let others = places.into_iter().filter(|path| path != self.models);
        Upstream {
            models: others.filter(|path| self.has_models(path) > 0).collect(),
            own_models: self.has_models(self.models),
            processes: processes.into_iter().collect(),
            files,
            units,
        }
    }

    fn has_models(&self, folder: &Path) -> usize {
        let names = folder.to_str().and_then(|folder| self.tree.names(folder).ok());
        let is_model = |name: &&String| name.to_ascii_lowercase().ends_with(".gguf");
        names.unwrap_or_default().iter().filter(is_model).count()
    }

    /// `programs`: what units of it start.
    fn files(&self, programs: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
        let own = self.home.map(|home| home.join(".config/offgrid/llama-port"));
        let mut files: Vec<PathBuf> = FILES.iter().map(PathBuf::from).chain(own).collect();
        // An engine is upstream's only beside its app: others run llama.cpp, too.
        let app = Path::new("/usr/local/bin/offgrid");
        if self.is_upstream(app) {
            files.insert(1, app.with_file_name("llama-server"));
        }
        let bin = self.home.map(|home| home.join(".local/bin"));
        let in_bin = |path: &&PathBuf| bin.as_deref() == path.parent();
        files.extend(programs.iter().filter(in_bin).cloned());
        files.retain(|path| self.is_upstream(path));
        files
    }

    /// Whether a file is there and of no installation of ours.
    fn is_upstream(&self, path: &Path) -> bool {
        let real = path.to_str().map(|path| self.tree.canonical(path));
        let Some(Ok(real)) = real else { return false };
        let prefix = Path::new(&real).parent().and_then(Path::parent);
        !prefix.is_some_and(|prefix| is_ours(self.tree, prefix))
    }

    /// Its units, and the programs that they start.
    fn units(&self) -> (Vec<Unit>, BTreeSet<PathBuf>) {
        let own = self.home.map(|home| home.join(".config/systemd/user"));
        let own = own.as_deref().and_then(Path::to_str).map(|folder| (folder, true));
        let (mut units, mut programs) = (Vec::<Unit>::new(), BTreeSet::new());
        for (folder, user) in UNITS.into_iter().chain(own) {
            for name in self.tree.names(folder).unwrap_or_default() {
                let known = units.iter().any(|unit| unit.name == name && unit.user == user);
                if !is_named(&name) || known {
                    continue;
                }
                let text = self.tree.text(&format!("{folder}/{name}")).ok();
                let theirs = |text: &String| is_upstream(&name, text, self.prefix);
                let Some(text) = text.filter(theirs) else { continue };
                programs.extend(unit::programs(&text, self.home));
                units.push(self.unit(folder, &name, user, &text));
            }
        }
        (units, programs)
    }

    fn unit(&self, folder: &str, name: &str, user: bool, text: &str) -> Unit {
        let drop_ins = format!("{folder}/{name}.d");
        let mut vars = unit::vars(text);
        for conf in self.tree.names(&drop_ins).unwrap_or_default() {
            if conf.ends_with(".conf") {
                let text = self.tree.text(&format!("{drop_ins}/{conf}")).unwrap_or_default();
                vars.extend(unit::vars(&text));
            }
        }
        let links = self.links(folder, name);
        let of_link = |link: &PathBuf| Some(link.file_name()?.to_str()?.to_owned());
        let mut instances: Vec<String> = match unit::is_template(name) {
            true => links.iter().filter_map(of_link).collect(),
            false => vec![name.to_owned()],
        };
        instances.dedup();
        Unit {
            name: name.to_owned(),
            user,
            path: format!("{folder}/{name}").into(),
            links,
            instances,
            running: false,
            drop_ins: self.tree.is_dir(&drop_ins).then(|| drop_ins.into()),
            vars,
        }
    }

    /// What starts a unit: links to it, or to an instance of it.
    fn links(&self, folder: &str, name: &str) -> Vec<PathBuf> {
        let mut links = Vec::new();
        for sub in self.tree.names(folder).unwrap_or_default() {
            if !STARTED_BY.iter().any(|kind| sub.ends_with(kind)) {
                continue;
            }
            for entry in self.tree.names(&format!("{folder}/{sub}")).unwrap_or_default() {
                let path = format!("{folder}/{sub}/{entry}");
                if unit::is_of(&entry, name) && self.tree.link(&path).is_ok() {
                    links.push(path.into());
                }
            }
        }
        links
    }

    /// What runs: processes of its programs, and of its units by their control group
    /// (cgroups(7)).
    fn processes(&self, files: &[PathBuf], units: &mut [Unit], found: &mut BTreeSet<u32>) {
        let names = self.tree.names("/proc").unwrap_or_default();
        for pid in names.iter().filter_map(|name| name.parse::<u32>().ok()) {
            let exe = self.tree.link(&format!("/proc/{pid}/exe")).unwrap_or_default();
            // So it is shown when the file was replaced.
            let exe = Path::new(exe.strip_suffix(" (deleted)").unwrap_or(&exe));
            if files.iter().any(|file| file == exe) {
                found.insert(pid);
            }
            let groups = self.tree.text(&format!("/proc/{pid}/cgroup")).unwrap_or_default();
            let Some((name, user)) = unit::of_group(&groups) else { continue };
            for unit in units.iter_mut() {
                if unit.user == user && unit::is_of(&name, &unit.name) {
                    found.insert(pid);
                    unit.running = true;
                    if !unit.instances.contains(&name) {
                        unit.instances.push(name.clone());
                    }
                }
            }
        }
    }
}
