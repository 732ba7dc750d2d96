//! The plan as `plan` shows it and as the start of a run names it. Owns these
//! two forms (DESIGN 6); decides nothing and prints nothing.

use super::{text, units};
use crate::plan::{Plan, Verb};
use crate::step::{Step, Undo};
use serde_json::{Value, json};
use std::path::Path;

/// What `plan --json` says; `selection` is `null` where nothing was selected.
pub fn plan_json(plan: &Plan, selection: &Value) -> Value {
    let step = |step: &Step| json!({"step": step.kind(), "what": describe(step)});
    json!({
        "v": 1,
        "selection": selection,
        "download_bytes": plan.download_bytes,
        "reused_bytes": plan.reused_bytes,
        "disk_bytes": plan.disk_bytes,
        "steps": plan.steps.iter().map(step).collect::<Vec<_>>(),
    })
}

/// What `plan` says to people; `selection_lines` tell what was chosen and why.
pub fn plan_text(plan: &Plan, selection_lines: &[String]) -> String {
    let mut lines: Vec<String> = selection_lines.to_vec();
    if !lines.is_empty() {
        lines.push(String::new());
    }
    if plan.steps.is_empty() {
        lines.push("Nothing has to be done.".to_owned());
        return lines.join("\n");
    }
    lines.push(heading(plan, false));
    for (label, bytes) in amounts(plan) {
        lines.push(format!("  {:<14}{}", format!("{label}:"), units::bytes(bytes)));
    }
    lines.push(String::new());
    lines.push("Steps:".to_owned());
    let width = plan.steps.len().to_string().len();
    for (index, step) in plan.steps.iter().enumerate() {
        lines.push(format!("  {:>width$}. {}", index + 1, text::line(&describe(step))));
    }
    lines.join("\n")
}

/// What begins, on one line.
pub(super) fn began(plan: &Plan) -> String {
    let amounts: Vec<String> = amounts(plan)
        .into_iter()
        .map(|(label, bytes)| format!("{label} {}", units::bytes(bytes)))
        .collect();
    let heading = heading(plan, true);
    if amounts.is_empty() { heading } else { format!("{heading}: {}", amounts.join(", ")) }
}

/// The line that people read.
pub(super) fn describe(step: &Step) -> String {
    step.describe()
}

fn amounts(plan: &Plan) -> Vec<(&'static str, u64)> {
    [("download", plan.download_bytes), ("reuse", plan.reused_bytes), ("write", plan.disk_bytes)]
        .into_iter()
        .filter(|(_, bytes)| *bytes > 0)
        .collect()
}

/// What for, which and where; as it is done (`Installing`) or to be done.
fn heading(plan: &Plan, now: bool) -> String {
    let word = |future, present| if now { present } else { future };
    let name = |slot: &Option<_>| slot.as_ref().map(ToString::to_string);
    let (from, to): (Option<String>, Option<String>) = (name(&plan.from), name(&plan.to));
    let mut heading = match plan.verb {
        Verb::Install => word("Install", "Installing"),
        Verb::Update if from == to => word("Complete", "Completing"),
        Verb::Update => word("Update", "Updating"),
        Verb::Rollback => word("Go back", "Going back"),
        Verb::Model => word("Change the models", "Changing the models"),
        Verb::Service => word("Change the service", "Changing the service"),
        Verb::Setup => word("Update this program", "Updating this program"),
        Verb::Clean => word("Remove old releases", "Removing old releases"),
        Verb::Mend => word("Repair", "Repairing"),
        Verb::Uninstall => word("Uninstall", "Uninstalling"),
    }
    .to_owned();
    let which = match (plan.verb, from, to) {
        (Verb::Model | Verb::Service | Verb::Setup | Verb::Clean, ..) | (_, None, None) => {
            String::new()
        }
        (Verb::Update, Some(from), Some(to)) if from != to => format!(" {from} to {to}"),
        (Verb::Rollback, Some(from), Some(to)) => format!(" from {from} to {to}"),
        (Verb::Uninstall, Some(from), _) => format!(" {from}"),
        (_, _, Some(to)) => format!(" {to}"),
        (_, Some(from), None) => format!(" from {from}"),
    };
    heading.push_str(&which);
    if let Some(place) = plan.steps.iter().find_map(place) {
        heading.push_str(&format!(" in {}", text::line(&place.display().to_string())));
    }
    heading
}

