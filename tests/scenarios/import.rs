//! `offgrid-depot import`: the shipped template and stand-ins for upstream's assets,
//! with the real names and layouts of b11158.

use e2e::{programs, shipped, standins};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A folder in memory with what the template wants beside the assets.
struct Desk(TempDir);

impl Desk {
    fn new() -> Desk {
        let shm = Path::new("/dev/shm");
        let parent = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
        let desk =
            Desk(tempfile::Builder::new().prefix("offgrid-e2e-").tempdir_in(parent).unwrap());
        shipped::beside(desk.0.path());
        standins::engine(&desk.path("engine"));
        standins::app(&desk.path("app"));
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn answer(&self, name: &str, folder: &str, tag: &str) {
        let answer = standins::answer(&self.path(folder), tag).to_string();
        fs::write(self.path(name), answer).unwrap();
    }

    fn depot(&self, words: &[&str]) -> Output {
        let mut command = Command::new(programs::program("offgrid-depot"));
        command.args(words).current_dir(self.0.path()).output().unwrap()
    }

    /// Imports; stdout and stderr.
    fn import(&self, words: &[&str]) -> (String, String) {
        let all = [&["import", "--release", "0.9.0"][..], words].concat();
        let output = self.depot(&all);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        assert!(output.status.success(), "{words:?}\n{stdout}{stderr}");
        (stdout, stderr)
    }

    /// Must fail with this name and word, and write nothing.
    #[track_caller]
    fn refused(&self, words: &[&str], code: &str, word: &str) {
        let all = [&["import", "--release", "0.9.0"][..], words].concat();
        let output = self.depot(&all);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{words:?}\n{stderr}");
        assert!(stderr.contains(&format!("({code})")) && stderr.contains(word), "{stderr}");
        assert!(!self.path("release.toml").exists());
    }

    /// What lies on it.
    fn names(&self) -> Vec<std::ffi::OsString> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }

    fn forget(&self) {
        fs::remove_file(self.path("release.toml")).unwrap();
    }
}

const BOTH: [&str; 4] = ["--assets", "engine", "--assets", "app"];

#[test]
fn what_is_missing_and_what_no_pattern_fits_is_said() {
    let desk = Desk::new();
    fs::remove_file(desk.path("engine/cudart-llama-bin-win-cuda-13.4-arm64.zip")).unwrap();
    let (old, new) = ("llama-b11158-bin-ubuntu-rocm-10.0", "llama-b11158-bin-ubuntu-rocm-10.1");
    let at = |name: &str| desk.path(&format!("engine/{name}-x64.tar.gz"));
    fs::rename(at(old), at(new)).unwrap();
    let (said, _) = desk.import(&BOTH);
    let kinds = ["engine", "app", "missing", "unmatched", "fetch"];
    let lines = said.lines().filter(|line| kinds.contains(&line.split(' ').next().unwrap()));
    let golden = "\
engine b11158
app 0.2.12
missing linux-x86_64-rocm: llama-rocm is missing, no asset is like llama-{engine}-bin-ubuntu-rocm-10.0-x64.tar.gz
missing linux-aarch64-jetpack6: llama-jetpack6 is missing, no asset is like offgrid-llama-{engine}-linux-aarch64-jetpack6.tar.gz
missing linux-aarch64-cpu: llama-own is missing, no asset is like offgrid-llama-{engine}-linux-aarch64.tar.gz
missing windows-aarch64-cuda13: cudart-13 is missing, no asset is like cudart-llama-bin-win-cuda-13.4-arm64.zip
unmatched llama-b11158-bin-ubuntu-rocm-10.1-x64.tar.gz";
    // Told apart by kind: the order of the sections is the report's.
    assert_eq!(lines.collect::<Vec<_>>().join("\n"), golden, "{said}");
    desk.forget();
    desk.refused(&[&BOTH[..], &["--complete"]].concat(), "E_USAGE", "linux-x86_64-rocm");
}

#[test]
fn what_import_wrote_is_built_and_a_file_is_in_one_component_only() {
    // `shipped` imports, builds and publishes with the real program.
    let forge = e2e::Forge::of(&shipped::depot());
    let release = forge.read(&forge.newest_release());
    assert_eq!((&release["engine"], &release["app"]), (&"b11158".into(), &"0.2.12".into()));
    let paths = |name: &str, target: &str| -> Vec<String> {
        let parts = &release["components"][name][target]["parts"]["sha256"];
        let parts = forge.read(&format!("blob/sha256/{}", parts.as_str().unwrap()));
        let of = |key: &str| parts[key].as_array().cloned().unwrap_or_default();
        let all = of("files").into_iter().chain(of("links"));
        let all = all.map(|entry| entry["path"].as_str().unwrap().to_owned());
        all.filter(|path| !path.starts_with("LICENSES/")).collect()
    };
    assert_eq!(paths("llama-cuda12", "linux-x86_64"), ["libggml-cuda.so"]);
    assert_eq!(paths("llama-vulkan", "windows-x86_64"), ["ggml-vulkan.dll"]);
    let cpu = paths("llama-cpu", "linux-x86_64");
    for name in ["llama-server", "libllama-server-impl.so", "libggml.so", "libggml.so.0"] {
        assert!(cpu.iter().any(|path| path == name), "{name} of {cpu:?}");
    }
    assert!(!cpu.iter().any(|path| path.contains("llama-cli") || path.contains("STAND-IN")));
    assert_eq!(paths("app", "windows-aarch64")[0], "offgrid.exe");
}

