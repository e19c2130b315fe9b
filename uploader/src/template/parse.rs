//! The part of Go's template language that templates of Packer use: text, `{{ … }}` with calls,
//! pipelines, parentheses and strings, trim markers and comments.

/// No template nests deeper; a stack is not endless.
const DEEPEST: usize = 32;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Text(String),
    Action(Pipeline),
}

/// Each command's result is the last argument of the next.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pipeline(pub(super) Vec<Command>);

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Command {
    Call(String, Vec<Operand>),
    Value(Operand),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Text(String),
    Number(i64),
    /// A function without arguments, as the argument of another.
    Name(String),
    Nested(Pipeline),
}

/// Takes a text apart.
pub(super) fn parse(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut trim = false;
    while let Some((before, after)) = rest.split_once("{{") {
        let (trims_left, after) = match after.strip_prefix('-') {
            Some(inner) if inner.starts_with(is_space) => (true, inner),
            _ => (false, after),
        };
        push_text(&mut pieces, before, trim, trims_left);
        let mut cursor = Cursor(after);
        if let Some(action) = cursor.action()? {
            pieces.push(Piece::Action(action));
        }
        trim = cursor.close()?;
        rest = cursor.0;
    }
    push_text(&mut pieces, rest, trim, false);
    Ok(pieces)
}

fn push_text(pieces: &mut Vec<Piece>, text: &str, trim_start: bool, trim_end: bool) {
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
        pieces.push(Piece::Text(text.to_owned()));
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// What is left to be read.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn skip_spaces(&mut self) {
        self.0 = self.0.trim_start_matches(is_space);
    }

    fn take(&mut self, prefix: &str) -> bool {
        let after = self.0.strip_prefix(prefix);
        self.0 = after.unwrap_or(self.0);
        after.is_some()
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|c| !belongs(c)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    /// What stands between the braces; `None` for a comment.
    fn action(&mut self) -> Result<Option<Pipeline>, String> {
        self.skip_spaces();
        if !self.take("/*") {
            return self.pipeline(0).map(Some);
        }
        let (_, after) = self.0.split_once("*/").ok_or("unclosed comment")?;
        self.0 = after;
        Ok(None)
    }

    /// Whether the white space that follows is to be trimmed.
    fn close(&mut self) -> Result<bool, String> {
        let spaced = self.0.starts_with(is_space);
        self.skip_spaces();
        if spaced && self.take("-}}") {
            return Ok(true);
        }
        if self.take("}}") {
            return Ok(false);
        }
        Err(self.unexpected())
    }

    fn pipeline(&mut self, depth: usize) -> Result<Pipeline, String> {
        let mut commands = vec![self.command(depth)?];
        loop {
            let before = self.0;
            self.skip_spaces();
            if !self.take("|") {
                // A trim marker needs the space before it.
                self.0 = before;
                return Ok(Pipeline(commands));
            }
            commands.push(self.command(depth)?);
        }
    }

    fn command(&mut self, depth: usize) -> Result<Command, String> {
        self.skip_spaces();
        match self.operand(depth)? {
            Some(Operand::Name(name)) => Ok(Command::Call(name, self.arguments(depth)?)),
            Some(value) => Ok(Command::Value(value)),
            None => Err(self.unexpected()),
        }
    }

    fn arguments(&mut self, depth: usize) -> Result<Vec<Operand>, String> {
        let mut arguments = Vec::new();
        loop {
            let before = self.0;
            self.skip_spaces();
            // Between two arguments stands a space, as Go wants it.
            let spaced = before.len() > self.0.len() && !self.0.starts_with("-}}");
            match spaced.then(|| self.operand(depth)).transpose()?.flatten() {
                Some(argument) => arguments.push(argument),
                None => {
                    self.0 = before;
                    return Ok(arguments);
                }
            }
        }
    }

    fn operand(&mut self, depth: usize) -> Result<Option<Operand>, String> {
        let Some(first) = self.0.chars().next() else {
            return Ok(None);
        };
        Ok(Some(match first {
            '"' => Operand::Text(self.quoted()?),
            '`' => Operand::Text(self.raw()?),
            '(' => Operand::Nested(self.nested(depth)?),
            '-' | '0'..='9' => Operand::Number(self.number()?),
            c if is_word(c) => Operand::Name(self.take_while(is_word).to_owned()),
            _ => return Ok(None),
        }))
    }

    fn nested(&mut self, depth: usize) -> Result<Pipeline, String> {
        if depth == DEEPEST {
            return Err("too many parentheses".to_owned());
        }
        self.take("(");
        let pipeline = self.pipeline(depth + 1)?;
        self.skip_spaces();
        if self.take(")") {
            Ok(pipeline)
        } else {
            Err(self.unexpected())
        }
    }

    fn number(&mut self) -> Result<i64, String> {
        let digits = self.take_while(|c| c == '-' || is_word(c));
        digits
            .parse()
            .map_err(|_| format!("bad number: {digits:?}"))
    }

    fn raw(&mut self) -> Result<String, String> {
        self.take("`");
        let (text, after) = self.0.split_once('`').ok_or("unterminated raw string")?;
        self.0 = after;
        Ok(text.to_owned())
    }

    fn quoted(&mut self) -> Result<String, String> {
        let unterminated = || "unterminated quoted string".to_owned();
        self.take("\"");
        let mut text = String::new();
        loop {
            text += self.take_while(|c| !matches!(c, '"' | '\\' | '\n'));
            if self.take("\"") {
                return Ok(text);
            }
            if !self.take("\\") {
                return Err(unterminated());
            }
            let escaped = self.0.chars().next().ok_or_else(unterminated)?;
            self.0 = self.0.get(escaped.len_utf8()..).unwrap_or_default();
            text.push(self.escape(escaped)?);
        }
    }

    fn escape(&mut self, escaped: char) -> Result<char, String> {
        let digits = match escaped {
            'n' => return Ok('\n'),
            't' => return Ok('\t'),
            'r' => return Ok('\r'),
            '\\' | '"' => return Ok(escaped),
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => return Err(format!("unknown escape: \\{escaped}")),
        };
        let bad = || format!("bad escape: \\{escaped}");
        let code = self.0.get(..digits).ok_or_else(bad)?;
        self.0 = self.0.get(digits..).unwrap_or_default();
        let code = u32::from_str_radix(code, 16).map_err(|_| bad())?;
        char::from_u32(code).ok_or_else(bad)
    }

    fn unexpected(&self) -> String {
        match self.0.chars().next() {
            None => "unclosed action".to_owned(),
            Some(_) if self.0.starts_with("}}") => "missing value for command".to_owned(),
            Some(c) => format!("unexpected {c:?} in an action"),
        }
    }
}
