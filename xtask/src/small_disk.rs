//! A disk that is soon full.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::shell::target;

/// A file system of 200 kB, there until it is dropped.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where this user may not mount one.
    pub(crate) fn mount() -> Option<Self> {
        let disk = Self(target().join("xtask/small-disk"));
        std::fs::create_dir_all(&disk.0).ok()?;
        // One that a run left behind which was killed.
        disk.unmount();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=200k", "tmpfs"]).arg(&disk.0);
        succeeds(&mut mount).then_some(disk)
    }

    pub(crate) fn path(&self) -> &PathBuf {
        &self.0
    }

    fn unmount(&self) -> bool {
        succeeds(Command::new("umount").arg(&self.0))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        self.unmount();
    }
}

fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}
