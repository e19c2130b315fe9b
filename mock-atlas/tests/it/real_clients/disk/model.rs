//! A model of a disk: what a recording has written, and what the disk may hold of it after a loss of power.
//!
//! Only what an fsync has brought to disk is certain: the bytes of a file by that of the file, its name by that
//! of its folder. Everything else may be there or not, in any mixture, and a write in parts of 512 bytes.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use super::trace::{Call, Trace, descriptor};

const SECTOR: usize = 512;

/// A file or a folder by its number, in the order of their creation.
type Id = usize;

/// The folder that exists before the recording.
const ROOT: Id = 0;

/// The descriptors of a process: each with its file or folder, and the place at which it writes next.
type Descriptors = HashMap<i32, (Id, usize)>;

#[derive(Debug)]
enum Change {
    Write {
        at: usize,
        bytes: Vec<u8>,
    },
    Truncate {
        len: usize,
    },
    /// A name in a folder, for a file or a folder.
    Name {
        name: String,
        of: Id,
    },
    Unname {
        name: String,
    },
    Rename {
        from: String,
        to: String,
    },
}

/// A change of a file or a folder.
struct Event {
    of: Id,
    change: Change,
    begun: usize,
    ended: usize,
    /// The moment from which it is certain: the end of the first fsync that began after it.
    certain: Option<usize>,
}

/// Says what becomes of changes that are not certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// All are lost.
    Dropped,
    /// Some are lost.
    Mixed,
    /// Some are lost, and of writes some sectors.
    Torn,
    /// All are kept, as when only the process is killed.
    Kept,
}

/// A disk with the history of its changes.
pub(super) struct Disk {
    root: String,
    /// The names that exist now: full paths.
    names: HashMap<String, Id>,
    folders: Vec<bool>,
    /// The name under which each was first known.
    labels: Vec<String>,
    events: Vec<Event>,
    syncs: Vec<(Id, usize, usize)>,
    /// The time of each moment, in seconds since 1970.
    pub(super) times: Vec<f64>,
}

impl Disk {
    pub(super) fn new(root: &Path) -> Self {
        let root = root.to_str().unwrap().to_owned();
        Self {
            names: HashMap::from([(root.clone(), ROOT)]),
            folders: vec![true],
            labels: vec![String::new()],
            root,
            events: Vec::new(),
            syncs: Vec::new(),
            times: Vec::new(),
        }
    }

    /// Adds what a process has done, after what other processes have done before.
    pub(super) fn add(&mut self, trace: Trace) {
        let before = self.times.len();
        let mut descriptors = HashMap::new();
        for call in &trace.calls {
            self.apply(call, before, &mut descriptors);
        }
        self.times.extend(trace.times);
    }

    fn apply(&mut self, call: &Call, before: usize, descriptors: &mut Descriptors) {
        let moments = (before + call.begun, before + call.ended);
        let (number, path) = descriptor(&call.arguments[0]);
        let file = path.starts_with(&self.root).then(|| descriptors[&number].0);
        let mut change = |of: Id, change| {
            self.events.push(Event {
                of,
                change,
                begun: moments.0,
                ended: moments.1,
                certain: None,
            })
        };
        match call.name.as_str() {
            "openat" => self.open(call, moments, descriptors),
            "pwrite64" => {
                if let Some(id) = file {
                    let (at, mut bytes) = (call.number(3) as usize, call.bytes(1));
                    bytes.truncate(call.result.parse().unwrap());
                    change(id, Change::Write { at, bytes });
                }
            }
            "ftruncate" => {
                if let Some(id) = file {
                    let len = call.number(1) as usize;
                    change(id, Change::Truncate { len });
                }
            }
            "fsync" | "fdatasync" => {
                if let Some(id) = file {
                    self.syncs.push((id, moments.0, moments.1));
                }
            }
            "write" => {
                if let Some(id) = file {
                    let (bytes, place) = (call.bytes(1), descriptors.entry(number).or_default());
                    let at = place.1;
                    place.1 += bytes.len();
                    // The number of the process is for people: it was read before, and nothing relies on it.
                    if !self.labels[id].ends_with("/lock") {
                        change(id, Change::Write { at, bytes });
                    }
                }
            }
            "mkdir" => self.name(&call.path(0), true, moments),
            "mkdirat" => self.name(&call.path(1), true, moments),
            "linkat" => {
                let from = call.path(1);
                let id = from
                    .strip_prefix("/proc/self/fd/")
                    .map(|fd| descriptors[&fd.parse().unwrap()].0);
                if call.path(3).starts_with(&self.root) {
                    let id = id.unwrap_or_else(|| self.names[&from]);
                    self.link(&call.path(3), id, moments);
                }
            }
            "rename" => self.rename(&call.path(0), &call.path(1), moments),
            "renameat" | "renameat2" => self.rename(&call.path(1), &call.path(3), moments),
            "unlink" => self.unname(&call.path(0), moments),
            "unlinkat" => self.unname(&call.path(1), moments),
            // What the model does not know must not touch the disk.
            other => {
                let is_outside = call
                    .arguments
                    .iter()
                    .all(|one| !descriptor(one).1.starts_with(&self.root));
                assert!(is_outside, "{other}: {:?}", call.arguments);
            }
        }
    }

