//! A `Document` is a Markdown file as its tests see it: blocks of code, links, headings, and what stands
//! between backticks.

use std::collections::BTreeSet;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

/// The programs whose names begin a line that is a command.
const PROGRAMS: [&str; 17] = [
    "apt-get",
    "atlas-contract",
    "atlas-upload",
    "cargo",
    "cat",
    "curl",
    "docker",
    "echo",
    "export",
    "git",
    "journalctl",
    "mock-atlas",
    "packer",
    "sudo",
    "sudoedit",
    "systemctl",
    "terraform",
];

/// A `Document` counts its lines from 1.
#[derive(Debug, Default)]
pub(crate) struct Document {
    /// The path, relative to the folder of the workspace.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) blocks: Vec<Block>,
    pub(crate) links: Vec<(usize, String)>,
    /// Headings, as links name them.
    pub(crate) anchors: BTreeSet<String>,
    /// The words between backticks within a text.
    pub(crate) spans: Vec<(usize, String)>,
}

#[derive(Debug, Default)]
pub(crate) struct Block {
    /// The line of the first line of code.
    pub(crate) line: usize,
    language: String,
    leave: Option<Leave>,
    pub(crate) code: String,
}

/// The reason why a block is not run like the others, from the comment directly before it.
#[derive(Debug)]
enum Leave {
    /// `<!-- not run: REASON -->`
    NotRun,
    /// `<!-- real client: PROGRAM -->`
    RealClient,
}

impl Document {
    pub(crate) fn parse(path: &str, text: &str) -> Self {
        let mut document = Self {
            path: path.to_owned(),
            text: text.to_owned(),
            ..Self::default()
        };
        let mut leave = None;
        let (mut block, mut heading) = (None::<Block>, None::<String>);
        for (event, range) in Parser::new(text).into_offset_iter() {
            let line = text[..range.start].matches('\n').count() + 1;
            match event {
                Event::Html(comment) => leave = Leave::of(&comment),
                Event::Start(Tag::CodeBlock(kind)) => {
                    let language = match kind {
                        CodeBlockKind::Fenced(language) => language.to_string(),
                        CodeBlockKind::Indented => String::new(),
                    };
                    let leave = leave.take();
                    let (line, code) = (0, String::new());
                    block = Some(Block {
                        line,
                        language,
                        leave,
                        code,
                    });
                }
                Event::End(TagEnd::CodeBlock) => document.blocks.extend(block.take()),
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    document
                        .anchors
                        .extend(heading.take().map(|words| anchor(&words)));
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    document.links.push((line, dest_url.to_string()));
                }
                Event::Start(_) => leave = None,
                Event::Text(code) if block.is_some() => block.iter_mut().for_each(|block| {
                    block.line = if block.code.is_empty() {
                        line
                    } else {
                        block.line
                    };
                    block.code += &code;
                }),
                Event::Text(words) => heading.iter_mut().for_each(|text| *text += &words),
                Event::Code(span) => {
                    heading.iter_mut().for_each(|text| *text += &span);
                    document.spans.push((line, span.to_string()));
                }
                _ => {}
            }
        }
        document
    }

    /// The blocks that are run, in their order.
    pub(crate) fn runs(&self, real_clients: bool) -> impl Iterator<Item = &Block> {
        let shell = self.blocks.iter().filter(|block| block.language == "sh");
        shell.filter(move |block| match block.leave {
            None => true,
            Some(Leave::RealClient) => real_clients,
            Some(Leave::NotRun) => false,
        })
    }

    /// All commands that it shows, in whatever block.
    pub(crate) fn commands(&self) -> impl Iterator<Item = (usize, &str)> {
        self.blocks.iter().flat_map(Block::commands)
    }

    /// Commands that nothing runs, and that do not say why. In another language than `sh`, in the file of
    /// a CI say, a command may stand that a block in `sh` has, too.
    pub(crate) fn loose(&self) -> impl Iterator<Item = (usize, &str)> {
        let run: Vec<&str> = self
            .runs(true)
            .flat_map(|block| block.code.lines())
            .collect();
        let others = self
            .blocks
            .iter()
            .filter(|block| block.language != "sh" && block.leave.is_none());
        let commands = others.flat_map(Block::commands);
        commands.filter(move |(_, command)| !run.contains(command))
    }
}

impl Block {
    fn commands(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = (self.line..).zip(self.code.lines());
        lines.filter_map(|(line, code)| Some((line, command(code)?)))
    }
}

impl Leave {
    fn of(comment: &str) -> Option<Self> {
        let text = comment.trim().strip_prefix("<!--")?.strip_suffix("-->")?;
        match text.trim().split_once(": ")? {
            ("not run", _) => Some(Self::NotRun),
            ("real client", _) => Some(Self::RealClient),
            _ => None,
        }
    }
}

/// The command in a line that is one, however it is dressed: after a prompt, or in the file of a CI.
fn command(line: &str) -> Option<&str> {
    let mut bare = line.trim();
    for dress in ["$ ", "- ", "run: "] {
        bare = bare.strip_prefix(dress).unwrap_or(bare);
    }
    let quoted = bare
        .strip_prefix("sh '")
        .and_then(|rest| rest.strip_suffix('\''));
    let bare = quoted.unwrap_or(bare);
    let program = bare.split_whitespace().next()?;
    // `packer {` is a block of HCL.
    (PROGRAMS.contains(&program) && !bare.ends_with('{')).then_some(bare)
}

/// Returns the anchor of a heading by GitHub's rule, but without the numbers for equal headings.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let kept = heading.chars().filter(kept);
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}
