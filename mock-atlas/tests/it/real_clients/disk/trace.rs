//! Reads the system calls that strace has recorded of a program.

use std::collections::HashMap;

/// The calls that change files, folders or descriptors, or bring changes to disk. Those that the program
/// does not make today are among them, so that the model of the disk can refuse them.
pub(super) const CALLS: &str = "openat,open,creat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,\
    truncate,fallocate,copy_file_range,sendfile,splice,fsync,fdatasync,sync_file_range,mkdir,mkdirat,\
    rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir";

/// A call that succeeded.
pub(super) struct Call {
    pub(super) name: String,
    pub(super) arguments: Vec<String>,
    pub(super) result: String,
    /// The numbers of the lines at which it began and ended. Those of other threads may lie between.
    pub(super) begun: usize,
    pub(super) ended: usize,
}

/// A recording: its calls by the order of their ends, and the time of each line in seconds since 1970.
pub(super) struct Trace {
    pub(super) calls: Vec<Call>,
    pub(super) times: Vec<f64>,
}

impl Trace {
    /// Reads the output of `strace -f -ttt -y -xx`, in which all texts are hexadecimal.
    pub(super) fn read(output: &str) -> Self {
        let (mut calls, mut times) = (Vec::new(), Vec::new());
        let mut unfinished: HashMap<&str, (usize, &str)> = HashMap::new();
        for (number, line) in output.lines().enumerate() {
            let (thread, rest) = line.split_once(' ').expect(line);
            let (time, rest) = rest.trim_start().split_once(' ').expect(line);
            times.push(time.parse().expect(line));
            if let Some(begin) = rest.strip_suffix("<unfinished ...>") {
                unfinished.insert(thread, (number, begin));
            } else if rest.starts_with("<...") {
                let (_, end) = rest.split_once("resumed>").expect(line);
                let (begun, begin) = unfinished.remove(thread).expect(line);
                calls.extend(Call::read(&format!("{begin}{end}"), begun, number));
            } else if !rest.starts_with("+++") && !rest.starts_with("---") {
                calls.extend(Call::read(rest, number, number));
            }
        }
        Self { calls, times }
    }
}

impl Call {
    /// Reads a call; `None` if it failed, or if its thread was killed in it.
    fn read(text: &str, begun: usize, ended: usize) -> Option<Self> {
        let (name, rest) = text.split_once('(')?;
        let (arguments, result) = rest.rsplit_once(" = ")?;
        if result.starts_with(['-', '?']) {
            return None;
        }
        let arguments = arguments.trim_end().strip_suffix(')')?.split(", ");
        Some(Self {
            name: name.to_owned(),
            arguments: arguments.map(|one| one.trim_end().to_owned()).collect(),
            result: result.to_owned(),
            begun,
            ended,
        })
    }

    /// Returns the number in an argument.
    pub(super) fn number(&self, argument: usize) -> u64 {
        let text = &self.arguments[argument];
        text.parse()
            .unwrap_or_else(|_| panic!("{text:?} of {}", self.name))
    }

    /// Returns the bytes of a text in an argument.
    pub(super) fn bytes(&self, argument: usize) -> Vec<u8> {
        let text = self.arguments[argument].trim_matches('"');
        decoded(text)
    }

    /// Returns the path in an argument.
    pub(super) fn path(&self, argument: usize) -> String {
        String::from_utf8(self.bytes(argument)).unwrap()
    }
}

/// Returns the number of a descriptor such as `3<\x2f\x74>`, and the path that it stands for.
pub(super) fn descriptor(text: &str) -> (i32, String) {
    let (number, rest) = text.split_once('<').unwrap_or((text, ">"));
    let path = rest.split('>').next().unwrap_or_default();
    let path = String::from_utf8(decoded(path)).unwrap_or_default();
    (number.parse().unwrap_or(-1), path)
}

/// Decodes `\x2f\x74`. What is not in this form, such as `socket:[7]`, gives nothing.
fn decoded(text: &str) -> Vec<u8> {
    let digits = text.split("\\x").skip(1);
    digits
        .map(|digits| u8::from_str_radix(digits, 16).unwrap_or_default())
        .collect()
}
