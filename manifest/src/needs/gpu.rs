//! What a variant asks of GPUs: `nvidia`, `amd`, `intel`, `vulkan`.
//!
//! Every GPU that is meant to be used must match a row; which those are is
//! decided elsewhere. Pure.

use super::{Facts, Rule, amount, any, compare, compare_bytes, holds_all, shown};
use std::collections::BTreeMap;

/// One GPU that is meant to be used. `None` is a fact nobody could read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gpu {
    /// `nvidia`, `amd`, `intel`.
    pub vendor: String,
    /// What people call it.
    pub name: String,
    /// Version of its driver.
    pub driver: Option<String>,
    /// NVIDIA's compute capability.
    pub compute: Option<String>,
    /// AMD's graphics target.
    pub gfx: Option<String>,
    /// Bytes of its own memory.
    pub memory: Option<u64>,
    /// Version of Vulkan that its driver offers.
    pub vulkan: Option<String>,
    /// Of a Jetson, whose driver numbers mean something else (gpu.md 2.2); empty
    /// when its number is not known.
    pub jetpack: Option<String>,
    /// Why its maker's own engine cannot use it although Vulkan may.
    pub why_not: Option<String>,
}

/// Why the GPUs of this vendor do not do; `None` when every one does.
pub(super) fn of_vendor(vendor: &str, rule: &Rule, facts: &Facts) -> Option<String> {
    let mut mine = facts.gpus.iter().filter(|gpu| gpu.vendor == vendor).peekable();
    if mine.peek().is_none() {
        let maker = maker(vendor);
        return Some(match facts.unused.get(vendor) {
            Some(why) => format!("needs a GPU of {maker}, and none can be used: {why}"),
            None => format!("needs a GPU of {maker}, and none was found"),
        });
    }
    mine.find_map(|gpu| one(gpu, rule))
}

fn maker(vendor: &str) -> &str {
    match vendor {
        "nvidia" => "NVIDIA",
        "amd" => "AMD",
        "intel" => "Intel",
        other => other,
    }
}

/// Why one GPU matches no row: the words of the row that it misses least.
fn one(gpu: &Gpu, rule: &Rule) -> Option<String> {
    if let Some(why) = &gpu.why_not {
        return Some(format!("{} cannot be used by it: {why}", gpu.name));
    }
    // A row of another model tells less than one of this model that asks for more.
    let nearest = rows(gpu, rule).into_iter().min_by_key(|missed| {
        (missed.iter().filter(|(key, _)| MODEL.contains(&key.as_str())).count(), missed.len())
    });
    let Some(missed) = nearest else {
        return Some(format!("its rule for {} says nothing", maker(&gpu.vendor)));
    };
    let words: Vec<String> = missed.into_iter().map(|(_, why)| why).collect();
    (!words.is_empty()).then(|| words.join(", and "))
}

/// Conditions that say which model a row is about.
const MODEL: [&str; 3] = ["compute", "gfx", "jetpack"];
/// A condition that is missed, by its key, and the words for it.
type Missed = (String, String);

/// What of each row is missed.
fn rows(gpu: &Gpu, rule: &Rule) -> Vec<Vec<Missed>> {
    let is_text = |rule: &Rule| matches!(rule, Rule::Text(_));
    match rule {
        // One condition without a name is the one that tells models apart.
        Rule::Any(rules) if !rules.is_empty() && rules.iter().all(is_text) => {
            vec![missed(gpu, &[(unnamed(gpu).to_owned(), rule.clone())].into())]
        }
        Rule::Any(rules) => rules.iter().flat_map(|rule| rows(gpu, rule)).collect(),
        Rule::Row(row) => vec![missed(gpu, row)],
        Rule::Text(_) => vec![missed(gpu, &[(unnamed(gpu).to_owned(), rule.clone())].into())],
    }
}

fn unnamed(gpu: &Gpu) -> &'static str {
    if gpu.vendor == "amd" { "gfx" } else { "driver" }
}

