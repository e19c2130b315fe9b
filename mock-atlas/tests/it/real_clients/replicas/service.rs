//! Runs a program in a process group of its own, so that a signal reaches all that it has started.

use std::sync::Mutex;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

/// A program that can be killed and started again.
pub(super) struct Service {
    make: Box<dyn Fn() -> Command + Send + Sync>,
    group: Mutex<Option<Pid>>,
}

impl Service {
    pub(super) fn new(make: impl Fn() -> Command + Send + Sync + 'static) -> Self {
        Self {
            make: Box::new(make),
            group: Mutex::new(None),
        }
    }

    /// Starts the program. The caller reads its output and awaits its end.
    pub(super) fn start(&self) -> Child {
        let child = (self.make)().process_group(0).spawn().unwrap();
        let id = child.id().unwrap().try_into().unwrap();
        *self.group.lock().unwrap() = Pid::from_raw(id);
        child
    }

    /// Sends a signal to the program and to all that it has started.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(group) = *self.group.lock().unwrap() {
            // The group may have ended by itself.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
