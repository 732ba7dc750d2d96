//! What a variant asks of a machine, and whether the machine has it (DESIGN 5).
//!
//! Rules are signed data, so an unknown key makes the variant unfit and says
//! so; it is never passed over. Facts that nobody could read are unfit too.

mod gpu;

pub use gpu::Gpu;

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// `needs` of a variant as it is written.
pub type Needs = BTreeMap<String, Rule>;

/// A value of `needs`: a list means any of, text is one condition or several
/// with spaces between, a table is a row of conditions for a GPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Rule {
    /// `">=2.35"`, `"avx2 fma"`.
    Text(String),
    /// Any of.
    Any(Vec<Rule>),
    /// Conditions by key, all of them.
    Row(BTreeMap<String, Rule>),
}

/// The facts that rules are held against. `None` is a fact nobody could read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Version of the operating system's kernel, `6.8.0`, `23.5.0`, `10.0.22631`.
    pub os: Option<String>,
    /// Version of the GNU C library, when that is this machine's.
    pub glibc: Option<String>,
    /// Version of musl, when that is this machine's.
    pub musl: Option<String>,
    /// Processor features, `avx2`.
    pub cpu: Option<Vec<String>>,
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Bytes free where the slot will be.
    pub disk: Option<u64>,
    /// The GPUs that are meant to be used.
    pub gpus: Vec<Gpu>,
    /// Why the GPUs of a vendor that are there are not to be used.
    pub unused: BTreeMap<String, String>,
    /// Whether Vulkan's loader is there.
    pub vulkan_loader: Option<bool>,
    /// Whether files tell which version of Vulkan each driver has.
    pub vulkan_known: bool,
    /// Whether this is a machine with Metal.
    pub metal: Option<bool>,
    /// Names of the shared libraries of this machine.
    pub libs: Option<BTreeSet<String>>,
}

/// Every reason why these needs are not met; empty when they are.
pub fn unmet(needs: &Needs, facts: &Facts) -> Vec<String> {
    needs.iter().filter_map(|(key, rule)| why_not(key, rule, facts)).collect()
}

/// Rounded down, so that it never looks like enough.
fn amount(bytes: u64) -> String {
    let (unit, name) = if bytes >> 30 > 0 { (1 << 30, "GiB") } else { (1 << 20, "MiB") };
    format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit)
}

fn why_not(key: &str, rule: &Rule, facts: &Facts) -> Option<String> {
    let wanted = shown(rule);
    let version = |what: &str, have: &Option<String>| match have {
        None => Some(format!("needs {what} {wanted}, and this machine's is not known")),
        Some(have) => (!any(rule, &|text| holds_all(text, &|c| compare(c, have))))
            .then(|| format!("needs {what} {wanted}, this machine has {have}")),
    };
    let bytes = |what: &str, have: Option<u64>| match have {
        None => Some(format!("needs {wanted} of {what}, and how much there is is not known")),
        Some(have) => (!any(rule, &|text| holds_all(text, &|c| compare_bytes(c, have))))
            .then(|| format!("needs {wanted} of {what}, this machine has {}", amount(have))),
    };
    match key {
        "os" => version("system", &facts.os),
        "glibc" => match (&facts.glibc, &facts.musl) {
            (None, Some(musl)) => {
                Some(format!("needs glibc {wanted}, this machine has musl {musl}"))
            }
            (have, _) => version("glibc", have),
        },
        "musl" => match (&facts.musl, &facts.glibc) {
            (None, Some(glibc)) => {
                Some(format!("needs musl {wanted}, this machine has glibc {glibc}"))
            }
            (have, _) => version("musl", have),
        },
        "cpu" => match &facts.cpu {
            None => {
                Some(format!("needs a processor with {wanted}, and its features are not known"))
            }
            Some(have) => {
                let has = |feature: &str| have.iter().any(|f| f == feature);
                (!any(rule, &|text| holds_all(text, &has)))
                    .then(|| format!("needs a processor with {wanted}, this one has it not"))
            }
        },
        "memory" => bytes("memory", facts.memory),
        "disk" => bytes("free disk", facts.disk),
        "nvidia" | "amd" | "intel" => gpu::of_vendor(key, rule, facts),
        "vulkan" => gpu::vulkan(rule, facts),
        // Metal has no number that matters: it is there, or not.
        "metal" => match facts.metal {
            Some(true) => None,
            Some(false) => Some("needs Metal, which this machine has not".to_owned()),
            None => Some("needs Metal, and whether this machine has it is not known".to_owned()),
        },
        "libs" => libs(rule, facts),
        other => {
            let other = other.escape_default();
            Some(format!("needs `{other}`, which this program does not know: update it"))
        }
    }
}

