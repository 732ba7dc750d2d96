//! The GGUF container, version 3. Owns the layout of the file: header, typed
//! keys, tensor directory, aligned data. Never knows what a key means.

/// Tensor data starts at, and is padded to, a multiple of this (the format's
/// default, so no `general.alignment` key is needed).
const ALIGNMENT: usize = 32;
const MAGIC: &[u8; 4] = b"GGUF";
const VERSION: u32 = 3;

/// A value of a metadata key. The variants are the ones a small model needs.
#[derive(Debug, Clone)]
pub enum Value {
    U32(u32),
    F32(f32),
    Bool(bool),
    Text(String),
    Texts(Vec<String>),
    F32s(Vec<f32>),
    I32s(Vec<i32>),
}

/// The number format of a tensor.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    F32,
    F16,
}

struct Tensor {
    name: String,
    /// The fastest-running dimension first, as ggml counts.
    shape: Vec<u64>,
    kind: Kind,
    data: Vec<u8>,
}

/// A GGUF file in the making.
#[derive(Default)]
pub struct File {
    keys: Vec<(String, Value)>,
    tensors: Vec<Tensor>,
}

impl File {
    pub fn key(&mut self, name: &str, value: Value) {
        self.keys.push((name.to_owned(), value));
    }

    /// Adds a tensor. `data` is little-endian and fills `shape` exactly.
    pub fn tensor(&mut self, name: &str, shape: &[u64], kind: Kind, data: Vec<u8>) {
        let width = match kind {
            Kind::F32 => 4,
            Kind::F16 => 2,
        };
        debug_assert_eq!(shape.iter().product::<u64>() * width, data.len() as u64);
        self.tensors.push(Tensor { name: name.to_owned(), shape: shape.to_vec(), kind, data });
    }

    /// The bytes of the finished file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(MAGIC);
        u32_le(&mut out, VERSION);
        u64_le(&mut out, self.tensors.len());
        u64_le(&mut out, self.keys.len());
        for (name, value) in &self.keys {
            text(&mut out, name);
            write_value(&mut out, value);
        }
        let mut offset = 0;
        for tensor in &self.tensors {
            describe(&mut out, tensor, offset);
            offset += tensor.data.len().next_multiple_of(ALIGNMENT);
        }
        for tensor in &self.tensors {
            pad(&mut out);
            out.extend(&tensor.data);
        }
        pad(&mut out);
        out
    }
}

fn describe(out: &mut Vec<u8>, tensor: &Tensor, offset: usize) {
    text(out, &tensor.name);
    u32_le(out, tensor.shape.len() as u32);
    for extent in &tensor.shape {
        out.extend(extent.to_le_bytes());
    }
    u32_le(
        out,
        match tensor.kind {
            Kind::F32 => 0,
            Kind::F16 => 1,
        },
    );
    u64_le(out, offset);
}

fn write_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::U32(number) => {
            u32_le(out, 4);
            u32_le(out, *number);
        }
        Value::F32(number) => {
            u32_le(out, 6);
            out.extend(number.to_le_bytes());
        }
        Value::Bool(flag) => {
            u32_le(out, 7);
            out.push(u8::from(*flag));
        }
        Value::Text(string) => {
            u32_le(out, 8);
            text(out, string);
        }
        Value::Texts(strings) => {
            array(out, 8, strings.len());
            strings.iter().for_each(|string| text(out, string));
        }
        Value::F32s(numbers) => {
            array(out, 6, numbers.len());
            numbers.iter().for_each(|number| out.extend(number.to_le_bytes()));
        }
        Value::I32s(numbers) => {
            array(out, 5, numbers.len());
            numbers.iter().for_each(|number| out.extend(number.to_le_bytes()));
        }
    }
}

fn array(out: &mut Vec<u8>, element: u32, length: usize) {
    u32_le(out, 9);
    u32_le(out, element);
    u64_le(out, length);
}

fn text(out: &mut Vec<u8>, string: &str) {
    u64_le(out, string.len());
    out.extend(string.as_bytes());
}

fn u32_le(out: &mut Vec<u8>, number: u32) {
    out.extend(number.to_le_bytes());
}

fn u64_le(out: &mut Vec<u8>, number: usize) {
    out.extend((number as u64).to_le_bytes());
}

fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
}

#[cfg(test)]
mod tests {
    use super::{File, Kind, Value};

    #[test]
    fn a_small_file_has_the_documented_layout() {
        let mut file = File::default();
        file.key("a", Value::Bool(true));
        file.tensor("t", &[1], Kind::F32, 1.0f32.to_le_bytes().to_vec());
        let bytes = file.to_bytes();
        assert_eq!(&bytes[..8], b"GGUF\x03\0\0\0");
        assert_eq!(&bytes[8..24], [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&bytes[24..38], b"\x01\0\0\0\0\0\0\0a\x07\0\0\0\x01");
        // 38 + name 9 + count 4 + extent 8 + kind 4 + offset 8 = 71, so data at 96.
        assert_eq!(&bytes[96..100], 1.0f32.to_le_bytes());
        assert_eq!(bytes.len(), 128);
    }
}