fn missed(gpu: &Gpu, row: &BTreeMap<String, Rule>) -> Vec<Missed> {
    row.iter().filter_map(|(key, rule)| Some((key.clone(), condition(gpu, key, rule)?))).collect()
}

fn condition(gpu: &Gpu, key: &str, rule: &Rule) -> Option<String> {
    let name = &gpu.name;
    let wanted = shown(rule);
    let text = |what: &str, have: &Option<String>, holds: &dyn Fn(&str, &str) -> bool| match have {
        None => Some(format!("needs {what} {wanted}, and that of {name} is not known")),
        Some(have) => (!any(rule, &|text| holds_all(text, &|c| holds(c, have))))
            .then(|| format!("needs {what} {wanted}, and {name} has {have}")),
    };
    match key {
        "driver" if gpu.jetpack.is_some() => Some(format!(
            "needs driver {wanted}, and the numbers of a Jetson's drivers mean something else"
        )),
        "driver" => text("driver", &gpu.driver, &compare),
        "compute" => text("compute capability", &gpu.compute, &compare),
        "jetpack" => match &gpu.jetpack {
            None => Some(format!("needs a Jetson with JetPack {wanted}")),
            Some(unknown) if unknown.is_empty() => {
                Some(format!("needs JetPack {wanted}, and that of {name} is not known"))
            }
            have => text("JetPack", have, &compare),
        },
        "gfx" => text("graphics target", &gpu.gfx, &|c, have| c == have),
        "memory" => match gpu.memory {
            None => Some(format!("needs {wanted} of GPU memory, and that of {name} is not known")),
            Some(have) => (!any(rule, &|text| holds_all(text, &|c| compare_bytes(c, have))))
                .then(|| format!("needs {wanted} of GPU memory, and {name} has {}", amount(have))),
        },
        other => {
            let other = other.escape_default();
            Some(format!("needs `{other}` of a GPU, which this program does not know: update it"))
        }
    }
}

