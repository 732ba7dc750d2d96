//! Stand-ins for the assets of llama.cpp's release b11158 and of the app's release
//! v0.2.12: the real names and layouts (reference/gpu.md 1.1 and 1.3, app.md 7), and
//! next to nothing inside. Each archive says what it is in a file `STAND-IN.txt`.

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

/// The build.
pub const BUILD: &str = "b11158";
/// The app's version.
pub const APP: &str = "v0.2.12";
/// What programs need that were built on Ubuntu 22.04 and on 24.04.
const OLD: &str = "2.34";
const NEW: &str = "2.38";

/// The build's assets in the order of its release, and the glibc they were built on.
const ENGINE: [(&str, &str); 35] = [
    ("cudart-llama-b11158-bin-ubuntu-cuda-12.8-x64.tar.gz", OLD),
    ("cudart-llama-b11158-bin-ubuntu-cuda-13.4-arm64.tar.gz", OLD),
    ("cudart-llama-b11158-bin-ubuntu-cuda-13.4-x64.tar.gz", OLD),
    ("cudart-llama-bin-win-cuda-12.4-x64.zip", ""),
    ("cudart-llama-bin-win-cuda-13.4-arm64.zip", ""),
    ("cudart-llama-bin-win-cuda-13.4-x64.zip", ""),
    ("llama-b11158-bin-android-arm64-snapdragon.tar.gz", ""),
    ("llama-b11158-bin-android-arm64.tar.gz", ""),
    ("llama-b11158-bin-linux-arm64-snapdragon.tar.gz", NEW),
    ("llama-b11158-bin-macos-arm64.tar.gz", ""),
    ("llama-b11158-bin-macos-x64.tar.gz", ""),
    ("llama-b11158-bin-ubuntu-arm64.tar.gz", NEW),
    ("llama-b11158-bin-ubuntu-cuda-12.8-x64.tar.gz", OLD),
    ("llama-b11158-bin-ubuntu-cuda-13.4-arm64.tar.gz", NEW),
    ("llama-b11158-bin-ubuntu-cuda-13.4-x64.tar.gz", NEW),
    ("llama-b11158-bin-ubuntu-openvino-2026.4-x64.tar.gz", NEW),
    ("llama-b11158-bin-ubuntu-rocm-10.0-x64.tar.gz", NEW),
    ("llama-b11158-bin-ubuntu-s390x.tar.gz", NEW),
    ("llama-b11158-bin-ubuntu-sycl-fp16-x64.tar.gz", NEW),
    ("llama-b11158-bin-ubuntu-sycl-fp32-x64.tar.gz", NEW),
    ("llama-b11158-bin-ubuntu-vulkan-arm64.tar.gz", NEW),
    ("llama-b11158-bin-ubuntu-vulkan-x64.tar.gz", OLD),
    ("llama-b11158-bin-ubuntu-x64.tar.gz", OLD),
    ("llama-b11158-bin-win-cpu-arm64.zip", ""),
    ("llama-b11158-bin-win-cpu-x64.zip", ""),
    ("llama-b11158-bin-win-cuda-12.4-x64.zip", ""),
    ("llama-b11158-bin-win-cuda-13.4-arm64.zip", ""),
    ("llama-b11158-bin-win-cuda-13.4-x64.zip", ""),
    ("llama-b11158-bin-win-opencl-adreno-arm64.zip", ""),
    ("llama-b11158-bin-win-openvino-2026.4-x64.zip", ""),
    ("llama-b11158-bin-win-rocm-10.0-x64.zip", ""),
    ("llama-b11158-bin-win-sycl-x64.zip", ""),
    ("llama-b11158-bin-win-vulkan-x64.zip", ""),
    ("llama-b11158-ui.tar.gz", ""),
    ("llama-b11158-xcframework.zip", ""),
];

/// Those of the app.
const APPS: [&str; 9] = [
    "checksums-v0.2.12.sha256",
    "offgrid-v0.2.12-darwin-amd64-cpu-avx2.tar.gz",
    "offgrid-v0.2.12-darwin-arm64-metal-apple-silicon.tar.gz",
    "offgrid-v0.2.12-linux-amd64-cpu-avx2.tar.gz",
    "offgrid-v0.2.12-linux-amd64-cpu-avx512.tar.gz",
    "offgrid-v0.2.12-linux-amd64-vulkan-avx2.tar.gz",
    "offgrid-v0.2.12-linux-amd64-vulkan-avx512.tar.gz",
    "offgrid-v0.2.12-linux-arm64-cpu-neon.tar.gz",
    "offgrid-v0.2.12-windows-amd64-cpu-avx2.zip",
];

