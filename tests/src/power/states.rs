//! Which trees a power cut may leave at each moment of a run.
//!
//! More and more changes wait between two syncs, and any subset of them may
//! survive. So all that a cut in between can leave is among what a cut just before
//! the next sync ends can leave, and only those moments and the end are looked at.

use super::disk::{Change, Disk, Durable, Event, Part, Survival};
use super::tree::Tree;
use crate::chance::Chance;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// Where the power was cut, and what was lost.
#[derive(Debug, Clone)]
pub struct Cut {
    /// In the events of the disk; the changes before it were made.
    pub upto: usize,
    /// Whether the command had ended.
    pub is_end: bool,
    /// What became of each change that waited: its index in the events.
    pub fate: BTreeMap<usize, Survival>,
    pub tree: Tree,
}

/// How many combinations of what waits are all tried; more are sampled.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub all_up_to: usize,
    /// So many of a larger number, beside the systematic ones.
    pub sample: usize,
}

/// Every state, each tree once (one after the end apart from the same one before).
pub struct States {
    pub cuts: Vec<Cut>,
    /// How many combinations were looked at.
    pub tried: usize,
    /// At how many moments.
    pub moments: usize,
}

/// One thing that waits, and what may become of it: the first is that nothing is
/// left of it, the last that all is there.
struct Waiting(Vec<Vec<(usize, Survival)>>);

impl States {
    /// Of all moments of a run. What is written to files of which `is_dull` is true
    /// goes or stays together: no decision depends on it.
    pub fn of(disk: &Disk, size: Size, seed: u64, is_dull: &dyn Fn(&Path) -> bool) -> States {
        let mut states = States { cuts: Vec::new(), tried: 0, moments: moments(disk).len() };
        states.tried = each(disk, size, seed, is_dull, &mut |cut| {
            states.cuts.push(cut);
            true
        });
        states
    }
}

/// Shows every state once, until `seen` has seen enough. How many combinations were
/// looked at.
pub fn each(
    disk: &Disk,
    size: Size,
    seed: u64,
    is_dull: &dyn Fn(&Path) -> bool,
    seen: &mut dyn FnMut(Cut) -> bool,
) -> usize {
    let (mut known, mut chance, mut tried) = (HashSet::new(), Chance::new(seed), 0);
    for upto in moments(disk) {
        let is_end = upto == disk.events.len();
        let (durable, waiting) = waiting(disk, upto, is_dull);
        for picked in combinations(&waiting, size, &mut chance) {
            tried += 1;
            let chosen = waiting.iter().zip(&picked).flat_map(|(unit, at)| &unit.0[*at]);
            let mut all = durable.clone();
            chosen.clone().for_each(|(index, survival)| all[*index] = *survival);
            let tree = disk.tree(upto, |index| all[index]);
            if known.insert((tree.mark(), is_end)) {
                let fate = chosen.copied().collect();
                if !seen(Cut { upto, is_end, fate, tree }) {
                    return tried;
                }
            }
        }
    }
    tried
}

/// Just before each sync ends, and the end.
fn moments(disk: &Disk) -> Vec<usize> {
    let syncs = disk.events.iter().enumerate();
    let syncs = syncs.filter(|(_, event)| matches!(event, Event::Sync(..))).map(|(at, _)| at);
    syncs.chain([disk.events.len()]).collect()
}

/// What is durable at a moment, and what waits.
fn waiting(
    disk: &Disk,
    upto: usize,
    is_dull: &dyn Fn(&Path) -> bool,
) -> (Vec<Survival>, Vec<Waiting>) {
    let (mut durable, mut waiting) = (vec![Survival::Lost; upto], Vec::new());
    let mut bytes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, event) in disk.events[..upto].iter().enumerate() {
        let Event::Change(change) = event else { continue };
        let is = disk.is_durable(index, upto);
        match change {
            Change::Write { .. } | Change::Resize { .. } if is == Durable::Yes => {
                durable[index] = Survival::Part(Part::Whole);
            }
            Change::Write { node, .. } | Change::Resize { node, .. } => {
                bytes.entry(*node).or_default().push(index);
            }
            _ if is == Durable::Yes => durable[index] = Survival::Done,
            Change::Move { from, to, .. } if from != to => {
                let both = vec![(index, Survival::BothNames)];
                let (lost, done) = (vec![(index, Survival::Lost)], vec![(index, Survival::Done)]);
                waiting.push(match is {
                    Durable::NewName => Waiting(vec![both, done]),
                    _ => Waiting(vec![lost, both, done]),
                });
            }
            _ => {
                let (lost, done) = (vec![(index, Survival::Lost)], vec![(index, Survival::Done)]);
                waiting.push(Waiting(vec![lost, done]));
            }
        }
    }
    for (node, writes) in bytes {
        let mut fates = torn(disk, &writes);
        if is_dull(&disk.names[node]) {
            fates = vec![fates.swap_remove(0), fates.pop().unwrap()];
        }
        waiting.push(Waiting(fates));
    }
    (durable, waiting)
}

