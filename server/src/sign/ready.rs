//! Whether what a head is about to name is there and verifies, read back from
//! the disk as a client would read it.

use super::Error;
use crate::depot::Depot;
use crate::trust;
use offgrid_manifest::head::ChannelPin;
use offgrid_manifest::verify::{self, LARGE_MAX};
use offgrid_manifest::{Id, Pin, Release, Root, Verified, layout, signature};

/// Every blob of a release is there with the right bytes.
pub(crate) fn blobs(depot: &Depot, release: &Release) -> Result<(), Error> {
    let there = |pin: Pin| match depot.has_blob(pin) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::Blob(pin.sha256)),
        Err(error) => Err(error.into()),
    };
    for component in release.components.values().flat_map(|on| on.values()) {
        let place = layout::blob(&component.parts.sha256);
        let bytes = depot.read(&place, LARGE_MAX)?.ok_or(Error::Blob(component.parts.sha256))?;
        let parts = verify::parts(component, &bytes).map_err(|error| error.at(&place))?;
        let own = parts.files.iter().flat_map(|file| &file.encodings);
        for encoding in own.chain(parts.pack.iter().flat_map(|pack| &pack.encodings)) {
            there(encoding.pin())?;
        }
    }
    release.setup.targets.values().try_for_each(|pin| there(*pin))?;
    // A model with addresses of its own need not be here.
    release.models.iter().filter(|model| model.urls.is_empty()).try_for_each(|m| there(m.pin()))
}

/// A channel and its current release verify, bootstrappers included.
pub(crate) fn channel(
    depot: &Depot,
    root: &Verified<Root>,
    name: &Id,
    pin: &ChannelPin,
) -> Result<(), Error> {
    let (bytes, file) = trust::signed(depot, &layout::channel(name, pin.version), LARGE_MAX)?;
    let channel = verify::channel(root, name, pin, &bytes, &file)?;
    let Some(pinned) = channel.releases.get(&channel.current) else {
        return Err(Error::NotBuilt(channel.current.clone()));
    };
    let place = layout::release(&channel.current, &pinned.sha256);
    let (bytes, file) = trust::signed(depot, &place, LARGE_MAX)?;
    let release = verify::release(root, &channel.current, *pinned, &bytes, &file)?;
    for (target, pin) in &release.setup.targets {
        let place = layout::blob(&pin.sha256);
        let bytes = depot.read(&place, pin.size)?.ok_or(Error::Blob(pin.sha256))?;
        let file = depot.read(&layout::signature(&place), signature::SIZE_MAX as u64)?;
        let file = file.ok_or(Error::Blob(pin.sha256))?;
        verify::setup(root, target, &release.setup.version, &bytes, &file)?;
    }
    Ok(())
}
