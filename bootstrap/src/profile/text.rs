//! What each shell is told, and what a person types for it. Fixed templates with
//! quoted names (reference/trust.md L12, L14). Pure.
//!
//! Whatever is read twice adds the folder once, and a folder that is on the PATH
//! already stays where it is.

use super::block;
use crate::quote;

/// A kind of shell: what its profiles are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shell {
    /// What reads `~/.profile`.
    Sh,
    Bash,
    Zsh,
    Fish,
    Nu,
    Pwsh,
}

/// The block that puts `folder` in front on the PATH.
pub(crate) fn block(shell: Shell, folder: &str) -> String {
    let lines = match shell {
        Shell::Sh | Shell::Bash | Shell::Zsh => {
            let folder = quote::sh(folder);
            format!(
                "case \":${{PATH}}:\" in\n    *:{folder}:*) ;;\n    \
                 *) PATH={folder}\"${{PATH:+:$PATH}}\" && export PATH ;;\nesac"
            )
        }
        Shell::Fish => {
            let folder = quote::fish(folder);
            format!("if not contains -- {folder} $PATH\n    set -gx PATH {folder} $PATH\nend")
        }
        Shell::Nu => {
            let folder = quote::nu(folder);
            // A list by then, or still the text that the system gives.
            format!(
                "$env.PATH = ($env.PATH | split row (char esep))\n\
                 if {folder} not-in $env.PATH {{ $env.PATH = ($env.PATH | prepend {folder}) }}"
            )
        }
        Shell::Pwsh => {
            let folder = quote::powershell(folder);
            format!(
                "if (($env:PATH -split ':') -cnotcontains {folder}) {{\n    \
                 $env:PATH = {folder} + ':' + $env:PATH\n}}"
            )
        }
    };
    block::of(&format!("{HEAD}\n{lines}"))
}

/// A comment in every one of them.
const HEAD: &str = "# So that `offgrid` is found; `offgrid uninstall` takes these lines away.";

/// The line that does the same, for a person to type or to add.
pub(crate) fn line(shell: Shell, folder: &str) -> String {
    match shell {
        Shell::Sh | Shell::Bash | Shell::Zsh => {
            format!("export PATH={}:\"$PATH\"", quote::sh(folder))
        }
        Shell::Fish => format!("set -gx PATH {} $PATH", quote::fish(folder)),
        Shell::Nu => format!("$env.PATH = ($env.PATH | prepend {})", quote::nu(folder)),
        Shell::Pwsh => {
            format!("$env:PATH = {} + ':' + $env:PATH", quote::powershell(folder))
        }
    }
}

/// What makes a shell that runs already read a profile of its kind again. `~` is
/// the home to all of them, as long as it is not quoted.
pub(crate) fn again(shell: Shell, home: &str, file: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let below = file.strip_prefix(home).filter(|rest| rest.starts_with('/'));
    let word = match below.filter(|rest| rest.chars().all(plain)) {
        Some(rest) => format!("~{rest}"),
        None => match shell {
            Shell::Sh | Shell::Bash | Shell::Zsh => quote::sh(file),
            Shell::Fish => quote::fish(file),
            Shell::Nu => quote::nu(file),
            Shell::Pwsh => quote::powershell(file),
        },
    };
    match shell {
        Shell::Sh | Shell::Bash | Shell::Zsh | Shell::Pwsh => format!(". {word}"),
        Shell::Fish | Shell::Nu => format!("source {word}"),
    }
}

/// Whether a folder can be named on a PATH and in a profile at all: `:` would end
/// it, and a line end the line.
pub(crate) fn can_name(folder: &str) -> bool {
    !folder.contains(':') && !folder.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Shell; 6] =
        [Shell::Sh, Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Nu, Shell::Pwsh];

    #[test]
    fn a_block_is_one_block_whatever_the_folder_is_called() {
        for folder in ["/h/.local/bin", "/a b/'$x`\"\\/é", block::END, block::BEGIN] {
            for shell in ALL {
                let text = block(shell, folder);
                assert_eq!(block::find(text.as_bytes()), block::Found::At(0..text.len()));
            }
        }
    }

    #[test]
    fn the_lines_for_sh_are_these() {
        assert_eq!(
            block(Shell::Sh, "/h/o'b/bin"),
            "# >>> offgrid >>>\n\
             # So that `offgrid` is found; `offgrid uninstall` takes these lines away.\n\
             case \":${PATH}:\" in\n    \
             *:'/h/o'\\''b/bin':*) ;;\n    \
             *) PATH='/h/o'\\''b/bin'\"${PATH:+:$PATH}\" && export PATH ;;\n\
             esac\n\
             # <<< offgrid <<<\n"
        );
        assert_eq!(line(Shell::Bash, "/a b"), "export PATH='/a b':\"$PATH\"");
        for (home, file, typed) in [
            ("/a b", "/a b/.zshenv", ". ~/.zshenv"),
            ("/a", "/a b/.zshenv", ". '/a b/.zshenv'"),
            ("/a", "/a/b c", ". '/a/b c'"),
        ] {
            assert_eq!(again(Shell::Zsh, home, file), typed);
        }
        assert_eq!(again(Shell::Fish, "/a", "/a/f"), "source ~/f");
    }

    #[test]
    fn some_folders_cannot_be_named() {
        for (folder, can) in
            [("/h/bin", true), ("/é b'\"$", true), ("/a:b", false), ("/a\nb", false)]
        {
            assert_eq!(can_name(folder), can, "{folder:?}");
        }
    }
}
