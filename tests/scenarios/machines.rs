//! What is seen of a machine, which variant it gets and what `doctor` says: one
//! short text for each machine, one snapshot of facts, decision and findings. The variants are those of the
//! shipped template, `server/templates/release.toml`, imported from stand-ins for
//! upstream's archives.
//!
//! `UPDATE_SNAPSHOTS=1` writes the snapshots anew; read what changed.

use e2e::{Forge, World, machine};
use offgrid_setup::host::{Capture, Host, Tree};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// A world in which the shipped template is the release.
fn shipped() -> World {
    let world = World::new();
    fs::remove_dir_all(world.depot()).unwrap();
    e2e::base::copy_tree(&e2e::shipped::depot(), &world.depot());
    world
}

/// The facts that decide, as a person reads them.
fn facts(host: &Value) -> String {
    let text = |value: &Value| match value {
        Value::Null => "?".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut lines = vec![format!(
        "{} on {} ({}), libc {} {}, wsl {}, container {}, metal {}",
        text(&host["os_name"]),
        text(&host["native_arch"]),
        text(&host["kernel"]),
        text(&host["libc"]["kind"]),
        text(&host["libc"]["version"]),
        text(&host["wsl"]),
        text(&host["container"]),
        text(&host["metal"])
    )];
    for gpu in host["gpus"].as_array().unwrap() {
        let known = gpu.as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
        let parts: Vec<String> =
            known.map(|(key, value)| format!("  {key:10} {}", text(value))).collect();
        lines.push(format!("gpu\n{}", parts.join("\n")));
    }
    lines.push(format!("vulkan {}", text(&host["vulkan"])));
    // What most machines do not have.
    const USUAL: [&str; 6] = [
        "?",
        "no .setup/pagesize",
        "no sign of it",
        "no sign of an image",
        "no device tree",
        "no .setup/disks",
    ];
    for key in ["board", "page_size", "memory_limit", "selinux", "build", "disks"] {
        let said = text(&host["evidence"][key]);
        if !USUAL.contains(&said.as_str()) {
            lines.push(format!("seen {key}: {said}"));
        }
    }
    for key in ["gpus", "vulkan", "nvidia_driver", "nvidia-smi", "jetson"] {
        lines.push(format!("seen {key}: {}", text(&host["evidence"][key])));
    }
    lines.join("\n")
}

/// The decision with every reason, or the refusal.
fn decision(world: &World, tree: &str, words: &[&str]) -> String {
    let all: Vec<&str> =
        ["plan", "--json", "--sysroot", tree].iter().chain(words).copied().collect();
    let outcome = world.run(&all);
    let last = outcome.events().pop().unwrap();
    let selection = &last["selection"];
    if selection.is_null() {
        let error = &last["error"];
        let said = |key: &str| error[key].as_str().unwrap().to_owned();
        return format!("refused {}: {}\n  {}", said("code"), said("message"), said("hint"));
    }
    let list = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    };
    let mut lines = vec![format!("-> {}", selection["variant"].as_str().unwrap())];
    lines.extend(list(&selection["why"]).into_iter().map(|why| format!("   {why}")));
    for lost in selection["rejected"].as_array().unwrap() {
        let reasons = list(&lost["reasons"]).join("; ");
        lines.push(format!("not {}: {reasons}", lost["variant"].as_str().unwrap()));
    }
    for found in last["preflight"].as_array().unwrap() {
        let home = world.home().to_str().unwrap().to_owned();
        let said = |key: &str| found[key].as_str().unwrap_or_default().replace(&home, "HOME");
        let how = if found["stops"] == true { "stops" } else { "warns" };
        lines.push(format!("{how} {}: {}\n   {}", said("code"), said("what"), said("hint")));
    }
    lines.join("\n")
}

/// What `doctor` finds, as people read it, after a look that programs read the same.
fn findings(world: &World, tree: &str) -> String {
    let text = world.run(&["doctor", "--sysroot", tree]).expect(0).stdout;
    let json = world.run(&["doctor", "--json", "--sysroot", tree]).expect(0).json();
    for finding in json["findings"].as_array().unwrap() {
        let word = finding["word"].as_str().unwrap();
        assert!(text.contains(&format!(" ({word})")), "{word} in\n{text}");
    }
    text.trim_end().to_owned()
}

