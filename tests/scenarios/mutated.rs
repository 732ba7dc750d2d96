//! Machines whose files are wrong: cut, flipped, mixed with those of other machines,
//! renamed, gone, in a circle. No probe of them may panic, and none may find a GPU that
//! no file names (`offgrid_oracle::machine`).
//!
//! `E2E_FULL=1` tries a million, `OFFGRID_CASES=N` as many, `E2E_SEED=N` others. A
//! failure names the seed of its case; `E2E_SEED=N OFFGRID_CASES=1` is that one alone.

use e2e::chance::Chance;
use e2e::machine;
use offgrid_oracle::machine::probe;
use offgrid_setup::host::{Capture, Node, Nodes, Tree};
use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;

const SAMPLE: u64 = 20_000;
const FULL: u64 = 1_000_000;
/// One of so many is captured too, and the capture is held to the same rules.
const CAPTURED: u64 = 16;

/// Every file of a folder, as a tree in memory.
fn held(root: &Path, at: &Path, into: &mut Nodes) {
    for entry in fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("/{}", path.strip_prefix(root).unwrap().to_str().unwrap());
        if path.is_symlink() {
            let target = fs::read_link(&path).unwrap();
            into.insert(name, Node::Link(target.to_str().unwrap().to_owned()));
        } else if path.is_dir() {
            into.insert(name, Node::Folder);
            held(root, &path, into);
        } else {
            into.insert(name, Node::File(fs::read(&path).unwrap().into()));
        }
    }
}

fn machines() -> Vec<Nodes> {
    let room = machine::room();
    let of = |name: &String| {
        let root = room.path().join(name);
        machine::make(name, &root);
        let mut nodes = Nodes::new();
        held(&root, &root, &mut nodes);
        nodes
    };
    machine::names().iter().map(of).collect()
}

/// Words that mean something somewhere.
const WORDS: &[&str] = &[
    "0x030000",
    "0x10de",
    "0x1002",
    "0x8086",
    "0x120000",
    "0x",
    "0xffffffffffffffff",
    "-1",
    "0",
    "1",
    "18446744073709551616",
    "9223372036854775807",
    "4294967295",
    "99999999999999999999999999",
    "max",
    "NVRM version:",
    "Kernel Module",
    "999.99.99",
    "GPU-",
    "??",
    ",",
    "..",
    "/",
    ":",
    "=",
    "\"",
    "'",
    "\\",
    "\n",
    "\0",
    "\t",
    "\r\n",
    "\u{1b}[2J",
    "\u{feff}",
    "\u{fffd}",
    "\u{2028}",
    "é",
    "{",
    "}",
    "[",
    "]",
    "null",
    "1e999",
    "\"ICD\"",
    "nvidia,tegra234",
    "# R36",
    "microsoft",
    "-Microsoft",
    "hw.optional.arm64: 1",
    "sysctl.proc_translated: 1",
    "Darwin arm64 23.5.0",
    "Windows AMD64 10.0",
    "Linux x86_64 6.8.0",
    "Linux aarch64 6.8.0",
    "Linux riscv64 6",
    "libvulkan_lvp.so",
    "libGLX_nvidia.so.0",
    "pci\\ven_10de&dev_2684",
    "ven_",
    "dev_",
    "Yes",
    "[N/A]",
    "renderD128",
    "gfx_target_version 110000",
    "simd_count 1",
    "location_id 768",
    "ID=steamos",
    "ID=nixos",
    "nix-ld",
    "65536",
    "0::/a/../b",
    "4:memory:/x",
];

struct Stock {
    machines: Vec<Nodes>,
    /// Every path that some machine has.
    paths: Vec<String>,
}

impl Stock {
    fn path(&self, chance: &mut Chance) -> String {
        self.paths[chance.below(self.paths.len())].clone()
    }

    fn node(&self, chance: &mut Chance) -> Node {
        let machine = &self.machines[chance.below(self.machines.len())];
        machine.values().nth(chance.below(machine.len())).unwrap().clone()
    }

    /// A machine with one to six things that are wrong.
    fn machine(&self, seed: u64) -> Nodes {
        let mut chance = Chance::new(seed);
        let chance = &mut chance;
        let mut nodes = self.machines[chance.below(self.machines.len())].clone();
        for _ in 0..=chance.below(6) {
            self.harm(&mut nodes, chance);
        }
        nodes
    }

