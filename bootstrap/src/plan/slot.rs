//! The byte plan of a slot: where every file comes from, cheapest first.

use super::Wish;
use crate::engine::{self, Existing};
use crate::fill::{From, PlannedFile, PlannedPack, SlotPlan};
use crate::receipt::{Chosen, Receipt, Slot, SlotFile};
use crate::store::SlotName;
use offgrid_manifest::parts::{Encoding, EncodingKind};
use offgrid_manifest::release::Folder;
use offgrid_manifest::verify::Verified;
use offgrid_manifest::{Digest, Parts, Release};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Files on disk that may be taken instead of a download, by digest and size.
pub type OnDisk = BTreeMap<(Digest, u64), PathBuf>;

/// The slot that was wished for, with the documents it came from.
pub(super) fn plan(wish: &Wish<'_>, name: SlotName) -> SlotPlan {
    let slot = bare(wish.parts, &on_disk(wish), wish.near, name);
    // A clone or a link takes no room; where it is not sure to be one, a copy does.
    let free = if wish.free_reuse { reused_bytes(&slot) } else { 0 };
    let disk_bytes = slot.disk_bytes - free;
    SlotPlan { documents: documents(wish), link: wish.link_files, disk_bytes, ..slot }
}

/// Works out where every file of a slot comes from, cheapest first: a slot on
/// disk, its blob, the pack. `near`: bytes cost next to nothing.
pub fn bare(
    all: &[(Folder, Verified<Parts>)],
    on_disk: &OnDisk,
    near: bool,
    name: SlotName,
) -> SlotPlan {
    let mut slot = SlotPlan {
        name,
        files: Vec::new(),
        links: BTreeMap::new(),
        packs: Vec::new(),
        documents: BTreeMap::new(),
        link: false,
        download_bytes: 0,
        disk_bytes: 0,
    };
    // Two components may hold one file at one path, with equal bytes.
    let mut placed = BTreeSet::new();
    for (folder, parts) in all {
        let into = folder.path().as_str();
        let index = slot.packs.len();
        let mut skipped = Vec::new();
        let mut packed = false;
        for file in &parts.files {
            let path = format!("{into}/{}", file.path);
            let reused = on_disk.get(&(file.sha256, file.size));
            let from = match (reused, best(&file.encodings, near)) {
                _ if placed.contains(&path) => None,
                (Some(path), _) => Some(From::Slot(path.clone())),
                (None, Some(encoding)) => Some(From::Blob(encoding.clone())),
                (None, None) => Some(From::Pack(index)),
            };
            packed |= from == Some(From::Pack(index));
            if file.encodings.is_empty() && from != Some(From::Pack(index)) {
                skipped.push(file.path.to_string());
            }
            let Some(from) = from else { continue };
            if let From::Blob(encoding) = &from {
                slot.download_bytes += encoding.size;
            }
            slot.disk_bytes += file.size;
            placed.insert(path.clone());
            let (mode, sha256, size) = (file.mode, file.sha256, file.size);
            slot.files.push(PlannedFile { path, mode, sha256, size, from });
        }
        for link in &parts.links {
            slot.links.insert(format!("{into}/{}", link.path), link.target.clone());
        }
        let pack = parts.pack.as_ref().filter(|_| packed);
        if let Some((pack, encoding)) = pack.and_then(|p| Some((p, best(&p.encodings, near)?))) {
            slot.download_bytes += encoding.size;
            let (into, encoding) = (into.to_owned(), encoding.clone());
            slot.packs.push(PlannedPack { into, size: pack.size, encoding, skipped });
        }
    }
    slot
}

/// The encoding to fetch: the smallest, or where bytes cost nothing the one that
/// is decoded fastest.
fn best(encodings: &[Encoding], near: bool) -> Option<&Encoding> {
    let known = encodings.iter().filter(|encoding| encoding.kind != EncodingKind::Unknown);
    known.min_by_key(|encoding| match encoding.kind {
        EncodingKind::Zst if near => (0, encoding.size),
        _ => (1, encoding.size),
    })
}

/// Every file of every slot on disk, by digest.
fn on_disk(wish: &Wish<'_>) -> OnDisk {
    let Some(receipt) = wish.receipt else { return BTreeMap::new() };
    let mut files = BTreeMap::new();
    for (name, slot) in &receipt.slots {
        let Ok(name) = name.parse() else { continue };
        let folder = wish.store.slot(&name);
        for (path, SlotFile { sha256, size, .. }) in &slot.files {
            let path = folder.join(path);
            if !wish.damaged.contains(&path) {
                files.insert((*sha256, *size), path);
            }
        }
    }
    files
}

fn documents(wish: &Wish<'_>) -> BTreeMap<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let engine = wish.engine.0.map(|engine| (engine::FILE.to_owned(), engine.text()));
    [
        ("release.json".to_owned(), text(wish.release.bytes())),
        ("channel.json".to_owned(), text(wish.channel.bytes())),
    ]
    .into_iter()
    .chain(engine)
    .collect()
}

/// Bytes that come from slots on disk.
pub(super) fn reused_bytes(slot: &SlotPlan) -> u64 {
    let reused = slot.files.iter().filter(|file| matches!(file.from, From::Slot(_)));
    reused.map(|file| file.size).sum()
}

/// Whether a slot has the engine that is wanted.
pub(super) fn fits(slot: &Slot, wanted: Option<&Existing>) -> bool {
    match (&slot.existing, wanted) {
        (Some(has), Some(wanted)) => has.is(wanted),
        (has, wanted) => has.is_none() && wanted.is_none(),
    }
}

/// What the receipt says of a slot.
pub(super) fn record(release: &Release, slot: &SlotPlan, existing: Option<&Existing>) -> Slot {
    let contents = crate::fill::contents(slot);
    Slot {
        app: release.app.clone(),
        engine: release.engine.clone(),
        setup: release.setup.version.to_string(),
        chosen: None,
        existing: existing.cloned(),
        files: contents.files,
        links: contents.links,
    }
}

/// Whether the receipt has to say something new about the choice alone.
pub(super) fn is_noted(wish: &Wish<'_>) -> bool {
    let asked = |chosen: &Chosen| (chosen.variant.clone(), chosen.gpu);
    let known = wish.receipt.and_then(Receipt::chosen).map(asked).unwrap_or_default();
    known != asked(&wish.chosen) || wish.receipt.is_some_and(|old| old.failed != wish.failed)
}
