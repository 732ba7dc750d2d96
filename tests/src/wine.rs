//! Programs for Windows under wine, in a home of its own. What wine 8 lacks is made of
//! the C files beside this one: `bcryptprimitives.dll`, which every program of ours
//! needs, and stand-ins for what there is of graphics.

use crate::{World, base, programs};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The newest build for Windows; the reason is printed when there is none.
pub fn program() -> Option<PathBuf> {
    let of = |profile: &str| format!("target/x86_64-pc-windows-gnu/{profile}/offgrid-setup.exe");
    let built = [of("dist"), of("release"), of("debug")];
    let all = built.into_iter().chain(["dist/offgrid-setup-windows-x86_64.exe".to_owned()]);
    let existing = all.map(|path| programs::repo().join(path)).filter(|path| path.exists());
    let newest = existing.max_by_key(|path| path.metadata().unwrap().modified().unwrap());
    if newest.is_none() {
        eprintln!(
            "skipped: no program for Windows here: \
             cargo build -p offgrid-setup --target x86_64-pc-windows-gnu"
        );
    }
    newest
}

/// A program for Windows as the depot of this world hands it out.
pub fn stamped(world: &World, program: &Path) -> PathBuf {
    let folder = world.path("downloads");
    fs::create_dir_all(&folder).unwrap();
    let (root, out) = (world.depot().join("root/1.json"), folder.join("offgrid-setup.exe"));
    let words = ["stamp", program.to_str().unwrap(), "--root", root.to_str().unwrap()];
    let more = ["--source", "http://127.0.0.1:9/", "-o", out.to_str().unwrap()];
    base::depot(&world.path(""), &[&words[..], &more[..]].concat());
    out
}

/// Makes a library of this source; `None` where there is no compiler for Windows.
pub fn library(world: &World, source: &str, out: &Path) -> Option<()> {
    let file = world.path("library.c");
    fs::write(&file, source).unwrap();
    let mut gcc = Command::new("x86_64-w64-mingw32-gcc");
    let made = gcc.args(["-shared", "-Os", "-s", "-o"]).arg(out).arg(file).arg("-ladvapi32");
    made.status().ok().filter(std::process::ExitStatus::success).map(drop)
}

/// One home, in which its server ends with the value.
pub struct Wine<'a> {
    world: &'a World,
    program: &'static Path,
}

impl<'a> Wine<'a> {
    /// The reason is printed when there is no wine, or it does not work here.
    pub fn new(world: &'a World) -> Option<Wine<'a>> {
        let made = Wine::make(world);
        if let Err(why) = &made {
            eprintln!("skipped: {why}");
        }
        made.ok()
    }

    fn make(world: &'a World) -> Result<Wine<'a>, &'static str> {
        const PROGRAMS: [&str; 2] = ["/usr/lib/wine/wine64", "/usr/bin/wine64"];
        let program = PROGRAMS.into_iter().map(Path::new).find(|path| path.exists());
        let program = program.ok_or("there is no wine64 (Debian: wine64)")?;
        let wine = Wine { world, program };
        fs::create_dir(wine.prefix()).unwrap();
        let booted = wine.command(Path::new("wineboot"), &["-i"]).output();
        if !booted.is_ok_and(|output| output.status.success()) || !wine.system().is_dir() {
            return Err("wine makes no prefix here");
        }
        wine.bring("bcryptprimitives.dll", include_str!("wine/bcryptprimitives.c"))?;
        Ok(wine)
    }

    /// Puts stand-ins for what Windows knows of graphics in the place of wine's own.
    /// They are used where `WINEDLLOVERRIDES` says `dxgi,cfgmgr32=n`.
    ///
    /// The first program of a server enters a display of wine's own into the registry,
    /// in the place of any other, so from now on one server stays.
    pub fn bring_graphics(&self) {
        self.bring("dxgi.dll", include_str!("wine/dxgi.c")).unwrap();
        self.bring("cfgmgr32.dll", include_str!("wine/cfgmgr32.c")).unwrap();
        self.end();
        self.server(&["-w"]);
        // For as many seconds without a program, should nobody end it.
        self.server(&["-p60"]);
        // What the first one starts stays with the server, and keeps its outputs open.
        let mut first = self.command(Path::new("reg"), &["query", r"HKLM\SOFTWARE"]);
        let ended = first.stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(ended.unwrap().success(), "wine cannot read its registry");
    }

    fn bring(&self, name: &str, source: &str) -> Result<(), &'static str> {
        library(self.world, source, &self.system().join(name))
            .ok_or("there is no x86_64-w64-mingw32-gcc (Debian: gcc-mingw-w64-x86-64-posix)")
    }

    fn prefix(&self) -> PathBuf {
        self.world.path("wine")
    }

    /// Its `System32`.
    pub fn system(&self) -> PathBuf {
        self.prefix().join("drive_c/windows/system32")
    }

    /// A program of Windows with these words.
    pub fn command(&self, program: &Path, words: &[&str]) -> Command {
        let mut command = self.world.command(self.program);
        command.env("WINEPREFIX", self.prefix()).env("WINEDEBUG", "-all");
        // No windows, no questions about what else could be installed.
        command.env("WINEDLLOVERRIDES", "mscoree,mshtml=d").arg(program).args(words);
        command
    }

    /// A path of this system, as a program of Windows names it.
    pub fn name(path: &Path) -> String {
        format!("Z:{}", path.to_str().unwrap().replace('/', "\\"))
    }

    /// Ends its server, which outlives the programs for a while and writes meanwhile.
    pub fn end(&self) {
        self.server(&["-k"]);
    }

    fn server(&self, words: &[&str]) {
        let mut server = self.world.command("/usr/lib/wine/wineserver");
        let ended = server.args(words).env("WINEPREFIX", self.prefix()).status();
        if let Err(why) = ended {
            eprintln!("wine's server with {words:?}: {why}");
        }
    }
}

impl Drop for Wine<'_> {
    fn drop(&mut self) {
        self.end();
    }
}