    fn harm(&self, nodes: &mut Nodes, chance: &mut Chance) {
        let own = nodes.keys().nth(chance.below(nodes.len())).cloned();
        let own = own.unwrap_or_else(|| self.path(chance));
        match chance.below(10) {
            0 => drop(nodes.remove(&own)),
            1 => drop(nodes.insert(self.path(chance), self.node(chance))),
            2 => {
                // Another place: often another PCI address.
                if let Some(node) = nodes.remove(&own) {
                    nodes.insert(renamed(&own, chance), node);
                }
            }
            3 => {
                let target =
                    [self.path(chance), "..".into(), own.clone(), "/".into(), "a/../..".into()];
                let target = target[chance.below(target.len())].clone();
                nodes.insert(own, Node::Link(target));
            }
            4 => drop(nodes.insert(own, Node::Folder)),
            5 => {
                let node = self.node(chance);
                nodes.insert(own, node);
            }
            _ => {
                if let Some(Node::File(bytes)) = nodes.get(&own) {
                    let text = text(bytes, chance);
                    nodes.insert(own, Node::File(text.into()));
                }
            }
        }
    }
}

fn renamed(path: &str, chance: &mut Chance) -> String {
    let mut parts: Vec<String> = path.split('/').map(str::to_owned).collect();
    let at = 1 + chance.below(parts.len() - 1);
    let bytes = text(parts[at].as_bytes(), chance);
    let name = String::from_utf8_lossy(&bytes).replace('/', "");
    parts[at] = if name.is_empty() || name == "." || name == ".." { "x".into() } else { name };
    parts.join("/")
}

/// Other bytes in the place of these.
fn text(bytes: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut new = bytes.to_vec();
    let at = chance.below(new.len() + 1);
    match chance.below(8) {
        0 => new.truncate(at),
        1 => drop(new.drain(..at)),
        2 => new
            .splice(at..at, (0..chance.below(40)).map(|_| chance.below(256) as u8))
            .for_each(drop),
        3 if at < new.len() => new[at] ^= 1 << chance.below(8),
        4 => {
            // Lines once more, in another order.
            let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
            let line = lines[chance.below(lines.len())];
            lines.insert(chance.below(lines.len() + 1), line);
            let other = at % lines.len();
            lines.swap(0, other);
            new = lines.join(&b'\n');
        }
        5 => {
            // A number that is too large, or none.
            let digit = new[at.min(new.len())..].iter().position(u8::is_ascii_digit);
            if let Some(digit) = digit.map(|digit| at + digit) {
                let word = WORDS[chance.below(15)].as_bytes();
                new.splice(digit..=digit, word.iter().copied()).for_each(drop);
            }
        }
        _ => {
            let word = WORDS[chance.below(WORDS.len())].as_bytes();
            let end = (at + chance.below(12)).min(new.len());
            new.splice(at..end, word.iter().copied()).for_each(drop);
        }
    }
    new
}

fn number(name: &str) -> Option<u64> {
    Some(std::env::var(name).ok()?.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

#[test]
fn no_machine_makes_a_probe_panic_or_see_a_gpu_that_no_file_names() {
    let machines = machines();
    let paths: BTreeSet<String> = machines.iter().flat_map(|nodes| nodes.keys().cloned()).collect();
    let stock = Stock { machines, paths: paths.into_iter().collect() };
    let full = std::env::var_os("E2E_FULL").map(|_| FULL);
    let count = number("OFFGRID_CASES").or(full).unwrap_or(SAMPLE);
    let first = number("E2E_SEED").unwrap_or(265_908_688);
    let threads = thread::available_parallelism().map_or(1, usize::from).min(8);
    let stock = &stock;
    let work = move |thread: u64| {
        let (mut gpus, mut bad) = (0, Vec::new());
        for case in (thread..count).step_by(threads) {
            let seed = first.wrapping_add(case);
            let nodes = stock.machine(seed);
            let ask = || {
                let host = probe(&nodes);
                if case % CAPTURED == 0 {
                    probe(Capture::of(&Tree::held(nodes.clone())).nodes());
                }
                host.gpus.len()
            };
            match catch_unwind(AssertUnwindSafe(ask)) {
                Ok(found) => gpus += found,
                Err(_) => bad.push(seed),
            }
            if bad.len() > 9 {
                break;
            }
        }
        (gpus, bad)
    };
    let found: Vec<(usize, Vec<u64>)> = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..threads as u64).map(|one| scope.spawn(move || work(one))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let gpus: usize = found.iter().map(|(gpus, _)| gpus).sum();
    let bad: Vec<u64> = found.into_iter().flat_map(|(_, bad)| bad).collect();
    println!("{count} machines from seed {first}, {gpus} GPUs in them");
    assert!(bad.is_empty(), "seeds of machines that break a rule: {bad:?}");
    assert!(count < 100 || gpus > 0, "wrong files hide some GPUs and not all of them");
}
