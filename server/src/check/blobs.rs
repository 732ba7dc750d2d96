//! The contents of a release: bootstrappers, parts, encodings, packs, models.

use super::Checker;
use super::decode::{self, Fault};
use crate::stamp::Executable;
use crate::{disk, stamp};
use offgrid_manifest::parts::Encoding;
use offgrid_manifest::release::Component;
use offgrid_manifest::verify::{self, LARGE_MAX};
use offgrid_manifest::{Code, Digest, Parts, Pin, Release, Root, Target, Verified, Version};
use offgrid_manifest::{layout, signature, tree};
use std::path::Path;

impl Checker<'_> {
    pub(super) fn contents(&mut self, root: &Verified<Root>, release: &Release) {
        for (target, pin) in &release.setup.targets {
            self.setup(root, target, &release.setup.version, *pin);
        }
        for (name, on) in &release.components {
            for (target, component) in on {
                self.component(&format!("{name} for {target}"), component);
            }
        }
        for model in &release.models {
            let place = layout::blob(&model.sha256);
            if self.depot.path(&place).exists() {
                self.stored(model.pin());
            } else if model.urls.is_empty() {
                self.problem(Code::State, &place, &format!("the model {} is missing", model.name));
            }
        }
        for proof in &release.provenance {
            self.stored(Pin { sha256: proof.sha256, size: proof.size });
        }
    }

    /// Whether the blob is there with its bytes. Each is read once.
    fn stored(&mut self, pin: Pin) -> bool {
        if let Some(good) = self.stored.get(&pin.sha256) {
            return *good;
        }
        let place = layout::blob(&pin.sha256);
        let good = match self.read(&place, pin) {
            Ok(()) => true,
            Err((code, what)) => {
                self.problem(code, &place, &what);
                false
            }
        };
        self.named.insert(place);
        self.stored.insert(pin.sha256, good);
        good
    }

    fn read(&mut self, place: &str, pin: Pin) -> Result<(), (Code, String)> {
        let path = self.depot.path(place);
        if !path.exists() {
            return Err((Code::State, "it is missing".into()));
        }
        let (sha256, size) =
            disk::hash(&path).map_err(|error| (error.code(), error.to_string()))?;
        self.report.blobs += 1;
        self.report.bytes += size;
        if size != pin.size {
            return Err((Code::Size, format!("{size} bytes instead of {}", pin.size)));
        }
        if sha256 != pin.sha256 {
            return Err((Code::Hash, format!("its digest is {sha256}")));
        }
        Ok(())
    }

    fn setup(&mut self, root: &Verified<Root>, target: &Target, version: &Version, pin: Pin) {
        if !self.stored(pin) {
            return;
        }
        let place = layout::blob(&pin.sha256);
        let beside = layout::signature(&place);
        self.named.insert(beside.clone());
        let read = |name: &str, max| self.depot.read(name, max).ok().flatten();
        let Some(bytes) = read(&place, pin.size) else { return };
        match read(&beside, signature::SIZE_MAX as u64) {
            None => self.problem(Code::SigThreshold, &beside, "it is missing"),
            Some(file) => {
                if let Err(error) = verify::setup(root, target, version, &bytes, &file) {
                    self.problem(error.code(), &beside, &error.to_string());
                }
            }
        }
        if let Err((code, what)) = self.stamped(target, bytes) {
            self.problem(code, &place, &what);
        }
    }

    fn stamped(&self, target: &Target, bytes: Vec<u8>) -> Result<(), (Code, String)> {
        let broken = |error: stamp::Error| (error.code(), error.to_string());
        let file = Executable::read(Path::new("setup"), bytes).map_err(broken)?;
        let Some(stamp) = file.stamp().map_err(broken)? else {
            return Err((Code::Unstamped, "it is not stamped".into()));
        };
        let stamped = stamp.root.bytes().map_err(|error| (error.code(), error.to_string()))?;
        if !self.roots.iter().any(|root| root.bytes() == stamped) {
            return Err((Code::UntrustedBinary, "its root is none of this depot".into()));
        }
        if !file.is_for(target) {
            return Err((Code::UntrustedBinary, format!("it is not a program for {target}")));
        }
        Ok(())
    }

    fn component(&mut self, name: &str, component: &Component) {
        let place = layout::blob(&component.parts.sha256);
        if !self.stored(component.parts) {
            return;
        }
        let bytes = self.depot.read(&place, LARGE_MAX).ok().flatten().unwrap_or_default();
        match verify::parts(component, &bytes) {
            Ok(parts) => self.parts(&parts),
            Err(error) => self.problem(error.code(), &place, &format!("{name}: {error}")),
        }
    }

    fn parts(&mut self, parts: &Parts) {
        for file in &parts.files {
            let plain = Pin { sha256: file.sha256, size: file.size };
            for encoding in &file.encodings {
                self.encoding(encoding, file.path.as_str(), plain.sha256, |path| {
                    decode::file(path, encoding, plain)
                });
            }
            for patch in &file.patches {
                self.stored(Pin { sha256: patch.sha256, size: patch.size });
            }
        }
        let Some(pack) = &parts.pack else { return };
        let tree = tree::digest(&parts.files, &parts.links);
        for encoding in &pack.encodings {
            self.encoding(encoding, "the pack", tree, |path| {
                decode::pack(path, encoding, pack.size, parts)
            });
        }
    }

    /// The stored bytes, then what they become. `end` stands for that.
    fn encoding(
        &mut self,
        encoding: &Encoding,
        what: &str,
        end: Digest,
        decode: impl Fn(&Path) -> Result<(), Fault>,
    ) {
        if !self.stored(encoding.pin()) || !self.decoded.insert((encoding.sha256, end)) {
            return;
        }
        let place = layout::blob(&encoding.sha256);
        if let Err(Fault { code, what: why }) = decode(&self.depot.path(&place)) {
            self.problem(code, &place, &format!("{what}: {why}"));
        }
    }
}
