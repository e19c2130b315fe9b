//! Reads from `--help` which flags and subcommands the programs take.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// The flags and subcommands that `--help` of a program or subcommand names.
#[derive(Debug, Default)]
pub(crate) struct Help {
    flags: BTreeSet<String>,
    commands: BTreeMap<String, Help>,
}

impl Help {
    /// Reads the help of a program and of each of its subcommands.
    pub(crate) fn of(program: &Path, subcommand: &[&str]) -> Self {
        let mut command = Command::new(program);
        let output = command.args(subcommand).arg("--help").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let below = |name: &str| Self::of(program, &[subcommand, &[name]].concat());
        Self {
            flags: flags(&text).map(str::to_owned).collect(),
            commands: names(&text)
                .map(|name| (name.to_owned(), below(name)))
                .collect(),
        }
    }

    /// The first word of a command line that the program does not know: a flag, or a subcommand.
    pub(crate) fn unknown<'a>(&self, line: &'a str) -> Option<&'a str> {
        let mut help = self;
        let mut awaited = true;
        let is_end = |word: &str| matches!(word, "--" | "|" | "&" | "&&" | "||" | ">" | "#");
        for word in line
            .split_whitespace()
            .skip(1)
            .take_while(|word| !is_end(word))
        {
            if let Some(flag) = flags(word).next() {
                awaited = false;
                if !help.flags.contains(flag) {
                    return Some(flag);
                }
            } else if awaited && let Some(inner) = help.commands.get(word) {
                help = inner;
            } else if awaited && !help.commands.is_empty() && word.chars().all(in_name) {
                return Some(word);
            } else {
                awaited = false;
            }
        }
        None
    }

    /// Returns `true` if the program or any of its subcommands has the flag.
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.flags.contains(flag) || self.commands.values().any(|help| help.has(flag))
    }

    /// Returns `true` if the program has this subcommand.
    pub(crate) fn has_command(&self, name: &str) -> bool {
        self.commands.contains_key(name)
    }
}

/// All long flags in a text.
pub(crate) fn flags(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c| !in_name(c));
    words.filter(|word| word.len() > 2 && word.starts_with("--"))
}

fn in_name(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}

/// The subcommands that a help lists.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let list = text.lines().skip_while(|line| *line != "Commands:").skip(1);
    let list = list.take_while(|line| !line.is_empty());
    let names = list.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !matches!(*name, "" | "help"))
}
