//! Keys that are for nothing but this, and minisign blocks made by hand: by
//! Ed25519 and BLAKE2b of other libraries than those of the product.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use blake2::{Blake2b512, Digest as _};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use offgrid_manifest::PublicKey;

/// A key from a number: everybody can make it, so it protects nothing.
pub struct Key {
    secret: SigningKey,
    /// Its key id.
    pub id: [u8; 8],
}

impl Key {
    /// The key of this number.
    pub fn of(number: u8) -> Key {
        Key { secret: SigningKey::from_bytes(&[number; 32]), id: [number; 8] }
    }

    /// The key's 32 bytes.
    pub fn raw(&self) -> [u8; 32] {
        self.secret.verifying_key().to_bytes()
    }

    /// As documents hold it, with this key id.
    pub fn labelled(&self, id: [u8; 8]) -> String {
        BASE64.encode([b"Ed".as_slice(), &id, &self.raw()].concat())
    }

    /// As the product reads it.
    pub fn public(&self, id: [u8; 8]) -> PublicKey {
        PublicKey::from_base64(&self.labelled(id)).expect("a key of our own")
    }

    /// The 64 bytes that sign `bytes`, and the 64 that sign these and the comment.
    pub fn sign(&self, bytes: &[u8], comment: &str) -> ([u8; 64], [u8; 64]) {
        let signature = self.secret.sign(&Blake2b512::digest(bytes)).to_bytes();
        let global = self.secret.sign(&[&signature, comment.as_bytes()].concat()).to_bytes();
        (signature, global)
    }

    /// A whole block.
    pub fn block(&self, bytes: &[u8], comment: &str) -> String {
        let (signature, global) = self.sign(bytes, comment);
        let line = [b"ED".as_slice(), &self.id, &signature].concat();
        written(&line, comment, &global)
    }
}

/// The four lines.
pub fn written(line: &[u8], comment: &str, global: &[u8]) -> String {
    let (line, global) = (BASE64.encode(line), BASE64.encode(global));
    format!("untrusted comment: x\n{line}\ntrusted comment: {comment}\n{global}\n")
}

/// Whether this key has signed these bytes and this comment, as strictly as
/// the library can say it.
pub fn genuine(raw: &[u8; 32], bytes: &[u8], line: &[u8], comment: &str, global: &[u8]) -> bool {
    let Ok(key) = VerifyingKey::from_bytes(raw) else { return false };
    let (Some(signature), Ok(global)) = (line.get(10..), Signature::from_slice(global)) else {
        return false;
    };
    let Ok(first) = Signature::from_slice(signature) else { return false };
    key.verify_strict(&Blake2b512::digest(bytes), &first).is_ok()
        && key.verify_strict(&[signature, comment.as_bytes()].concat(), &global).is_ok()
}
