//! File systems of a campaign's own, in a mount namespace of its own: nobody else sees them, and with the last process of
//! the campaign they are gone, however it ended. So are the loop devices below them.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

/// Says to this program that it runs in a namespace of its own already.
const APART: &str = "MINUTEBOOK_FAULTS_APART";
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// Starts this program again, as it was started, in a mount namespace of its own. Where that is not allowed it goes on
/// as it is, and [`refusal`] says why nothing can be mounted.
pub(crate) fn enter() {
    if std::env::var_os(APART).is_some() || !unshare().arg("true").output().is_ok_and(|output| output.status.success())
    {
        return;
    }
    let Ok(own) = std::env::current_exe() else { return };
    // It comes back only where it failed, and then nothing has changed.
    let _ = unshare().arg(own).args(std::env::args_os().skip(1)).env(APART, "1").exec();
}

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "--"]);
    command
}

/// Why nothing can be mounted, if nothing can.
pub(crate) fn refusal() -> Option<String> {
    std::env::var_os(APART).is_none().then(|| "it needs root and unshare, to mount file systems of its own".to_owned())
}

/// Runs a tool of the system to its end.
pub(crate) fn run(command: &mut Command) -> Result<Output> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim_end());
    Ok(output)
}

/// Is a tool of the system there?
pub(crate) fn has(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(tool).is_file())
}

/// A file system that is unmounted when it is let go of.
#[derive(Debug)]
pub(crate) struct Mounted(Option<PathBuf>);

impl Mounted {
    /// Mounts the ext4 of an image.
    pub(crate) fn image(image: &Path, at: &Path) -> Result<Self> {
        run(Command::new("mount").args(["-t", "ext4", "-o", "loop"]).arg(image).arg(at))?;
        Ok(Self(Some(at.into())))
    }

    /// Mounts an empty file system in memory, of so many bytes.
    pub(crate) fn memory(bytes: u64, at: &Path) -> Result<Self> {
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"]).arg(at))?;
        Ok(Self(Some(at.into())))
    }

    /// Unmounts it. What had files open there must have ended.
    pub(crate) fn unmount(mut self) -> Result<()> {
        let Some(at) = self.0.clone() else { return Ok(()) };
        for _ in 0..TRIES {
            if run(Command::new("umount").arg(&at)).is_ok() {
                self.0 = None;
                return Ok(());
            }
            // The system lets go of the files of a process a moment after it has ended.
            thread::sleep(PAUSE);
        }
        bail!("`{}` cannot be unmounted", at.display())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if let Some(at) = &self.0 {
            // Whatever is still open there, nobody finds it any more.
            let _ = Command::new("umount").arg("--lazy").arg(at).output();
        }
    }
}