/// Builds that upstream has not and a publisher makes.
const OWN: [(&str, &str); 2] = [
    ("offgrid-llama-b11158-linux-aarch64.tar.gz", "2.35"),
    ("offgrid-llama-b11158-linux-aarch64-jetpack6.tar.gz", "2.35"),
];

/// Puts the assets of the build into a folder.
pub fn engine(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    ENGINE.iter().for_each(|(name, glibc)| asset(folder, name, glibc));
}

/// Puts those of the app into a folder.
pub fn app(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    APPS.iter().for_each(|name| asset(folder, name, ""));
}

/// Puts the builds of our own into a folder.
pub fn own(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    OWN.iter().for_each(|(name, glibc)| asset(folder, name, glibc));
}

/// What GitHub's API says of a folder of assets.
pub fn answer(folder: &Path, tag: &str) -> Value {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".json"))
        .collect();
    names.sort();
    let assets = names.iter().map(|name| {
        let bytes = fs::read(folder.join(name)).unwrap();
        json!({
            "name": name,
            "size": bytes.len(),
            "digest": format!("sha256:{}", offgrid_manifest::Digest::of(&bytes)),
            "state": "uploaded",
            "browser_download_url": format!("https://downloads.example/{tag}/{name}"),
        })
    });
    let is_build = tag.starts_with('b');
    json!({"tag_name": tag, "draft": false, "prerelease": is_build,
        "assets": assets.collect::<Vec<_>>()})
}

/// One asset, as its name says.
fn asset(folder: &Path, name: &str, glibc: &str) {
    let path = folder.join(name);
    let files = files(name);
    if let Some(stem) = name.strip_suffix(".tar.gz") {
        // The engine's archives have one folder, called by the build alone.
        let top = match stem.starts_with("llama-") || stem.starts_with("offgrid-llama-") {
            true => format!("llama-{BUILD}"),
            false => stem.to_owned(),
        };
        tar_gz(&path, &top, &files, name, glibc);
    } else if let Some(stem) = name.strip_suffix(".zip") {
        let top = if stem.starts_with("offgrid-") { format!("{stem}/") } else { String::new() };
        zip(&path, &top, &files, name);
    } else {
        fs::write(path, format!("a stand-in for {name}\n")).unwrap();
    }
}

/// The files of an archive; `a -> b` is a link.
fn files(name: &str) -> Vec<String> {
    let has = |word: &str| name.contains(word);
    let mut files = vec!["STAND-IN.txt".to_owned()];
    let mut add = |names: &[&str]| files.extend(names.iter().map(|&name| name.to_owned()));
    if has("cudart") {
        let major = if has("cuda-12") { "12" } else { "13" };
        for library in ["cudart", "cublas", "cublasLt"] {
            add(&[&*match has("-win-") {
                true => format!("{library}64_{major}.dll"),
                false => format!("lib{library}.so.{major}"),
            }]);
        }
    } else if name.starts_with("offgrid-v") {
        let exe = if has("windows") { ".exe" } else { "" };
        add(&["README.md", "checksums.sha256", "web/ui/index.html", "web/ui/app.js"]);
        add(&["audio/piper/voice.onnx", "install.sh"]);
        add(&[&*format!("offgrid{exe}"), &*format!("llama-server{exe}")]);
    } else if has("-win-") {
        windows(name, &mut files);
    } else if has("-macos-") {
        add(&["LICENSE", "llama-server", "llama-cli", "libggml.0.24.0.dylib"]);
        add(&["libggml.0.dylib -> libggml.0.24.0.dylib", "libggml.dylib -> libggml.0.dylib"]);
        add(&["libllama.0.4.1.dylib", "libllama.dylib -> libllama.0.4.1.dylib"]);
    } else {
        add(&["LICENSE", "llama", "llama-server", "llama-cli", "ggml-rpc-server"]);
        for (library, version) in [("ggml-base", "0.24.0"), ("ggml", "0.24.0"), ("llama", "0.4.1")]
        {
            add(&[&*format!("lib{library}.so.{version}")]);
            add(&[&*format!("lib{library}.so.0 -> lib{library}.so.{version}")]);
            add(&[&*format!("lib{library}.so -> lib{library}.so.0")]);
        }
        add(&["libllama-common.so", "libmtmd.so", "libllama-server-impl.so", "libggml-rpc.so"]);
        match has("arm64") || has("aarch64") {
            true => add(&["libggml-cpu-armv8.0_1.so", "libggml-cpu-armv8.2_2.so"]),
            false => add(&["libggml-cpu-x64.so", "libggml-cpu-haswell.so"]),
        }
        for (word, library) in [("cuda", "cuda"), ("jetpack", "cuda"), ("vulkan", "vulkan")] {
            if has(word) {
                add(&[&*format!("libggml-{library}.so")]);
            }
        }
        if has("rocm") {
            add(&["libggml-hip.so"]);
        }
    }
    files
}

