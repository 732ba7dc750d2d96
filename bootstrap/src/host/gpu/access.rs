//! Who may use a device node. The service's user counts, not who asks: being
//! there is not being usable.

use super::super::Fault;
use super::super::captured::{DevNode, User};
use super::super::tree::Tree;
use crate::platform;

/// The rights that matter on this machine.
pub(super) struct Access<'a> {
    tree: &'a Tree,
    user: Option<User>,
    nodes: Vec<DevNode>,
}

/// Whose groups the service gets besides its user's own.
const GROUPS: [&str; 2] = ["render", "video"];

impl<'a> Access<'a> {
    pub(super) fn of(tree: &'a Tree) -> Access<'a> {
        let (user, nodes) = if tree.is_live() {
            (live_user(tree), Vec::new())
        } else {
            let nodes = tree.captured("dev").map(|text| DevNode::parse_all(&text));
            let user = tree.captured("user").as_deref().and_then(User::parse);
            (user, nodes.unwrap_or_default())
        };
        if let Some(user) = &user {
            tree.say("user", || user.to_string());
        }
        Access { tree, user, nodes }
    }

    /// The user that was assumed, for the evidence.
    pub(super) fn user(&self) -> String {
        match &self.user {
            Some(user) => format!("uid {}, groups {:?}", user.uid, user.groups),
            None => "not known".to_owned(),
        }
    }

    /// Whether the tree shows device nodes at all; a captured one may leave them
    /// out, and then a missing one says nothing.
    pub(super) fn are_shown(&self) -> bool {
        let is_folder = self.tree.is_dir("/dev");
        self.tree.is_live() || !self.nodes.is_empty() || is_folder
    }

    pub(super) fn exists(&self, path: &str) -> bool {
        let node = self.nodes.iter().find(|node| node.path == path);
        if let Some(node) = node {
            self.tree.say("dev", || node.to_string());
        }
        node.is_some() || self.tree.exists(path)
    }

    /// Why the service's user cannot read and write this node; `None` when it can
    /// or when nothing says that it cannot.
    pub(super) fn why_not(&self, path: &str) -> Option<(Fault, String)> {
        let user = self.user.as_ref()?;
        let node = self.node(path)?;
        let groups = &user.groups;
        // As the kernel decides: the first that matches, owner, group or others.
        let bits = if user.uid == node.uid {
            node.mode >> 6
        } else if groups.contains(&node.gid) {
            node.mode >> 3
        } else {
            node.mode
        };
        let listed = self.tree.is_live() && platform::may_use(path) == Some(true);
        // By a list of rights that the mode does not show.
        let shown = DevNode { mode: if listed { 0o666 } else { node.mode }, ..node.clone() };
        self.tree.say("dev", || shown.to_string());
        if user.uid == 0 || bits & 0o6 == 0o6 || listed {
            return None;
        }
        let group = self.group_name(node.gid);
        Some(match node.mode >> 3 & 0o6 == 0o6 && !groups.contains(&node.gid) {
            true => (
                Fault::Group,
                format!(
                    "{path} is only for the group {group}, and the service's user is not in it: \
                     `sudo usermod -aG {group} USER`, then log in again"
                ),
            ),
            false => (Fault::Rights, format!("the service's user may not read and write {path}")),
        })
    }

    fn node(&self, path: &str) -> Option<DevNode> {
        if !self.tree.is_live() {
            return self.nodes.iter().find(|node| node.path == path).cloned();
        }
        let (mode, uid, gid) = platform::rights_of(path)?;
        Some(DevNode { path: path.to_owned(), mode, uid, gid })
    }

    fn group_name(&self, gid: u32) -> String {
        let groups = self.tree.text("/etc/group").unwrap_or_default();
        name_of(&groups, gid).unwrap_or_else(|| gid.to_string())
    }
}

/// Of the running machine: who we are, or for root the service's own user, who
/// is nobody else and has the groups of graphics.
fn live_user(tree: &Tree) -> Option<User> {
    let (uid, groups) = platform::user()?;
    if uid != 0 {
        return Some(User { uid, groups });
    }
    let file = tree.text("/etc/group").unwrap_or_default();
    let groups = GROUPS.iter().filter_map(|name| gid_of(&file, name)).collect();
    Some(User { uid: u32::MAX, groups })
}

/// `render:x:109:` of `/etc/group`.
fn lines(file: &str) -> impl Iterator<Item = (&str, u32)> {
    file.lines().filter_map(|line| {
        let mut fields = line.split(':');
        Some((fields.next()?, fields.nth(1)?.parse().ok()?))
    })
}

fn gid_of(file: &str, name: &str) -> Option<u32> {
    lines(file).find(|(found, _)| *found == name).map(|(_, gid)| gid)
}

fn name_of(file: &str, gid: u32) -> Option<String> {
    let plain = |name: &&str| name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c));
    lines(file)
        .find(|(_, found)| *found == gid)
        .map(|(name, _)| name)
        .filter(plain)
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn why(mode: &str, user: &str) -> Option<String> {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(".setup")).unwrap();
        fs::create_dir_all(dir.path().join("etc")).unwrap();
        fs::write(dir.path().join(".setup/dev"), format!("/dev/kfd {mode}\n")).unwrap();
        fs::write(dir.path().join(".setup/user"), user).unwrap();
        fs::write(dir.path().join("etc/group"), "root:x:0:\nrender:x:109:\nbad name:x:7:\n")
            .unwrap();
        let tree = Tree::sysroot(dir.path()).unwrap();
        Access::of(&tree).why_not("/dev/kfd").map(|(_, why)| why)
    }

    #[test]
    fn owner_group_and_others_are_asked_in_this_order() {
        assert_eq!(why("0660 0 109", "998 998,109"), None);
        assert_eq!(why("0666 0 109", "998 998"), None);
        assert_eq!(why("0600 998 0", "998"), None);
        assert_eq!(why("0600 0 0", "0"), None, "root may");
        let group = why("0660 0 109", "998 998,44").unwrap();
        assert!(group.contains("the group render") && group.contains("usermod"), "{group}");
        assert!(why("0660 0 7", "998").unwrap().contains("the group 7"));
        // A member of a group without rights may not, although others may.
        assert!(why("0606 0 109", "998 109").unwrap().contains("may not"));
        assert!(why("0600 0 0", "998").unwrap().contains("may not"));
    }

    #[test]
    fn what_is_not_listed_is_open_to_all() {
        let dir = tempfile::tempdir().unwrap();
        let tree = Tree::sysroot(dir.path()).unwrap();
        let access = Access::of(&tree);
        assert_eq!(access.why_not("/dev/dri/renderD128"), None);
        assert!(!access.are_shown());
    }
}
