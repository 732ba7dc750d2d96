//! `repair`: ends a run that was cut off, forward or back, and mends what `verify`
//! finds.

use super::engine;
use super::install::check_bytes;
use super::session::{Change, Session, random_name};
use super::verify;
use crate::error::Error as Any;
use crate::event::{Ending, Outcome};
use crate::fill::{self, SlotPlan};
use crate::mend::{self, Cure, Findings, Patient, Thing};
use crate::models::Wanted;
use crate::plan::{self, OnDisk, Remedies};
use crate::receipt::{Receipt, Slot};
use crate::setup::NewSetup;
use crate::source::Sources;
use crate::store::SlotName;
use crate::{disk, report, run, service, stamp, trust};
use offgrid_manifest::release::{Component, Folder};
use offgrid_manifest::verify::{LARGE_MAX, Verified};
use offgrid_manifest::{Digest, Parts, layout};
use serde_json::json;

pub(super) fn run(session: &Session<'_>) -> Result<Ending, Any> {
    let settings = session.settings;
    let nothing = || Ending::new(Outcome::Unchanged, "nothing to mend");
    let cut_off = cut_off(session)?;
    if !cut_off && (settings.finish || settings.back || session.receipt()?.is_none()) {
        return Ok(Ending::new(Outcome::Unchanged, "no run was cut off"));
    }
    // Taking the lock ends the unfinished run, the way the flags say.
    session.change(|change| {
        let Some(receipt) = change.receipt()? else {
            return Ok(Ending::new(Outcome::Uninstalled, "nothing is installed"));
        };
        let ended = format!("{} is live", receipt.live.version);
        // What seemed to be cut off may have been another's, and have ended by itself.
        let ended = change.has_ended_a_run().then(|| Ending::new(Outcome::Updated, ended));
        if settings.finish || settings.back {
            return Ok(ended.unwrap_or_else(nothing));
        }
        let findings = verify::find(session, &receipt)?;
        verify::tell(session, &findings);
        if !findings.problems.iter().any(|problem| problem.cure.is_one()) {
            if findings.is_damaged() {
                return Err(verify::damaged(&findings).into());
            }
            return Ok(ended.unwrap_or_else(nothing));
        }
        if let (Some(ended), false) = (ended, settings.yes || session.can_ask()) {
            // What was asked for is done; the rest is another matter.
            return Ok(ended.and("the lines above are mended by `offgrid repair --yes`"));
        }
        mend(change, &receipt, &findings)
    })
}

/// Whether there is a run to end, a file that was only begun, or a prefix that was
/// only coming or going.
/// Downloads that wait for the next try are neither, unless all is to go back.
fn cut_off(session: &Session<'_>) -> Result<bool, Any> {
    let store = session.store();
    let installed = session.receipt()?.is_some();
    if store.exists()? && (store.has_drafts()? || run::unfinished(store)?.is_some()) {
        return Ok(true);
    }
    Ok(!installed && store.leaves_traces()? && (session.settings.back || !store.has_downloads()))
}

/// Makes everything so again that can be, as one run.
fn mend(change: &Change<'_>, receipt: &Receipt, findings: &Findings) -> Result<Ending, Any> {
    let session = change.session;
    session.consent_possible("Mend this?")?;
    let sources = match findings.needs_source() {
        true => session.sources(&stamp::own()?)?,
        false => session.no_sources()?,
    };
    let healer = Healer { session, receipt, findings, sources: &sources };
    let remedies = healer.remedies();
    session.troubles(&sources);
    let plan = plan::mend(random_name()?, session.store(), receipt, &findings.problems, &remedies?);
    check_bytes(session, plan.download_bytes)?;
    if !session.settings.yes {
        session.reporter.show(&report::plan_text(&plan, &[]));
        session.consent("Go on?")?;
    }
    change.run(&plan, &sources)?;
    let mended = findings.problems.iter().filter(|problem| problem.cure.is_one()).count();
    let line = format!("mended; {} is live", receipt.live.version);
    let mut ending = Ending::new(Outcome::Updated, line);
    ending.facts = json!({
        "version": receipt.live.version,
        "mended": mended,
        "left": findings.problems.len() - mended,
        "download_bytes": plan.download_bytes,
        "reused_bytes": plan.reused_bytes,
    });
    for problem in &findings.problems {
        match &problem.cure {
            Cure::Aside(to) => ending = ending.and(format!("kept for you: {}", to.display())),
            Cure::Leave | Cure::Hopeless(_) => {
                ending = ending.and(problem.to_string());
            }
            _ => {}
        }
    }
    Ok(ending)
}

/// Finds out where what is missing comes from. What the receipt has a digest of is
/// believed by that; no list of releases is asked for, and its age cannot matter.
struct Healer<'a> {
    session: &'a Session<'a>,
    receipt: &'a Receipt,
    findings: &'a Findings,
    sources: &'a Sources,
}