/// Those of an engine for Windows.
fn windows(name: &str, files: &mut Vec<String>) {
    let has = |word: &str| name.contains(word);
    let mut add = |names: &[&str]| files.extend(names.iter().map(|&name| name.to_owned()));
    add(&["llama-server.exe", "llama-cli.exe", "ggml.dll", "ggml-base.dll", "llama.dll"]);
    add(&["ggml-rpc.dll", "mtmd.dll"]);
    match has("arm64") {
        true => add(&["ggml-cpu.dll", "libomp140.aarch64.dll"]),
        false => add(&["ggml-cpu-x64.dll", "ggml-cpu-haswell.dll", "libomp140.x86_64.dll"]),
    }
    for (word, library) in [("cuda", "cuda"), ("vulkan", "vulkan"), ("opencl", "opencl")] {
        if has(word) {
            add(&[&*format!("ggml-{library}.dll")]);
        }
    }
    if has("rocm") {
        add(&["ggml-hip.dll", "libhipblas.dll", "libhipblaslt.dll", "rocblas.dll"]);
        add(&["rocblas/library/TensileLibrary.dat", "hipblaslt/library/kernels.dat"]);
    }
}

/// Not the same in two archives: those are built apart from each other.
fn content(file: &str, archive: &str, glibc: &str) -> Vec<u8> {
    let text = format!("a stand-in for {file} of {archive}\n");
    match glibc {
        "" => text.into_bytes(),
        _ if file.starts_with("lib") || file.starts_with("llama") => {
            format!("\x7fELF {text}\0GLIBC_2.2.5\0GLIBC_{glibc}\0GLIBC_2.17\0").into_bytes()
        }
        _ => text.into_bytes(),
    }
}

fn is_program(file: &str) -> bool {
    !file.ends_with(".txt") && !file.ends_with(".md") && !file.contains('/') && file != "LICENSE"
}

fn tar_gz(path: &Path, top: &str, files: &[String], archive: &str, glibc: &str) {
    let encoder = GzEncoder::new(File::create(path).unwrap(), Compression::fast());
    let mut builder = tar::Builder::new(encoder);
    let header = |kind, size: usize, mode| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size as u64);
        header.set_mode(mode);
        header.set_mtime(1_790_208_000);
        header
    };
    let mut folder = header(tar::EntryType::Directory, 0, 0o755);
    builder.append_data(&mut folder, format!("{top}/"), &[][..]).unwrap();
    for file in files {
        if let Some((from, to)) = file.split_once(" -> ") {
            let mut link = header(tar::EntryType::Symlink, 0, 0o777);
            builder.append_link(&mut link, format!("{top}/{from}"), to).unwrap();
            continue;
        }
        let bytes = content(file, archive, glibc);
        let mode = if is_program(file) { 0o755 } else { 0o644 };
        let mut plain = header(tar::EntryType::Regular, bytes.len(), mode);
        builder.append_data(&mut plain, format!("{top}/{file}"), &bytes[..]).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap();
}

fn zip(path: &Path, top: &str, files: &[String], archive: &str) {
    let mut writer = zip::ZipWriter::new(File::create(path).unwrap());
    for file in files {
        // As on Windows: no modes.
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(format!("{top}{file}"), options).unwrap();
        writer.write_all(&content(file, archive, "")).unwrap();
    }
    writer.finish().unwrap();
}
