//! Reads the facts of a tree, and of the machine itself when the tree is live.
//! The only part of `host` that puts facts together; parses nothing itself.

use super::captured::{self, Uname};
use super::libc::{self, SystemProgram};
use super::tree::{Tree, plain};
use super::{Arch, Host, Os, cpuinfo, gpu, linux, macos, meminfo, special, windows};
use crate::platform::{self, LiveFacts};

/// About 1.7 kB for each of up to some thousand processors.
const CPUINFO_LIMIT: u64 = 8 << 20;

impl Host {
    /// The facts of this tree. Writes nothing, never fails; starts nothing but
    /// `nvidia-smi` where there is an NVIDIA GPU.
    pub fn probe(tree: &Tree) -> Host {
        let live = if tree.is_live() { platform::live_facts() } else { LiveFacts::default() };
        let program = libc::system_program(tree);
        let mut host = Host::default();
        identify(tree, &live, program.as_ref(), &mut host);
        match host.os {
            Some(Os::Linux) => probe_linux(tree, &live, program.as_ref(), &mut host),
            Some(Os::Macos) => probe_macos(tree, &live, &mut host),
            Some(Os::Windows) => probe_windows(tree, &live, &mut host),
            None => {}
        }
        fill_from_live(&live, &mut host);
        host
    }
}

/// System, kernel and architectures.
fn identify(tree: &Tree, live: &LiveFacts, program: Option<&SystemProgram>, host: &mut Host) {
    let written = tree.captured("uname").as_deref().and_then(Uname::parse);
    let source = if written.is_some() { ".setup/uname" } else { "the running system" };
    let uname = written.or_else(|| live.uname.clone());
    if let Some(uname) = &uname {
        tree.say("uname", || format!("{} {} {}", uname.sysname, uname.machine, uname.release));
        host.os = Os::from_sysname(&uname.sysname);
        host.kernel = Some(uname.release.clone());
        host.machine = Some(uname.machine.clone());
        host.arch = Arch::from_machine(&uname.machine);
        host.native_arch = host.arch;
        host.note("os", format!("{} ({source})", uname.sysname));
        host.note("arch", format!("{} ({source})", uname.machine));
    } else if let Some((os, why)) = os_of_files(tree, program) {
        host.os = Some(os);
        host.note("os", why);
    } else {
        host.note("os", "no uname and no file that names a system");
    }
    host.native_arch = live.native_arch.or(host.native_arch);
}

/// The system of a capture without `uname`.
fn os_of_files(tree: &Tree, program: Option<&SystemProgram>) -> Option<(Os, String)> {
    if tree.captured("windows.json").is_some() {
        return Some((Os::Windows, ".setup/windows.json".to_owned()));
    }
    if tree.captured("sysctl").is_some() {
        return Some((Os::Macos, ".setup/sysctl".to_owned()));
    }
    let kernel = |path| tree.text(path).is_ok_and(|text| text.starts_with("Linux"));
    for path in ["/proc/sys/kernel/ostype", "/proc/version"] {
        if kernel(path) {
            return Some((Os::Linux, path.to_owned()));
        }
    }
    let interpreter = program.and_then(|program| program.interpreter.as_deref())?;
    libc::kind(interpreter)?;
    Some((Os::Linux, format!("system programs ask for {}", interpreter.escape_debug())))
}

fn probe_linux(tree: &Tree, live: &LiveFacts, program: Option<&SystemProgram>, host: &mut Host) {
    host.metal = Some(false);
    if host.kernel.is_none() {
        let release = tree.text("/proc/sys/kernel/osrelease").ok();
        host.kernel = release.map(|text| plain(&text)).filter(|text| !text.is_empty());
    }
    special::os_name(tree, host);
    if let Some(program) = program {
        // The kernel may be wider than what is installed: a 32-bit system on a
        // 64-bit Raspberry Pi runs none of our dynamic programs.
        host.arch = program.arch;
        host.native_arch = host.native_arch.or(program.arch);
        let what = program.arch.map_or("no 64-bit machine we know", Arch::name);
        host.note("arch_of_programs", format!("{what} ({})", program.path));
    } else {
        host.arch = live.process_arch.or(host.arch);
        host.note("arch_of_programs", "no system program could be read");
    }
    linux_libc(tree, program, host);
    if let Some(libc) = &host.libc {
        let version = libc.version.as_deref().unwrap_or_default();
        tree.say("libc", || format!("{} {version}", libc.kind.name()).trim_end().to_owned());
    }
    linux_cpu_and_memory(tree, host);
    container(tree, host);
    wsl(tree, host);
    init(tree, host);
    special::probe(tree, live, host);
    jetson(tree, host);
    gpu::probe_linux(tree, host);
}

