//! A cursor reads the words of Go's template language: strings, numbers, names and fields.

use super::fault::Fault;

pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

pub(super) fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// A cursor holds the text that is left to be read.
pub(super) struct Cursor<'a>(pub(super) &'a str);

impl<'a> Cursor<'a> {
    pub(super) fn skip_spaces(&mut self) {
        self.0 = self.0.trim_start_matches(is_space);
    }

    pub(super) fn take(&mut self, prefix: &str) -> bool {
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

    /// Takes a name, or nothing.
    pub(super) fn word(&mut self) -> &'a str {
        self.take_while(is_word)
    }

    /// Takes fields with their points, such as `.A.B`, or nothing.
    pub(super) fn fields(&mut self) -> Result<String, Fault> {
        let mut fields = String::new();
        while self.0.starts_with('.') {
            self.take(".");
            let name = self.word();
            if name.is_empty() {
                return Err("unexpected '.' in an action".into());
            }
            fields.push('.');
            fields += name;
        }
        Ok(fields)
    }

    /// Ends an action, and returns whether the white space that follows is to be trimmed.
    pub(super) fn close(&mut self) -> Result<bool, Fault> {
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

    pub(super) fn number(&mut self) -> Result<i64, Fault> {
        let digits = self.digits();
        digits
            .parse()
            .map_err(|_| format!("bad number: {digits:?}").into())
    }

    pub(super) fn bad_number(&mut self) -> Fault {
        format!("bad number: {:?}", self.digits()).into()
    }

    fn digits(&mut self) -> &'a str {
        self.take_while(|c| matches!(c, '-' | '.') || is_word(c))
    }

    pub(super) fn raw(&mut self) -> Result<String, Fault> {
        self.take("`");
        let (text, after) = self.0.split_once('`').ok_or("unterminated raw string")?;
        self.0 = after;
        Ok(text.to_owned())
    }

    pub(super) fn quoted(&mut self) -> Result<String, Fault> {
        let unterminated = "unterminated quoted string";
        self.take("\"");
        let mut text = String::new();
        loop {
            text += self.take_while(|c| !matches!(c, '"' | '\\' | '\n'));
            if self.take("\"") {
                return Ok(text);
            }
            if !self.take("\\") {
                return Err(unterminated.into());
            }
            let escaped = self.0.chars().next().ok_or(unterminated)?;
            self.0 = self.0.get(escaped.len_utf8()..).unwrap_or_default();
            text.push(self.escape(escaped)?);
        }
    }

    fn escape(&mut self, escaped: char) -> Result<char, Fault> {
        let digits = match escaped {
            'n' => return Ok('\n'),
            't' => return Ok('\t'),
            'r' => return Ok('\r'),
            '\\' | '"' => return Ok(escaped),
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => return Err(format!("unknown escape: \\{escaped}").into()),
        };
        let bad = || format!("bad escape: \\{escaped}");
        let code = self.0.get(..digits).ok_or_else(bad)?;
        self.0 = self.0.get(digits..).unwrap_or_default();
        let code = u32::from_str_radix(code, 16).map_err(|_| bad())?;
        Ok(char::from_u32(code).ok_or_else(bad)?)
    }

    pub(super) fn unexpected(&self) -> Fault {
        match self.0.chars().next() {
            None => "unclosed action".into(),
            Some(_) if self.0.starts_with("}}") => "missing value for command".into(),
            Some(c) => format!("unexpected {c:?} in an action").into(),
        }
    }
}
