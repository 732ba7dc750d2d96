//! What is one for all NVIDIA GPUs of a machine: the driver, its libraries and
//! `nvidia-smi`; what each of them says of each GPU.

use super::super::tree::{Tree, plain};
use super::super::{Fault, Gpu, Host};
use super::linux::Sight;
use super::{library, nvidia, smi};

/// What is one for all NVIDIA GPUs: the driver, its libraries, `nvidia-smi`.
pub(super) fn nvidia_facts(sight: &Sight<'_>, host: &mut Host) {
    let tree = sight.tree;
    let on_pci = |gpu: &Gpu| gpu.vendor == "nvidia" && gpu.address.is_some();
    if !host.gpus.iter().any(on_pci) {
        return;
    }
    let proc = tree.text("/proc/driver/nvidia/version").ok();
    let sys = || tree.text("/sys/module/nvidia/version").ok().map(|text| plain(&text));
    let driver = proc.as_deref().and_then(nvidia::driver_of_proc).or_else(sys);
    let driver = driver.filter(|driver| nvidia::is_driver(driver));
    host.note("nvidia_driver", driver.clone().unwrap_or_else(|| "not loaded".to_owned()));
    let library = library::find(tree, "libcuda.so.1");
    let of_library = library.as_deref().and_then(|path| library_version(tree, path));
    let (list, source) = match driver {
        Some(_) => smi::ask(tree),
        None => (Vec::new(), "not asked: the driver is not loaded".to_owned()),
    };
    host.note("nvidia-smi", source);
    let uuid = |gpu: &Gpu| sight.information(gpu.address.as_deref()?).uuid;
    let single = host.gpus.iter().filter(|gpu| on_pci(gpu)).count() == 1 && list.len() == 1;
    for gpu in host.gpus.iter_mut().filter(|gpu| on_pci(gpu)) {
        if gpu.usable == Some(false)
            && gpu.why_not.as_deref().is_some_and(|why| !why.starts_with("/dev/"))
        {
            continue; // the driver is not this GPU's
        }
        gpu.driver.clone_from(&driver);
        let own = uuid(gpu);
        let same = |found: &&nvidia::Smi| own.is_some() && found.uuid == own;
        let named = |found: &&nvidia::Smi| gpu.name.as_deref() == Some(found.name.as_str());
        let found = list.iter().find(same).or_else(|| list.iter().find(named));
        if let Some(found) = found.or_else(|| list.first().filter(|_| single)) {
            gpu.name = Some(found.name.clone());
            gpu.compute = found.compute.clone().or(gpu.compute.take());
            gpu.vram_bytes = found.memory_bytes;
        }
        match (&driver, &of_library) {
            (None, _) => gpu.refuse(Fault::Module, "NVIDIA's kernel module is not loaded: `sudo modprobe nvidia`, or restart"),
            (Some(_), _) if library.is_none() && library::are_shown(tree) => {
                gpu.refuse(Fault::Driver, "NVIDIA's library libcuda.so.1 is missing: install the whole driver");
            }
            (Some(kernel), Some(user)) if kernel != user => gpu.refuse(Fault::Restart, format!(
                "the kernel runs driver {kernel} and the libraries are of {user}: restart this machine"
            )),
            _ => {}
        }
    }
}

/// By where `libcuda.so.1` leads, else by its neighbour with a version.
fn library_version(tree: &Tree, path: &str) -> Option<String> {
    let real = tree.canonical(path).ok().and_then(|real| nvidia::driver_of_library(&real));
    let folder = path.rsplit_once('/').map_or("/", |(folder, _)| folder);
    let beside = || {
        let names = tree.names(folder).ok()?;
        let (name, version) =
            names.iter().find_map(|name| Some((name, nvidia::driver_of_library(name)?)))?;
        // So that a capture has it too.
        tree.exists(&format!("{folder}/{name}"));
        Some(version)
    };
    real.or_else(beside)
}
