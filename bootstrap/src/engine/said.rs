//! What llama-server says of itself: its version and the devices that it sees. Pure;
//! the text may be anything (reference/gpu.md 4.2).

/// Which llama.cpp it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    /// As people know it: `b10991`, or `0.5.0-dev` where the build says nothing.
    pub(super) name: String,
    /// The number of its build; those that others make have none, or say 1.
    pub(super) build: Option<u32>,
}

/// Numbers up to this one are no builds of the project itself.
const NO_BUILD: u32 = 100;

/// Of either form: `version: 5897 (bdca3837)`,
/// `version: 0.4.1-dev (build 10991, commit 930e2fa59)`.
pub(super) fn version(text: &str) -> Option<Version> {
    text.lines().find_map(version_line)
}

fn version_line(line: &str) -> Option<Version> {
    let rest = line.trim().strip_prefix("version: ")?;
    let (name, rest) = rest.split_once(" (")?;
    let inner = rest.strip_suffix(')')?;
    let number: u32 = match inner.strip_prefix("build ") {
        Some(build) => build.split_once(", commit ").filter(|(_, hex)| is_hex(hex))?.0,
        None => Some(name).filter(|_| inner == "unknown" || is_hex(inner))?,
    }
    .parse()
    .ok()?;
    let plain = !name.is_empty() && name.len() <= 40;
    let plain = plain && name.bytes().all(|c| c.is_ascii_alphanumeric() || b".-+".contains(&c));
    let build = Some(number).filter(|number| *number > NO_BUILD);
    let name = build.map_or_else(|| name.to_owned(), |build| format!("b{build}"));
    plain.then_some(Version { name, build })
}

fn is_hex(text: &str) -> bool {
    (7..=40).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_hexdigit())
}

/// The number of `b10991`.
pub(super) fn build_of(name: &str) -> Option<u32> {
    name.strip_prefix('b')?.parse().ok()
}

/// The kind of the first device that is no processor: `CUDA` of
/// `  CUDA0: name (16379 MiB, 14900 MiB free)`.
pub(super) fn device(text: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (id, rest) = line.trim_start().split_once(": ")?;
        let kind = id.trim_end_matches(|c: char| c.is_ascii_digit());
        let (name, memory) = rest.rsplit_once(" (")?;
        let total: u64 = memory.split_once(" MiB, ")?.0.parse().ok()?;
        let drawn_by_cpu = ["llvmpipe", "lavapipe", "SwiftShader"];
        let real = line.starts_with(char::is_whitespace)
            && !kind.is_empty()
            && kind.bytes().all(|c| c.is_ascii_alphanumeric())
            && !["BLAS", "CPU", "RPC"].contains(&kind)
            && total > 0
            && !drawn_by_cpu.iter().any(|none| name.contains(none));
        real.then(|| kind.to_owned())
    })
}

/// The libraries that it has loaded as backends:
/// `load_backend: loaded CUDA backend from /x/libggml-cuda.so`.
pub(super) fn backends(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let (_, rest) = line.split_once("load_backend: loaded ")?;
        Some(rest.split_once(" backend from ")?.1.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Option<(String, Option<u32>)> {
        version(text).map(|version| (version.name, version.build))
    }

    #[test]
    fn both_forms_of_a_version_are_read_among_other_lines() {
        let new = "ggml_cuda_init: found 1 CUDA devices (Total VRAM: 6063 MiB):\n\
                   version: 0.4.1-dev (build 10991, commit 930e2fa59)\nbuilt with cc\n";
        assert_eq!(told(new), Some(("b10991".into(), Some(10991))));
        assert_eq!(told("version: 5897 (bdca3837)\r\n"), Some(("b5897".into(), Some(5897))));
        assert_eq!(told("version: 0 (unknown)"), Some(("0".into(), None)));
        let own = "version: 0.5.0-dev (build 1, commit 0c1e570)";
        assert_eq!(told(own), Some(("0.5.0-dev".into(), None)));
        assert_eq!(
            (build_of("b11158"), build_of("11158"), build_of("test")),
            (Some(11158), None, None)
        );
    }

    #[test]
    fn what_only_looks_like_a_version_is_none() {
        for text in [
            "",
            "version: 1.2.3",
            "ollama version is 0.12.3",
            "version: 2.70",
            "snap    2.63\nversion: \n",
            "version: x (build 1, commit zzzzzzz)",
            "version: -1 (bdca3837)",
            "version: \u{1b}[2J (build 7, commit 0c1e570)",
            "version: 99999999999 (bdca3837)",
        ] {
            assert_eq!(told(text), None, "{text}");
        }
    }

    #[test]
    fn a_device_is_one_with_memory_that_is_no_processor() {
        let list = "0.00.000.088 I srv  llama_server: initializing ...\nAvailable devices:\n";
        for (line, kind) in [
            ("  CUDA0: NVIDIA GeForce RTX 4060 Ti (16379 MiB, 14900 MiB free)", Some("CUDA")),
            ("  MTL0: Apple M1 Pro (12124 MiB, 12123 MiB free)", Some("MTL")),
            ("  Metal: Apple M3 Max (98304 MiB, 98303 MiB free)", Some("Metal")),
            ("  Vulkan0: Intel(R) Graphics (16384 MiB, 12288 MiB free)", Some("Vulkan")),
            ("  Vulkan0: llvmpipe (LLVM 15.0.7, 256 bits) (7900 MiB, 7900 MiB free)", None),
            ("  BLAS: Accelerate (0 MiB, 0 MiB free)", None),
            ("  (none)", None),
            ("", None),
        ] {
            assert_eq!(device(&format!("{list}{line}\n")).as_deref(), kind, "{line}");
        }
    }

    #[test]
    fn backends_are_named_by_their_files() {
        let text = "load_backend: loaded CUDA backend from /a b/libggml-cuda.so\nother\n\
                    0.1 I load_backend: loaded CPU backend from /c/libggml-cpu-zen4.so\n";
        let found: Vec<_> = backends(text).collect();
        assert_eq!(found, ["/a b/libggml-cuda.so", "/c/libggml-cpu-zen4.so"]);
    }
}
