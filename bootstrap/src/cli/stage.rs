//! `stage`: the child of a scheduled update of the whole system; and what root's own
//! commands ask of it. Nobody types it.

use super::believe::channel_of;
use super::session::Session;
use crate::error::Error as Any;
use crate::event::{Ending, Outcome};
use crate::plan::Plan;
use crate::receipt::Receipt;
use crate::source::{Reach, Sources};
use crate::stage::{self, Order, Staging, What};
use crate::stamp::Stamped;
use crate::trust::{self, Trusted};
use crate::{disk, platform, stamp};
use offgrid_manifest::release::Component;
use offgrid_manifest::verify::Verified;
use offgrid_manifest::{Id, Pin, Release, Version};
use serde_json::json;
use std::path::Path;

/// Does one order.
pub(super) fn run(session: &Session<'_>) -> Result<Ending, Any> {
    let into = session.settings.into.as_deref();
    let (Some(into), false) = (into, platform::is_root()) else {
        return Err(stage::Error::Order(None).into());
    };
    // The app is the same user, and has no network.
    disk::at("shield", Path::new("this process"), platform::shield())?;
    super::heed_signals(&session.stop)?;
    let stamped = stamp::own()?;
    let (clock, sink) = (session.clock(), session.reporter);
    let input = &mut std::io::stdin();
    let bytes = stage::work(input, into, &stamped, clock, sink, &session.stop)?;
    let mut ending = Ending::new(Outcome::Unchanged, "everything is there");
    ending.facts = json!({"bytes": bytes});
    Ok(ending)
}

impl Session<'_> {
    /// The child that fetches for this command, where it is one of root's that nobody
    /// has typed.
    pub(super) fn staging(&self) -> Result<Option<&Staging>, Any> {
        let wanted = self.settings.scheduled && self.place.system && platform::is_root();
        if !wanted || !platform::lowers_rights() {
            return Ok(None);
        }
        if self.staging.get().is_none() {
            let new = Staging::new(self.store(), self.env, &self.stop)?;
            // One command has one thread here.
            let _ = self.staging.set(new);
        }
        Ok(self.staging.get())
    }

    /// Has one thing brought.
    pub(super) fn bring(
        &self,
        staging: &Staging,
        receipt: Option<&Receipt>,
        what: What,
    ) -> Result<(), Any> {
        let order = self.order(&stamp::own()?, receipt, what)?;
        let bytes = staging.bring(&order)?;
        self.spent.set(self.spent.get() + bytes);
        Ok(())
    }

    fn order(
        &self,
        stamped: &Stamped,
        receipt: Option<&Receipt>,
        what: What,
    ) -> Result<Order, Any> {
        let settings = self.settings;
        let typed = &settings.sources;
        let memory = disk::read(&self.store().trust(), trust::state_max())?;
        Ok(Order {
            sources: if typed.is_empty() { stamped.stamp.sources.clone() } else { typed.clone() },
            ca_file: settings.ca_file.clone(),
            limit_rate: settings.limit_rate,
            offline: settings.offline,
            mirrors: typed.is_empty(),
            channel: channel_of(settings, receipt)?,
            memory: memory.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
            what,
        })
    }

    /// Where the child's documents are: root's only source.
    pub(super) fn staged_sources(&self) -> Result<Option<Sources>, Any> {
        let Some(staging) = self.staging()? else { return Ok(None) };
        let reach = Reach { offline: true, staged: true, ..Reach::default() };
        let sources = Sources::held(staging.source()?.into(), &reach, self.stop.clone())?;
        Ok(Some(sources))
    }

    /// Has the newest documents brought before they are looked at.
    pub(super) fn stage_refresh(&self, receipt: Option<&Receipt>) -> Result<(), Any> {
        match self.staging()? {
            Some(staging) => self.bring(staging, receipt, What::Refresh),
            None => Ok(()),
        }
    }

    /// A release by its pin, brought before where a child fetches.
    pub(super) fn release(
        &self,
        trusted: &Trusted,
        sources: &Sources,
        receipt: Option<&Receipt>,
        (version, pin): (&Version, Pin),
    ) -> Result<Verified<Release>, Any> {
        if let (Some(staging), Some(receipt)) = (self.staging()?, receipt) {
            let variant = receipt.live.variant.clone();
            let what = What::Release { version: version.clone(), variant };
            self.bring(staging, Some(receipt), what)?;
        }
        trust::release(trusted, sources, version, pin)
    }

    /// The parts of a variant, where a child fetches and has brought those of another.
    pub(super) fn stage_parts(
        &self,
        receipt: Option<&Receipt>,
        (version, variant): (&Version, &Id),
        components: &[&Component],
    ) -> Result<(), Any> {
        let Some(staging) = self.staging()? else { return Ok(()) };
        if components.iter().all(|component| staging.has(&component.parts.sha256)) {
            return Ok(());
        }
        let what = What::Release { version: version.clone(), variant: variant.clone() };
        self.bring(staging, receipt, what)
    }

    /// The plan as root does it: with what a child has brought.
    pub(super) fn staged(&self, plan: &Plan) -> Result<Plan, Any> {
        let Some(staging) = self.staging()? else { return Ok(plan.clone()) };
        let channel = plan.receipt.as_deref();
        let order = self.order(&stamp::own()?, channel, What::Refresh)?;
        let (plan, bytes) =
            staging.prepare(plan, &|what| Order { what, memory: None, ..order.clone() })?;
        self.spent.set(self.spent.get() + bytes);
        Ok(plan)
    }
}