    fn open(&mut self, call: &Call, moments: (usize, usize), descriptors: &mut Descriptors) {
        let (path, flags) = (call.path(1), &call.arguments[2]);
        if !path.starts_with(&self.root) {
            return;
        }
        let has = |flag: &str| flags.split('|').any(|one| one == flag);
        let id = if has("O_TMPFILE") {
            self.create(&format!("{path}/#"), false)
        } else {
            let is_new = !self.names.contains_key(&path);
            if has("O_CREAT") && is_new {
                self.name(&path, false, moments);
            }
            let id = self.names[&path];
            if has("O_TRUNC") && !is_new {
                self.change(id, Change::Truncate { len: 0 }, moments);
            }
            id
        };
        descriptors.insert(descriptor(&call.result).0, (id, 0));
    }

    fn create(&mut self, label: &str, is_folder: bool) -> Id {
        self.folders.push(is_folder);
        self.labels.push(label.to_owned());
        self.folders.len() - 1
    }

    fn name(&mut self, path: &str, is_folder: bool, moments: (usize, usize)) {
        if path.starts_with(&self.root) {
            let id = self.create(path, is_folder);
            self.link(path, id, moments);
        }
    }

    fn link(&mut self, path: &str, of: Id, moments: (usize, usize)) {
        let (folder, name) = self.place(path);
        self.names.insert(path.to_owned(), of);
        self.change(folder, Change::Name { name, of }, moments);
    }

    fn unname(&mut self, path: &str, moments: (usize, usize)) {
        if path.starts_with(&self.root) {
            let (folder, name) = self.place(path);
            self.names.remove(path);
            self.change(folder, Change::Unname { name }, moments);
        }
    }

    fn rename(&mut self, from: &str, to: &str, moments: (usize, usize)) {
        if !from.starts_with(&self.root) {
            return;
        }
        let ((folder, from_name), (other, to_name)) = (self.place(from), self.place(to));
        let id = self.names.remove(from).unwrap();
        self.names.insert(to.to_owned(), id);
        if folder != other {
            // Each folder is brought to disk by itself.
            let (name, of) = (to_name, id);
            self.change(other, Change::Name { name, of }, moments);
            self.change(folder, Change::Unname { name: from_name }, moments);
            return;
        }
        let change = Change::Rename {
            from: from_name,
            to: to_name,
        };
        self.change(folder, change, moments);
    }

    fn change(&mut self, of: Id, change: Change, (begun, ended): (usize, usize)) {
        self.events.push(Event {
            of,
            change,
            begun,
            ended,
            certain: None,
        });
    }

    /// Returns the folder of a path, and the name in it.
    fn place(&self, path: &str) -> (Id, String) {
        let (folder, name) = path.rsplit_once('/').unwrap();
        (self.names[folder], name.to_owned())
    }