/// Why Vulkan does not do for every GPU that is meant to be used.
pub(super) fn vulkan(rule: &Rule, facts: &Facts) -> Option<String> {
    if facts.gpus.is_empty() {
        let reasons: Vec<&str> = facts.unused.values().map(String::as_str).collect();
        return Some(match reasons.is_empty() {
            true => "needs a GPU with Vulkan, and none was found".to_owned(),
            false => {
                format!("needs a GPU with Vulkan, and none can be used: {}", reasons.join("; "))
            }
        });
    }
    if facts.vulkan_loader == Some(false) {
        return Some(
            "needs Vulkan's loader, which is not installed (Debian, Ubuntu: libvulkan1; Fedora: \
             vulkan-loader; Arch: vulkan-icd-loader)"
                .to_owned(),
        );
    }
    // Where no file tells the version, the proof at activation does.
    if !facts.vulkan_known {
        return None;
    }
    let wanted = shown(rule);
    facts.gpus.iter().find_map(|gpu| match &gpu.vulkan {
        None => {
            Some(format!("needs Vulkan {wanted}, and no driver of it is there for {}", gpu.name))
        }
        Some(have) => (!any(rule, &|text| holds_all(text, &|c| compare(c, have))))
            .then(|| format!("needs Vulkan {wanted}, and the driver of {} has {have}", gpu.name)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Needs, unmet};
    use super::*;

    fn card(name: &str, compute: &str, driver: &str) -> Gpu {
        Gpu {
            vendor: "nvidia".into(),
            name: name.into(),
            driver: Some(driver.into()),
            compute: Some(compute.into()),
            memory: Some(24 << 30),
            vulkan: Some("1.3.277".into()),
            ..Gpu::default()
        }
    }

    fn why(needs: &str, gpus: &[Gpu]) -> String {
        let needs: Needs = serde_json::from_str(needs).unwrap();
        let facts = Facts { gpus: gpus.to_vec(), vulkan_known: true, ..Facts::default() };
        unmet(&needs, &facts).join(" | ")
    }

    const CUDA12: &str = r#"{"nvidia":[{"compute":["8.6","8.9"],"driver":">=550"},
        {"compute":["12.0"],"driver":">=570"},{"compute":[">=5.0 <12.0"],"driver":">=570.26"}]}"#;

    #[test]
    fn every_card_must_match_a_row_and_the_nearest_row_says_what_is_missing() {
        let of = |cards: &[Gpu]| why(CUDA12, cards);
        assert_eq!(of(&[card("RTX 4090", "8.9", "550.54.14")]), "");
        assert_eq!(of(&[card("RTX 5090", "12.0", "580.95.05")]), "");
        assert_eq!(
            of(&[card("RTX 5090", "12.0", "565.1")]),
            "needs driver >=570, and RTX 5090 has 565.1"
        );
        assert_eq!(
            of(&[card("RTX 4090", "8.9", "550.1"), card("GTX 1060", "6.1", "550.1")]),
            "needs driver >=570.26, and GTX 1060 has 550.1"
        );
        assert!(of(&[card("K40", "3.5", "570.26")]).contains("compute capability"));
        let unknown = Gpu { compute: None, ..card("new", "1", "580.1") };
        assert!(of(&[unknown]).contains("that of new is not known"));
        assert!(of(&[]).contains("none was found"));
    }

    #[test]
    fn a_jetson_is_a_world_of_its_own() {
        let orin = Gpu { jetpack: Some("6".into()), ..card("Orin", "8.7", "580.1") };
        assert!(why(CUDA12, std::slice::from_ref(&orin)).contains("mean something else"));
        let jetpack = r#"{"nvidia":[{"jetpack":"6","compute":["8.7"]}]}"#;
        assert_eq!(why(jetpack, &[orin]), "");
        assert!(why(jetpack, &[card("RTX", "8.7", "580.1")]).contains("needs a Jetson"));
    }

    #[test]
    fn amd_is_told_by_its_target_and_intel_by_being_there() {
        let amd = Gpu {
            vendor: "amd".into(),
            name: "RX 7900 XTX".into(),
            gfx: Some("gfx1100".into()),
            ..Gpu::default()
        };
        assert_eq!(why(r#"{"amd":["gfx1030","gfx1100"]}"#, std::slice::from_ref(&amd)), "");
        assert!(why(r#"{"amd":"gfx1103"}"#, std::slice::from_ref(&amd)).contains("has gfx1100"));
        assert!(why(r#"{"amd":[]}"#, std::slice::from_ref(&amd)).contains("says nothing"));
        let closed = Gpu { why_not: Some("/dev/kfd is closed".into()), ..amd };
        assert!(why(r#"{"amd":"gfx1100"}"#, &[closed]).contains("/dev/kfd is closed"));
        let arc = Gpu { vendor: "intel".into(), name: "A770".into(), ..Gpu::default() };
        assert_eq!(why(r#"{"intel":[{}]}"#, std::slice::from_ref(&arc)), "");
        assert!(
            why(r#"{"intel":[{"xmx":"2"}]}"#, std::slice::from_ref(&arc)).contains("update it")
        );
        assert!(why(r#"{"vulkan":">=1.2"}"#, &[arc]).contains("no driver of it is there for A770"));
    }

    #[test]
    fn vulkan_needs_a_loader_and_a_new_enough_driver_for_every_card() {
        let needs: Needs = serde_json::from_str(r#"{"vulkan":">=1.2"}"#).unwrap();
        let old = Gpu { vulkan: Some("1.1.99".into()), ..card("old", "5.0", "390.1") };
        let both = Facts {
            gpus: vec![card("new", "8.9", "580.1"), old],
            vulkan_known: true,
            ..Facts::default()
        };
        assert!(unmet(&needs, &both)[0].contains("the driver of old has 1.1.99"));
        let no_loader = Facts { vulkan_loader: Some(false), ..both.clone() };
        assert!(unmet(&needs, &no_loader)[0].contains("libvulkan1"));
        let windows = Facts { vulkan_known: false, ..both };
        assert_eq!(unmet(&needs, &windows), Vec::<String>::new());
        assert!(unmet(&needs, &Facts::default())[0].contains("none was found"));
    }
}
