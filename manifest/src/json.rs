//! Strict JSON, read after the bytes were verified: no duplicate keys, no
//! integer above 2^53-1, bounded depth, no byte-order mark, nothing after the
//! value (reference/trust.md A19). Two readers of one document must never see
//! two documents.

use crate::error::{Error, parse};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess};
use serde::de::{SeqAccess, Visitor};
use std::{collections::BTreeSet, fmt};

/// How deep values may nest.
const DEPTH_MAX: usize = 16;
/// The largest integer that every JSON reader keeps exact (RFC 8259, section 6).
pub const INTEGER_MAX: u64 = (1 << 53) - 1;

/// Reads one document of type `T`.
///
/// # Errors
/// `E_PARSE`, saying where.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(parse("a byte-order mark before the document"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Strict { depth: 0 }
        .deserialize(&mut reader)
        .and_then(|()| reader.end())
        .map_err(|error| parse(error.to_string()))?;
    serde_json::from_slice(bytes).map_err(|error| parse(error.to_string()))
}

/// Walks a value and keeps nothing; it only refuses.
struct Strict {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.depth > DEPTH_MAX {
            return Err(D::Error::custom("values nest too deep"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        if value > INTEGER_MAX {
            return Err(E::custom("an integer above 2^53-1"));
        }
        Ok(())
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.visit_u64(value.unsigned_abs())
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        // No document has fractions, and an integer too large for 64 bits
        // arrives here too.
        Err(E::custom("a number that is not an integer of at most 2^53-1"))
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Strict { depth: self.depth + 1 })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            entries.next_value_seed(Strict { depth: self.depth + 1 })?;
            if let Some(twice) = seen.replace(key) {
                return Err(A::Error::custom(format!("the key {twice:?} stands twice")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        assert!(read::<Value>(b" {\"a\":[1,null,true,\"x\"]}\n").is_ok());
        let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
        for bad in [
            &b"{\"a\":1,\"a\":2}"[..],
            b"{\"x\":{\"a\":1,\"\\u0061\":2}}",
            b"\xef\xbb\xbf{}",
            b"{} {}",
            b"{}x",
            b"{\"a\":9007199254740992}",
            b"{\"a\":-9007199254740992}",
            b"{\"a\":1.5}",
            b"{\"a\":1e3}",
            b"{\"a\":18446744073709551616}",
            b"{\"a\":\"\xff\"}",
            b"{\"a\":1,}",
            b"",
            deep.as_bytes(),
        ] {
            let shown = String::from_utf8_lossy(bad);
            assert!(read::<Value>(bad).is_err(), "{shown}");
        }
    }
}
