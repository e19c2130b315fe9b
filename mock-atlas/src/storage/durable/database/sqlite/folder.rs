//! Checks the folder of a database: it must be on a local disk, and no other process may have it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use super::OpenError;
use crate::storage::disk::Disk;

/// The types of file systems on which locks and shared memory do not work as SQLite needs them, by
/// their number in `statfs`.
const NETWORK: [(u64, &str); 9] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x00c3_6400, "Ceph"),
    (0x0102_1997, "9P"),
    (0x5346_414f, "AFS"),
    (0x7375_7245, "Coda"),
    (0x6b41_4653, "AFS"),
];

/// The longest wait for a folder that another process has.
const PATIENCE: Duration = Duration::from_secs(1);

/// The time between two tries to lock a folder.
const RETRY: Duration = Duration::from_millis(10);

/// The lock on a folder, which lasts as long as this value. The system gives it back when the
/// process ends, however it ends.
#[derive(Debug)]
pub(in crate::storage::durable) struct Lock {
    /// The locked file, which holds the process id as long as the lock lasts.
    file: File,
}

impl Lock {
    /// Takes the lock on a folder, which is created if it is not there.
    ///
    /// # Errors
    /// [`OpenError::Folder`], [`OpenError::Network`] and [`OpenError::InUse`].
    pub(in crate::storage::durable) fn take(folder: &Path, disk: &Disk) -> Result<Self, OpenError> {
        let failed = |error| OpenError::Folder(folder.to_owned(), error);
        disk.create_folder(folder).map_err(failed)?;
        if let Some(name) = network_file_system(folder).map_err(failed)? {
            return Err(OpenError::Network(folder.to_owned(), name));
        }
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(folder.join("lock")).map_err(failed)?;
        let locked = lock(&file);
        let holder = read_holder(&mut file);
        match locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let folder = folder.to_owned();
                return Err(OpenError::InUse { folder, holder });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        write_holder(&mut file).map_err(failed)?;
        Ok(Self { file })
    }
}

/// Locks a file, and waits a while for one that is locked: its process may be about to end.
fn lock(file: &File) -> Result<(), TryLockError> {
    let end = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < end => thread::sleep(RETRY),
            outcome => return outcome,
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Without it, the number of this process stays, which the next one replaces.
        let _ = self.file.set_len(0);
    }
}

fn network_file_system(folder: &Path) -> io::Result<Option<&'static str>> {
    let system = rustix::fs::statfs(folder)?;
    #[allow(
        clippy::cast_sign_loss,
        clippy::unnecessary_cast,
        reason = "the type of the number depends on the platform"
    )]
    let number = system.f_type as u64;
    let known = NETWORK.iter().find(|(known, _)| *known == number);
    Ok(known.map(|(_, name)| *name))
}

fn read_holder(file: &mut File) -> String {
    let mut id = String::new();
    match file.take(20).read_to_string(&mut id) {
        Ok(_) => id.trim().to_owned(),
        Err(_) => String::new(),
    }
}

fn write_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", process::id())
}
