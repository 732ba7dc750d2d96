//! Names in text that another program reads as a command: quoted by one fixed
//! rule, so that no name can end its word (reference/trust.md L14). Whatever is
//! generated with a path in it goes through here.

/// One word of a POSIX shell, whatever is in it. Plain words stay as they are.
pub fn sh(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    // A word that begins with `=` is another command's path to zsh.
    if !text.is_empty() && text.chars().all(plain) && !text.starts_with('=') {
        return text.to_owned();
    }
    // In single quotes nothing means anything but the quote itself.
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// One word of fish: in single quotes only the quote and the backslash mean
/// something.
pub fn fish(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

/// One string of nushell. Single quotes hold anything but themselves; in double
/// quotes a `$` means nothing.
pub fn nu(text: &str) -> String {
    if !text.contains('\'') {
        return format!("'{text}'");
    }
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

/// One string of PowerShell, to which curly quotes are single quotes too; one that
/// is written twice stands for itself.
pub fn powershell(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars() {
        quoted.push(c);
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            quoted.push(c);
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_stay_and_all_others_are_one_word() {
        assert_eq!(sh("/opt/offgrid-1.0+x"), "/opt/offgrid-1.0+x");
        assert_eq!(sh(""), "''");
        assert_eq!(sh("/a b"), "'/a b'");
        assert_eq!(sh("o'brien"), r"'o'\''brien'");
        assert_eq!(sh("=ls"), "'=ls'");
        assert_eq!(sh("~"), "'~'");
    }

    #[test]
    fn each_shell_has_its_own_rule() {
        for (text, in_fish, in_nu, in_powershell) in [
            ("/a b", "'/a b'", "'/a b'", "'/a b'"),
            ("$HOME`id`\"", "'$HOME`id`\"'", "'$HOME`id`\"'", "'$HOME`id`\"'"),
            ("o'b", r"'o\'b'", r#""o'b""#, "'o''b'"),
            (r"a\b", r"'a\\b'", r"'a\b'", r"'a\b'"),
            (r#"a\'"$x"#, r#"'a\\\'"$x'"#, r#""a\\'\"$x""#, r#"'a\''"$x'"#),
            ("\u{2019}é", "'\u{2019}é'", "'\u{2019}é'", "'\u{2019}\u{2019}é'"),
        ] {
            assert_eq!(fish(text), in_fish);
            assert_eq!(nu(text), in_nu);
            assert_eq!(powershell(text), in_powershell);
        }
    }

    #[test]
    fn a_real_shell_reads_back_what_was_quoted() {
        let shell = std::path::Path::new("/bin/sh");
        if !shell.exists() {
            return; // not a system with such a shell
        }
        let evil = [
            "/a\"; rm -rf ~ #",
            "$(id)",
            "`id`",
            "a\\",
            "a\nb",
            "'",
            "''",
            "*",
            "!x",
            "-n",
            "é \t",
        ];
        for text in evil {
            let line = format!("printf %s {}", sh(text));
            let output = std::process::Command::new(shell).args(["-c", &line]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), text, "{line}");
        }
    }
}