fn linux_libc(tree: &Tree, program: Option<&SystemProgram>, host: &mut Host) {
    if let Some(libc) = tree.captured("libc").as_deref().and_then(captured::libc) {
        host.libc = Some(libc);
        host.note("libc", ".setup/libc");
        return;
    }
    let Some(program) = program else {
        return host.note("libc", "no system program could be read");
    };
    let Some(interpreter) = &program.interpreter else {
        return host.note("libc", format!("{} is a static program", program.path));
    };
    if program.arch.is_none() {
        return host.note("libc", format!("{} is no program for a machine we know", program.path));
    }
    let from = format!("{} asks for {}", program.path, plain(interpreter));
    match libc::of_interpreter(tree, interpreter) {
        None => host.note("libc", format!("{from}, which we do not know")),
        Some((libc, file)) => {
            let read = if libc.version.is_some() { "version in" } else { "no version in" };
            host.libc = Some(libc);
            host.note("libc", format!("{from}; {read} {}", plain(&file)));
        }
    }
}

fn linux_cpu_and_memory(tree: &Tree, host: &mut Host) {
    match tree.read("/proc/cpuinfo", CPUINFO_LIMIT) {
        Ok(bytes) => {
            host.cpu = cpuinfo::parse(&String::from_utf8_lossy(&bytes));
            host.note("cpu", "/proc/cpuinfo");
        }
        Err(error) => host.note("cpu", error.to_string()),
    }
    meminfo::probe(tree, host);
}

fn container(tree: &Tree, host: &mut Host) {
    let systemd = tree.text("/run/systemd/container").ok().map(|text| plain(&text));
    let podman = || tree.text("/run/.containerenv").ok().map(|t| linux::container_of_env(&t));
    let docker = || tree.exists("/.dockerenv").then(|| "docker".to_owned());
    let cgroup = || {
        let text = tree.text("/proc/1/cgroup").ok()?;
        linux::container_of_cgroup(&text).map(str::to_owned)
    };
    let found = systemd
        .filter(|kind| !kind.is_empty())
        .map(|kind| (kind, "/run/systemd/container"))
        .or_else(|| Some((podman()?, "/run/.containerenv")))
        .or_else(|| Some((docker()?, "/.dockerenv, which microVMs carry too")))
        .or_else(|| Some((cgroup()?, "/proc/1/cgroup")));
    match found {
        None => host.note("container", "no sign of one"),
        Some((kind, source)) => {
            host.container = Some(kind);
            host.note("container", source);
        }
    }
}

fn wsl(tree: &Tree, host: &mut Host) {
    let by_kernel = host.kernel.as_deref().and_then(linux::wsl);
    let interop = tree.exists("/proc/sys/fs/binfmt_misc/WSLInterop");
    // Version 1 has no kernel of its own, so its name cannot be another one.
    host.wsl = by_kernel.or(interop.then_some(2));
    match (by_kernel, interop) {
        (Some(_), true) => host.note("wsl", "the kernel's release, and WSLInterop is there"),
        (Some(_), false) => host.note("wsl", "the kernel's release; no WSLInterop"),
        (None, true) => host.note("wsl", "WSLInterop is there, with a kernel of another name"),
        (None, false) => host.note("wsl", "no sign of it"),
    }
}

