//! What is special about a Linux system: the size of its pages, SELinux, a system that
//! no package manager alone puts together, a board. Reads their small files; never
//! guesses: without a file there is no such fact, and the evidence says so.

use super::Host;
use super::captured;
use super::os_release::OsRelease;
use super::tree::{Tree, plain};
use crate::platform::LiveFacts;

/// What SELinux does where it is at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selinux {
    /// It forbids.
    Enforcing,
    /// It only writes down what it would forbid.
    Permissive,
}

/// How a system is put together that is not changed package by package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// An image of ostree: Silverblue, Bazzite, CoreOS, image mode.
    Ostree,
    /// Valve's image: its root is read-only, and an update replaces it.
    SteamOs,
    /// From one configuration. It has no loader for programs of others unless nix-ld
    /// is in its place.
    NixOs {
        /// Whether it is.
        nix_ld: bool,
    },
}

impl Selinux {
    /// As `getenforce` says it, in small letters.
    pub fn name(self) -> &'static str {
        match self {
            Selinux::Enforcing => "enforcing",
            Selinux::Permissive => "permissive",
        }
    }
}

impl Build {
    /// As people read it.
    pub fn name(self) -> &'static str {
        match self {
            Build::Ostree => "an image (ostree)",
            Build::SteamOs => "an image (SteamOS), read-only",
            Build::NixOs { nix_ld: true } => "NixOS, with nix-ld",
            Build::NixOs { nix_ld: false } => "NixOS, without nix-ld",
        }
    }
}

/// The loaders that programs for glibc ask for; on NixOS they are nix-ld, or a stub
/// that refuses, or not there.
const LOADERS: [&str; 2] = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];
const ENFORCE: &str = "/sys/fs/selinux/enforce";
const MODEL: &str = "/proc/device-tree/model";

pub(super) fn probe(tree: &Tree, live: &LiveFacts, host: &mut Host) {
    pages(tree, live, host);
    selinux(tree, host);
    build(tree, host);
    board(tree, host);
}

fn pages(tree: &Tree, live: &LiveFacts, host: &mut Host) {
    let written = tree.captured("pagesize").as_deref().and_then(captured::page_bytes);
    let source = if written.is_some() { ".setup/pagesize" } else { "the running system" };
    host.page_bytes = written.or(live.page_bytes);
    match host.page_bytes {
        Some(bytes) => {
            tree.say("pagesize", || bytes.to_string());
            host.note("page_size", format!("{bytes} bytes ({source})"));
        }
        None => host.note("page_size", "no .setup/pagesize"),
    }
}

fn selinux(tree: &Tree, host: &mut Host) {
    let text = tree.text(ENFORCE);
    host.selinux = match text.as_deref().map(str::trim) {
        Ok("1") => Some(Selinux::Enforcing),
        Ok("0") => Some(Selinux::Permissive),
        _ => None,
    };
    let said = match (host.selinux, text) {
        (Some(found), _) => format!("{} ({ENFORCE})", found.name()),
        (None, Ok(_)) => format!("neither 0 nor 1 in {ENFORCE}"),
        (None, Err(_)) if tree.exists("/etc/selinux/config") => {
            format!("disabled: /etc/selinux/config is there and {ENFORCE} is not")
        }
        (None, Err(_)) => "no sign of it".to_owned(),
    };
    host.note("selinux", said);
}

fn build(tree: &Tree, host: &mut Host) {
    let is = |word: &str| host.distribution.iter().any(|known| known == word);
    let found = if is("steamos") {
        Some((Build::SteamOs, "os-release"))
    } else if is("nixos") || tree.exists("/etc/NIXOS") {
        Some((Build::NixOs { nix_ld: has_nix_ld(tree) }, "os-release or /etc/NIXOS"))
    } else if tree.exists("/run/ostree-booted") {
        Some((Build::Ostree, "/run/ostree-booted"))
    } else {
        None
    };
    host.build = found.map(|(build, _)| build);
    match found {
        Some((build, source)) => host.note("build", format!("{} ({source})", build.name())),
        None => host.note("build", "no sign of an image"),
    }
}

fn has_nix_ld(tree: &Tree) -> bool {
    let mut links = LOADERS.iter().filter_map(|path| tree.link(path).ok());
    links.any(|target| target.contains("nix-ld"))
}

