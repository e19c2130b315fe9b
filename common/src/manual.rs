//! Makes the completion scripts and the manual pages of a clap command.

use std::io;
use std::path::{Path, PathBuf};

use clap::Command;
pub use clap_complete::Shell;
use clap_mangen::Man;

/// Returns the script that completes the arguments of `program` in a shell.
pub fn completions(shell: Shell, mut program: Command) -> Vec<u8> {
    let name = program.get_name().to_owned();
    let mut script = Vec::new();
    // In memory, since `generate` panics where it cannot write, as after a reader has gone away.
    clap_complete::generate(shell, &mut program, name, &mut script);
    script
}

/// Returns the manual's pages: one for `program`, followed by one for each subcommand but `help`.
pub fn pages(program: Command) -> Vec<Page> {
    let mut program = without_help(program);
    program.build();
    let mut pages = Vec::new();
    collect(&program, &mut pages);
    pages
}

/// Takes the subcommand `help` away, at every level: the pages would refer to one that nobody writes.
fn without_help(command: Command) -> Command {
    command
        .disable_help_subcommand(true)
        .mut_subcommands(without_help)
}

fn collect(command: &Command, pages: &mut Vec<Page>) {
    pages.push(Page(Man::new(command.clone())));
    for command in command.get_subcommands() {
        collect(command, pages);
    }
}

/// A `Page` is the manual of one command, in section 1.
pub struct Page(Man);

impl Page {
    /// Returns the name of the page's file: `program-subcommand.1`.
    pub fn file_name(&self) -> String {
        self.0.get_filename()
    }

    /// Writes the page into a folder under [its name](Self::file_name), and returns the file's path.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_into(&self, folder: &Path) -> io::Result<PathBuf> {
        let mut content = Vec::new();
        self.0.render(&mut content)?;
        let path = folder.join(self.file_name());
        std::fs::write(&path, content)?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program() -> Command {
        let copy = Command::new("copy").about("Copies a box");
        let boxes = Command::new("box").subcommand(copy);
        Command::new("tool").subcommand(boxes)
    }

    #[test]
    fn a_script_completes_the_program_under_its_own_name() {
        let script = String::from_utf8(completions(Shell::Bash, program())).unwrap();
        assert!(script.contains("complete -F _tool"), "{script}");
    }

    #[test]
    fn each_command_has_a_page_and_help_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let pages = pages(program());
        let names: Vec<_> = pages.iter().map(Page::file_name).collect();
        assert_eq!(names, ["tool.1", "tool-box.1", "tool-box-copy.1"]);
        let path = pages[2].write_into(folder.path()).unwrap();
        assert_eq!(path, folder.path().join("tool-box-copy.1"));
        let page = std::fs::read_to_string(path).unwrap();
        assert!(page.contains("Copies a box"), "{page}");
        for page in &pages {
            let path = page.write_into(folder.path()).unwrap();
            let page = std::fs::read_to_string(path).unwrap();
            assert!(!page.contains("help(1)"), "{page}");
        }
    }

    #[test]
    fn a_page_that_cannot_be_written_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let error = pages(program())[0].write_into(&missing).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
