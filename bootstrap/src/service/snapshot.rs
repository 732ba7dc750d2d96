//! For tests: what a back end would write, beside what it wrote when somebody last
//! looked, so that a change of a unit is seen in review.

use super::backend::{Account, Backend, Definition, Listen, Wanted};
use std::path::{Path, PathBuf};

/// A service of the whole system, as it usually is.
pub(super) struct Usual {
    pub(super) prefix: PathBuf,
    pub(super) config: PathBuf,
    pub(super) models: PathBuf,
    pub(super) account: Account,
    pub(super) listen: Listen,
    program: PathBuf,
    home: PathBuf,
}

impl Usual {
    pub(super) fn new(prefix: &str) -> Usual {
        let prefix = PathBuf::from(prefix);
        Usual {
            program: prefix.join("bin/offgrid"),
            prefix,
            config: "/etc/offgrid".into(),
            models: "/var/lib/offgrid/models".into(),
            account: Account {
                user: "offgrid".to_owned(),
                groups: vec!["render".to_owned(), "video".to_owned()],
                home: "/var/lib/offgrid".into(),
            },
            listen: Listen::Loopback,
            home: "/home/ann".into(),
        }
    }

    pub(super) fn system(&self) -> Wanted<'_> {
        Wanted {
            prefix: &self.prefix,
            program: &self.program,
            config: &self.config,
            models: &self.models,
            account: Some(&self.account),
            home: None,
            uid: None,
            port: 11611,
            listen: self.listen,
            drain: 60,
        }
    }

    pub(super) fn user(&self) -> Wanted<'_> {
        Wanted { account: None, home: Some(&self.home), uid: Some(1000), ..self.system() }
    }
}

pub(super) fn of(back_end: &dyn Backend, wanted: &Wanted<'_>) -> Definition {
    back_end.definition(wanted).unwrap()
}

/// Compares with `tests/fixtures/units/NAME`, or writes it when asked to.
pub(super) fn check(name: &str, text: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let path = root.join("tests/fixtures/units").join(name);
    if std::env::var_os("OFFGRID_WRITE_FIXTURES").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let seen = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        seen == text,
        "`{}` is not what would be written now; look at the change with \
         OFFGRID_WRITE_FIXTURES=1 and git diff\n{text}",
        path.display()
    );
}

/// Files and commands, as people read them.
pub(super) fn shown(definition: &Definition) -> String {
    let commands = &definition.commands;
    let verbs = [
        ("reload", &commands.reload),
        ("forget", &commands.forget),
        ("enable", &commands.enable),
        ("disable", &commands.disable),
        ("start", &commands.start),
        ("stop", &commands.stop),
        ("restart", &commands.restart),
        ("query", &commands.query),
        ("logs", &commands.logs),
    ];
    let mut text = String::new();
    for file in &definition.files {
        text += &format!("file {} {:04o}\n", file.path.display(), file.mode);
    }
    for (verb, lines) in verbs {
        for line in lines {
            let words: Vec<_> = line.iter().map(|word| crate::quote::sh(word)).collect();
            text += &format!("{verb}: {}\n", words.join(" "));
        }
    }
    let log = definition.log.iter().map(|log| format!("log {}\n", log.display()));
    text + &log.collect::<String>()
}
