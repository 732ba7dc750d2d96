//! What a unit file of systemd says, as far as it matters here (systemd.service(5),
//! systemd.exec(5)), and how its processes are known. Pure.

use std::path::{Path, PathBuf};

/// The values of a key, a continued line as one.
fn values<'t>(text: &'t str, key: &'t str) -> impl Iterator<Item = String> + 't {
    let whole = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let lines: Vec<String> = whole.lines().map(str::to_owned).collect();
    lines.into_iter().filter_map(move |line| {
        let (name, value) = line.trim().split_once('=')?;
        (name.trim_end() == key).then(|| value.trim_start().to_owned())
    })
}

/// `offgrid@.service`
pub(super) fn is_template(name: &str) -> bool {
    name.contains("@.")
}

/// Whether a name is of this unit: the same, or an instance of it.
pub(super) fn is_of(name: &str, unit: &str) -> bool {
    match unit.split_once("@.") {
        None => name == unit,
        Some((stem, kind)) => {
            let instance = name.strip_prefix(stem).and_then(|rest| rest.strip_prefix('@'));
            instance.is_some_and(|rest| rest.ends_with(&format!(".{kind}")))
        }
    }
}

/// The variables that it sets: those that can be known without its manager.
pub(super) fn vars(text: &str) -> Vec<(String, String)> {
    let mut vars = Vec::new();
    for value in values(text, "Environment") {
        if value.trim().is_empty() {
            vars.clear();
        }
        for word in words(&value) {
            let Some((name, value)) = word.split_once('=') else { continue };
            // `%h` and its like are the manager's to know.
            let value = value.replace("%%", "\0");
            if !value.contains('%') {
                vars.push((name.to_owned(), value.replace('\0', "%")));
            }
        }
    }
    vars
}

/// The programs that it starts, by whole paths.
pub(super) fn programs(text: &str, home: Option<&Path>) -> Vec<PathBuf> {
    let lines = ["ExecStart", "ExecStartPre"].into_iter().flat_map(|key| values(text, key));
    let program = |line: String| {
        let word = words(&line).into_iter().next()?;
        let word = word.trim_start_matches(['@', '-', ':', '+', '!', '|']);
        let path = match word.strip_prefix("%h/") {
            Some(rest) => home?.join(rest),
            None => PathBuf::from(word),
        };
        path.is_absolute().then_some(path)
    };
    lines.filter_map(program).collect()
}

/// Words as systemd splits them: quotes hold one together, a backslash takes what
/// follows as it is.
fn words(value: &str) -> Vec<String> {
    let (mut words, mut word, mut within, mut quote) = (Vec::new(), String::new(), false, None);
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', _) => {
                within = true;
                word.extend(chars.next());
            }
            (c, Some(open)) if c == open => quote = None,
            (c, Some(_)) => word.push(c),
            ('"' | '\'', None) => {
                (within, quote) = (true, Some(c));
            }
            (c, None) if c.is_whitespace() => {
                if std::mem::take(&mut within) {
                    words.push(std::mem::take(&mut word));
                }
            }
            (c, None) => {
                within = true;
                word.push(c);
            }
        }
    }
    words.extend(within.then_some(word));
    words
}

/// The unit that a process is of, and whether a user's own manager started it.
pub(super) fn of_group(groups: &str) -> Option<(String, bool)> {
    groups.lines().find_map(|line| {
        let path = line.splitn(3, ':').nth(2)?;
        let name = path.split('/').rfind(|part| super::is_named(part))?;
        let user = path.split('/').any(|part| part.starts_with("user@"));
        Some((name.to_owned(), user))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_as_systemd_reads_them() {
        let text = "[Service]\nEnvironment=A=1 \"B=two words\" 'C=x'\nEnvironment = D=\"a b\"\n\
                    Environment=E=1 \\\n  F=2\nEnvironment=G=%h/x H=100%%\nEnvironmentFile=/x\n";
        let vars = vars(text);
        let vars: Vec<_> = vars.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let want = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "x"),
            ("D", "a b"),
            ("E", "1"),
            ("F", "2"),
            ("H", "100%"),
        ];
        assert_eq!(vars, want);
        let reset = "Environment=A=1\nEnvironment=\nEnvironment=B=2\n";
        assert_eq!(super::vars(reset), [("B".to_owned(), "2".to_owned())]);
    }

    #[test]
    fn a_program_is_known_by_its_whole_path() {
        let text = "ExecStartPre=-/bin/true\nExecStart=%h/.local/bin/offgrid serve\nExecStart=x\n";
        let home = Path::new("/home/u");
        let want = ["/home/u/.local/bin/offgrid", "/bin/true"].map(PathBuf::from);
        assert_eq!(programs(text, Some(home)), want);
    }

    #[test]
    fn an_instance_is_of_its_template_and_a_process_of_its_unit() {
        for (name, unit, is) in [
            ("offgrid@anna.service", "offgrid@.service", true),
            ("offgrid@.service", "offgrid@.service", true),
            ("offgrid@anna.service", "offgrid@anna.service", true),
            ("offgrid@anna.service", "offgrid.service", false),
            ("offgrid.service", "offgrid@.service", false),
            ("offgrid@anna.timer", "offgrid@.service", false),
        ] {
            assert_eq!(is_of(name, unit), is, "{name} {unit}");
        }
        let of = |text| of_group(text);
        let named = |name: &str, user| Some((name.to_owned(), user));
        let text = "0::/system.slice/system-offgrid.slice/offgrid@anna.service\n";
        assert_eq!(of(text), named("offgrid@anna.service", false));
        let text = "12:pids:/x\n1:name=systemd:/user.slice/user-1.slice/user@1.service/app.slice/\
                    offgrid-llm.service\n";
        assert_eq!(of(text), named("offgrid-llm.service", true));
        assert_eq!(of("0::/system.slice/ollama.service\n"), None);
        assert_eq!(of("0::/\n"), None);
    }
}
