//! The commands that only look: `detect`, `plan`, `status`, `version`.
//! Their results go to stdout; they take no lock and change nothing.

use super::adopt;
use super::aim::{self, Aim};
use super::believe::refresh;
use super::engine;
use super::install::{decide_on, release_for};
use super::known::trust_state;
use super::newer::{self, Read};
use super::own;
use super::path;
use super::ready;
use super::serve;
use super::session::Session;
use crate::engine::Found;
use crate::error::Error as Any;
use crate::host::{Capture, Host};
use crate::preflight::{Disk, Finding};
use crate::receipt::{Receipt, Slot};
use crate::store::SlotName;
use crate::{platform, report, stamp};
use serde_json::{Value, json};
use std::path::Path;

pub(super) fn detect(session: &Session<'_>) -> Result<(), Any> {
    let disks = ready::disks(session)?;
    let mut host = match &session.settings.capture {
        None => session.host()?,
        Some(into) => capture(session, into, &disks)?,
    };
    let said: Vec<String> = disks.iter().map(Disk::evidence).collect();
    let none = || "no .setup/disks".to_owned();
    let said = if said.is_empty() { none() } else { said.join("; ") };
    host.evidence.insert("disks".to_owned(), said);
    let engines = engine::found(session, &host)?;
    let mut lines = host.describe();
    lines.extend(disks.iter().map(|disk| ("Disk".into(), disk.line())));
    lines.extend(engines.iter().flatten().map(|found| ("llama.cpp".into(), found.line())));
    let width = lines.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    let text: Vec<String> =
        lines.iter().map(|(label, value)| format!("{label:width$}  {value}")).collect();
    let mut json = serde_json::to_value(&host).unwrap_or(Value::Null);
    if let Some(found) = engines {
        let lines: Vec<String> = found.iter().map(Found::line).collect();
        let none = || "no llama-server was found".to_owned();
        json["evidence"]["engines"] =
            Value::from(if lines.is_empty() { none() } else { lines.join("; ") });
    }
    session.reporter.result(&json, &text.join("\n"));
    Ok(())
}

/// Writes what was looked at into a new folder, and says what that is.
fn capture(session: &Session<'_>, into: &Path, disks: &[Disk]) -> Result<Host, Any> {
    let mut capture = Capture::of(&session.tree()?);
    if !disks.is_empty() {
        capture.say("disks", disks.iter().map(|disk| format!("{disk}\n")).collect());
    }
    capture.write(into)?;
    let files = capture.nodes().len();
    session.reporter.show(&format!(
        "{} has what was looked at: {files} files, without names of people or computers and without \
         serial numbers. `detect --sysroot DIR` reads it.",
        into.display()
    ));
    let differing = capture.differing();
    if !differing.is_empty() {
        session
            .reporter
            .show(&format!("It could not keep everything of: {}", differing.join(", ")));
    }
    Ok(capture.host)
}

pub(super) fn plan(session: &Session<'_>) -> Result<(), Any> {
    let stamped = stamp::own()?;
    let receipt = session.receipt()?;
    let sources = session.sources(&stamped)?;
    let trusted = refresh(session, &stamped, &sources, receipt.as_ref())?;
    let receipt = receipt.as_ref();
    let release = release_for(session, &sources, &trusted, receipt)?;
    let new = own::due(session, &trusted, receipt, &release)?;
    if new.is_none() {
        own::check_age(session, &trusted)?;
    }
    if receipt.is_none() {
        adopt::look(session)?;
    }
    let aim = Aim::of(session, receipt)?;
    let decision = decide_on(session, &sources, &trusted, receipt, &aim, release)?;
    let selection = decision.selection.json(&decision.release);
    let mut findings = ready::of_machine(session)?;
    findings.extend(ready::of_decision(session, &decision)?);
    let all = decision.selection.lines();
    let brief = decision.selection.brief();
    let lines = if session.settings.explain { &all[..] } else { &brief[..] };
    let found = findings.iter().map(Finding::line).chain(decision.suggested.clone());
    let shown: Vec<String> = lines.iter().cloned().chain(found).collect();
    let models = decision.models.json();
    let (plan, renewal) = match new {
        None => (decision.plan, Value::Null),
        Some(new) => {
            let version = new.version.clone();
            let first = own::plan_of(session, receipt, new)?;
            let renewal = json!({
                "version": version, "download_bytes": first.download_bytes,
                "steps": first.steps.len(),
            });
            (first.then(&decision.plan), renewal)
        }
    };
    let mut json = report::plan_json(&plan, &selection);
    json["preflight"] = findings.iter().map(Finding::json).collect();
    json["models"] = models;
    if !renewal.is_null() {
        json["self_update"] = renewal;
    }
    session.reporter.result(&json, &report::plan_text(&plan, &shown));
    if receipt.is_none() {
        path::say(session, &decision.blocks);
    }
    Ok(())
}

