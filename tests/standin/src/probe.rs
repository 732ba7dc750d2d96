//! The probe model: a tiny llama with random weights. Owns its shape, its
//! vocabulary and its random numbers; never knows the file layout (`gguf`).
//!
//! It answers gibberish. What it proves is that an engine starts, loads a
//! model, computes and speaks HTTP, at 269 kB.
//! The same seed and name give the same bytes on every platform: the random
//! numbers use only additions, which round alike everywhere.

use crate::gguf::{File, Kind, Value};
use crate::half;

const LAYERS: u32 = 2;
const WIDTH: u32 = 64;
/// The head dimension is `WIDTH / HEADS` = 32. It must stay a multiple of 32:
/// the app starts llama-server with `--cache-type-k q8_0`, whose block is 32.
const HEADS: u32 = 2;
const FEED_FORWARD: u32 = 128;
const CONTEXT: u32 = 2048;
const SPREAD: f64 = 0.08;
const CHAT_TEMPLATE: &str = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n\
    {% endfor %}{% if add_generation_prompt %}assistant: {% endif %}";
/// Merged pieces, so that common words are not spelled letter by letter.
/// U+2581 stands for a space, as in every SentencePiece vocabulary.
const MERGED: [&str; 14] = [
    "\u{2581}t",
    "he",
    "\u{2581}the",
    "in",
    "\u{2581}a",
    "er",
    "on",
    "\u{2581}hello",
    "hello",
    "\u{2581}world",
    "world",
    "ing",
    "\u{2581}of",
    "\u{2581}to",
];

/// The kinds of token that llama.cpp tells apart.
#[derive(Clone, Copy)]
enum Token {
    Normal = 1,
    Unknown = 2,
    Control = 3,
    Byte = 6,
}

/// The bytes of a probe model.
#[must_use]
pub fn model(name: &str, seed: u64) -> Vec<u8> {
    let mut file = File::default();
    let tokens = vocabulary();
    shape_keys(&mut file, name, tokens.len() as u32);
    vocabulary_keys(&mut file, &tokens);
    weights(&mut file, tokens.len() as u64, &mut Random(seed));
    file.to_bytes()
}

fn shape_keys(file: &mut File, name: &str, tokens: u32) {
    file.key("general.architecture", Value::Text("llama".to_owned()));
    file.key("general.name", Value::Text(name.to_owned()));
    for (key, number) in [
        ("llama.context_length", CONTEXT),
        ("llama.embedding_length", WIDTH),
        ("llama.block_count", LAYERS),
        ("llama.feed_forward_length", FEED_FORWARD),
        ("llama.attention.head_count", HEADS),
        ("llama.attention.head_count_kv", HEADS),
    ] {
        file.key(key, Value::U32(number));
    }
    file.key("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5));
    file.key("llama.rope.dimension_count", Value::U32(WIDTH / HEADS));
    file.key("llama.rope.freq_base", Value::F32(10_000.0));
    file.key("llama.vocab_size", Value::U32(tokens));
    // 1 is "mostly F16" in llama.cpp's list of file types.
    file.key("general.file_type", Value::U32(1));
}

fn vocabulary() -> Vec<(String, f32, Token)> {
    let mut tokens = vec![
        ("<unk>".to_owned(), 0.0, Token::Unknown),
        ("<s>".to_owned(), 0.0, Token::Control),
        ("</s>".to_owned(), 0.0, Token::Control),
    ];
    tokens.extend((0..=255u8).map(|byte| (format!("<0x{byte:02X}>"), 0.0, Token::Byte)));
    let printable = ('!'..='~').map(String::from);
    let pieces = std::iter::once("\u{2581}".to_owned())
        .chain(printable)
        .chain(MERGED.iter().map(|&piece| piece.to_owned()));
    tokens
        .extend(pieces.enumerate().map(|(rank, piece)| (piece, -1.0 - rank as f32, Token::Normal)));
    tokens
}

fn vocabulary_keys(file: &mut File, tokens: &[(String, f32, Token)]) {
    let texts = tokens.iter().map(|(text, _, _)| text.clone()).collect();
    let scores = tokens.iter().map(|&(_, score, _)| score).collect();
    let kinds = tokens.iter().map(|&(_, _, kind)| kind as i32).collect();
    file.key("tokenizer.ggml.model", Value::Text("llama".to_owned()));
    file.key("tokenizer.ggml.pre", Value::Text("default".to_owned()));
    file.key("tokenizer.ggml.tokens", Value::Texts(texts));
    file.key("tokenizer.ggml.scores", Value::F32s(scores));
    file.key("tokenizer.ggml.token_type", Value::I32s(kinds));
    file.key("tokenizer.ggml.bos_token_id", Value::U32(1));
    file.key("tokenizer.ggml.eos_token_id", Value::U32(2));
    file.key("tokenizer.ggml.unknown_token_id", Value::U32(0));
    file.key("tokenizer.ggml.add_bos_token", Value::Bool(true));
    file.key("tokenizer.ggml.add_eos_token", Value::Bool(false));
    file.key("tokenizer.chat_template", Value::Text(CHAT_TEMPLATE.to_owned()));
}

fn weights(file: &mut File, tokens: u64, random: &mut Random) {
    let (width, inner) = (u64::from(WIDTH), u64::from(FEED_FORWARD));
    matrix(file, "token_embd.weight", [width, tokens], random);
    ones(file, "output_norm.weight");
    matrix(file, "output.weight", [width, tokens], random);
    for layer in 0..LAYERS {
        let name = |part: &str| format!("blk.{layer}.{part}.weight");
        ones(file, &name("attn_norm"));
        ones(file, &name("ffn_norm"));
        for part in ["attn_q", "attn_k", "attn_v", "attn_output"] {
            matrix(file, &name(part), [width, width], random);
        }
        matrix(file, &name("ffn_gate"), [width, inner], random);
        matrix(file, &name("ffn_up"), [width, inner], random);
        matrix(file, &name("ffn_down"), [inner, width], random);
    }
}

fn matrix(file: &mut File, name: &str, shape: [u64; 2], random: &mut Random) {
    let count = shape[0] * shape[1];
    let data = (0..count)
        .flat_map(|_| half::from_f32((random.normal() * SPREAD) as f32).to_le_bytes())
        .collect();
    file.tensor(name, &shape, Kind::F16, data);
}

fn ones(file: &mut File, name: &str) {
    let data = (0..WIDTH).flat_map(|_| 1.0f32.to_le_bytes()).collect();
    file.tensor(name, &[u64::from(WIDTH)], Kind::F32, data);
}

/// SplitMix64: small, well known, and enough for weights without meaning.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// Close to a normal number: the sum of twelve uniform ones has variance 1.
    fn normal(&mut self) -> f64 {
        let unit = 1.0 / (1u64 << 53) as f64;
        (0..12).map(|_| (self.next() >> 11) as f64 * unit).sum::<f64>() - 6.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Random, model};

    #[test]
    fn the_same_seed_and_name_give_the_same_bytes_and_another_seed_others() {
        assert_eq!(model("probe", 1), model("probe", 1));
        assert_ne!(model("probe", 1), model("probe", 2));
    }

    #[test]
    fn the_size_is_that_of_the_known_tiny_model() {
        assert_eq!(model("tiny-random-llama", 1).len(), 269_312);
    }

    #[test]
    fn the_generator_gives_the_published_numbers() {
        // First outputs of the reference SplitMix64 for the seed 1234567.
        let mut random = Random(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }
}
