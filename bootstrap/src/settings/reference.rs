//! The reference page of all settings, from the table. Owns its markdown; never
//! writes it anywhere: docs/SETTINGS.md is compared with it by a test.

use super::table::{Kind, Spec, TABLE};

const HEAD: &str = "\
# Settings

<!-- Made from bootstrap/src/settings/table.rs; a test compares. -->

Every setting has one flag, one variable and one key in `setup.toml`. Who says
it first wins: what the system's `setup.toml` says under `[enforce]`, then the
flag, the variable, the user's `setup.toml`, the system's, and at last the
default. `offgrid-setup --help` tells which command takes which flag; variables
and files may say anything always, and what a command does not need it ignores.

| flag | variable | key | default | |
| --- | --- | --- | --- | --- |
";

const MIDDLE: &str = "
- A switch is `true` or `false` in a file; in a variable also `1`, `0`, `yes`,
  `no`, `on`, `off`. `--yes=false` takes back what a file says. An empty variable
  says nothing.
- A list is an array in a file, comma-separated in a variable, and on the command
  line the flag once for each.
- Bytes: K, M, G (also KB, MB, GB) are thousands; KiB, MiB, GiB are 1024s.
- Relative paths start at the current folder. In a file a path is absolute.
- An unknown key is an error, so that a slip in a policy is seen.

```toml
# /etc/offgrid/setup.toml
channel = \"stable\"
source = [\"https://depot.example.org\", \"/srv/offgrid\"]
limit_rate = \"2M\"

[enforce]
accept_stale = false
```

## Options of one command only

| flag | command | |
| --- | --- | --- |
";

/// The page.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    for spec in TABLE {
        if let (Some(var), Some(key)) = (spec.var, spec.key) {
            let (flags, help) = (flags(spec), cell(spec.help));
            page += &format!("| {flags} | `{var}` | `{key}` | {} | {help} |\n", spec.default);
        }
    }
    page += MIDDLE;
    for spec in TABLE.iter().filter(|spec| spec.key.is_none()) {
        let commands: Vec<_> = spec.commands.iter().map(|c| format!("`{}`", c.word())).collect();
        let (flags, help) = (flags(spec), cell(spec.help));
        page += &format!("| {flags} | {} | {help} |\n", commands.join(", "));
    }
    page
}

fn flags(spec: &Spec) -> String {
    match (spec.kind, spec.arg(), spec.short) {
        (Kind::Flags(all), _, _) => {
            all.iter().map(|(flag, _)| format!("`{flag}`")).collect::<Vec<_>>().join(", ")
        }
        (Kind::OneOr { arg, switch, .. }, ..) => format!("`{} {arg}`, `{switch}`", spec.flag),
        (_, Some(arg), _) => format!("`{} {}`", spec.flag, cell(arg)),
        (_, None, Some(short)) => format!("`-{short}`, `{}`", spec.flag),
        (_, None, None) => format!("`{}`", spec.flag),
    }
}

/// `|` would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_in_docs_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/SETTINGS.md");
        let page = std::fs::read_to_string(path).unwrap_or_default().replace("\r\n", "\n");
        if page != super::reference() {
            let fresh = std::env::temp_dir().join("SETTINGS.md");
            std::fs::write(&fresh, super::reference()).unwrap();
            panic!("docs/SETTINGS.md is not of this table; copy {}", fresh.display());
        }
    }
}
