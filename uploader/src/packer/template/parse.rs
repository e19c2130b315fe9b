//! Parses the part of Go's template language that templates of Packer use: text, `{{ … }}` with calls,
//! fields, variables, pipelines, parentheses and strings, `if`, `with` and `range`, trim markers and
//! comments.

use super::error::TemplateError;
use super::lexer::{Lexer, is_space, not_supported};

/// The deepest nesting, which bounds the use of the stack.
const DEEPEST: usize = 32;

/// Go's other keywords, which no known template of Packer needs.
const NOT_SUPPORTED: [&str; 5] = ["block", "break", "continue", "define", "template"];

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Text(String),
    Action(Pipeline),
    Branch(Branch),
}

/// A branch: `{{if …}} … {{else}} … {{end}}`, or `with` or `range` in its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Branch {
    pub(super) kind: Kind,
    pub(super) condition: Pipeline,
    pub(super) then: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    If,
    With,
    Range,
}

/// A pipeline, which passes the result of each command to the next as the last argument.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pipeline {
    pub(super) target: Option<Target>,
    pub(super) commands: Vec<Command>,
}

/// The variables that a pipeline's value is assigned to; they are new or exist already.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Target {
    pub(super) names: Vec<String>,
    pub(super) new: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Command {
    pub(super) head: Operand,
    pub(super) arguments: Vec<Operand>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Text(String),
    Number(i64),
    Truth(bool),
    Nil,
    Dot,
    /// A function; as the argument of another function it has no arguments.
    Name(String),
    /// A variable, such as `$x`; `$` is the data of the whole template.
    Variable(String),
    /// The fields of an operand, such as `.A.B`.
    Field(Box<Operand>, String),
    Nested(Pipeline),
}

/// Parses a text.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, TemplateError> {
    let mut parser = Parser {
        lexer: Lexer(text),
        trim: false,
    };
    match parser.nodes(0)? {
        (nodes, Stop::Text) => Ok(nodes),
        (_, Stop::End) => Err("unexpected {{end}}".into()),
        (_, Stop::Else(_)) => Err("unexpected {{else}}".into()),
    }
}

/// The end of a list of nodes.
enum Stop {
    Text,
    End,
    /// `{{else}}`, or `{{else if …}}` with its condition.
    Else(Option<Pipeline>),
}

/// The content of a pair of braces.
enum Action {
    Comment,
    Pipeline(Pipeline),
    Open(Kind, Pipeline),
    Stop(Stop),
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// True if white space at the beginning of the next text is trimmed.
    trim: bool,
}

