//! A folder that is held open. What is made in it is made there, whatever
//! becomes of its name, and on the way down no link is followed
//! (reference/trust.md L2, L7).

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, RawMode, fchmod, fstat, linkat, mkdirat, openat, symlinkat,
    unlinkat,
};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

/// What takes a name for a folder, and nothing else for one.
pub(super) const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

#[derive(Debug)]
pub(crate) struct Folder(OwnedFd);

impl Folder {
    /// The folder with this name, which is no link.
    pub(crate) fn open(path: &Path) -> io::Result<Folder> {
        Ok(Folder(openat(CWD, path, FOLDER, Mode::empty())?))
    }

    /// A new file for reading and writing, with exactly this mode; a file or link
    /// that is there is taken away. `path` has `/` between its parts.
    pub(crate) fn create(&self, path: &str, mode: u32) -> io::Result<File> {
        self.within(path, |folder, name| {
            clear(folder, name)?;
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
            let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = openat(folder, name, flags, bits(mode))?;
            fchmod(&file, bits(mode))?; // the umask took bits away
            Ok(File::from(file))
        })
    }

    /// A new folder with exactly this mode.
    pub(crate) fn make_dir(&self, path: &str, mode: u32) -> io::Result<()> {
        self.within(path, |folder, name| {
            mkdirat(folder, name, bits(mode))?;
            fchmod(openat(folder, name, FOLDER, Mode::empty())?, bits(mode))
        })
    }

    /// A new symbolic link.
    pub(crate) fn make_link(&self, path: &str, target: &Path) -> io::Result<()> {
        self.within(path, |folder, name| symlinkat(target, folder, name))
    }

    /// A new file that shares its bytes with an open one until one of them is
    /// written to, with exactly this mode; what is there is taken away.
    pub(crate) fn clone(&self, source: &File, path: &str, mode: u32) -> io::Result<File> {
        self.within(path, |folder, name| {
            clear(folder, name)?;
            let made = super::super::clone_file(source, folder, name).and_then(|file| {
                fchmod(&file, bits(mode))?;
                Ok(file)
            });
            made.inspect_err(|_| {
                // The first error counts; who makes a file here clears the place first.
                let _ = unlinkat(folder, name, AtFlags::empty());
            })
        })
    }

    /// Another name for an open file itself, not for what its name leads to now;
    /// what is there is taken away.
    pub(crate) fn hard_link(&self, source: &File, path: &str) -> io::Result<()> {
        self.within(path, |folder, name| {
            clear(folder, name)?;
            let itself = format!("/proc/self/fd/{}", source.as_raw_fd());
            linkat(CWD, itself, folder, name, AtFlags::SYMLINK_FOLLOW)?;
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let made = fstat(openat(folder, name, flags, Mode::empty())?)?;
            let wanted = fstat(source)?;
            if (made.st_dev, made.st_ino) != (wanted.st_dev, wanted.st_ino) {
                unlinkat(folder, name, AtFlags::empty())?;
                return Err(Errno::XDEV);
            }
            Ok(())
        })
    }

