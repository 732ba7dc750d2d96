//! Minisign public keys, compared by their 32 raw bytes: the key id is a label
//! that anybody may write (reference/trust.md, finding 2).

use crate::error::{Error, parse};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// An Ed25519 public key in minisign's form: base64 of `Ed`, 8 bytes of key id
/// and 32 bytes of key.
#[derive(Clone)]
pub struct PublicKey {
    text: String,
    raw: [u8; 32],
    inner: minisign_verify::PublicKey,
}

/// The points of small order, without the sign bit. A signature of zeros verifies
/// under them for many messages (reference/trust.md, finding 12). Their other
/// spellings are refused as such, see [`is_canonical`].
const SMALL_ORDER: [&str; 5] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

impl PublicKey {
    /// From the base64 line of a `.pub` file.
    ///
    /// # Errors
    /// `E_PARSE` when it is not a key, one of small order, or one that has another
    /// spelling: keys are compared by their bytes.
    pub fn from_base64(text: &str) -> Result<PublicKey, Error> {
        let wrong = |why: &str| parse(format!("`{}` is not a key: {why}", text.escape_default()));
        let bytes = BASE64.decode(text).map_err(|_| wrong("not base64"))?;
        let raw: [u8; 32] = match bytes.get(10..).map(<[u8; 32]>::try_from) {
            Some(Ok(raw)) if bytes.starts_with(b"Ed") => raw,
            _ => return Err(wrong("not 42 bytes that begin with Ed")),
        };
        if !is_canonical(&raw) {
            return Err(wrong("not the one spelling of a point"));
        }
        if is_small_order(&raw) {
            return Err(wrong("a point of small order"));
        }
        let inner = minisign_verify::PublicKey::from_base64(text)
            .map_err(|error| wrong(&error.to_string()))?;
        Ok(PublicKey { text: text.to_owned(), raw, inner })
    }

    /// The base64 line.
    pub fn to_base64(&self) -> &str {
        &self.text
    }

    /// What makes it this key and no other.
    pub fn raw(&self) -> &[u8; 32] {
        &self.raw
    }

    /// Checks one well-framed block over `bytes`; on success its trusted comment.
    pub(crate) fn verify(&self, bytes: &[u8], block: &str) -> Option<String> {
        let signature = minisign_verify::Signature::decode(block).ok()?;
        // `false`: the legacy algorithm can be turned into a forgery (finding 1).
        self.inner.verify(bytes, &signature, false).ok()?;
        Some(signature.trusted_comment().to_owned())
    }
}

/// Whether the coordinate y is below 2^255-19 (RFC 8032, section 5.1.3). The 19
/// numbers from there on are second spellings of small ones.
fn is_canonical(raw: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = raw;
    *first < 0xed || middle.iter().any(|&byte| byte != 0xff) || last & 0x7f != 0x7f
}

fn is_small_order(raw: &[u8; 32]) -> bool {
    let mut y = *raw;
    y[31] &= 0x7f;
    let hex: String = y.iter().map(|byte| format!("{byte:02x}")).collect();
    SMALL_ORDER.contains(&hex.as_str())
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &PublicKey) -> bool {
        self.raw == other.raw
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PublicKey, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        PublicKey::from_base64(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(raw: [u8; 32]) -> String {
        let mut bytes = b"Ed12345678".to_vec();
        bytes.extend(raw);
        BASE64.encode(bytes)
    }

    /// Why both signs of this y are refused.
    fn refused(mut raw: [u8; 32]) -> [String; 2] {
        [0, 0x80].map(|sign| {
            raw[31] = raw[31] & 0x7f | sign;
            PublicKey::from_base64(&key_of(raw)).unwrap_err().to_string()
        })
    }

    #[test]
    fn keys_of_small_order_are_refused() {
        for hex in SMALL_ORDER {
            let mut raw = [0u8; 32];
            for (i, byte) in raw.iter_mut().enumerate() {
                *byte = u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap();
            }
            assert!(refused(raw).iter().all(|why| why.contains("small order")), "{hex}");
        }
        assert!(PublicKey::from_base64(&key_of([7; 32])).is_ok());
    }

    #[test]
    fn a_second_spelling_of_a_point_is_refused() {
        let mut raw = [0xff; 32];
        raw[31] = 0x7f;
        for first in 0xed..=0xff {
            raw[0] = first;
            assert!(refused(raw).iter().all(|why| why.contains("spelling")), "{first}");
        }
        // One below p, p itself in other places, and the largest of a smaller y.
        for (at, byte) in [(0, 0xeb), (1, 0xfe), (30, 0xfe), (31, 0x7e), (31, 0xfe)] {
            let mut near = raw;
            near[at] = byte;
            assert!(PublicKey::from_base64(&key_of(near)).is_ok(), "{at}");
        }
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        let good = key_of([7; 32]);
        let other = BASE64.encode([b"ED12345678".as_slice(), &[7; 32]].concat());
        for bad in
            ["", "RWQ", &good[4..], &format!("{good}AA=="), &format!("{good}\n"), other.as_str()]
        {
            assert!(PublicKey::from_base64(bad).is_err(), "{bad}");
        }
    }
}