#[test]
fn digests_come_from_a_saved_answer_and_files_have_to_have_them() {
    let desk = Desk::new();
    desk.answer("b11158.json", "engine", "b11158");
    desk.answer("app.json", "app", standins::APP);
    // Nothing is here: what is pinned is to be fetched.
    let (said, _) = desk.import(&["--assets", "b11158.json", "--assets", "app.json"]);
    let fetch = said.lines().filter(|line| line.starts_with("fetch ")).count();
    // 24 assets of the engine and 5 of the app, of which one serves two targets.
    assert_eq!(fetch, 29, "{said}");
    desk.forget();
    let words = [&BOTH[..], &["--assets", "b11158.json", "--assets", "app.json"]].concat();
    desk.import(&words);
    desk.forget();
    let cpu = desk.path("engine/llama-b11158-bin-ubuntu-x64.tar.gz");
    let whole = fs::read(&cpu).unwrap();
    fs::write(&cpu, &whole[..whole.len() - 9]).unwrap();
    desk.refused(&words, "E_SIZE", "llama-b11158-bin-ubuntu-x64.tar.gz");
    // Without an answer nobody knows the size: the archive itself tells.
    desk.refused(&BOTH, "E_ENTRY", "no whole archive");
    let mut other = whole.clone();
    *other.last_mut().unwrap() ^= 1;
    fs::write(&cpu, other).unwrap();
    desk.refused(&words, "E_HASH", "llama-b11158-bin-ubuntu-x64.tar.gz");
    let zip = desk.path("engine/llama-b11158-bin-win-cpu-x64.zip");
    fs::write(&cpu, whole).unwrap();
    let bytes = fs::read(&zip).unwrap();
    fs::write(&zip, &bytes[..bytes.len() / 2]).unwrap();
    desk.refused(&BOTH, "E_ENTRY", "llama-b11158-bin-win-cpu-x64.zip");
}

#[test]
fn two_builds_at_once_and_patterns_that_fit_twice_are_refused() {
    let desk = Desk::new();
    let old = desk.path("engine/llama-b11146-bin-ubuntu-x64.tar.gz");
    fs::copy(desk.path("engine/llama-b11158-bin-ubuntu-x64.tar.gz"), &old).unwrap();
    desk.refused(&BOTH, "E_USAGE", "b11146, b11158");
    let (said, _) = desk.import(&[&BOTH[..], &["--engine", "b11158"]].concat());
    assert!(said.contains("unmatched llama-b11146-bin-ubuntu-x64.tar.gz"), "{said}");
    desk.forget();
    fs::remove_file(old).unwrap();
    let template = fs::read_to_string(shipped::template()).unwrap();
    let loose = template.replace("bin-ubuntu-cuda-12.8-x64", "bin-ubuntu-cuda-*-x64");
    fs::write(desk.path("loose.toml"), loose).unwrap();
    desk.refused(&[&["loose.toml"], &BOTH[..]].concat(), "E_USAGE", "more than one asset");
}

#[test]
fn a_stable_release_points_to_its_build() {
    let desk = Desk::new();
    fs::create_dir(desk.path("stable")).unwrap();
    fs::write(desk.path("stable/nightly-tag.txt"), "b11158\n").unwrap();
    desk.answer("stable/v0.5.0.json", "stable", "v0.5.0");
    let words = [&["--assets", "stable/v0.5.0.json"], &BOTH[..]].concat();
    let (said, _) = desk.import(&words);
    assert!(said.starts_with("engine b11158\n"), "{said}");
    desk.forget();
    let alone = ["--assets", "stable/v0.5.0.json", "--assets", "app"];
    desk.refused(&alone, "E_USAGE", "the release is build b11158, and none of its assets");
    fs::write(desk.path("stable/nightly-tag.txt"), "b11159\n").unwrap();
    desk.refused(&words, "E_HASH", "nightly-tag.txt");
    fs::remove_file(desk.path("stable/nightly-tag.txt")).unwrap();
    desk.refused(&words, "E_USAGE", "nightly-tag.txt");
}

