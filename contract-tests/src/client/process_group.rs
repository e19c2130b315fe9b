//! A process group holds a command and the processes that it started.

use tokio::process::{Child, Command};

/// The group has the processes of a command, but those that left it. Dropped, it kills them.
#[derive(Default)]
pub(super) struct ProcessGroup(#[cfg(unix)] Option<rustix::process::Pid>);

impl ProcessGroup {
    /// Gives a command a group of its own, before it starts.
    pub(super) fn prepare(command: &mut Command) {
        #[cfg(unix)]
        command.process_group(0);
        #[cfg(not(unix))]
        let _ = command;
    }

    /// Returns the group of a command that was prepared and has started.
    #[cfg(unix)]
    pub(super) fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(rustix::process::Pid::from_raw))
    }

    /// There are no groups here: the command alone is killed.
    #[cfg(not(unix))]
    pub(super) fn of(_: &Child) -> Self {
        Self::default()
    }

    /// Lets go of a group whose command has ended by itself: its number may soon be another's.
    pub(super) fn has_ended(mut self) {
        #[cfg(unix)]
        self.0.take();
    }
}

#[cfg(unix)]
impl Drop for ProcessGroup {
    fn drop(&mut self) {
        use rustix::process::{Signal, kill_process_group};
        if let Some(leader) = self.0 {
            // All of them may have ended.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}
