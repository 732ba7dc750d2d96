//! The child's side: brings what an order says, verified, into its own folder.

use super::{Error, ORDER_MAX, Order, What, depot, plain};
use crate::disk;
use crate::error::Error as Any;
use crate::event::Sink;
use crate::fetch::{self, AsStored};
use crate::fill;
use crate::run::Context;
use crate::source::{Place, Reach, Sources, Stop};
use crate::stamp::Stamped;
use crate::store::Store;
use crate::trust::{self, Inquiry, Known, Staleness, Trusted, Wish};
use offgrid_manifest::release::Component;
use offgrid_manifest::{Id, Pin, Time, Version, layout};
use std::io::Read;
use std::path::Path;

/// Does the order on `input`; how many bytes of large files came.
///
/// # Errors
/// Those of fetching, and of trust.
pub fn work(
    input: &mut dyn Read,
    into: &Path,
    stamped: &Stamped,
    clock: Time,
    sink: &dyn Sink,
    stop: &Stop,
) -> Result<u64, Any> {
    let mut text = Vec::new();
    let read = input.take(ORDER_MAX).read_to_end(&mut text);
    disk::at("read", Path::new("standard input"), read)?;
    let order: Order = serde_json::from_slice(&text).map_err(|error| Error::Order(Some(error)))?;
    let reach = Reach {
        offline: order.offline,
        ca_file: order.ca_file.clone(),
        limit_rate: order.limit_rate,
        mirrors: order.mirrors,
        staged: false,
    };
    let sources = Sources::new(&order.sources, &reach, stop.clone())?;
    let child = Child { order: &order, into, stamped, clock, sources: &sources };
    match &order.what {
        What::Refresh => child.refresh()?,
        What::Release { version, variant } => child.release(version, variant)?,
        What::Blob { pin } => child.blob(*pin)?,
        What::Slot { slot } => {
            child.know_mirrors();
            let store = Store::new(into.to_owned());
            let context = Context { store: &store, sources: &sources, sink };
            disk::make_dirs(&store.blobs())?;
            fill::stage(&context, slot, &plain(into))?;
        }
    }
    Ok(sources.received())
}

struct Child<'a> {
    order: &'a Order,
    into: &'a Path,
    stamped: &'a Stamped,
    clock: Time,
    sources: &'a Sources,
}

impl Child<'_> {
    fn trust(&self, sources: &Sources, memory: Option<&[u8]>) -> Result<Trusted, Any> {
        let inquiry = Inquiry {
            stamped: self.stamped,
            known: Known { memory, installed: None },
            channel: &self.order.channel,
            stale: Staleness::default(),
            clock: self.clock,
        };
        trust::refresh(&inquiry, sources).map_err(|refused| *refused.error)
    }

    /// Asks the sources. What this folder remembers of the last time knows how they
    /// tag their heads, so that nothing new is one request.
    fn refresh(&self) -> Result<(), Any> {
        let own = self.into.join("trust.json");
        let remembered = disk::read(&own, trust::state_max())?;
        let given = self.order.memory.as_ref().map(String::as_bytes);
        let memory = remembered.as_deref().or(given);
        let trusted = self.trust(self.sources, memory)?;
        for (path, bytes) in trusted.documents() {
            self.put(&path, &bytes)?;
        }
        Ok(disk::write(&own, trusted.memory.text().as_bytes(), 0o600)?)
    }

    /// What was brought before, verified again, without the network.
    fn known(&self) -> Result<Trusted, Any> {
        let folder = depot(self.into).display().to_string();
        let reach = Reach { offline: true, ..Reach::default() };
        let sources = Sources::new(&[folder], &reach, self.sources.stop().clone())?;
        self.trust(&sources, self.order.memory.as_ref().map(String::as_bytes))
    }

    fn know_mirrors(&self) {
        if let Ok(trusted) = self.known() {
            self.sources.learn(&trusted.channel.mirrors);
        }
    }

    fn release(&self, version: &Version, variant: &Id) -> Result<(), Any> {
        let trusted = self.known()?;
        self.sources.learn(&trusted.channel.mirrors);
        let wish = Wish { version: Some(version), live: Some(version), ..Wish::default() };
        let pin = match trust::choose(&trusted.channel, &wish, trusted.now)? {
            trust::Choice::Take(_, pin) => pin,
            trust::Choice::Stay(_) => return Ok(()),
        };
        let release = trust::release(&trusted, self.sources, version, pin)?;
        let path = layout::release(version, &pin.sha256);
        self.put(&layout::signature(&path), release.signature())?;
        self.put(&path, release.bytes())?;
        let found = release.variants.iter().find(|it| it.id == *variant);
        let mut parts = found.into_iter().flat_map(|variant| release.components_of(variant));
        parts.try_for_each(|(_, component)| self.parts(component))
    }

    fn parts(&self, component: &Component) -> Result<(), Any> {
        let parts = trust::parts(component, self.sources)?;
        self.put(&layout::blob(&component.parts.sha256), parts.bytes())
    }

    fn blob(&self, pin: Pin) -> Result<(), Any> {
        self.know_mirrors();
        let path = layout::blob(&pin.sha256);
        let finished = depot(self.into).join(&path);
        finished.parent().map_or(Ok(()), disk::make_dirs)?;
        let partial = disk::beside(&finished);
        let places = [Place::Depot(path)];
        let wanted = fetch::Wanted { places: &places, pin, partial: &partial, finished: &finished };
        fetch::fetch(self.sources, &wanted, &|_| (), || Ok(AsStored))
    }

    fn put(&self, path: &str, bytes: &[u8]) -> Result<(), Any> {
        let path = depot(self.into).join(path);
        path.parent().map_or(Ok(()), disk::make_dirs)?;
        Ok(disk::write(&path, bytes, 0o600)?)
    }
}
