//! `stamp` on files that their system signed. The files are those of real linkers
//! and a real signing tool; `executables/make` says how they came about.

use crate::stamp::options;
use crate::world::World;
use object::read::pe::PeFile64;
use object::{Object, ObjectSection};
use offgrid_depot::stamp::{self, Executable, Signature, Stamped};
use offgrid_manifest::stamp::{SECTION_SIZE, find};
use offgrid_manifest::{Code, Digest};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// One of `executables/`.
pub(crate) fn real(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/depot/executables");
    zstd::stream::decode_all(&fs::read(folder.join(format!("{name}.zst"))).unwrap()[..]).unwrap()
}

/// Stamps these bytes.
fn stamped(world: &World, bytes: &[u8]) -> (Stamped, Vec<u8>) {
    let options = options(world, world.write("binary", bytes));
    let done = stamp::run(&options).unwrap();
    let out = fs::read(&options.out).unwrap();
    let read = Executable::read(&options.out, out.clone()).unwrap().stamp().unwrap();
    assert_eq!(read.as_ref(), Some(&done.stamp));
    (done, out)
}

/// Stamping these bytes is refused for this reason, and writes nothing.
fn refused(world: &World, bytes: &[u8], why: &str) {
    let mut options = options(world, world.write("binary", bytes));
    options.out = world.root.join("never");
    let error = stamp::run(&options).unwrap_err();
    assert_eq!(error.code(), Code::Unsupported);
    assert!(error.to_string().contains(why), "{error}");
    assert!(!options.out.exists());
}

