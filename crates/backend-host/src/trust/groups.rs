//! Groups that are one user's alone: Debian, Ubuntu and Fedora give each user one, with umask 002, so that what the user
//! builds is group-writable and still nobody else's. Read from /etc/group and /etc/passwd; a group that is not there
//! (LDAP) is never taken for private.

use std::sync::OnceLock;

/// Whether only the user with `uid` is in the group.
pub(super) fn is_private_to(gid: u32, uid: u32) -> bool {
    static FILES: OnceLock<(String, String)> = OnceLock::new();
    let (group, passwd) = FILES.get_or_init(|| {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        (read("/etc/group"), read("/etc/passwd"))
    });
    private(group, passwd, gid, uid)
}

fn private(group: &str, passwd: &str, gid: u32, uid: u32) -> bool {
    // root's group is everybody's idea of a system group, never a private one.
    if gid == 0 {
        return uid == 0 && members(group, gid).is_some_and(|m| m.is_empty());
    }
    let users: Vec<Vec<&str>> = passwd.lines().map(|l| l.split(':').collect()).collect();
    let Some(me) = users.iter().find(|u| number(u, 2) == Some(uid)) else { return false };
    let Some(members) = members(group, gid) else { return false };
    let only_me = members.iter().all(|m| Some(m) == me.first());
    let primary_of_others = users.iter().any(|u| number(u, 3) == Some(gid) && number(u, 2) != Some(uid));
    only_me && !primary_of_others && (number(me, 3) == Some(gid) || !members.is_empty())
}

fn members(group: &str, gid: u32) -> Option<Vec<&str>> {
    let line = group.lines().map(|l| l.split(':').collect::<Vec<_>>()).find(|g| number(g, 2) == Some(gid))?;
    Some(line.get(3)?.split(',').filter(|m| !m.is_empty()).collect())
}

fn number(fields: &[&str], i: usize) -> Option<u32> {
    fields.get(i)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\ncy:x:1002:100::/:/bin/sh\n";
    const GROUP: &str = "root:x:0:\nusers:x:100:\nann:x:1000:\nbob:x:1001:ann\nstaff:x:50:ann,bob\n";

    #[test]
    fn only_a_group_of_one_is_private() {
        assert!(private(GROUP, PASSWD, 1000, 1000), "ann's own");
        assert!(!private(GROUP, PASSWD, 1000, 1001), "not bob's");
        assert!(!private(GROUP, PASSWD, 1001, 1001), "ann is in bob's group");
        assert!(!private(GROUP, PASSWD, 50, 1000), "a shared group");
        assert!(!private(GROUP, PASSWD, 100, 1000), "another user's primary group");
        assert!(!private(GROUP, PASSWD, 4242, 1000), "unknown group");
        assert!(private(GROUP, PASSWD, 0, 0) && !private(GROUP, PASSWD, 0, 1000));
    }
}