fn board(tree: &Tree, host: &mut Host) {
    let model = tree.text(MODEL).ok().map(|text| plain(&text));
    host.board = model.filter(|text| !text.is_empty());
    match host.board.clone() {
        Some(board) => host.note("board", format!("{board} ({MODEL})")),
        None => host.note("board", "no device tree"),
    }
}

/// What a distribution is called, and what it is like.
pub(super) fn os_name(tree: &Tree, host: &mut Host) {
    for path in ["/etc/os-release", "/usr/lib/os-release"] {
        let Ok(text) = tree.text(path) else { continue };
        let release = OsRelease::parse(&text);
        if let Some(title) = release.title() {
            host.distribution = release.words();
            host.os_name = Some(title);
            host.note("os_name", path);
            return;
        }
    }
    host.note("os_name", "no os-release");
}

#[cfg(test)]
mod tests {
    use super::super::{Node, Nodes};
    use super::*;

    const LINUX: (&str, &str) = ("/.setup/uname", "Linux aarch64 6.6.31");

    /// The facts of a machine with these files; `-> ` begins a link.
    fn of(files: &[(&str, &str)]) -> Host {
        let node = |text: &str| match text.strip_prefix("-> ") {
            Some(target) => Node::Link(target.to_owned()),
            None => Node::File(text.as_bytes().into()),
        };
        let files = files.iter().chain([&LINUX]);
        let nodes: Nodes = files.map(|(path, text)| ((*path).to_owned(), node(text))).collect();
        Host::probe(&Tree::held(nodes))
    }

    #[test]
    fn pages_and_boards_are_told() {
        let pi =
            of(&[("/.setup/pagesize", "16384\n"), (MODEL, "Raspberry Pi 5 Model B Rev 1.0\0")]);
        assert_eq!((pi.page_bytes, pi.jetson.is_some()), (Some(16384), false));
        assert_eq!(pi.evidence["page_size"], "16384 bytes (.setup/pagesize)");
        let lines = pi.describe();
        for (label, value) in
            [("Board", "Raspberry Pi 5 Model B Rev 1.0"), ("Memory pages", "16 KiB")]
        {
            assert!(lines.contains(&(label.to_owned(), value.to_owned())), "{lines:?}");
        }
        let plain = of(&[("/.setup/pagesize", "4096")]);
        assert!(!plain.describe().iter().any(|(label, _)| label == "Memory pages"));
        assert_eq!(of(&[]).evidence["page_size"], "no .setup/pagesize");
    }

    #[test]
    fn selinux_is_what_the_kernel_says() {
        let of = |files: &[(&str, &str)]| {
            let host = of(files);
            (host.selinux, host.evidence["selinux"].clone())
        };
        assert_eq!(of(&[(ENFORCE, "1")]).0, Some(Selinux::Enforcing));
        assert_eq!(of(&[(ENFORCE, "0\n")]).0, Some(Selinux::Permissive));
        assert_eq!(of(&[]), (None, "no sign of it".to_owned()));
        let (none, why) = of(&[("/etc/selinux/config", "SELINUX=disabled")]);
        assert!(none.is_none() && why.starts_with("disabled: "), "{why}");
        assert!(of(&[(ENFORCE, "2")]).1.starts_with("neither"));
    }

    #[test]
    fn images_and_nixos_are_known_by_their_marks() {
        let build = |files: &[(&str, &str)]| of(files).build;
        assert_eq!(build(&[]), None);
        assert_eq!(build(&[("/run/ostree-booted", "")]), Some(Build::Ostree));
        let steam = ("/etc/os-release", "ID=steamos\nNAME=SteamOS\nVERSION_ID=3.6");
        assert_eq!(build(&[steam]), Some(Build::SteamOs));
        let nix = ("/etc/NIXOS", "");
        assert_eq!(build(&[nix]), Some(Build::NixOs { nix_ld: false }));
        for (target, nix_ld) in [
            ("-> /nix/store/1q2w-stub-ld-2.0/bin/stub-ld", false),
            ("-> /nix/store/1q2w-nix-ld-2.0.4/libexec/nix-ld", true),
        ] {
            for loader in LOADERS {
                let found = build(&[nix, (loader, target)]);
                assert_eq!(found, Some(Build::NixOs { nix_ld }), "{target}");
            }
        }
        let shown = of(&[steam]).describe();
        let line = ("Built as".to_owned(), "an image (SteamOS), read-only".to_owned());
        assert!(shown.contains(&line), "{shown:?}");
    }
}
