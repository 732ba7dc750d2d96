//! Thresholds: the input is a script that says which keys sign what, how their
//! signatures are damaged and relabelled, and how many are needed. Whoever is
//! let through must have that many signers (reference/trust.md A12, A13).

use crate::signer::{Key, genuine, written};
use offgrid_manifest::{Code, signature};

/// The next byte of a script; 0 when it has ended.
struct Script<'a>(std::slice::Iter<'a, u8>);

impl Script<'_> {
    fn next(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }
}

struct Block {
    line: Vec<u8>,
    comment: String,
    global: Vec<u8>,
}

const DOCUMENT: &[u8] = b"{\"version\":7}";

/// A script.
pub fn threshold(input: &[u8]) {
    let mut script = Script(input.iter());
    let threshold = usize::from(script.next() % 8);
    let listed: Vec<(Key, [u8; 8])> = (0..script.next() % 7)
        .map(|_| {
            let (number, label) = (script.next() % 5, script.next());
            let key = Key::of(number);
            // Most keys under their own id, some under that of another one.
            let id = if label < 192 { key.id } else { [label % 5; 8] };
            (key, id)
        })
        .collect();
    let blocks: Vec<Block> = (0..script.next() % 10).map(|_| block(&mut script)).collect();
    let mut file: String =
        blocks.iter().map(|block| written(&block.line, &block.comment, &block.global)).collect();
    if script.next() % 4 == 1 {
        file = file.replace('\n', "\r\n");
    }
    let keys: Vec<_> = listed.iter().map(|(key, id)| key.public(*id)).collect();
    let result = signature::check(DOCUMENT, file.as_bytes(), &keys, threshold);

    // The distinct keys of the list that signed, by another library.
    let signed_by = |raw: &[u8; 32], label: Option<&[u8; 8]>| {
        blocks.iter().any(|Block { line, comment, global }| {
            line.starts_with(b"ED")
                && label.is_none_or(|id| line[2..10] == *id)
                && genuine(raw, DOCUMENT, line, comment, global)
        })
    };
    let distinct = |labelled: bool| {
        let signed = |(key, id): &&(Key, [u8; 8])| signed_by(&key.raw(), labelled.then_some(id));
        let mut raws: Vec<[u8; 32]> =
            listed.iter().filter(signed).map(|(key, _)| key.raw()).collect();
        raws.sort_unstable();
        raws.dedup();
        raws.len()
    };
    match result {
        Ok(comments) => {
            assert!(threshold >= 1 && distinct(false) >= threshold, "too few signed");
            assert!(comments.len() >= threshold && comments.len() <= distinct(false));
            // Every comment that is handed out was signed with the document.
            assert!(comments.iter().all(|comment| blocks.iter().any(|b| b.comment == *comment)));
        }
        Err(error) if error.code() == Code::SigAlg => {
            assert!(blocks.iter().any(|block| !block.line.starts_with(b"ED")));
        }
        Err(error) => {
            assert_eq!(error.code(), Code::SigThreshold);
            // Nobody is turned away who has enough signers under their own ids.
            let framed = (1..=8).contains(&blocks.len());
            assert!(!framed || threshold == 0 || distinct(true) < threshold, "enough signed");
        }
    }
}

fn block(script: &mut Script<'_>) -> Block {
    let (who, what) = (script.next(), script.next());
    let key = Key::of(who % 6);
    let comment = ["a", "b", ""][usize::from(what) % 3].to_owned();
    let message = if what < 200 { DOCUMENT } else { b"{\"version\":8}" };
    let (signature, global) = key.sign(message, &comment);
    let id = if who < 192 { key.id } else { [who % 5; 8] };
    let mut block = Block {
        line: [b"ED".as_slice(), &id, &signature].concat(),
        comment,
        global: global.to_vec(),
    };
    for _ in 0..script.next() % 4 {
        let (place, at, change) = (script.next(), usize::from(script.next()), script.next());
        match place % 8 {
            0 => block.line[at % 74] ^= change,
            1 => block.line[10 + at % 64] ^= change,
            2 => block.global[at % 64] ^= change,
            3 => block.comment = ["a", "b", "c"][at % 3].to_owned(),
            4 if change > 250 => block.line[1] = b'd',
            // S + L: the same number in another spelling.
            5 => add_order(&mut block.line[10 + 32..]),
            6 => add_order(&mut block.global[32..]),
            7 => block.line[10..].copy_from_slice(&[0; 64]),
            _ => {}
        }
    }
    block
}

/// 2^252 + 27742317777372353535851937790883648493, little-endian.
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn add_order(number: &mut [u8]) {
    let mut carry = 0;
    for (digit, add) in number.iter_mut().zip(L) {
        let sum = u16::from(*digit) + u16::from(add) + carry;
        *digit = (sum & 0xff) as u8;
        carry = sum >> 8;
    }
}