#[test]
fn a_floor_below_what_a_program_needs_is_refused() {
    let desk = Desk::new();
    let template = fs::read_to_string(shipped::template()).unwrap();
    let low = template.replace("glibc = \">=2.38\"", "glibc = \">=2.36\"");
    fs::write(desk.path("low.toml"), low).unwrap();
    desk.refused(&[&["low.toml"], &BOTH[..]].concat(), "E_USAGE", "needs 2.38");
}

/// `scripts/import-check` on this desk: its exit code, and what it says.
fn check(desk: &Desk, words: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(programs::repo().join("scripts/import-check"));
    command.arg("--depot").arg(programs::program("offgrid-depot")).args(words);
    let output = command.current_dir(desk.0.path()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// An answer with the members that the API has beside those that are read.
fn whole_answer(desk: &Desk, name: &str, folder: &str, tag: &str) {
    let mut answer = standins::answer(&desk.path(folder), tag);
    let url = format!("https://api.example/repos/a/b/releases/{tag}");
    answer["url"] = url.as_str().into();
    answer["assets_url"] = format!("{url}/assets").into();
    answer["author"] = serde_json::json!({"login": "a", "id": 1, "site_admin": false});
    answer["body"] = "<details open>\r\n\r\nwhat is new\r\n".into();
    answer["created_at"] = "2026-09-24T08:00:00Z".into();
    answer["immutable"] = false.into();
    for (id, asset) in answer["assets"].as_array_mut().unwrap().iter_mut().enumerate() {
        asset["id"] = id.into();
        asset["label"] = "".into();
        asset["content_type"] = "application/gzip".into();
        asset["download_count"] = 3.into();
        asset["uploader"] = serde_json::json!({"login": "github-actions[bot]", "type": "Bot"});
        asset["updated_at"] = "2026-09-24T08:30:00Z".into();
    }
    fs::write(desk.path(name), answer.to_string()).unwrap();
}

#[test]
fn import_check_says_what_is_missing_and_what_is_not_what_it_was() {
    let python = Command::new("python3").args(["-c", "import tomllib"]).output();
    if !python.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: there is no python3 that reads TOML");
        return;
    }
    let desk = Desk::new();
    whole_answer(&desk, "engine.json", "engine", "b11158");
    whole_answer(&desk, "app.json", "app", standins::APP);
    let before = desk.names();
    let lists = ["engine.json", "app.json"];
    let (code, said, _) = check(&desk, &lists);
    let faults: Vec<&str> = said.lines().filter(|line| line.starts_with("missing ")).collect();
    assert_eq!((code, faults.len()), (1, 2), "{said}");
    assert!(faults[0].starts_with("missing linux-aarch64-jetpack6: llama-jetpack6 is missing"));
    assert!(said.contains("variant linux-x86_64-cuda12"), "{said}");
    let own = ["--allow", "linux-aarch64-jetpack6", "--allow", "linux-aarch64-cpu"];
    let fine = [&own[..], &lists].concat();
    let (code, said, _) = check(&desk, &fine);
    assert_eq!((code, said.lines().last()), (0, Some("all is there and as it was")), "{said}");
    // What was pinned before, and was uploaded again since, or taken away.
    let assets = ["--assets", "engine.json", "--assets", "app.json"];
    desk.import(&assets);
    let pinned = [&["--pinned", "release.toml"], &fine[..]].concat();
    assert_eq!(check(&desk, &pinned).0, 0);
    let (other, gone) =
        ("llama-b11158-bin-win-vulkan-x64.zip", "llama-b11158-bin-macos-x64.tar.gz");
    fs::write(desk.path("engine").join(other), "another upload").unwrap();
    fs::remove_file(desk.path("engine").join(gone)).unwrap();
    whole_answer(&desk, "engine.json", "engine", "b11158");
    let (code, said, _) = check(&desk, &pinned);
    assert_eq!(code, 1, "{said}");
    for line in [&format!("differs {other}: pinned as "), &format!("gone {gone}: pinned as ")] {
        assert!(said.contains(line.as_str()), "{line}: {said}");
    }
    assert!(said.contains("missing macos-x86_64-cpu"), "{said}");
    // Every file that is not as it was published, not the first alone.
    let (first, second) =
        (desk.path("engine").join(other), desk.path("app/checksums-v0.2.12.sha256"));
    fs::write(first, "half").unwrap();
    fs::write(second, "half").unwrap();
    let (code, said, _) = check(&desk, &[&fine[..], &["engine", "app"]].concat());
    assert_eq!((code, said.matches("differs ").count()), (1, 2), "{said}");
    fs::remove_file(desk.path("release.toml")).unwrap();
    assert_eq!(desk.names(), before);
    // What cannot be found out.
    let (code, said, why) = check(&desk, &["engine.json"]);
    assert_eq!((code, said.as_str()), (2, ""));
    assert!(why.contains("(E_USAGE)"), "{why}");
    assert_eq!(check(&desk, &["probe.gguf"]).0, 2);
    assert_eq!(check(&desk, &[]).0, 2);
}
