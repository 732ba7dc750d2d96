//! Which points of a command are tried, and how.

use e2e::chance::Chance;
use e2e::cut::Point;
use e2e::{World, base};
use std::fs;

/// How many points of most commands are tried.
pub(super) const SAMPLE: usize = 25;

/// How a run that was cut off is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Finish,
    Back,
    Again,
}

const WAYS: [Way; 3] = [Way::Finish, Way::Back, Way::Again];

/// A point, how the run is ended that was cut off there, and where that is cut too.
pub(super) type Case = (Point, Way, Option<usize>);

/// Which cases are tried.
pub(super) fn chosen(points: Vec<Point>, sample: usize) -> Vec<Case> {
    let full = std::env::var("E2E_CRASH").is_ok_and(|value| value == "full");
    let mut chance = Chance::new(seed());
    if full {
        return every(&points, &mut chance);
    }
    let sample = spread(&points, sample, &mut chance).into_iter();
    sample
        .map(|point| {
            let way = WAYS[chance.below(3)];
            let again = chance.below(3) == 0 && way != Way::Again;
            (point, way, again.then(|| chance.below(1000)))
        })
        .collect()
}

pub(crate) fn seed() -> u64 {
    std::env::var("E2E_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

/// One of each of `count` equal pieces of the run.
pub(crate) fn spread(points: &[Point], count: usize, chance: &mut Chance) -> Vec<Point> {
    let count = count.min(points.len());
    (0..count)
        .map(|index| {
            let (from, to) = (index * points.len() / count, (index + 1) * points.len() / count);
            points[from + chance.below(to - from)].clone()
        })
        .collect()
}

/// Every point in every way; and with a second cut in the mending, once in its first
/// half and once in its second. Not in the same command again: a rollback that is
/// typed three times may go back twice.
fn every(points: &[Point], chance: &mut Chance) -> Vec<Case> {
    let mut cases = Vec::new();
    for point in points {
        for way in WAYS {
            cases.push((point.clone(), way, None));
            if way != Way::Again {
                cases.push((point.clone(), way, Some(chance.below(500))));
                cases.push((point.clone(), way, Some(500 + chance.below(500))));
            }
        }
    }
    cases
}

/// Shell profiles of every kind: one without an end of its last line, one that is a
/// link, one that is made with its folder.
pub(super) fn profiles(world: &World) {
    let home = world.home();
    fs::create_dir_all(home.join(".config/fish")).unwrap();
    fs::create_dir(home.join("dotfiles")).unwrap();
    fs::write(home.join("dotfiles/bashrc"), "alias l=ls\r\n").unwrap();
    std::os::unix::fs::symlink("dotfiles/bashrc", home.join(".bashrc")).unwrap();
    fs::write(home.join(".profile"), "export A=1").unwrap();
    base::set_mode(&home.join(".profile"), 0o640);
}
