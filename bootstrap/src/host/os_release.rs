//! `/etc/os-release`: the name of a Linux distribution. Pure; reads nothing.

use super::tree::plain;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OsRelease {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) version_id: Option<String>,
    pub(super) pretty_name: Option<String>,
    pub(super) variant_id: Option<String>,
    pub(super) id_like: Option<String>,
}

impl OsRelease {
    pub(super) fn parse(text: &str) -> OsRelease {
        let mut found = OsRelease::default();
        for line in text.lines() {
            let Some((key, value)) = line.trim().split_once('=') else { continue };
            let slot = match key {
                "ID" => &mut found.id,
                "NAME" => &mut found.name,
                "VERSION_ID" => &mut found.version_id,
                "PRETTY_NAME" => &mut found.pretty_name,
                "VARIANT_ID" => &mut found.variant_id,
                "ID_LIKE" => &mut found.id_like,
                _ => continue,
            };
            // As in the shell that this file is written for, the last one counts.
            *slot = Some(plain(&unquote(value))).filter(|value| !value.is_empty());
        }
        found
    }

    /// Variant, name and what it is like, the most special first: `linuxmint`,
    /// `ubuntu`, `debian`.
    pub(super) fn words(&self) -> Vec<String> {
        let like = self.id_like.iter().flat_map(|like| like.split_whitespace());
        let own = self.variant_id.iter().chain(&self.id).map(String::as_str);
        own.chain(like).map(str::to_owned).collect()
    }

    /// `Debian GNU/Linux 12`; rolling distributions have no version.
    pub(super) fn title(&self) -> Option<String> {
        match (&self.name, &self.version_id) {
            (Some(name), Some(version)) => Some(format!("{name} {version}")),
            _ => self.pretty_name.clone().or_else(|| self.name.clone()),
        }
    }
}

/// A value of a shell assignment, without its quotes and backslashes.
fn unquote(value: &str) -> String {
    let value = value.trim();
    if let Some(inner) = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return inner.to_owned();
    }
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    let mut text = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        text.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_distribution_is_and_is_like() {
        let words = |text| OsRelease::parse(text).words();
        let mint = "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n";
        assert_eq!(words(mint), ["linuxmint", "ubuntu", "debian"]);
        assert_eq!(words("ID=fedora\nVARIANT_ID=silverblue"), ["silverblue", "fedora"]);
        assert!(words("NAME=x").is_empty());
    }

    #[test]
    fn names_come_out_of_every_kind_of_quotes() {
        let title = |text| OsRelease::parse(text).title();
        let debian = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n\
                      NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n";
        assert_eq!(title(debian).as_deref(), Some("Debian GNU/Linux 12"));
        assert_eq!(title("NAME='Alpine Linux'\nVERSION_ID=3.18.4").unwrap(), "Alpine Linux 3.18.4");
        assert_eq!(title("# x\nNAME=Arch\nPRETTY_NAME=\"Arch \\\"L\\\"\"").unwrap(), "Arch \"L\"");
        assert_eq!(title("NAME=\"\"\nPRETTY_NAME"), None);
        assert_eq!(title("NAME=\"\\"), Some("\"".to_owned()));
    }
}
