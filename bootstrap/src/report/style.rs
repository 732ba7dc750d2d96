//! How things are said: by flags, and by what the terminal can show. Decides
//! once, from [`Env`]; looks at nothing else and prints nothing.

use crate::env::Env;

/// How things are said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// One JSON object a line on stdout, and nothing for people.
    pub json: bool,
    /// Only errors, notes and results. Events for programs are not affected.
    pub quiet: bool,
    /// Numbers and times of steps too.
    pub verbose: bool,
    /// Colours, where there is a terminal.
    pub color: bool,
    /// Whether stderr is a terminal.
    pub tty: bool,
    /// Whether that terminal can only add lines (`TERM=dumb`).
    pub term_dumb: bool,
    /// Whether it shows more than ASCII.
    pub utf8: bool,
}

/// What a word stands for, where there are colours.
#[derive(Debug, Clone, Copy)]
pub(super) enum Paint {
    Good,
    Note,
    Bad,
    Dim,
}

impl Style {
    /// What the terminal of this process can show; the flags are the caller's to
    /// set: `Style { json, quiet, verbose, ..Style::of(env) }`.
    pub fn of(env: &Env) -> Style {
        let text = |name| env.var(name).map(|value| value.to_string_lossy().to_lowercase());
        let term = text("TERM");
        let term_dumb = term.as_deref() == Some("dumb");
        // Windows' own console has no TERM and may not know colours; these do.
        let modern = text("WT_SESSION").is_some() || text("ConEmuANSI").as_deref() == Some("on");
        let locale = text("LC_ALL").or_else(|| text("LC_CTYPE")).or_else(|| text("LANG"));
        let utf8 = locale.is_some_and(|name| name.contains("utf-8") || name.contains("utf8"));
        Style {
            color: env.var("NO_COLOR").is_none() && !term_dumb && (term.is_some() || modern),
            tty: env.stderr_tty,
            term_dumb,
            utf8: (utf8 || modern) && !term_dumb,
            ..Style::default()
        }
    }

    /// Whether lines may be drawn over.
    pub(super) fn live(self) -> bool {
        self.tty && !self.term_dumb && !self.quiet && !self.json
    }

    /// A step that ended well.
    pub(super) fn check(self) -> String {
        self.paint(Paint::Good, if self.utf8 { "✓" } else { "+" })
    }

    /// A step that did not.
    pub(super) fn cross(self) -> String {
        self.paint(Paint::Bad, if self.utf8 { "✗" } else { "x" })
    }

    /// The same word, perhaps in colour. Only for text that is safe already.
    pub(super) fn paint(self, paint: Paint, word: &str) -> String {
        if !self.color || !self.tty || self.term_dumb {
            return word.to_owned();
        }
        let code = match paint {
            Paint::Good => "32",
            Paint::Note => "33",
            Paint::Bad => "1;31",
            Paint::Dim => "2",
        };
        format!("\u{1b}[{code}m{word}\u{1b}[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(vars: &[(&str, &str)]) -> Env {
        let vars = vars.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Env { vars, stderr_tty: true, ..Env::default() }
    }

    #[test]
    fn the_terminal_says_what_it_can_show() {
        let good = Style { color: true, tty: true, utf8: true, ..Style::default() };
        assert_eq!(Style::of(&env(&[("TERM", "xterm"), ("LANG", "en_US.UTF-8")])), good);
        assert_eq!(Style::of(&env(&[("WT_SESSION", "1")])), good);
        let dumb = Style::of(&env(&[("TERM", "dumb"), ("LANG", "C.utf8")]));
        assert!(dumb.term_dumb && !dumb.color && !dumb.utf8 && !dumb.live());
        let latin = [("TERM", "xterm"), ("LC_ALL", "de_DE.ISO-8859-1"), ("LANG", "C.utf8")];
        assert!(!Style::of(&env(&latin)).utf8);
        let plain = [("TERM", "xterm"), ("NO_COLOR", "1")];
        assert!(!Style::of(&env(&plain)).color);
        assert!(!Style::of(&env(&[])).color, "an old console");
    }

    #[test]
    fn colours_need_a_terminal() {
        let style = Style { color: true, ..Style::default() };
        assert_eq!(style.paint(Paint::Bad, "error"), "error");
        assert_eq!(Style { tty: true, ..style }.paint(Paint::Bad, "x"), "\u{1b}[1;31mx\u{1b}[0m");
    }
}
