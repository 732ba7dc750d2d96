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

/// The points of small order, in every spelling, without the sign bit. A
/// signature of zeros verifies under them for many messages (finding 12).
const SMALL_ORDER: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

impl PublicKey {
    /// From the base64 line of a `.pub` file.
    ///
    /// # Errors
    /// `E_PARSE` when it is not a key, or one of small order.
    pub fn from_base64(text: &str) -> Result<PublicKey, Error> {
        let wrong = |why: &str| parse(format!("`{}` is not a key: {why}", text.escape_default()));
        let bytes = BASE64.decode(text).map_err(|_| wrong("not base64"))?;
        let raw: [u8; 32] = match bytes.get(10..).map(<[u8; 32]>::try_from) {
            Some(Ok(raw)) if bytes.starts_with(b"Ed") => raw,
            _ => return Err(wrong("not 42 bytes that begin with Ed")),
        };
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

    #[test]
    fn keys_of_small_order_are_refused() {
        for hex in SMALL_ORDER {
            let mut raw = [0u8; 32];
            for (i, byte) in raw.iter_mut().enumerate() {
                *byte = u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap();
            }
            assert!(PublicKey::from_base64(&key_of(raw)).is_err(), "{hex}");
            raw[31] |= 0x80;
            assert!(PublicKey::from_base64(&key_of(raw)).is_err(), "{hex} with its sign");
        }
        assert!(PublicKey::from_base64(&key_of([7; 32])).is_ok());
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        let good = key_of([7; 32]);
        for bad in ["", "RWQ", &good[4..], &format!("{good}AA=="), &format!("{good}\n")] {
            assert!(PublicKey::from_base64(bad).is_err(), "{bad}");
        }
    }
}
