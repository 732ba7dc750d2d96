//! `nvidia-smi`, for what is in no file: memory and compute capability.

use super::super::tree::Tree;
use super::nvidia::{self, Smi};
use crate::child;
use std::path::Path;
use std::time::Duration;

/// The system's own places, never PATH.
const PLACES: [&str; 3] =
    ["/usr/lib/wsl/lib/nvidia-smi", "/usr/bin/nvidia-smi", "/run/current-system/sw/bin/nvidia-smi"];
const CAPTURED: &str = "nvidia-smi.csv";
/// It hangs on a sick GPU.
const LIMIT: Duration = Duration::from_secs(5);
const QUERY: &str = "--query-gpu=index,uuid,name,driver_version,memory.total,compute_cap";

/// What it says, and where that is from.
pub(super) fn ask(tree: &Tree) -> (Vec<Smi>, String) {
    let heard = |csv: &str| {
        csv.lines().for_each(|line| tree.say(CAPTURED, || line.to_owned()));
        nvidia::smi(csv)
    };
    if !tree.is_live() {
        return match tree.captured(CAPTURED) {
            Some(csv) => (heard(&csv), ".setup/nvidia-smi.csv".to_owned()),
            None => (Vec::new(), "no .setup/nvidia-smi.csv".to_owned()),
        };
    }
    let Some(program) = PLACES.iter().find(|path| tree.exists(path)) else {
        return (Vec::new(), "no nvidia-smi".to_owned());
    };
    let mut command = child::command(Path::new(program), Path::new("/"));
    command.args([QUERY, "--format=csv,noheader,nounits"]);
    match child::run(command, LIMIT, &|| false) {
        Ok(outcome) if outcome.ended.is_success() => {
            (heard(&outcome.stdout), (*program).to_owned())
        }
        Ok(outcome) => (Vec::new(), format!("{program} {}", outcome.ended)),
        Err(error) => (Vec::new(), format!("{program}: {error}")),
    }
}
