//! Machines as short texts, made into captured trees (DESIGN 6). A line is
//!
//! - `file PATH TEXT`: a file of one line; `\t`, `\0` and `\n` mean what they do in code
//! - `text PATH`: a file of the lines that follow, each indented by two blanks
//! - `empty PATH...`: device nodes, libraries
//! - `link PATH TARGET`
//! - `elf PATH WIDTH MACHINE LOADER`: the head of a program, of 32 or 64 bits, for this
//!   machine as ELF numbers it (62: x86-64, 183: arm64, 40: arm), that asks for this loader
//! - `pci ADDRESS CLASS VENDOR:DEVICE [DRIVER]`
//! - `like NAME`: all of another machine first
//! - `# ...`: for people

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The folder of all machines.
pub fn folder() -> PathBuf {
    crate::programs::repo().join("tests/fixtures/machines")
}

/// The names of all machines but those that others are made of.
pub fn names() -> Vec<String> {
    let entries = fs::read_dir(folder()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names
        .filter_map(|name| name.strip_suffix(".machine").map(str::to_owned))
        .filter(|name| !name.starts_with("base-"))
        .collect();
    names.sort();
    names
}

/// A folder for trees of machines, in memory where there is room, and without the
/// programs that a `World` has.
pub fn room() -> tempfile::TempDir {
    let shm = Path::new("/dev/shm");
    let parent = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("offgrid-e2e-").tempdir_in(parent).unwrap()
}

/// Makes the tree of a machine.
pub fn make(name: &str, root: &Path) {
    let path = folder().join(format!("{name}.machine"));
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let mut words = line.splitn(3, ' ');
        let (what, first, rest) =
            (words.next().unwrap(), words.next().unwrap_or(""), words.next().unwrap_or(""));
        match what {
            "" | "#" => {}
            "like" => make(first, root),
            "file" => put(root, first, format!("{}\n", unescaped(rest))),
            "text" => {
                let mut content = String::new();
                while let Some(line) = lines.next_if(|line| line.starts_with("  ")) {
                    content.push_str(&unescaped(&line[2..]));
                    content.push('\n');
                }
                put(root, first, content);
            }
            "empty" => line.split(' ').skip(1).for_each(|path| put(root, path, "")),
            "link" => link(root, first, rest),
            "elf" => elf(root, first, rest),
            "pci" => pci(root, first, rest),
            _ => panic!("{name}: {line}"),
        }
    }
}

fn put(root: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = root.join(path.trim_start_matches('/'));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn link(root: &Path, path: &str, target: &str) {
    let path = root.join(path.trim_start_matches('/'));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let _ = fs::remove_file(&path);
    symlink(target, path).unwrap();
}

/// One program header behind the file's own, and the loader's name behind that.
fn elf(root: &Path, path: &str, rest: &str) {
    let words: Vec<&str> = rest.split(' ').collect();
    let [width, machine, loader] = words[..] else { panic!("{path}: {rest}") };
    let wide = width == "64";
    let (start, entry) = if wide { (64u64, 56u16) } else { (52, 32) };
    let (name, end) = (format!("{loader}\0"), start + u64::from(entry));
    let size = |number: u64| number.to_le_bytes()[..if wide { 8 } else { 4 }].to_vec();
    let (phoff, phentsize, offset, filesz) = if wide { (32, 54, 8, 32) } else { (28, 42, 4, 16) };
    let mut bytes = vec![0; usize::try_from(end).unwrap()];
    let header = usize::try_from(start).unwrap();
    for (at, part) in [
        (0, b"\x7fELF".to_vec()),
        (4, vec![if wide { 2 } else { 1 }, 1]),
        (18, machine.parse::<u16>().unwrap().to_le_bytes().to_vec()),
        (phoff, size(start)),
        (phentsize, entry.to_le_bytes().to_vec()),
        (phentsize + 2, 1u16.to_le_bytes().to_vec()),
        (header, 3u32.to_le_bytes().to_vec()),
        (header + offset, size(end)),
        (header + filesz, size(name.len().try_into().unwrap())),
    ] {
        bytes[at..at + part.len()].copy_from_slice(&part);
    }
    bytes.extend(name.as_bytes());
    put(root, path, bytes);
}

fn pci(root: &Path, address: &str, rest: &str) {
    let mut words = rest.split(' ');
    let (class, id) = (words.next().unwrap(), words.next().unwrap());
    let (vendor, device) = id.split_once(':').unwrap();
    let folder = format!("sys/bus/pci/devices/{address}");
    put(root, &format!("{folder}/class"), format!("0x{class}\n"));
    put(root, &format!("{folder}/vendor"), format!("0x{vendor}\n"));
    put(root, &format!("{folder}/device"), format!("0x{device}\n"));
    if let Some(driver) = words.next() {
        let target = format!("../../../../bus/pci/drivers/{driver}");
        link(root, &format!("{folder}/driver"), &target);
    }
}

fn unescaped(text: &str) -> String {
    text.replace("\\t", "\t").replace("\\0", "\0").replace("\\n", "\n")
}
