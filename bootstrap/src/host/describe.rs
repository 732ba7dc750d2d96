//! The facts as lines for people. Prints nothing: `report` does.

use super::{Host, LibcKind, Os};

const UNKNOWN: &str = "unknown";

impl Host {
    /// Label and value of each line, in order. What does not apply to this
    /// machine has no line; what could not be read says `unknown`.
    pub fn describe(&self) -> Vec<(String, String)> {
        let or_unknown = |text: Option<String>| text.unwrap_or_else(|| UNKNOWN.to_owned());
        let name = or_unknown(self.os_name.clone().or_else(|| Some(self.os?.name().to_owned())));
        let mut lines = vec![
            ("System", format!("{name} ({})", or_unknown(self.target_name()))),
            ("Kernel", or_unknown(self.kernel.clone())),
        ];
        if self.arch.is_some() && self.native_arch.is_some() && self.arch != self.native_arch {
            let arch = self.arch.map_or(UNKNOWN, |arch| arch.name());
            lines.push(("Runs as", format!("{arch}, translated")));
        }
        if self.os == Some(Os::Linux) {
            lines.push(("C library", or_unknown(self.libc_line())));
        }
        lines.push(("Processor", self.cpu_line()));
        lines.push(("Memory", or_unknown(self.memory_bytes.map(gibibytes))));
        lines.extend(self.memory_limit.map(|limit| ("Memory limit", gibibytes(limit))));
        lines.extend(self.gpu_lines());
        if let Some(jetson) = &self.jetson {
            let model = jetson.model.clone().unwrap_or_else(|| "yes".to_owned());
            lines.push(("Jetson", format!("{model}, L4T {}", or_unknown(jetson.l4t.clone()))));
        }
        lines.extend(self.special_lines());
        lines.extend(self.wsl.map(|version| ("WSL", version.to_string())));
        lines.extend(self.container.clone().map(|kind| ("Container", kind)));
        lines.push(("Init", or_unknown(self.init.clone())));
        let elevated = match self.elevated {
            Some(true) => "yes",
            Some(false) => "no",
            None => UNKNOWN,
        };
        lines.push(("Administrator", elevated.to_owned()));
        lines.into_iter().map(|(label, value)| (label.to_owned(), value)).collect()
    }

    /// What most machines do not have; a Jetson has said its model.
    fn special_lines(&self) -> Vec<(&'static str, String)> {
        let board = self.board.clone().filter(|_| self.jetson.is_none());
        let pages = self.page_bytes.filter(|bytes| *bytes != 4096);
        let mut lines = Vec::new();
        lines.extend(board.map(|board| ("Board", board)));
        lines.extend(pages.map(|bytes| ("Memory pages", format!("{} KiB", bytes >> 10))));
        lines.extend(self.build.map(|build| ("Built as", build.name().to_owned())));
        lines.extend(self.selinux.map(|found| ("SELinux", found.name().to_owned())));
        lines
    }

    fn libc_line(&self) -> Option<String> {
        let libc = self.libc.as_ref()?;
        let version = libc.version.as_deref().unwrap_or("of unknown version");
        Some(format!("{} {version}", LibcKind::name(libc.kind)))
    }

    /// A line for each GPU, and one for why it cannot be used.
    fn gpu_lines(&self) -> Vec<(&'static str, String)> {
        if self.gpus.is_empty() {
            return vec![("GPU", "none found".to_owned())];
        }
        let mut lines = Vec::new();
        for gpu in &self.gpus {
            let name = gpu.name.clone().or_else(|| gpu.pci.clone());
            let name = name.unwrap_or_else(|| "of unknown name".to_owned());
            let mut facts = vec![gpu.vendor.clone()];
            facts.extend(gpu.driver.as_ref().map(|driver| format!("driver {driver}")));
            facts.extend(gpu.compute.as_ref().map(|compute| format!("compute {compute}")));
            facts.extend(gpu.gfx.clone());
            facts.extend(gpu.vram_bytes.map(gibibytes));
            facts.extend((gpu.integrated == Some(true)).then(|| "integrated".to_owned()));
            lines.push(("GPU", format!("{name} ({})", facts.join(", "))));
            lines.extend(gpu.why_not.as_ref().map(|why| ("", format!("not usable: {why}"))));
        }
        lines
    }

    fn cpu_line(&self) -> String {
        let name = self.cpu.name.as_deref().unwrap_or(UNKNOWN);
        match self.cpu.cores {
            Some(1) => format!("{name}, 1 core"),
            Some(cores) => format!("{name}, {cores} cores"),
            None => name.to_owned(),
        }
    }
}

fn gibibytes(bytes: u64) -> String {
    let tenths = bytes / ((1 << 30) / 10);
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}