fn big(bytes: &[u8], at: usize) -> usize {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

fn little(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

/// Where a command of a Mach-O file lies, by its number and the name behind it.
fn command(bytes: &[u8], number: usize, name: &[u8]) -> Option<usize> {
    let mut at = 32;
    for _ in 0..little(bytes, 16) {
        if little(bytes, at) == number && bytes[at + 8..].starts_with(name) {
            return Some(at);
        }
        at += little(bytes, at + 4);
    }
    None
}

/// What a kernel checks of an ad-hoc signature before it runs a page: the name it
/// was made for and its flags, or what is wrong.
fn verified(bytes: &[u8]) -> Result<(String, usize), String> {
    let at = command(bytes, 0x1d, b"").ok_or("no signature")?;
    let (start, size) = (little(bytes, at + 8), little(bytes, at + 12));
    let linkedit = command(bytes, 0x19, b"__LINKEDIT\0").unwrap();
    let ends = little(bytes, linkedit + 40) + little(bytes, linkedit + 48);
    if start + size != bytes.len() || ends != bytes.len() || start % 16 != 0 {
        return Err(format!("a signature at {start} of {size}, a segment to {ends}"));
    }
    let blob = &bytes[start..];
    assert_eq!([big(blob, 0), big(blob, 8), big(blob, 12)], [0xfade_0cc0, 1, 0]);
    assert!(big(blob, 4) <= size);
    let directory = &blob[big(blob, 16)..big(blob, 4)];
    assert_eq!([big(directory, 0), big(directory, 4)], [0xfade_0c02, directory.len()]);
    assert_eq!(directory[36..40], [32, 2, 0, 12]);
    let text = command(bytes, 0x19, b"__TEXT\0").unwrap();
    let segment = [big(directory, 68), big(directory, 76), big(directory, 84)];
    assert_eq!(segment, [little(bytes, text + 40), little(bytes, text + 48), 1]);
    if big(directory, 32) != start || big(directory, 28) != start.div_ceil(4096) {
        return Err("not all is signed".into());
    }
    let digests = &directory[big(directory, 16)..];
    assert_eq!(digests.len(), big(directory, 28) * 32);
    for (page, digest) in digests.chunks(32).enumerate() {
        let signed = &bytes[page * 4096..start.min((page + 1) * 4096)];
        if Digest::of(signed).as_bytes() != digest {
            return Err(format!("page {page} is another"));
        }
    }
    let name = &directory[big(directory, 20)..big(directory, 16)];
    let name = String::from_utf8_lossy(name).trim_end_matches('\0').to_owned();
    Ok((name, big(directory, 12)))
}

#[test]
fn the_finder_and_another_reader_see_the_same_section() {
    let mut files: Vec<Vec<u8>> =
        ["signed.macho", "unsigned.macho", "signed.exe", "unsigned.exe"].map(real).into();
    files.push(crate::world::elf(object::Architecture::X86_64));
    // A real ELF program of a real linker, though without the section.
    let own = fs::read(std::env::current_exe().unwrap()).unwrap();
    assert!(find(&own).unwrap_err().to_string().contains("no section"));
    for bytes in files {
        let file = object::File::parse(&*bytes).unwrap();
        let ours = |name: &str| name == ".ogstamp" || name == "__ogstamp";
        let mut sections = file.sections().filter(|section| section.name().is_ok_and(ours));
        let (start, size) = sections.next().unwrap().file_range().unwrap();
        assert_eq!(find(&bytes), Ok(start as usize..start as usize + SECTION_SIZE));
        assert!(size >= SECTION_SIZE as u64 && sections.next().is_none());
    }
}

#[test]
fn a_mach_o_file_gets_an_ad_hoc_signature_over_every_page() {
    let world = World::new();
    // The check believes the linker's own signature, and no changed byte.
    let linked = real("signed.macho");
    assert_eq!(verified(&linked).unwrap().1, 0x2_0002);
    let mut broken = linked.clone();
    broken[find(&linked).unwrap().start + 5000] ^= 1;
    assert_eq!(verified(&broken).unwrap_err(), "page 5 is another");

    for (name, wanted) in
        [("signed.macho", Signature::Renewed), ("unsigned.macho", Signature::Added)]
    {
        let before = real(name);
        let (done, bytes) = stamped(&world, &before);
        assert_eq!(done.signature, wanted);
        assert_eq!(done.signature.note(), None);
        assert_eq!(verified(&bytes).unwrap(), ("offgrid-setup".into(), 0x2_0002));
        object::File::parse(&*bytes).unwrap();
        // And the same again: what was made is what is read.
        let (done, again) = stamped(&world, &bytes);
        assert_eq!(done.signature, Signature::Renewed);
        assert!(again == bytes);
    }
    // Both ways lead to the same file but for the linker's own id of each.
    let [(_, a), (_, b)] =
        ["signed.macho", "unsigned.macho"].map(|name| stamped(&world, &real(name)));
    assert_eq!(a.len(), b.len());
}

#[test]
fn somebodys_mach_o_signature_is_replaced_and_that_is_said() {
    let world = World::new();
    let mut bytes = real("signed.macho");
    let blob = little(&bytes, command(&bytes, 0x1d, b"").unwrap() + 8);
    // As with a certificate: neither ad-hoc nor by a linker.
    let flags = blob + big(&bytes, blob + 16) + 12;
    bytes[flags..flags + 4].fill(0);
    let (done, bytes) = stamped(&world, &bytes);
    assert_eq!(done.signature, Signature::Replaced);
    assert!(done.signature.note().unwrap().contains("notarize"));
    verified(&bytes).unwrap();
}

#[test]
fn a_mach_o_file_that_cannot_be_signed_is_refused() {
    let world = World::new();
    let mut bytes = real("signed.macho");
    bytes.push(0);
    refused(&world, &bytes, "__LINKEDIT is not at its end");
    let mut bytes = real("signed.macho");
    let at = command(&bytes, 0x1d, b"").unwrap();
    bytes[at + 12] = bytes[at + 12].wrapping_sub(16);
    refused(&world, &bytes, "odd place");
    // Something stands where the command would have to go.
    let mut bytes = real("unsigned.macho");
    let end = 32 + little(&bytes, 20);
    bytes[end] = 1;
    refused(&world, &bytes, "no room");
    let mut bytes = real("unsigned.macho");
    let linkedit = command(&bytes, 0x19, b"__LINKEDIT\0").unwrap();
    bytes[linkedit + 8] = b'-';
    refused(&world, &bytes, "no segment __LINKEDIT");
}

/// The checksum of a PE file by the book: all 16-bit words but the field itself.
fn checksum(bytes: &[u8]) -> u32 {
    let field = little(bytes, 60) + 24 + 64;
    let words = bytes.chunks(2).enumerate().map(|(index, pair)| match index * 2 {
        at if at == field || at == field + 2 => 0,
        _ => u64::from(pair[0]) + 256 * u64::from(*pair.get(1).unwrap_or(&0)),
    });
    let mut sum: u64 = words.sum();
    while sum > 0xffff {
        sum = sum % 0x1_0000 + sum / 0x1_0000;
    }
    sum as u32 + bytes.len() as u32
}

#[test]
fn the_certificates_of_a_pe_file_are_dropped_and_that_is_said() {
    let world = World::new();
    let (signed, plain) = (real("signed.exe"), real("unsigned.exe"));
    for bytes in [&signed, &plain] {
        assert_eq!(checksum(bytes), little(bytes, little(bytes, 60) + 88) as u32);
    }
    let (done, bytes) = stamped(&world, &signed);
    assert_eq!(done.signature, Signature::Dropped);
    assert!(done.signature.note().unwrap().contains("sign it again"));
    // As if nobody had ever signed it, to the byte.
    let (done, never) = stamped(&world, &plain);
    assert_eq!((done.signature, done.signature.note()), (Signature::None, None));
    assert!(bytes == never && bytes.len() == plain.len());
    assert_eq!(checksum(&bytes), little(&bytes, little(&bytes, 60) + 88) as u32);
    let file = PeFile64::parse(&*bytes).unwrap();
    assert!(file.data_directory(object::pe::IMAGE_DIRECTORY_ENTRY_SECURITY).is_none());
}

#[test]
fn certificates_in_an_odd_place_cost_no_byte_of_the_program() {
    let world = World::new();
    let mut appended = real("signed.exe");
    appended.extend_from_slice(&[7; 32]);
    let (done, bytes) = stamped(&world, &appended);
    assert_eq!((done.signature, bytes.len()), (Signature::Dropped, appended.len()));
    let mut early = real("signed.exe");
    let entry = little(&early, 60) + 24 + 112 + 32;
    early[entry..entry + 4].copy_from_slice(&1024u32.to_le_bytes());
    early[entry + 4..entry + 8].copy_from_slice(&0x10_0000u32.to_le_bytes());
    refused(&world, &early, "among its sections");
}

/// Runs a tool; `None` when it is not there.
fn tool(name: &str, words: &[&Path]) -> Option<Output> {
    let output = Command::new(name).args(words).output();
    match output {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        output => Some(output.unwrap()),
    }
}

#[test]
fn a_private_depot_signs_the_stamped_file_again() {
    let world = World::new();
    let (done, _) = stamped(&world, &real("signed.exe"));
    let (out, again) = (world.root.join("out"), world.root.join("again.exe"));
    let path = PathBuf::from;
    let Some(output) = tool("osslsigncode", &[&path("verify"), &path("-in"), &out]) else {
        eprintln!("skipped: osslsigncode is not installed");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("No signature found"), "{said}");

    let (key, certificate) = (world.root.join("key.pem"), world.root.join("cert.pem"));
    let words = "req -x509 -newkey rsa:2048 -nodes -subj /CN=nobody -days 1 -addext \
                 extendedKeyUsage=codeSigning";
    let mut command = Command::new("openssl");
    command.args(words.split_whitespace()).arg("-keyout").arg(&key).arg("-out").arg(&certificate);
    assert!(command.output().unwrap().status.success());
    let mut command = Command::new("osslsigncode");
    command.arg("sign").arg("-certs").arg(&certificate).arg("-key").arg(&key);
    let output = command.arg("-in").arg(&out).arg("-out").arg(&again).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let words = [&path("verify"), &path("-CAfile"), &certificate, &path("-in"), &again];
    let output = tool("osslsigncode", &words.map(PathBuf::as_path)).unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(Executable::open(&again).unwrap().stamp().unwrap(), Some(done.stamp));
}