pub(super) fn version(session: &Session<'_>) -> Result<(), Any> {
    // What the whole system's holds is root's to read; which release is live is not.
    let closed = session.store().is_roots();
    let (receipt, newer) = match closed {
        true => (None, false),
        false => match newer::receipt(session)? {
            Read::Known(receipt) => (receipt, false),
            Read::Newer(_) => (None, true),
        },
    };
    let slot = receipt.as_ref().and_then(|r| r.slots.get(&r.live.to_string()));
    let live = receipt.as_ref().map(|receipt| receipt.live.clone());
    let live = live.or_else(|| session.store().live().filter(|_| newer || closed));
    let release = live.map(|slot| slot.version.to_string());
    let missing = match (newer, closed) {
        (true, _) => "not known to this program",
        (false, true) => "only root can see that",
        (false, false) => "not installed",
    };
    let app = slot.map(|slot| slot.app.clone());
    let engine = slot.map(|slot| slot.engine_version().to_owned());
    let setup = env!("CARGO_PKG_VERSION");
    let mut text = format!("offgrid-setup {setup}");
    for (label, value) in [("release", &release), ("app", &app), ("engine", &engine)] {
        let value = value.as_deref().unwrap_or(missing);
        text.push_str(&format!("\n{label:13} {value}"));
    }
    let json = json!({"v": 1, "setup": setup, "release": release, "app": app, "engine": engine});
    session.reporter.result(&json, &text);
    Ok(())
}

pub(super) fn status(session: &Session<'_>) -> Result<(), Any> {
    let receipt = match newer::receipt(session)? {
        Read::Known(receipt) => receipt,
        Read::Newer(error) => return newer::status(session, &error),
    };
    let prefix = session.store().prefix().display().to_string();
    let mut notes = Vec::new();
    let unfinished = newer::unfinished(session, &mut notes)?;
    let Some(receipt) = receipt else {
        nothing(session, &prefix, &unfinished, notes);
        return Ok(());
    };
    let slot = receipt.slots.get(&receipt.live.to_string());
    let (service, service_text) = serve::json(session, &receipt);
    let fit = Aim::of(session, Some(&receipt))?.judge(session, &receipt)?;
    let mut trust = newer::trust(trust_state(session, &receipt), &mut notes)?;
    say_why_left(&receipt, &mut trust["update"]);
    notes.extend(path::notes(session));
    notes.extend(slot.and_then(engine::note));
    if let Some(all) = trust["notes"].as_array_mut() {
        all.extend(notes.drain(..).map(Value::from));
    }
    let (schedule, scheduled_lines) = super::told::state(session)?;
    let json = json!({
        "v": 1, "installed": true, "prefix": prefix, "scope": receipt.scope,
        "version": receipt.live.version, "variant": receipt.live.variant,
        "selection": aim::fit_json(&receipt, fit.as_ref()),
        "app": slot.map(|slot| &slot.app),
        "engine": engine_of(session, &receipt, slot),
        "channel": receipt.channel,
        "slots": slots(&receipt),
        "service": service,
        "update": trust["update"],
        "schedule": schedule,
        "unfinished": unfinished,
        "trust": trust["trust"],
        "notes": trust["notes"],
    });
    let mut better = aim::fit_lines(fit.as_ref());
    better.iter_mut().for_each(|line| *line = format!("  variant  {line}"));
    better.extend(scheduled_lines);
    let text = status_text(&receipt, &prefix, &service_text, unfinished.is_some(), &trust, &better);
    session.reporter.result(&json, &text);
    Ok(())
}