    /// Finds the moment from which each change is certain. Only some fsyncs count: `counts` is called with the
    /// path, and whether that is a folder.
    pub(super) fn settle(&mut self, counts: impl Fn(&str, bool) -> bool) {
        let counts = |id: Id| counts(&self.labels[id], self.folders[id]);
        let mut syncs: HashMap<Id, Vec<(usize, usize)>> = HashMap::new();
        for (id, begun, ended) in self.syncs.iter().copied().filter(|(id, ..)| counts(*id)) {
            syncs.entry(id).or_default().push((begun, ended));
        }
        for event in &mut self.events {
            let later = syncs.get(&event.of).into_iter().flatten();
            let later = later.filter(|(begun, _)| *begun > event.ended);
            event.certain = later.map(|(_, ended)| *ended).min();
        }
    }

    /// Returns whether pages were moved from the write-ahead log to the database.
    pub(super) fn has_checkpoint(&self) -> bool {
        self.events.iter().any(|event| {
            self.labels[event.of].ends_with(".sqlite3")
                && matches!(event.change, Change::Write { at, .. } if at > 0)
        })
    }

    /// Writes to `folder` what the disk may hold if the power is lost right after a moment.
    pub(super) fn write(
        &self,
        moment: usize,
        loss: Loss,
        random: &mut fastrand::Rng,
        folder: &Path,
    ) {
        let mut files: HashMap<Id, Vec<u8>> = HashMap::new();
        let mut folders: HashMap<Id, BTreeMap<&str, Id>> = HashMap::new();
        for event in self.events.iter().filter(|event| event.begun <= moment) {
            let is_certain = event.certain.is_some_and(|certain| certain <= moment);
            let is_kept = is_certain
                || match loss {
                    Loss::Kept => event.ended <= moment,
                    Loss::Dropped => false,
                    Loss::Mixed | Loss::Torn => random.bool(),
                };
            let is_torn = !is_certain && loss == Loss::Torn;
            match &event.change {
                Change::Write { at, bytes } if is_torn => {
                    let file = files.entry(event.of).or_default();
                    for (number, sector) in bytes.chunks(SECTOR).enumerate() {
                        if random.bool() {
                            put(file, at + number * SECTOR, sector);
                        }
                    }
                }
                _ if !is_kept => {}
                Change::Write { at, bytes } => put(files.entry(event.of).or_default(), *at, bytes),
                Change::Truncate { len } => files.entry(event.of).or_default().resize(*len, 0),
                Change::Name { name, of } => {
                    folders.entry(event.of).or_default().insert(name, *of);
                }
                Change::Unname { name } => {
                    folders.entry(event.of).or_default().remove(name.as_str());
                }
                Change::Rename { from, to } => {
                    let names = folders.entry(event.of).or_default();
                    if let Some(id) = names.remove(from.as_str()) {
                        names.insert(to, id);
                    }
                }
            }
        }
        self.write_folder(ROOT, &files, &folders, folder);
    }

    fn write_folder(
        &self,
        id: Id,
        files: &HashMap<Id, Vec<u8>>,
        folders: &HashMap<Id, BTreeMap<&str, Id>>,
        to: &Path,
    ) {
        for (name, id) in folders.get(&id).into_iter().flatten() {
            let path = to.join(name);
            // The index of the write-ahead log is made anew by whoever opens the database first.
            if name.ends_with("-shm") {
                continue;
            }
            if self.folders[*id] {
                fs::create_dir(&path).unwrap();
                self.write_folder(*id, files, folders, &path);
            } else {
                fs::write(&path, files.get(id).map_or(&[][..], Vec::as_slice)).unwrap();
            }
        }
    }
}

/// Writes bytes into a file, which has zeros where nothing was written.
fn put(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if file.len() < at + bytes.len() {
        file.resize(at + bytes.len(), 0);
    }
    file[at..at + bytes.len()].copy_from_slice(bytes);
}
