//! A machine with a card of NVIDIA that comes, goes, and gets other drivers: the
//! live machine as a mount namespace shows it. And a release of scripts for it, whose
//! engines see the card or do not.

use e2e::room::Room;
use e2e::world::finish;
use e2e::{Outcome, World, base};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

/// The machine; its files can be changed while it is there.
pub(super) struct Machine {
    pub(super) world: World,
    room: Room,
}

/// Over what is told of PCI devices, of drivers and of libraries, and over `/dev`, which
/// keeps what programs need. `$2` lies in `/dev/shm`, and is seen there again.
const MOUNTS: &str = r#"
mkdir -p "$2/pci" "$2/driver/nvidia" "$2/lib" "$2/nodes/shm"
mount --bind "$2/pci" /sys/bus/pci/devices
mount --bind "$2/driver" /proc/driver
mount --bind "$2/lib" /usr/local/lib
mount --rbind /dev/shm "$2/nodes/shm"
for name in null zero full random urandom tty; do
  : >"$2/nodes/$name"
  mount --bind "/dev/$name" "$2/nodes/$name"
done
for name in nvidia0 nvidiactl nvidia-uvm; do : >"$2/nodes/$name"; chmod 666 "$2/nodes/$name"; done
mount --rbind "$2/nodes" /dev
"#;

impl Machine {
    /// Without a card, and a depot that offers 1.0.0. `Err` says why this system
    /// cannot show another machine.
    pub(super) fn new() -> Result<Machine, String> {
        let world = World::new();
        let room = Room::with(&world, MOUNTS)?;
        publish(&world, "1.0.0");
        Ok(Machine { world, room })
    }

    /// Lets the machine have a card and this driver.
    pub(super) fn driver(&self, version: &str) {
        let card = self.world.path("pci/0000:01:00.0");
        fs::create_dir_all(&card).unwrap();
        for (name, text) in [("class", "0x030000"), ("vendor", "0x10de"), ("device", "0x2684")] {
            fs::write(card.join(name), format!("{text}\n")).unwrap();
        }
        let _ = symlink("../../../../bus/pci/drivers/nvidia", card.join("driver"));
        let line = format!("NVRM version: NVIDIA UNIX x86_64 Kernel Module  {version}  Thu\n");
        fs::write(self.world.path("driver/nvidia/version"), line).unwrap();
        let lib = self.world.path("lib");
        for entry in fs::read_dir(&lib).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        let name = format!("libcuda.so.{version}");
        fs::write(lib.join(&name), "").unwrap();
        symlink(&name, lib.join("libcuda.so.1")).unwrap();
    }

    /// Lets engines of this toolkit see the card, or not.
    pub(super) fn sees(&self, toolkit: &str, does: bool) {
        let path = self.eye(toolkit);
        if does { fs::write(path, "").unwrap() } else { fs::remove_file(path).unwrap() }
    }

    fn eye(&self, toolkit: &str) -> PathBuf {
        self.world.path(&format!("driver/{toolkit}"))
    }

    /// The bootstrapper with these words, on this machine.
    pub(super) fn run(&self, words: &[&str]) -> Outcome {
        self.run_from(self.world.depot().to_str().unwrap(), words)
    }

    pub(super) fn run_from(&self, source: &str, words: &[&str]) -> Outcome {
        let mut command = self.room.command(&self.world, self.world.setup());
        command.env("OFFGRID_SETUP_SOURCE", source).args(words);
        finish(command)
    }

    /// The live variant without the name of the target.
    pub(super) fn live(&self) -> String {
        let status = self.run(&["status", "--json"]).expect(0).json();
        short(status["variant"].as_str().unwrap())
    }
}

/// The end of a variant's name.
pub(super) fn short(variant: &str) -> String {
    variant.rsplit_once('-').unwrap().1.to_owned()
}

/// The whole name of a variant.
pub(super) fn whole(variant: &str) -> String {
    format!("{}-{}-{variant}", std::env::consts::OS, std::env::consts::ARCH)
}

/// The bytes of the release's model.
pub(super) const MODEL: &str = "not really a model\n";

/// Lets stable offer this release too: `cuda13` for driver 580, `cuda12` for driver
/// 550, `cpu` for all.
pub(super) fn publish(world: &World, version: &str) {
    let folder = world.path("recipe");
    let target = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    fs::create_dir_all(folder.join("app")).unwrap();
    fs::write(folder.join("LICENSE"), "Nobody's.\n").unwrap();
    let script = |path: &str, text: String| {
        fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
        fs::write(folder.join(path), text).unwrap();
        base::set_mode(&folder.join(path), 0o755);
    };
    script("app/offgrid", format!("#!/bin/sh\necho '{{\"version\":\"{version}\"}}'\n"));
    let mut text = format!(
        "version = \"{version}\"\napp = \"{version}\"\nengine = \"none\"\nnotes = \"Scripts.\"\n\
         [setup]\nversion = \"0.1.0\"\n[setup.files]\n{target} = \"{}\"\n\
         [[component]]\nname = \"app\"\ntarget = \"{target}\"\nfrom = \"app\"\ninto = \"app/\"\n\
         license = \"LICENSE\"\n",
        world.setup().display()
    );
    for (name, rank, least) in [("cuda13", 300, "580"), ("cuda12", 200, "550"), ("cpu", 100, "")] {
        let devices = format!(
            "#!/bin/sh\n# {name} of {version}\n[ \"$1\" = --version ] && exit 0\n\
             echo 'Available devices:'\n[ -e /proc/driver/{name} ] || exit 0\n\
             echo '  CUDA0: A card (24564 MiB, 24000 MiB free)'\n"
        );
        script(&format!("{name}/llama-server"), devices);
        let gpu = match least {
            "" => String::new(),
            _ => format!(
                "device = \"CUDA\"\nneeds = {{ nvidia = [ {{ driver = \">={least}\" }} ] }}\n"
            ),
        };
        text += &format!(
            "[[component]]\nname = \"llama-{name}\"\ntarget = \"{target}\"\nfrom = \"{name}\"\n\
             into = \"llama/\"\nlicense = \"LICENSE\"\n\
             [[variant]]\nid = \"{target}-{name}\"\ntarget = \"{target}\"\nrank = {rank}\n\
             components = [\"app\", \"llama-{name}\"]\n{gpu}"
        );
    }
    fs::write(folder.join("m.gguf"), MODEL).unwrap();
    text += "[[model]]\nname = \"tiny\"\nfile = \"tiny.gguf\"\nfrom = \"m.gguf\"\n\
             license = \"MIT\"\ntitle = \"No model\"\n";
    fs::write(folder.join("release.toml"), text).unwrap();
    let (depot, keys) = (world.depot(), base::keys().to_str().unwrap());
    let depot = depot.to_str().unwrap();
    base::depot(&folder, &["build", "release.toml", "--depot", depot, "--fast"]);
    let words = ["publish", depot, "--channel", "stable", "--release", version, "--keys", keys];
    base::depot(&folder, &words);
}
