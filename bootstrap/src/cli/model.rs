//! `model list|install|remove`: models of the signed catalogue.

use super::believe::{chosen, refresh};
use super::install::find_model;
use super::refuse::Error;
use super::session::{Session, random_name};
use crate::error::Error as Any;
use crate::event::{Ending, Outcome};
use crate::models::Wanted;
use crate::receipt::Receipt;
use crate::{plan, report, stamp, trust};
use offgrid_manifest::Release;
use offgrid_manifest::verify::Verified;
use serde_json::{Value, json};

const KNOWN: &str = "type `model list`, `model install NAME` or `model remove NAME`";

pub(super) fn run(session: &Session<'_>, words: &[String]) -> Result<Option<Ending>, Any> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] | ["list"] => list(session).map(|()| None),
        ["install", names @ ..] if !names.is_empty() => install(session, names).map(Some),
        ["remove", names @ ..] if !names.is_empty() => remove(session, names).map(Some),
        _ => Err(Error::Words { words: words.join(" "), known: KNOWN }.into()),
    }
}

/// The catalogue of the live release.
fn catalogue(
    session: &Session<'_>,
    receipt: Option<&Receipt>,
) -> Result<(Verified<Release>, crate::source::Sources), Any> {
    let stamped = stamp::own()?;
    let sources = session.sources(&stamped)?;
    let trusted = refresh(session, &stamped, &sources, receipt)?;
    let live = receipt.map(|receipt| &receipt.live.version);
    let pin = live.and_then(|live| Some((live.clone(), *trusted.channel.releases.get(live)?)));
    // A live release that the channel no longer lists still has models; the
    // current one's catalogue serves then.
    let (version, pin) = match pin {
        Some(pin) => pin,
        None => chosen(session, &trusted, None)?,
    };
    Ok((trust::release(&trusted, &sources, &version, pin)?, sources))
}

fn list(session: &Session<'_>) -> Result<(), Any> {
    let receipt = session.receipt()?;
    let (release, _) = catalogue(session, receipt.as_ref())?;
    let installed =
        |name: &str| receipt.as_ref().is_some_and(|receipt| receipt.models.contains_key(name));
    let mut lines = Vec::new();
    let mut rows: Vec<Value> = Vec::new();
    for model in &release.models {
        let (name, here) = (model.name.as_str(), installed(model.name.as_str()));
        let mark = if here { "installed" } else { "" };
        let size = report::units::bytes(model.size);
        lines.push(format!("{name:20} {size:>10}  {mark:9}  {}", model.title.escape_default()));
        rows.push(json!({
            "name": name, "size": model.size, "title": model.title,
            "license": model.license, "installed": here,
        }));
    }
    if lines.is_empty() {
        lines.push("the catalogue of this release is empty".to_owned());
    }
    session.reporter.result(&json!({"v": 1, "models": rows}), &lines.join("\n"));
    Ok(())
}

fn install(session: &Session<'_>, names: &[&str]) -> Result<Ending, Any> {
    session.perhaps_installed()?;
    session.change(|change| {
        let prefix = session.store().prefix().to_owned();
        let receipt = change.receipt()?.ok_or(Error::NotInstalled { prefix })?;
        let (release, sources) = catalogue(session, Some(&receipt))?;
        let mut wanted = Vec::new();
        for name in names {
            let model = find_model(&release, name)?;
            if receipt.models.get(*name).is_none_or(|have| have.sha256 != model.sha256) {
                wanted.push(Wanted::new(model, &session.place.models));
            }
        }
        if wanted.is_empty() {
            return Ok(Ending::new(Outcome::Unchanged, "installed already"));
        }
        let size = report::units::bytes(wanted.iter().map(|model| model.size).sum());
        session.consent(&format!("Download {} ({size})?", names.join(", ")))?;
        let plan = plan::models(random_name()?, &receipt, &wanted, &[]);
        change.run(&plan, &sources)?;
        let paths: Vec<String> = wanted.iter().map(|m| m.path.display().to_string()).collect();
        Ok(Ending::new(Outcome::Installed, format!("installed {}", paths.join(", "))))
    })
}

fn remove(session: &Session<'_>, names: &[&str]) -> Result<Ending, Any> {
    session.perhaps_installed()?;
    session.change(|change| {
        let prefix = session.store().prefix().to_owned();
        let receipt = change.receipt()?.ok_or(Error::NotInstalled { prefix })?;
        for name in names {
            if !receipt.models.contains_key(*name) {
                let known: Vec<&str> = receipt.models.keys().map(String::as_str).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(Error::NoModel { name: (*name).to_owned(), known }.into());
            }
        }
        session.consent(&format!("Remove {}?", names.join(", ")))?;
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let plan = plan::models(random_name()?, &receipt, &[], &names);
        change.run(&plan, &session.no_sources()?)?;
        Ok(Ending::new(Outcome::Updated, format!("removed {}", names.join(", "))))
    })
}