/// A release that did not work here is not one that somebody went back from.
fn say_why_left(receipt: &Receipt, update: &mut Value) {
    let left = update["blocked_by"] == "rolled-back";
    if let Some(why) = receipt.left_why.as_ref().filter(|_| left) {
        (update["blocked_by"], update["why"]) = ("failed".into(), why.clone().into());
    }
}

/// Every member is always there: scripts need not ask first.
fn nothing(session: &Session<'_>, prefix: &str, unfinished: &Option<Value>, notes: Vec<String>) {
    let json = json!({
        "v": 1, "installed": false, "prefix": prefix, "scope": null, "version": null,
        "variant": null, "selection": null, "app": null, "engine": null, "channel": null, "slots": [],
        "service": null, "update": null, "schedule": null, "unfinished": unfinished, "trust": null, "notes": notes,
    });
    let first = format!("nothing is installed in {prefix}");
    let lines: Vec<String> = std::iter::once(first).chain(notes).collect();
    session.reporter.result(&json, &lines.join("\n  "));
}

/// The engine of the live slot.
fn engine_of(session: &Session<'_>, receipt: &Receipt, slot: Option<&Slot>) -> Value {
    let existing = slot.and_then(|slot| slot.existing.as_ref());
    let own = || session.store().slot(&receipt.live).join("llama");
    let own = || own().join(platform::exe_name("llama-server"));
    json!({
        "kind": if existing.is_some() { "existing" } else { "bundled" },
        "version": slot.map(Slot::engine_version),
        "path": existing.map_or_else(own, |existing| existing.path.clone()).display().to_string(),
    })
}

/// The same for people.
fn status_text(
    receipt: &Receipt,
    prefix: &str,
    service: &str,
    unfinished: bool,
    trust: &Value,
    better: &[String],
) -> String {
    let slot = receipt.slots.get(&receipt.live.to_string());
    let app = slot.map_or("?", |slot| &slot.app);
    let engine = slot.map_or("?".to_owned(), engine::words);
    let mut lines = vec![
        format!("OffGrid LLM {} ({}) in {prefix}", receipt.live.version, receipt.live.variant),
        format!("  app      {app}"),
        format!("  engine   {engine}"),
        format!("  channel  {}", receipt.channel),
        format!("  service  {service}"),
    ];
    if let Some(previous) = &receipt.previous {
        lines.push(format!("  before   {} (`offgrid rollback`)", previous.version));
    }
    let update = &trust["update"];
    if let Some(version) = update["available"].as_str() {
        lines.push(match update["blocked_by"].as_str() {
            Some("rolled-back") => format!(
                "  update   {version}, which you went back from (`offgrid update --version {version}`)"
            ),
            Some("failed") => format!(
                "  update   {version}, which did not work here: {} (`offgrid update --version \
                 {version}` tries it again)",
                update["why"].as_str().unwrap_or("?")
            ),
            Some(why) => format!("  update   {version}, not yet for this computer ({why})"),
            None => format!("  update   {version} (`offgrid update`)"),
        });
    }
    lines.extend(better.iter().cloned());
    for note in trust["notes"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        lines.push(format!("  {note}"));
    }
    if unfinished {
        lines.push("  a run was cut off: type `offgrid repair`".to_owned());
    }
    lines.join("\n")
}

fn slots(receipt: &Receipt) -> Vec<Value> {
    let names = receipt.slots.keys().filter_map(|name| name.parse::<SlotName>().ok());
    let json = |name: SlotName| json!({"version": name.version, "variant": name.variant, "live": name == receipt.live});
    names.map(json).collect()
}
