//! `uninstall`: everything that the receipt names is given back.

use super::manage;
use super::session::{Session, random_name};
use crate::error::Error as Any;
use crate::event::{Ending, Outcome};
use crate::plan::{self, Verb};
use crate::stage::Staging;
use crate::{inspect, service};
use serde_json::json;

pub(super) fn run(session: &Session<'_>) -> Result<Ending, Any> {
    let nothing = || Ending::new(Outcome::Unchanged, "nothing is installed, nothing was removed");
    if !session.store().leaves_traces()? {
        return Ok(nothing());
    }
    session.change(|change| {
        let prefix = session.store().prefix().display().to_string();
        let Some(receipt) = change.receipt()? else {
            let finished = Ending::new(Outcome::Uninstalled, format!("removed from {prefix}"));
            return Ok(if change.has_finished(Verb::Uninstall) { finished } else { nothing() });
        };
        let purge = session.settings.purge;
        let kept = if purge { "with its models and settings" } else { "but not your models" };
        session.consent(&format!("Remove OffGrid LLM from {prefix}, {kept}?"))?;
        let managed = manage::managed(session, manage::kind_of(&receipt));
        if managed.is_none() && service::state(session.store()).running.is_some() {
            service::stop(session.store())?;
        }
        let foreign = inspect::foreign(session.store(), &receipt)?;
        let config = purge.then_some(session.place.config.as_path());
        let id = random_name()?;
        let log = managed.and_then(|managed| managed.definition(session.store()).ok()?.log);
        let store = session.store();
        let plan = plan::uninstall(id, store, &receipt, &foreign, log.as_deref(), config);
        change.run(&plan, &session.no_sources()?)?;
        if session.place.system {
            Staging::forget(session.store().prefix())?;
        }
        let mut ending = Ending::new(Outcome::Uninstalled, format!("removed from {prefix}"));
        if !purge && !receipt.models.is_empty() {
            let models = session.place.models.display();
            ending.lines.push(format!("your models are still in {models}"));
        }
        for (folder, names) in &foreign {
            let line =
                format!("left, because it is not ours: {}", folder.join(&names[0]).display());
            ending.lines.push(match names.len() {
                1 => line,
                more => format!("{line} and {} more", more - 1),
            });
        }
        ending.facts = json!({"version": receipt.live.version, "prefix": prefix});
        Ok(ending)
    })
}
