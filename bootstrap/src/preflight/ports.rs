//! Who has the app's port. Reads what `/proc/net/tcp` and `/proc/net/tcp6` say
//! (proc(5)); opens nothing.

use super::{Facts, Finding, Word};

/// Who has the port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holder {
    /// Its process, where it may be seen.
    pub pid: Option<u32>,
    /// The name of its program.
    pub name: Option<String>,
    /// Whose it is.
    pub uid: Option<u32>,
}

/// A socket that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listener {
    pub(super) uid: u32,
    pub(super) inode: u64,
}

/// In the state column.
const LISTEN: &str = "0A";

/// The sockets of a table that listen on this port, at any address: one that is bound
/// to a single address leaves the port to nobody who wants all of them.
pub(super) fn listeners(table: &str, port: u16) -> Vec<Listener> {
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (_, local) = words.get(1)?.rsplit_once(':')?;
        let listens = *words.get(3)? == LISTEN && u16::from_str_radix(local, 16).ok()? == port;
        let (uid, inode) = (words.get(7)?.parse().ok()?, words.get(9)?.parse().ok()?);
        listens.then_some(Listener { uid, inode })
    };
    table.lines().filter_map(line).collect()
}

/// The socket that an open file of a process is, by where its link leads.
pub(super) fn socket(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

pub(super) fn judge(facts: &Facts) -> Option<Finding> {
    let (port, holder) = (facts.port, facts.holder.as_ref()?);
    let who = match (&holder.name, holder.pid, holder.uid) {
        (Some(name), Some(pid), _) => format!("by `{name}` (process {pid})"),
        (_, _, Some(uid)) => format!("by a program of user {uid}, which this user may not see"),
        _ => "by another program".to_owned(),
    };
    let what = format!("port {port}, on which the app answers, is in use {who}");
    let end = holder.pid.map(|pid| format!("`kill {pid}`")).unwrap_or_else(|| "it".to_owned());
    let hint = format!("end {end} before you start the app, or set OFFGRID_PORT in offgrid.env");
    Some(Finding::new(Word::Warn("W_PORT"), what, hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2D5B 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 34312 1 0 100 0 0 10 0
   1: 0100007F:2D5B 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 34399 1 0 20 4 30 10 -1
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21000 1 0 100 0 0 10 0
   3: torn
";
    const TCP6: &str = "\
   0: 00000000000000000000000000000000:2D5B 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000   998        0 7 1 0 100 0 0 10 0
";

    #[test]
    fn only_who_listens_on_the_port_has_it() {
        assert_eq!(listeners(TCP, 11611), [Listener { uid: 1000, inode: 34312 }]);
        assert_eq!(listeners(TCP6, 11611), [Listener { uid: 998, inode: 7 }]);
        assert_eq!(listeners(TCP, 22).len(), 1);
        assert_eq!(listeners(TCP, 50000), []);
        assert_eq!(listeners("", 11611), []);
        assert_eq!(socket("socket:[34312]"), Some(34312));
        for other in ["pipe:[1]", "socket:[", "socket:[x]", "/dev/null"] {
            assert_eq!(socket(other), None, "{other}");
        }
    }

    #[test]
    fn who_is_named_as_far_as_it_is_known() {
        let said = |holder| {
            let facts = Facts { port: 11611, holder, ..Facts::default() };
            judge(&facts).map(|finding| finding.line())
        };
        assert_eq!(said(None), None);
        let (pid, name, uid) = (Some(7), Some("python3".to_owned()), Some(1000));
        let known = said(Some(Holder { pid, name, uid })).unwrap();
        assert!(known.contains("`python3` (process 7)") && known.contains("`kill 7`"), "{known}");
        let other = said(Some(Holder { uid, ..Holder::default() })).unwrap();
        assert!(other.contains("user 1000") && other.contains("OFFGRID_PORT"), "{other}");
        assert!(said(Some(Holder::default())).unwrap().contains("another program"));
    }
}