fn init(tree: &Tree, host: &mut Host) {
    let comm = tree.text("/proc/1/comm").ok().map(|text| plain(&text));
    let found = if tree.is_dir("/run/systemd/system") {
        Some(("systemd", "/run/systemd/system".to_owned()))
    } else if tree.exists("/run/openrc") {
        Some(("openrc", "/run/openrc".to_owned()))
    } else {
        let known = comm.as_deref().and_then(linux::init_of_comm);
        known.map(|name| (name, "the name of process 1".to_owned()))
    };
    match (found, comm) {
        (Some((name, source)), _) => {
            host.init = Some(name.to_owned());
            host.note("init", source);
        }
        (None, Some(comm)) => host.note("init", format!("process 1 is `{comm}`")),
        (None, None) => host.note("init", "no sign of one"),
    }
}

fn jetson(tree: &Tree, host: &mut Host) {
    let release = tree.text("/etc/nv_tegra_release").ok();
    let found = release.as_deref().and_then(linux::jetson_of_release);
    let compatible = tree.text("/proc/device-tree/compatible").unwrap_or_default();
    if found.is_none() && !linux::is_tegra(&compatible) {
        return host.note("jetson", "no sign of it");
    }
    let source = if found.is_some() { "/etc/nv_tegra_release" } else { "/proc/device-tree" };
    let mut jetson = found.unwrap_or_default();
    jetson.model.clone_from(&host.board);
    host.jetson = Some(jetson);
    host.note("jetson", source);
}

fn probe_macos(tree: &Tree, live: &LiveFacts, host: &mut Host) {
    let text = tree.captured("sysctl").or_else(|| live.sysctl.clone()).unwrap_or_default();
    text.lines().for_each(|line| tree.say("sysctl", || line.to_owned()));
    let found = macos::parse(&text, host.arch);
    let source = if found.translated { "sysctl; this program is translated" } else { "sysctl" };
    host.native_arch = found.native_arch;
    // Where uname is missing, only an untranslated program tells what it was.
    host.arch = host.arch.or(found.native_arch.filter(|_| !found.translated));
    host.metal = (found.native_arch == Some(Arch::Aarch64)).then_some(true);
    host.os_name = found.version.map(|version| format!("macOS {version}"));
    host.memory_bytes = found.memory_bytes;
    host.cpu = found.cpu;
    host.init = Some("launchd".to_owned());
    host.note("native_arch", source);
    host.note("cpu", source);
    gpu::probe_macos(host);
}

fn probe_windows(tree: &Tree, live: &LiveFacts, host: &mut Host) {
    host.metal = Some(false);
    host.init = Some("scm".to_owned());
    if live.uname.is_none() {
        let found = tree.captured("windows.json").as_deref().and_then(windows::parse);
        let source = if found.is_some() { "" } else { "no readable " };
        host.note("native_arch", format!("{source}.setup/windows.json"));
        let found = found.unwrap_or_default();
        host.native_arch = found.native_arch.or(host.native_arch);
        host.os_name = found.os_name;
        host.memory_bytes = found.memory_bytes;
        host.cpu = found.cpu;
    }
    if host.os_name.is_none() && live.os_name.is_none() {
        host.os_name = host.kernel.as_deref().map(|version| format!("Windows {version}"));
    }
    let display = tree.captured("windows.json").or_else(|| live.windows.clone());
    gpu::probe_windows(tree, display.as_deref(), host);
}

/// What the running system itself says, where no file did.
fn fill_from_live(live: &LiveFacts, host: &mut Host) {
    host.elevated = live.elevated;
    host.os_name = host.os_name.take().or_else(|| live.os_name.clone());
    host.cpu.name = host.cpu.name.take().or_else(|| live.cpu.name.clone());
    host.cpu.cores = host.cpu.cores.or(live.cpu.cores);
    host.cpu.features = host.cpu.features.take().or_else(|| live.cpu.features.clone());
    if host.memory_bytes.is_none() && live.memory_bytes.is_some() {
        host.memory_bytes = live.memory_bytes;
        host.note("memory_bytes", "asked of the running system");
    }
    let elevated = if live.elevated.is_some() { "of this process" } else { "no process to ask" };
    host.note("elevated", elevated);
}