impl Parser<'_> {
    fn nodes(&mut self, depth: usize) -> Result<(Vec<Node>, Stop), TemplateError> {
        let mut nodes = Vec::new();
        while let Some((before, after)) = self.lexer.0.split_once("{{") {
            let (trims_left, after) = match after.strip_prefix('-') {
                // A comment follows the marker directly, or after its one space.
                Some(inner) if inner.starts_with(is_space) => (true, &inner[1..]),
                _ => (false, after),
            };
            self.lexer.0 = after;
            push_text(&mut nodes, before, self.trim, trims_left);
            let action = self.action()?;
            self.trim = self.lexer.close()?;
            match action {
                Action::Comment => {}
                Action::Pipeline(pipeline) => nodes.push(Node::Action(pipeline)),
                Action::Open(kind, condition) => {
                    nodes.push(Node::Branch(self.branch(kind, condition, depth)?));
                }
                Action::Stop(stop) => return Ok((nodes, stop)),
            }
        }
        push_text(&mut nodes, self.lexer.0, self.trim, false);
        self.lexer.0 = "";
        Ok((nodes, Stop::Text))
    }

    /// Reads the rest of a branch after its opening.
    fn branch(
        &mut self,
        kind: Kind,
        condition: Pipeline,
        depth: usize,
    ) -> Result<Branch, TemplateError> {
        if depth == DEEPEST {
            return Err("too many branches".into());
        }
        let (then, stop) = self.nodes(depth + 1)?;
        let otherwise = match stop {
            Stop::Text => return Err(missing_end()),
            Stop::End => Vec::new(),
            Stop::Else(Some(_)) if kind != Kind::If => {
                return Err("{{else if}} is allowed only in an {{if}}".into());
            }
            Stop::Else(Some(condition)) => {
                vec![Node::Branch(self.branch(Kind::If, condition, depth + 1)?)]
            }
            Stop::Else(None) => match self.nodes(depth + 1)? {
                (nodes, Stop::End) => nodes,
                (_, Stop::Text) => return Err(missing_end()),
                (_, Stop::Else(_)) => return Err("unexpected {{else}}".into()),
            },
        };
        Ok(Branch {
            kind,
            condition,
            then,
            otherwise,
        })
    }

    fn action(&mut self) -> Result<Action, TemplateError> {
        let lexer = &mut self.lexer;
        if lexer.take("/*") {
            return lexer.comment().map(|()| Action::Comment);
        }
        lexer.skip_spaces();
        let start = lexer.0;
        let kind = match lexer.word() {
            "if" => Kind::If,
            "with" => Kind::With,
            "range" => Kind::Range,
            "end" => return Ok(Action::Stop(Stop::End)),
            "else" => return Ok(Action::Stop(Stop::Else(self.else_if()?))),
            word if NOT_SUPPORTED.contains(&word) => {
                return Err(not_supported(&format!("{{{{{word}}}}}")));
            }
            _ => {
                lexer.0 = start;
                return self.pipeline(0, 1).map(Action::Pipeline);
            }
        };
        let variables = if kind == Kind::Range { 2 } else { 1 };
        self.pipeline(0, variables)
            .map(|condition| Action::Open(kind, condition))
    }

    fn else_if(&mut self) -> Result<Option<Pipeline>, TemplateError> {
        let start = self.lexer.0;
        self.lexer.skip_spaces();
        if self.lexer.word() == "if" {
            return self.pipeline(0, 1).map(Some);
        }
        self.lexer.0 = start;
        Ok(None)
    }

    /// Reads a pipeline that is assigned to at most `variables` variables.
    fn pipeline(&mut self, depth: usize, variables: usize) -> Result<Pipeline, TemplateError> {
        let target = self.target(variables)?;
        let mut commands = vec![self.command(depth)?];
        loop {
            let before = self.lexer.0;
            self.lexer.skip_spaces();
            if !self.lexer.take("|") {
                // A trim marker needs the space before it.
                self.lexer.0 = before;
                return Ok(Pipeline { target, commands });
            }
            commands.push(self.command(depth)?);
        }
    }

    /// Reads `$x :=`, `$x =`, or for `range` `$x, $y :=`, if the text begins so.
    fn target(&mut self, most: usize) -> Result<Option<Target>, TemplateError> {
        let lexer = &mut self.lexer;
        lexer.skip_spaces();
        let start = lexer.0;
        let mut names = Vec::new();
        while lexer.take("$") {
            names.push(lexer.word().to_owned());
            lexer.skip_spaces();
            if lexer.take(",") {
                if names.len() == most {
                    return Err("too many declarations".into());
                }
                lexer.skip_spaces();
                continue;
            }
            let new = lexer.take(":=");
            if !new && !lexer.take("=") {
                break;
            }
            return Ok(Some(Target { names, new }));
        }
        lexer.0 = start;
        Ok(None)
    }

    fn command(&mut self, depth: usize) -> Result<Command, TemplateError> {
        self.lexer.skip_spaces();
        let head = self.operand(depth)?;
        let head = head.ok_or_else(|| self.lexer.unexpected())?;
        let arguments = self.arguments(depth)?;
        Ok(Command { head, arguments })
    }

    fn arguments(&mut self, depth: usize) -> Result<Vec<Operand>, TemplateError> {
        let mut arguments = Vec::new();
        loop {
            let before = self.lexer.0;
            self.lexer.skip_spaces();
            let rest = self.lexer.0;
            // Go requires a space between two arguments.
            let spaced = before.len() > rest.len() && !rest.starts_with("-}}");
            match spaced.then(|| self.operand(depth)).transpose()?.flatten() {
                Some(argument) => arguments.push(argument),
                None => {
                    self.lexer.0 = before;
                    return Ok(arguments);
                }
            }
        }
    }

    fn operand(&mut self, depth: usize) -> Result<Option<Operand>, TemplateError> {
        let Some(operand) = self.term(depth)? else {
            return Ok(None);
        };
        let fields = self.lexer.fields()?;
        if fields.is_empty() {
            return Ok(Some(operand));
        }
        Ok(Some(Operand::Field(Box::new(operand), fields)))
    }

    fn term(&mut self, depth: usize) -> Result<Option<Operand>, TemplateError> {
        let lexer = &mut self.lexer;
        let mut characters = lexer.0.chars();
        let Some(first) = characters.next() else {
            return Ok(None);
        };
        let second = characters.next();
        Ok(Some(match first {
            '"' => Operand::Text(lexer.quoted()?),
            '`' => Operand::Text(lexer.raw()?),
            '(' => Operand::Nested(self.nested(depth)?),
            '\'' => return Err(not_supported("a character in single quotes")),
            '.' if second.is_some_and(|c| c.is_ascii_digit()) => Operand::Number(lexer.number()?),
            // The point of a field is left for `fields`.
            '.' => {
                if !second.is_some_and(super::lexer::is_word) {
                    lexer.take(".");
                }
                Operand::Dot
            }
            '$' => {
                lexer.take("$");
                Operand::Variable(lexer.word().to_owned())
            }
            '-' | '+' | '0'..='9' => Operand::Number(lexer.number()?),
            _ => match lexer.word() {
                "" => return Ok(None),
                "true" => Operand::Truth(true),
                "false" => Operand::Truth(false),
                "nil" => Operand::Nil,
                name => Operand::Name(name.to_owned()),
            },
        }))
    }

    fn nested(&mut self, depth: usize) -> Result<Pipeline, TemplateError> {
        if depth == DEEPEST {
            return Err("too many parentheses".into());
        }
        self.lexer.take("(");
        let pipeline = self.pipeline(depth + 1, 1)?;
        self.lexer.skip_spaces();
        if self.lexer.take(")") {
            Ok(pipeline)
        } else {
            Err(self.lexer.unexpected())
        }
    }
}

fn missing_end() -> TemplateError {
    "{{if}}, {{with}} or {{range}} without {{end}}".into()
}

fn push_text(nodes: &mut Vec<Node>, text: &str, trim_start: bool, trim_end: bool) {
    let text = if trim_start {
        text.trim_start_matches(is_space)
    } else {
        text
    };
    let text = if trim_end {
        text.trim_end_matches(is_space)
    } else {
        text
    };
    if !text.is_empty() {
        nodes.push(Node::Text(text.to_owned()));
    }
}
