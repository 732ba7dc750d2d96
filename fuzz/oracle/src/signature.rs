//! Signature files: what is taken is 1 to 8 blocks of four lines, and everything
//! that is this is taken (reference/trust.md 2.1).

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use offgrid_manifest::{Code, signature};

/// Any bytes as a signature file.
pub fn signature(file: &[u8]) {
    let split = signature::split(file);
    assert_eq!(split.is_ok(), well_formed(file).is_some(), "{:?}", String::from_utf8_lossy(file));
    match split {
        Err(error) => {
            assert!([Code::SigThreshold, Code::SigAlg].contains(&error.code()), "{error}");
            assert!(!error.to_string().chars().any(char::is_control), "{error:?}");
        }
        Ok(blocks) => {
            assert_eq!(Some(&blocks), well_formed(file).as_ref());
            // What was split is a file again, and splits in the same way.
            let joined: String = blocks.iter().map(|block| format!("{block}\n")).collect();
            assert_eq!(signature::split(joined.as_bytes()), Ok(blocks));
        }
    }
}

/// The blocks of a file that has nothing but blocks.
fn well_formed(file: &[u8]) -> Option<Vec<String>> {
    if file.len() > 16_384 {
        return None;
    }
    let mut lines: Vec<String> = Vec::new();
    let text = String::from_utf8(file.to_vec()).ok()?;
    for line in text.split_inclusive('\n') {
        let line = line.strip_suffix('\n').unwrap_or(line);
        lines.push(line.strip_suffix('\r').unwrap_or(line).to_owned());
    }
    let blocks: Vec<&[String]> = lines.chunks(4).collect();
    let whole = blocks.iter().all(|block| block.len() == 4 && is_block(block));
    let joined = || blocks.iter().map(|block| block.join("\n")).collect();
    (whole && (1..=8).contains(&blocks.len())).then(joined)
}

fn is_block(lines: &[String]) -> bool {
    // One spelling: what is decoded and written again is the same text.
    let spelled = |line: &str, length: usize| {
        BASE64.decode(line).is_ok_and(|b| b.len() == length && BASE64.encode(b) == line)
    };
    let comment = lines[2].strip_prefix("trusted comment: ");
    lines[0].starts_with("untrusted comment: ")
        && comment.is_some_and(|comment| comment.chars().all(|c| !c.is_control()))
        && lines[1].starts_with("RU")
        && spelled(&lines[1], 74)
        && BASE64.decode(&lines[1]).is_ok_and(|bytes| bytes.starts_with(b"ED"))
        && spelled(&lines[3], 64)
}