/// The prefix, as the step that changes the live slot names it.
fn place(step: &Step) -> Option<&Path> {
    match step {
        Step::Switch { current, .. }
        | Step::GiveBack { undo: Undo::SwitchTo { current, .. }, .. } => current.parent(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn the_json_is_the_contract() {
        let selection = json!({"release": "0.3.0", "variant": "linux-x86_64-cpu"});
        assert_eq!(
            plan_json(&samples::plan(), &selection),
            json!({
                "v": 1,
                "selection": selection,
                "download_bytes": 45_200_000,
                "reused_bytes": 0,
                "disk_bytes": 120_000_000,
                "steps": [
                    {"step": "make-dir", "what": "make the folder /opt/offgrid"},
                    {"step": "put-text", "what": "write /opt/offgrid/state/id"},
                    {"step": "switch", "what": "switch to 0.3.0+linux-x86_64-cpu"},
                ],
            })
        );
    }

    #[test]
    fn the_text_says_what_where_how_much_and_how() {
        let chosen = ["Chosen: linux-x86_64-cpu".to_owned()];
        assert_eq!(
            plan_text(&samples::plan(), &chosen),
            "Chosen: linux-x86_64-cpu\n\
             \n\
             Install 0.3.0+linux-x86_64-cpu in /opt/offgrid\n\
             \x20 download:     45.2 MB\n\
             \x20 write:        120.0 MB\n\
             \n\
             Steps:\n\
             \x20 1. make the folder /opt/offgrid\n\
             \x20 2. write /opt/offgrid/state/id\n\
             \x20 3. switch to 0.3.0+linux-x86_64-cpu"
        );
    }

    #[test]
    fn a_plan_without_steps_says_so() {
        let plan = Plan { steps: Vec::new(), ..samples::plan() };
        assert_eq!(plan_text(&plan, &[]), "Nothing has to be done.");
        assert_eq!(plan_json(&plan, &Value::Null)["steps"], json!([]));
    }

    #[test]
    fn every_verb_has_its_heading() {
        let (old, new) = (Some(samples::slot("0.2.0")), Some(samples::slot("0.3.0")));
        let cpu = "linux-x86_64-cpu";
        for (verb, from, to, text) in [
            (Verb::Update, &old, &new, format!("Updating 0.2.0+{cpu} to 0.3.0+{cpu}")),
            (Verb::Update, &new, &new, format!("Completing 0.3.0+{cpu}")),
            (Verb::Rollback, &new, &old, format!("Going back from 0.3.0+{cpu} to 0.2.0+{cpu}")),
            (Verb::Uninstall, &new, &None, format!("Uninstalling 0.3.0+{cpu}")),
            (Verb::Model, &new, &new, "Changing the models".to_owned()),
        ] {
            let plan = Plan { verb, from: from.clone(), to: to.clone(), ..samples::plan() };
            let text = format!("{text} in /opt/offgrid: download 45.2 MB, write 120.0 MB");
            assert_eq!(began(&plan), text);
        }
    }

    #[test]
    fn kinds_are_the_words_of_the_journal() {
        let slot = samples::slot("0.3.0");
        let mut steps = samples::plan().steps;
        steps.push(Step::Link { path: "a".into(), target: "b".into() });
        steps.push(Step::EditBlock { path: "a".into(), text: "b".into() });
        steps.push(Step::Prove { slot: slot.clone(), within: None });
        steps.push(Step::Health { slot, asks: false });
        steps.push(Step::GiveBack { undo: Undo::Nothing, trash: "t".into(), keep: Vec::new() });
        for step in steps {
            let json = serde_json::to_value(&step).unwrap();
            assert_eq!(json.as_object().unwrap().keys().next().unwrap(), step.kind());
        }
    }
}
