//! Reads the tokens of Go's template language: strings, numbers, names and fields.

use super::error::TemplateError;

pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

pub(super) fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// A lexer, which holds the text that is left to read.
pub(super) struct Lexer<'a>(pub(super) &'a str);

impl<'a> Lexer<'a> {
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

    /// Takes a name, which may be empty.
    pub(super) fn word(&mut self) -> &'a str {
        self.take_while(is_word)
    }

    /// Takes fields with their points, such as `.A.B`; may be empty.
    pub(super) fn fields(&mut self) -> Result<String, TemplateError> {
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

    /// Takes the end of an action, and returns whether the white space behind it is trimmed.
    pub(super) fn close(&mut self) -> Result<bool, TemplateError> {
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

    /// Takes the rest of a comment: Go requires the end of the action right behind it.
    pub(super) fn comment(&mut self) -> Result<(), TemplateError> {
        let (_, after) = self.0.split_once("*/").ok_or("unclosed comment")?;
        self.0 = after;
        let trimming = after.strip_prefix(is_space).unwrap_or_default();
        if !after.starts_with("}}") && !trimming.starts_with("-}}") {
            return Err("comment ends before closing delimiter".into());
        }
        Ok(())
    }

    /// Takes a whole number in decimal.
    pub(super) fn number(&mut self) -> Result<i64, TemplateError> {
        let number = self.take_while(|c| matches!(c, '-' | '+' | '.') || is_word(c));
        let digits = number.strip_prefix(['-', '+']).unwrap_or(number);
        let is_decimal = digits == "0" || !digits.starts_with('0');
        match number.parse() {
            Ok(number) if is_decimal => Ok(number),
            _ if is_of_go(digits) => Err(not_supported(&format!(
                "the number {number}, which is not a decimal integer,"
            ))),
            _ => Err(format!("bad number: {number:?}").into()),
        }
    }

    pub(super) fn raw(&mut self) -> Result<String, TemplateError> {
        self.take("`");
        let (text, after) = self.0.split_once('`').ok_or("unterminated raw string")?;
        self.0 = after;
        Ok(text.to_owned())
    }

    pub(super) fn quoted(&mut self) -> Result<String, TemplateError> {
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

    fn escape(&mut self, escaped: char) -> Result<char, TemplateError> {
        let digits = match escaped {
            'n' => return Ok('\n'),
            't' => return Ok('\t'),
            'r' => return Ok('\r'),
            'a' => return Ok('\x07'),
            'b' => return Ok('\x08'),
            'f' => return Ok('\x0c'),
            'v' => return Ok('\x0b'),
            '\\' | '"' => return Ok(escaped),
            '0'..='7' => return Err(not_supported("a byte in octal, such as \\101,")),
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => return Err(format!("unknown escape: \\{escaped}").into()),
        };
        let bad = || format!("bad escape: \\{escaped}");
        let code = self.0.get(..digits).ok_or_else(bad)?;
        self.0 = self.0.get(digits..).unwrap_or_default();
        let code = u32::from_str_radix(code, 16).map_err(|_| bad())?;
        if escaped == 'x' && code > 0x7f {
            return Err(not_supported("a byte that is not ASCII, such as \\xe9,"));
        }
        Ok(char::from_u32(code).ok_or_else(bad)?)
    }

    pub(super) fn unexpected(&self) -> TemplateError {
        match self.0.chars().next() {
            None => "unclosed action".into(),
            Some(_) if self.0.starts_with("}}") => "missing value for command".into(),
            Some(c) => format!("unexpected {c:?} in an action").into(),
        }
    }
}

/// Returns whether Go reads these digits as a number.
fn is_of_go(digits: &str) -> bool {
    let digits = digits.replace('_', "").to_ascii_lowercase();
    let radixes = [("0x", 16), ("0o", 8), ("0b", 2)];
    let mut others = radixes.iter().map(|(prefix, radix)| {
        let digits = digits.strip_prefix(prefix);
        digits.is_some_and(|digits| i64::from_str_radix(digits, *radix).is_ok())
    });
    let real = digits.strip_suffix('i').unwrap_or(&digits);
    let is_real = real.starts_with(|c: char| c == '.' || c.is_ascii_digit());
    others.any(|other| other) || is_real && real.parse::<f64>().is_ok()
}

/// Returns the error for syntax that only Go itself can read.
pub(super) fn not_supported(what: &str) -> TemplateError {
    TemplateError::PackerOnly(format!("{what} of Go's templates is not supported"))
}
