//! The pins of the install scripts: which bootstrapper, from where, signed by
//! whom. The scripts themselves are `scripts/install.sh` and `install.ps1`.

use super::Error;
use crate::depot::Depot;
use crate::stamp::{self, Executable};
use crate::{address, disk};
use offgrid_manifest::{Pin, Release, Root, Target, Version, layout};

const SH: &str = include_str!("../../../scripts/install.sh");
const PS1: &str = include_str!("../../../scripts/install.ps1");
const BEGIN: &str = "# --- pins: begin ---";
const END: &str = "# --- pins: end ---";

/// What the scripts must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pins {
    version: Version,
    sources: Vec<String>,
    keys: Vec<String>,
    threshold: usize,
    setup: Vec<(Target, Pin)>,
}

/// Writes the install scripts with the pins of this release.
///
/// # Errors
/// A program of the release that cannot be read, or a file operation.
pub(crate) fn write(depot: &Depot, root: &Root, release: &Release) -> Result<(), Error> {
    let lost = || Error::Wrong("an install script has lost its markers".into());
    let (sh, ps1) = Pins::of(depot, root, release)?.scripts().ok_or_else(lost)?;
    depot.put(layout::INSTALL, sh.as_bytes())?;
    depot.put(layout::INSTALL_SH, sh.as_bytes())?;
    Ok(depot.put(layout::INSTALL_PS1, ps1.as_bytes())?)
}

impl Pins {
    /// From a release and the root whose keys sign it. The sources are those
    /// that the bootstrappers were stamped with.
    pub(crate) fn of(depot: &Depot, root: &Root, release: &Release) -> Result<Pins, stamp::Error> {
        let mut sources = Vec::new();
        for pin in release.setup.targets.values() {
            let path = depot.path(&layout::blob(&pin.sha256));
            let bytes = disk::read_bounded(&path, pin.size)?.unwrap_or_default();
            let stamp = Executable::read(&path, bytes)?.stamp()?;
            for source in stamp.map(|stamp| stamp.sources).unwrap_or_default() {
                let source = address::base(&source)?;
                if !sources.contains(&source) {
                    sources.push(source);
                }
            }
        }
        let role = &root.roles.release;
        Ok(Pins {
            version: release.setup.version.clone(),
            sources,
            keys: root.keys_of(role).iter().map(|key| key.to_base64().to_owned()).collect(),
            threshold: role.threshold,
            setup: release.setup.targets.iter().map(|(target, pin)| (*target, *pin)).collect(),
        })
    }

    // No value can hold a quote: addresses are checked, the others are typed.

    /// The lines of the sh script.
    pub(crate) fn sh(&self) -> Vec<String> {
        let line = |(target, pin): &(Target, Pin)| format!("{target} {} {}", pin.sha256, pin.size);
        let pins: Vec<String> = self.setup.iter().map(line).collect();
        let text = format!(
            "PRODUCT_VERSION='{}'\nSOURCES='{}'\nRELEASE_KEYS='{}'\nRELEASE_THRESHOLD='{}'\nPINS='{}'",
            self.version,
            self.sources.join(" "),
            self.keys.join(" "),
            self.threshold,
            pins.join("\n")
        );
        text.lines().map(str::to_owned).collect()
    }

    /// The lines of the PowerShell script.
    pub(crate) fn ps1(&self) -> Vec<String> {
        let list = |items: &[String]| {
            let items: Vec<String> = items.iter().map(|item| format!("'{item}'")).collect();
            items.join(", ")
        };
        let mut lines = vec![
            format!("$ProductVersion = '{}'", self.version),
            format!("$Sources = @({})", list(&self.sources)),
            format!("$ReleaseKeys = @({})", list(&self.keys)),
            format!("$ReleaseThreshold = {}", self.threshold),
            "$Pins = @{".to_owned(),
        ];
        for (target, pin) in &self.setup {
            lines.push(format!("    '{target}' = @('{}', {})", pin.sha256, pin.size));
        }
        lines.push("}".to_owned());
        lines
    }

    /// The whole scripts, for sh and for PowerShell; `None` when a template has
    /// lost its markers.
    pub(crate) fn scripts(&self) -> Option<(String, String)> {
        Some((fill(SH, &self.sh())?, fill(PS1, &self.ps1())?))
    }
}

/// The template with other lines between its markers, indented as they are.
fn fill(template: &str, pins: &[String]) -> Option<String> {
    let (before, rest) = template.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    let indent = &before[before.rfind('\n').map_or(0, |at| at + 1)..];
    let mut text = format!("{before}{BEGIN}\n");
    for line in pins {
        text.push_str(&format!("{indent}{line}\n"));
    }
    text.push_str(&format!("{indent}{END}{after}"));
    Some(text)
}

/// The lines between the markers of a script, without their indentation.
pub(crate) fn pins_in(script: &str) -> Option<Vec<&str>> {
    let (before, rest) = script.split_once(BEGIN)?;
    let (inside, _) = rest.split_once(END)?;
    let indent = &before[before.rfind('\n').map_or(0, |at| at + 1)..];
    let bare = |line| str::strip_prefix(line, indent).unwrap_or(line);
    let mut lines: Vec<&str> = inside.lines().skip(1).map(bare).collect();
    // What is left before the end marker is its indentation.
    if lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_put_between_the_markers_and_read_back() {
        let template = "a\n  # --- pins: begin ---\n  old\n  # --- pins: end ---\nz\n";
        let lines = ["X='1".to_owned(), "2'".to_owned()];
        let filled = fill(template, &lines).unwrap();
        assert_eq!(filled, "a\n  # --- pins: begin ---\n  X='1\n  2'\n  # --- pins: end ---\nz\n");
        assert_eq!(pins_in(&filled).unwrap(), lines);
        assert!(fill("no markers", &lines).is_none());
    }

    #[test]
    fn the_templates_have_their_markers_once() {
        for template in [SH, PS1] {
            assert_eq!(template.matches(BEGIN).count(), 1);
            assert_eq!(template.matches(END).count(), 1);
        }
    }
}
