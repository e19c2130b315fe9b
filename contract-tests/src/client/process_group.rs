//! A process group contains a command and the processes that it started.

use tokio::process::{Child, Command};

/// A `ProcessGroup` kills the processes of a command when it is dropped, except those that left the group.
#[derive(Default)]
pub(super) struct ProcessGroup(#[cfg(unix)] Option<rustix::process::Pid>);

impl ProcessGroup {
    /// Configures a command that has not started to run in its own group.
    pub(super) fn prepare(command: &mut Command) {
        #[cfg(unix)]
        command.process_group(0);
        #[cfg(not(unix))]
        let _ = command;
    }

    /// Returns the group of a started command that was prepared.
    #[cfg(unix)]
    pub(super) fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(rustix::process::Pid::from_raw))
    }

    /// Returns an empty group: this system has no groups, and only the command itself is killed.
    #[cfg(not(unix))]
    pub(super) fn of(_: &Child) -> Self {
        Self::default()
    }

    /// Releases the group of a command that has ended by itself, since its id may be reused.
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
            // This fails when all processes have ended.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}