/// What may become of the writes to one file.
fn torn(disk: &Disk, writes: &[usize]) -> Vec<Vec<(usize, Survival)>> {
    let all = |survives: &dyn Fn(usize) -> Survival| -> Vec<(usize, Survival)> {
        (0..writes.len()).map(|at| (writes[at], survives(at))).collect()
    };
    let (whole, part) = (Survival::Part(Part::Whole), Survival::Part);
    let last = writes.len() - 1;
    let mut fates = vec![all(&|_| Survival::Lost)];
    // The first ones, each one missing: of many the first and last few.
    let few = |at: &usize| *at < 3 || *at + 3 > last;
    for upto in (1..=last).filter(few) {
        fates.push(all(&|at| if at < upto { whole } else { Survival::Lost }));
    }
    for missing in (0..last).filter(few) {
        fates.push(all(&|at| if at == missing { Survival::Lost } else { whole }));
    }
    if let Event::Change(Change::Write { at: from, len, .. }) = disk.events[writes[last]] {
        let is_write =
            |at: usize| matches!(disk.events[writes[at]], Event::Change(Change::Write { .. }));
        fates.push(all(&|at| if is_write(at) { part(Part::Length) } else { whole }));
        let mut tears: Vec<usize> = vec![1, len / 2, len.saturating_sub(1)];
        // Where one sector of 512 bytes ends and the next begins.
        let sectors: Vec<usize> = (1..len).filter(|n| (from + n) % 512 == 0).collect();
        tears.extend(sectors.first().into_iter().chain(sectors.last()));
        tears.retain(|tear| (1..len).contains(tear));
        tears.sort_unstable();
        tears.dedup();
        for tear in tears {
            for torn in [Part::Head(tear), Part::Tail(tear)] {
                fates.push(all(&|at| if at == last { part(torn) } else { whole }));
            }
        }
        fates.push(all(&|at| if at == last { part(Part::Length) } else { whole }));
    }
    fates.push(all(&|_| whole));
    fates
}

/// Which fate of each thing that waits; all combinations where they are few.
fn combinations(waiting: &[Waiting], size: Size, chance: &mut Chance) -> Vec<Vec<usize>> {
    let counts: Vec<usize> = waiting.iter().map(|unit| unit.0.len()).collect();
    let product = counts.iter().try_fold(1_usize, |product, count| product.checked_mul(*count));
    if product.is_some_and(|product| product <= size.all_up_to) {
        return every(&counts);
    }
    let (none, all) = (vec![0; counts.len()], counts.iter().map(|count| count - 1).collect());
    let mut picked: Vec<Vec<usize>> = vec![none.clone(), Vec::clone(&all)];
    for unit in 0..counts.len() {
        let alone = (1..counts[unit]).map(|fate| with(&none, unit, fate));
        let missing = (0..counts[unit] - 1).map(|fate| with(&all, unit, fate));
        picked.extend(alone.chain(missing));
        // The first ones and no later one; all but those.
        picked.push((0..counts.len()).map(|at| if at < unit { all[at] } else { 0 }).collect());
        picked.push((0..counts.len()).map(|at| if at < unit { 0 } else { all[at] }).collect());
    }
    for _ in 0..size.sample {
        let density = 1 + chance.below(9);
        let pick = |count: &usize| match chance.below(10) < density {
            true => count - 1 - if chance.below(4) == 0 { chance.below(*count) } else { 0 },
            false => 0,
        };
        picked.push(counts.iter().map(pick).collect());
    }
    picked
}

fn with(picks: &[usize], unit: usize, fate: usize) -> Vec<usize> {
    let mut picks = picks.to_vec();
    picks[unit] = fate;
    picks
}

fn every(counts: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for count in counts {
        let longer = all.iter().flat_map(|picks: &Vec<usize>| {
            (0..*count).map(move |fate| picks.iter().copied().chain([fate]).collect())
        });
        all = longer.collect();
    }
    all
}

impl Cut {
    /// For people: before which sync, and what was lost or torn.
    pub fn describe(&self, disk: &Disk) -> String {
        let name = |node: usize| disk.names[node].display().to_string();
        let moment = match self.upto < disk.events.len() {
            true => format!("before the end of the sync of {}", disk.describe_sync(self.upto)),
            false => "after the end".to_owned(),
        };
        let whole = [Survival::Done, Survival::Part(Part::Whole)];
        let fates = self.fate.iter().filter(|(_, fate)| !whole.contains(fate));
        let fates = fates.map(|(index, fate)| {
            let Event::Change(change) = &disk.events[*index] else { return String::new() };
            let what = match change {
                Change::Entry { folder, name: entry, to } => {
                    let word = if to.is_some() { "new" } else { "removal of" };
                    format!("{word} {}/{}", name(*folder), entry.display())
                }
                Change::Move { from, old, to, new, .. } => format!(
                    "move of {}/{} to {}/{}",
                    name(*from),
                    old.display(),
                    name(*to),
                    new.display()
                ),
                Change::Write { node, at, len, .. } => {
                    format!("{len} bytes at {at} of {}", name(*node))
                }
                Change::Resize { node, len } => format!("length {len} of {}", name(*node)),
                Change::Mode { node, mode } => format!("mode {mode:o} of {}", name(*node)),
            };
            format!("    {fate:?}: {what} (event {index})")
        });
        let mut fates: Vec<String> = fates.collect();
        let survived = self.fate.len() - fates.len();
        fates.truncate(20);
        format!(
            "{moment} (event {}), {survived} of {} that waited survived whole; but\n{}",
            self.upto,
            self.fate.len(),
            fates.join("\n")
        )
    }
}