/// A text names libraries that must all be there, a list is any of.
fn libs(rule: &Rule, facts: &Facts) -> Option<String> {
    let Some(have) = &facts.libs else {
        let wanted = shown(rule);
        return Some(format!("needs the libraries {wanted}, and which there are is not known"));
    };
    let texts = texts(rule).into_iter();
    // Of several ways the one that lacks least; a text without a name is no way.
    let lacking = texts.filter(|text| !text.trim().is_empty()).map(|text| {
        text.split_whitespace().filter(|name| !have.contains(*name)).collect::<Vec<_>>()
    });
    let Some(lacking) = lacking.min_by_key(Vec::len) else {
        return Some("its rule for libraries says nothing".to_owned());
    };
    let are = if lacking.len() == 1 { "library" } else { "libraries" };
    let is = if lacking.len() == 1 { "is" } else { "are" };
    let names = lacking.join(" and ").escape_default().to_string();
    (!lacking.is_empty()).then(|| format!("needs the {are} {names}, which {is} not installed"))
}

/// The texts of a rule; a row is for GPUs alone.
fn texts(rule: &Rule) -> Vec<&str> {
    match rule {
        Rule::Text(text) => vec![text],
        Rule::Any(rules) => rules.iter().flat_map(texts).collect(),
        Rule::Row(_) => Vec::new(),
    }
}

/// Whether any of the texts of a rule holds.
fn any(rule: &Rule, holds: &dyn Fn(&str) -> bool) -> bool {
    texts(rule).into_iter().any(holds)
}

/// Whether every condition of a text holds; a text without one never does.
fn holds_all(text: &str, holds: &dyn Fn(&str) -> bool) -> bool {
    let mut conditions = text.split_whitespace().peekable();
    conditions.peek().is_some() && conditions.all(holds)
}

/// One condition on a version: `>=V`, `<V` or `V`, numbers between dots. Parts
/// that are missing count as 0, so 2.35 is 2.35.0.
fn compare(condition: &str, have: &str) -> bool {
    let Some(have) = numbers(have) else { return false };
    if let Some(least) = condition.strip_prefix(">=") {
        numbers(least).is_some_and(|least| have >= least)
    } else if let Some(limit) = condition.strip_prefix('<') {
        numbers(limit).is_some_and(|limit| have < limit)
    } else {
        numbers(condition).is_some_and(|exact| have == exact)
    }
}

/// The leading numbers of a version: `6.8.0-45-generic` is 6, 8, 0. Trailing
/// zeros are dropped so that versions of unlike length compare.
fn numbers(text: &str) -> Option<Vec<u64>> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let parts: Option<Vec<u64>> =
        text[..end].trim_end_matches('.').split('.').map(|part| part.parse().ok()).collect();
    let mut parts = parts?;
    while parts.len() > 1 && parts.last() == Some(&0) {
        parts.pop();
    }
    Some(parts)
}

/// One condition on a number of bytes: `>=8GiB`, `<500MB`, `>=1048576`.
fn compare_bytes(condition: &str, have: u64) -> bool {
    if let Some(least) = condition.strip_prefix(">=") {
        bytes_of(least).is_some_and(|least| have >= least)
    } else if let Some(limit) = condition.strip_prefix('<') {
        bytes_of(limit).is_some_and(|limit| have < limit)
    } else {
        false
    }
}

fn bytes_of(text: &str) -> Option<u64> {
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let tens = [("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000)];
    for (unit, factor) in units.into_iter().chain(tens) {
        if let Some(number) = text.strip_suffix(unit) {
            return number.parse::<u64>().ok()?.checked_mul(factor);
        }
    }
    text.parse().ok()
}

/// A rule as a person would say it.
fn shown(rule: &Rule) -> String {
    match rule {
        Rule::Text(text) => text.escape_default().to_string(),
        Rule::Any(rules) => rules.iter().map(shown).collect::<Vec<_>>().join(" or "),
        Rule::Row(row) => {
            let parts = row.iter().map(|(key, rule)| format!("{key} {}", shown(rule)));
            parts.collect::<Vec<_>>().join(", ")
        }
    }
}

#[cfg(test)]
mod tests;