impl Healer<'_> {
    fn remedies(&self) -> Result<Remedies, Any> {
        let problems = &self.findings.problems;
        let mut remedies = Remedies::default();
        for (text, slot) in &self.receipt.slots {
            let Ok(name) = text.parse::<SlotName>() else { continue };
            if problems.iter().any(|problem| problem.thing.slot() == Some(&name)) {
                remedies.slots.push(self.slot(name, slot)?);
            }
        }
        for problem in problems.iter().filter(|problem| problem.cure == Cure::Fetch) {
            match &problem.thing {
                Thing::Model(name) => remedies.models.extend(self.model(name)?),
                Thing::Program => {
                    let store = self.session.store();
                    let exe = self.session.env.exe.as_path();
                    let service = service::state(store);
                    let patient = Patient { store, receipt: self.receipt, exe, service: &service };
                    let found = patient.setup()?;
                    remedies.setup = found.map(|(version, pin)| NewSetup {
                        version,
                        pin,
                        chain: Vec::new(),
                        system: self.session.place.system,
                    });
                }
                _ => {}
            }
        }
        Ok(remedies)
    }

    /// A slot whose files come from this disk as far as they are right here, and
    /// else from the blobs of its release.
    fn slot(&self, name: SlotName, slot: &Slot) -> Result<SlotPlan, Any> {
        let good = &self.findings.good;
        let release = self.release(&name, slot)?;
        let mut plan = match fill::of_disk(name.clone(), slot, good) {
            Some(plan) => plan,
            None => self.fetched((&name, slot), &release, good)?,
        };
        let folder = self.session.store().slot(&name);
        let documents = [mend::RELEASE, mend::CHANNEL, mend::ENGINE];
        plan.files.retain(|file| !documents.contains(&file.path.as_str()));
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        plan.documents.insert(mend::RELEASE.to_owned(), text(release));
        if let Some(existing) = &slot.existing {
            plan.documents.insert(mend::ENGINE.to_owned(), existing.text());
        }
        if let Some(pin) = slot.files.get(mend::CHANNEL) {
            let bytes = match good.get(&(pin.sha256, pin.size)) {
                Some(from) => disk::read(from, LARGE_MAX)?,
                None => self.channel()?,
            };
            let bytes = bytes.ok_or_else(|| lost(&folder.join(mend::CHANNEL)))?;
            plan.documents.insert(mend::CHANNEL.to_owned(), text(bytes));
        }
        // The receipt has the last word on what a slot consists of.
        let made = fill::contents(&plan);
        let same =
            |path: &String| path == mend::CHANNEL || made.files.get(path) == slot.files.get(path);
        let all = made.files.len() == slot.files.len() && slot.files.keys().all(same);
        if all && made.links == slot.links { Ok(plan) } else { Err(lost(&folder)) }
    }

    /// The release document of a slot: the one that is here, else fetched by the
    /// digest that the receipt has.
    fn release(&self, name: &SlotName, slot: &Slot) -> Result<Vec<u8>, Any> {
        let folder = self.session.store().slot(name);
        let pin = slot.files.get(mend::RELEASE).ok_or_else(|| lost(&folder))?;
        if let Some(from) = self.findings.good.get(&(pin.sha256, pin.size)) {
            return disk::read(from, LARGE_MAX)?.ok_or_else(|| lost(from));
        }
        let path = layout::release(&name.version, &pin.sha256);
        self.sources.small(&path, LARGE_MAX, |bytes| {
            if Digest::of(&bytes) == pin.sha256 {
                return Ok(bytes);
            }
            Err(crate::fetch::Error::Digest { what: path.clone() }.into())
        })
    }

    fn fetched(
        &self,
        (name, slot): (&SlotName, &Slot),
        release: &[u8],
        good: &OnDisk,
    ) -> Result<SlotPlan, Any> {
        let folder = self.session.store().slot(name);
        let release = mend::read_release(&folder, release)?;
        let missing = || lost(&folder);
        let variant = release.variant(name.variant.as_str()).ok_or_else(missing)?;
        let mut parts: Vec<(Folder, Verified<Parts>)> = Vec::new();
        let has = |component: &Component| slot.has_own_engine() || !engine::is_part(component);
        let components = release.components_of(variant).map(|(_, component)| component);
        for component in components.filter(|component| has(component)) {
            parts.push((component.into.clone(), trust::parts(component, self.sources)?));
        }
        Ok(plan::bare_slot(&parts, good, self.sources.is_near(), name.clone()))
    }

    /// The newest list of releases that is remembered: it stands in for the one of a
    /// slot, of which only the number counts, and may only be higher.
    fn channel(&self) -> Result<Option<Vec<u8>>, Any> {
        let memory = disk::read(&self.session.store().trust(), trust::state_max())?;
        let known = trust::Known { memory: memory.as_deref(), installed: None };
        trust::channel_of(&stamp::own()?, &known, &self.receipt.channel.parse()?)
    }

    /// A model of ours; where it is to be had besides, the catalogues here say.
    fn model(&self, name: &str) -> Result<Option<Wanted>, Any> {
        let Some(model) = self.receipt.models.get(name) else { return Ok(None) };
        let mut urls = Vec::new();
        for (text, slot) in &self.receipt.slots {
            let Ok(slot_name) = text.parse() else { continue };
            let release = mend::release_of(self.session.store(), &slot_name, slot)?;
            let models = release.map_or_else(Vec::new, |release| release.models);
            let same = models.into_iter().filter(|listed| listed.sha256 == model.sha256);
            urls.extend(same.flat_map(|listed| listed.urls));
        }
        urls.dedup();
        let (path, sha256, size) = (model.path.clone(), model.sha256, model.size);
        Ok(Some(Wanted { name: name.to_owned(), path, sha256, size, urls }))
    }
}

/// Nothing here or there knows any more what should be at this place.
fn lost(path: &std::path::Path) -> Any {
    super::refuse::Error::Lost { path: path.to_owned() }.into()
}