    /// Goes down to the folder of the last part.
    pub(super) fn within<T>(
        &self,
        path: &str,
        act: impl FnOnce(&OwnedFd, &str) -> rustix::io::Result<T>,
    ) -> io::Result<T> {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name.is_empty() || path.split('/').any(|part| part == "..") {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut folder = self.0.try_clone()?;
        for part in above.split('/').filter(|part| !part.is_empty()) {
            folder = openat(folder.as_fd(), part, FOLDER, Mode::empty())?;
        }
        Ok(act(&folder, name)?)
    }
}

/// Takes a file or link away that is in the place of a new one.
fn clear(folder: &OwnedFd, name: &str) -> rustix::io::Result<()> {
    match unlinkat(folder, name, AtFlags::empty()) {
        Err(error) if error != Errno::NOENT => Err(error),
        _ => Ok(()),
    }
}

fn bits(mode: u32) -> Mode {
    Mode::from_raw_mode(mode as RawMode)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk;
    use std::fs;
    use std::io::{Read, Seek, Write};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    #[test]
    fn what_is_made_can_be_read_back_and_has_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        folder.make_dir("a", 0o755).unwrap();
        folder.make_dir("a/b", 0o700).unwrap();
        for text in ["first", "second"] {
            let mut file = folder.create("a/b/c", 0o755).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            file.rewind().unwrap();
            let mut back = String::new();
            file.read_to_string(&mut back).unwrap();
            assert_eq!(back, text);
        }
        folder.make_link("a/l", Path::new("b/c")).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("a/l")).unwrap(), "second");
        let mode = |path: &str| fs::metadata(dir.path().join(path)).unwrap().permissions().mode();
        assert_eq!((mode("a/b/c") & 0o7777, mode("a/b") & 0o7777), (0o755, 0o700));
    }

    #[test]
    fn a_hard_link_is_to_the_file_that_was_opened_whatever_has_its_name_now() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let mut file = folder.create("from", 0o644).unwrap();
        file.write_all(b"ours").unwrap();
        fs::rename(dir.path().join("from"), dir.path().join("away")).unwrap();
        fs::write(dir.path().join("from"), "another").unwrap();
        fs::write(dir.path().join("to"), "in the way").unwrap();
        folder.hard_link(&file, "to").unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("to")).unwrap(), "ours");
        assert!(super::super::is_same_file(&file, &dir.path().join("to")).unwrap());
        assert!(folder.hard_link(&file, "no/such").is_err());
    }

    #[test]
    fn a_clone_is_a_file_of_its_own_or_none() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let mut file = folder.create("from", 0o644).unwrap();
        file.write_all(b"ours").unwrap();
        match folder.clone(&file, "to", 0o755) {
            Ok(clone) => {
                assert_eq!(fs::read_to_string(dir.path().join("to")).unwrap(), "ours");
                assert_eq!(clone.metadata().unwrap().permissions().mode() & 0o7777, 0o755);
                assert!(!super::super::is_same_file(&file, &dir.path().join("to")).unwrap());
            }
            // A file system without clones leaves nothing half made.
            Err(_) => assert!(!dir.path().join("to").exists()),
        }
    }

    #[test]
    fn no_link_is_followed_on_the_way_down() {
        let dir = tempfile::tempdir().unwrap();
        let (inside, victim) = (dir.path().join("inside"), dir.path().join("victim"));
        fs::create_dir(&inside).unwrap();
        fs::create_dir(&victim).unwrap();
        fs::write(victim.join("file"), "theirs").unwrap();
        symlink(&victim, inside.join("way")).unwrap();
        symlink(victim.join("file"), inside.join("file")).unwrap();
        symlink(&inside, dir.path().join("itself")).unwrap();
        assert!(Folder::open(&dir.path().join("itself")).is_err());
        let folder = Folder::open(&inside).unwrap();
        assert!(folder.create("way/new", 0o644).is_err());
        assert!(folder.make_dir("way/new", 0o755).is_err());
        assert!(folder.make_link("way/new", Path::new("x")).is_err());
        assert!(folder.create("../victim/new", 0o644).is_err());
        // The link itself goes; what it leads to stays.
        folder.create("file", 0o600).unwrap().write_all(b"ours").unwrap();
        assert_eq!(fs::read_to_string(victim.join("file")).unwrap(), "theirs");
        assert_eq!(fs::read_to_string(inside.join("file")).unwrap(), "ours");
        assert_eq!(fs::read_dir(&victim).unwrap().count(), 1);
    }

    /// Far longer than it takes both to have their turns.
    const ENOUGH: Duration = Duration::from_secs(60);

    /// Ends the racer, also when a test fails.
    struct Ends<'a>(&'a AtomicBool);

    impl Drop for Ends<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// Exchanges `a` and `b` until `work` is done; how often.
    fn exchanging(a: &Path, b: &Path, work: impl FnOnce()) -> u32 {
        let (stop, aside) = (AtomicBool::new(false), a.with_extension("aside"));
        std::thread::scope(|scope| {
            let racer = scope.spawn(|| {
                let mut count = 0;
                while !stop.load(Ordering::Relaxed) {
                    // One by one: each may be gone at any moment.
                    let moved = fs::rename(a, &aside).is_ok() && fs::rename(b, a).is_ok();
                    let back = fs::rename(a, b).is_ok() && fs::rename(&aside, a).is_ok();
                    count += u32::from(moved && back);
                }
                count
            });
            let ends = Ends(&stop);
            work();
            drop(ends);
            racer.join().unwrap()
        })
    }

    #[test]
    fn a_racer_who_puts_a_link_in_the_middle_of_a_tree_gets_nothing_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, victim) = (dir.path().join("tree"), dir.path().join("victim"));
        let (sub, link) = (tree.join("sub"), dir.path().join("link"));
        fs::create_dir_all(victim.join("deep")).unwrap();
        for name in ["0", "1", "deep/2"] {
            fs::write(victim.join(name), "theirs").unwrap();
        }
        symlink(&victim, &link).unwrap();
        let mut removed = 0;
        let swaps = exchanging(&sub, &link, || {
            let until = Instant::now() + ENOUGH;
            while removed < 100 && Instant::now() < until {
                // What the racer left of the round before goes first.
                removed += u32::from(disk::remove_tree(&tree).is_ok());
                let _ = fs::create_dir_all(sub.join("deep"));
                for name in ["0", "1", "deep/2"] {
                    let _ = File::options().write(true).create_new(true).open(tree.join(name));
                }
            }
        });
        assert!(removed > 20, "{removed} removed, {swaps} swaps");
        for name in ["0", "1", "deep/2"] {
            assert_eq!(fs::read_to_string(victim.join(name)).unwrap(), "theirs", "{name}");
        }
    }

    #[test]
    fn a_racer_who_puts_a_link_in_the_way_gets_no_file_made_behind_it() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, victim) = (dir.path().join("tree"), dir.path().join("victim"));
        let (sub, link) = (tree.join("sub"), dir.path().join("link"));
        fs::create_dir_all(&sub).unwrap();
        fs::create_dir(&victim).unwrap();
        symlink(&victim, &link).unwrap();
        let folder = Folder::open(&tree).unwrap();
        let (mut made, mut refused) = (0, 0);
        let swaps = exchanging(&sub, &link, || {
            let until = Instant::now() + ENOUGH;
            // Who is faster is the machine's choice: until both have had their turns.
            while (made < 5_000 || refused < 500) && Instant::now() < until {
                let created = folder.create(&format!("sub/{}", made % 7), 0o644).is_ok();
                *(if created { &mut made } else { &mut refused }) += 1;
            }
        });
        assert!(made > 100 && swaps > 10, "{made} made, {refused} refused, {swaps} swaps");
        assert_eq!(fs::read_dir(&victim).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_was_exchanged_is_still_the_one_that_was_opened() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, victim) = (dir.path().join("ours"), dir.path().join("victim"));
        fs::create_dir(&ours).unwrap();
        fs::create_dir(&victim).unwrap();
        let folder = Folder::open(&ours).unwrap();
        fs::rename(&ours, dir.path().join("away")).unwrap();
        symlink(&victim, &ours).unwrap();
        folder.create("file", 0o644).unwrap();
        assert_eq!(fs::read_dir(&victim).unwrap().count(), 0);
        assert!(dir.path().join("away/file").exists());
    }
}
