//! Signature files: 1 to 8 minisign blocks, one after the other. The framing is
//! checked here before any other code sees the bytes, because the library that
//! checks a block ignores what follows it (reference/trust.md 2.1).

use crate::{Code, Error, PublicKey};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

/// The largest signature file, in bytes.
pub const SIZE_MAX: usize = 16 * 1024;
/// How many blocks one file may hold.
pub const BLOCKS_MAX: usize = 8;

const UNTRUSTED: &str = "untrusted comment: ";
const TRUSTED: &str = "trusted comment: ";

/// Splits a signature file into well-formed blocks of four lines.
///
/// # Errors
/// `E_SIG_ALG` for a block that is not `ED`; `E_SIG_THRESHOLD` for anything
/// that is not a sequence of blocks, because then nobody signed.
pub fn split(file: &[u8]) -> Result<Vec<String>, Error> {
    let broken = |why: &str| Error::new(Code::SigThreshold, format!("not a signature file: {why}"));
    if file.len() > SIZE_MAX {
        return Err(broken("larger than 16 KiB"));
    }
    let text = std::str::from_utf8(file).map_err(|_| broken("not UTF-8"))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let lines: Vec<&str> =
        text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    if !lines.len().is_multiple_of(4) || lines.len() > 4 * BLOCKS_MAX {
        return Err(broken("not 1 to 8 blocks of four lines"));
    }
    lines.chunks_exact(4).map(block).collect()
}

/// Checks one block of four lines and joins it again.
fn block(lines: &[&str]) -> Result<String, Error> {
    let broken = |why: &str| Error::new(Code::SigThreshold, format!("not a signature: {why}"));
    if !lines[0].starts_with(UNTRUSTED) || !lines[2].starts_with(TRUSTED) {
        return Err(broken("a comment line is missing"));
    }
    if lines[2].chars().any(char::is_control) {
        return Err(broken("a control character in the trusted comment"));
    }
    let signature: Option<[u8; 74]> = decoded(lines[1]);
    let global: Option<[u8; 64]> = decoded(lines[3]);
    let (Some(signature), Some(_)) = (signature, global) else {
        return Err(broken("a line is not base64 of 74 or 64 bytes"));
    };
    if !signature.starts_with(b"ED") {
        let message = "a signature of another algorithm than ED (prehashed Ed25519)";
        return Err(Error::new(Code::SigAlg, message));
    }
    Ok(lines.join("\n"))
}

/// A line of base64 for exactly `N` bytes. Its one spelling alone is taken: with
/// padding, and with zeros in the bits that no byte uses.
fn decoded<const N: usize>(line: &str) -> Option<[u8; N]> {
    // The length first, so that nothing is decoded that cannot be right.
    if line.len() != N.div_ceil(3) * 4 {
        return None;
    }
    BASE64.decode(line).ok()?.try_into().ok()
}

/// Counts the distinct keys that signed `bytes` and returns the trusted comment
/// of each such block. Every key of the role is tried on every block: a key id
/// is a hint that proves nothing.
///
/// # Errors
/// `E_SIG_THRESHOLD` with what was had and what is needed; `E_SIG_ALG`.
pub fn check(
    bytes: &[u8],
    file: &[u8],
    keys: &[PublicKey],
    threshold: usize,
) -> Result<Vec<String>, Error> {
    let mut signers: Vec<&PublicKey> = Vec::new();
    let mut comments = Vec::new();
    for block in split(file)? {
        for key in keys {
            if signers.contains(&key) {
                continue;
            }
            if let Some(comment) = key.verify(bytes, &block) {
                signers.push(key);
                comments.push(comment);
                break;
            }
        }
    }
    // A threshold of 0 cannot be written in a root; it must not pass here either.
    if threshold == 0 || signers.len() < threshold {
        let have = signers.len();
        let message = format!("{have} of {threshold} needed signatures are valid");
        return Err(Error::new(Code::SigThreshold, message));
    }
    Ok(comments)
}

/// The trusted comment that the signature of a document must carry (DESIGN 4).
/// `kind` is `offgrid/root` and so on; `name` is `root`, `head`, the channel,
/// the product or, for a bootstrapper, its target.
pub fn comment(
    kind: &str,
    name: &str,
    version: &impl std::fmt::Display,
    digest: &crate::Digest,
) -> String {
    format!("{kind} {name} v{version} sha256:{digest}")
}
