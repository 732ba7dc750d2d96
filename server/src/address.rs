//! Addresses of depots: of sources in a stamp and of mirrors in a channel. They
//! end up in scripts and documents, so their characters are few.

use offgrid_manifest::Code;

/// An address that is refused.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is not the address of a depot: {why}", text.escape_default())]
pub struct Error {
    text: String,
    why: &'static str,
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        Code::Usage
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some("write it like https://example.org/offgrid/ or file:///media/kit/".into())
    }
}

/// A base address: `http://`, `https://` or `file://`, without query, and with
/// `/` at its end.
///
/// # Errors
/// When it is something else.
pub fn base(text: &str) -> Result<String, Error> {
    let refuse = |why| Err(Error { text: text.to_owned(), why });
    let schemes = ["https://", "http://", "file:///"];
    let Some(rest) = schemes.iter().find_map(|scheme| text.strip_prefix(scheme)) else {
        return refuse("it begins with none of https://, http:// and file:///");
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/%+,=[]".contains(c);
    if !rest.chars().all(plain) {
        return refuse("a character that is none of a-z, 0-9 and -._~:/%+,=[]");
    }
    if !text.starts_with("file:") && rest.trim_start_matches('/').is_empty() {
        return refuse("there is no host");
    }
    Ok(if text.ends_with('/') { text.to_owned() } else { format!("{text}/") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_end_with_a_slash_and_cannot_leave_a_quoted_string() {
        assert_eq!(base("https://a.example").unwrap(), "https://a.example/");
        assert_eq!(base("http://[::1]:8080/x/").unwrap(), "http://[::1]:8080/x/");
        assert_eq!(base("file:///media/kit").unwrap(), "file:///media/kit/");
        for bad in [
            "",
            "a.example",
            "ftp://a",
            "https://",
            "https:///",
            "https://a/'; rm x; '",
            "https://a b/",
            "https://a/\n",
            "https://a/$(x)",
            "https://a/`x`",
            "https://a/\"",
            "https://a/?q",
            "https://a/#f",
            "https://é/",
        ] {
            assert!(base(bad).is_err(), "{bad}");
        }
    }
}