#[test]
fn every_machine_gets_what_its_files_say() {
    let world = shipped();
    let names = machine::names();
    assert!(names.len() >= 70, "the machines of gpu.md and 25 more: {}", names.len());
    let mut wrong = Vec::new();
    for name in &names {
        let root = world.path(&format!("machine-{name}"));
        machine::make(name, &root);
        let tree = root.to_str().unwrap();
        let host = world.run(&["detect", "--json", "--sysroot", tree]).expect(0).json();
        let parts = [facts(&host), decision(&world, tree, &[]), findings(&world, tree)];
        let seen = format!("{}\n", parts.join("\n\n"));
        let snapshot = machine::folder().join(format!("{name}.snap"));
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            fs::write(&snapshot, &seen).unwrap();
        }
        let kept = fs::read_to_string(&snapshot).unwrap_or_default();
        if kept != seen {
            wrong.push(format!("=== {name}: was\n{kept}\nis now\n{seen}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} machines\n{}", wrong.len(), names.len(), wrong.join("\n"));
}

#[test]
fn every_snapshot_is_of_a_machine() {
    for entry in fs::read_dir(machine::folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "snap") {
            assert!(path.with_extension("machine").exists(), "{}", path.display());
        }
    }
}

#[test]
fn a_capture_of_every_machine_says_the_same_as_the_machine() {
    let room = machine::room();
    for name in machine::names() {
        let root = room.path().join(format!("machine-{name}"));
        machine::make(&name, &root);
        let tree = Tree::sysroot(&root).unwrap();
        let capture = Capture::of(&tree);
        assert_eq!(capture.differing(), Vec::<String>::new(), "{name}");
        let into = room.path().join(format!("capture-{name}"));
        capture.write(&into).unwrap();
        let facts = |host: Host| {
            let mut facts = serde_json::to_value(host).unwrap();
            facts.as_object_mut().unwrap().remove("evidence");
            facts
        };
        let again = Host::probe(&Tree::sysroot(&into).unwrap());
        assert_eq!(facts(again), facts(Host::probe(&tree)), "{name}");
    }
}

#[test]
fn detect_captures_into_a_new_folder_and_plan_decides_the_same_from_it() {
    let world = shipped();
    let names =
        ["rtx4090-550", "rx7900xtx-not-in-group", "win-rtx3060", "wsl2-rtx3080", "steam-deck"];
    for name in names {
        let root = world.path(&format!("machine-{name}"));
        machine::make(name, &root);
        let (tree, into) = (root.to_str().unwrap(), world.path(&format!("capture-{name}")));
        let capture = into.to_str().unwrap();
        let words = ["detect", "--json", "--sysroot", tree, "--capture", capture];
        let shown = world.run(&words).expect(0).json();
        let plain = world.run(&["detect", "--json", "--sysroot", tree]).expect(0).json();
        assert_eq!(shown, plain, "{name}");
        let kept = world.run(&["detect", "--json", "--sysroot", capture]).expect(0).json();
        assert_eq!(kept["evidence"]["disks"], plain["evidence"]["disks"], "{name}");
        let again = world.run(&words).expect(2);
        again.says("is there already");
        assert_eq!(decision(&world, capture, &[]), decision(&world, tree, &[]), "{name}");
    }
    // The machine that runs this, in words.
    let into = world.path("deep/here");
    let said = world.run(&["detect", "--capture", into.to_str().unwrap()]).expect(0);
    said.says("without names of people");
    assert!(into.join(".setup/uname").is_file() && into.join("proc/cpuinfo").is_file());
    let said = |name: &str| fs::read_to_string(into.join(".setup").join(name)).unwrap();
    assert!(said("pagesize").trim().parse::<u64>().unwrap() >= 4096);
    let disks = said("disks");
    assert!(disks.contains("prefix") && disks.contains("temp"), "{disks}");
    assert!(!disks.contains('/'), "no name of a place: {disks}");
}

#[test]
fn gpu_and_variant_override_the_choice_and_say_so() {
    let world = shipped();
    let of = |name: &str, words: &[&str]| {
        let root = world.path("machine");
        let _ = fs::remove_dir_all(&root);
        machine::make(name, Path::new(&root));
        decision(&world, root.to_str().unwrap(), words)
    };
    assert!(of("rtx4090-550", &["--gpu", "none"]).starts_with("-> linux-x86_64-cpu"));
    assert!(of("uhd630", &["--gpu", "intel"]).starts_with("-> linux-x86_64-vulkan"));
    let amd = of("rtx4090-550", &["--gpu", "amd"]);
    assert!(amd.starts_with("-> linux-x86_64-cpu") && amd.contains("only amd is wanted"), "{amd}");
    let rocm = of("rx7900xtx", &["--variant", "linux-x86_64-rocm"]);
    assert!(rocm.contains("it was asked for with --variant"), "{rocm}");
    assert!(rocm.contains("although it needs the libraries"), "{rocm}");
    let mac = of("mac-m3", &["--gpu", "none"]);
    assert!(mac.starts_with("-> macos-aarch64-cpu"), "{mac}");
    let odd = world.run(&["plan", "--gpu", "voodoo"]).expect(2);
    odd.says("nvidia");
}

#[test]
fn models_are_held_against_what_a_cgroup_leaves_of_the_memory() {
    let world = World::new();
    Forge::of(&world.depot()).release(|release| {
        release["models"][0]["memory_bytes"] = json!(4_u64 << 30);
    });
    for (name, fits) in [
        ("cgroup-v1-unlimited", true),
        ("slice-nested", true),
        ("docker-4g", false),
        ("docker-v1", false),
    ] {
        let root = world.path(&format!("machine-{name}"));
        machine::make(name, &root);
        let words = ["plan", "--json", "--sysroot", root.to_str().unwrap()];
        let models = world.run(&words).expect(0).events().pop().unwrap()["models"].clone();
        let list = |key: &str| models[key].as_array().unwrap().len();
        assert_eq!((list("fit"), list("too_large")), if fits { (1, 0) } else { (0, 1) }, "{name}");
    }
}

/// A machine with one NVIDIA GPU of this compute capability and this driver.
fn with_nvidia(root: &Path, compute: &str, driver: &str) {
    let _ = fs::remove_dir_all(root);
    machine::make("rtx5090-580", root);
    let put = |path: &str, text: String| fs::write(root.join(path), text).unwrap();
    put(
        "proc/driver/nvidia/version",
        format!("NVRM version: NVIDIA UNIX x86_64 Kernel Module  {driver}  Release Build\n"),
    );
    put(".setup/nvidia-smi.csv", format!("0, GPU-5, NVIDIA X, {driver}, 8000, {compute}\n"));
    let libraries = root.join("usr/lib/x86_64-linux-gnu");
    fs::remove_file(libraries.join("libcuda.so.1")).unwrap();
    fs::remove_file(libraries.join("libcuda.so.580.95.05")).unwrap();
    fs::write(libraries.join("libcuda.so.1"), "").unwrap();
}

#[test]
fn doctor_knows_the_floors_of_drivers_that_the_shipped_template_has() {
    let world = shipped();
    let root = world.path("nvidia");
    let tree = root.to_str().unwrap();
    for compute in ["3.7", "5.0", "6.1", "7.5", "8.0", "8.6", "8.9", "9.0", "12.0", "12.1"] {
        for driver in [
            "470.10", "549.99", "550.10", "569.99", "570.10", "570.25", "570.26", "579.99",
            "580.10", "615.10",
        ] {
            with_nvidia(&root, compute, driver);
            let chosen = decision(&world, tree, &[]);
            let found = findings(&world, tree);
            let cuda = chosen.starts_with("-> linux-x86_64-cuda");
            let what = format!("{compute} {driver}: {chosen}\n{found}");
            // 12.1 is in CUDA 13 alone, and 3.7 in neither.
            let refused = found.contains("W_CUDA_DRIVER") || found.contains("W_CUDA_CARD");
            assert_eq!(refused, !cuda, "{what}");
            let newer = found.contains("W_CUDA13_DRIVER");
            assert!(!newer || chosen.starts_with("-> linux-x86_64-cuda12"), "{what}");
        }
    }
}
