//! This module builds XML and HTML from elements. An element escapes every text that it is given.

use std::fmt::{self, Write};

/// The HTML elements without content and without an end tag.
const VOID: [&str; 2] = ["input", "meta"];

/// An element with its attributes and its content.
pub(super) struct Element {
    tag: &'static str,
    attributes: Vec<(&'static str, String)>,
    content: Vec<Node>,
}

enum Node {
    Element(Element),
    Text(String),
    /// A text that is not escaped; only constants of this program are allowed.
    Verbatim(&'static str),
}

impl Element {
    pub(super) fn new(tag: &'static str) -> Self {
        Self {
            tag,
            attributes: Vec::new(),
            content: Vec::new(),
        }
    }

    pub(super) fn attribute(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.attributes.push((name, value.to_string()));
        self
    }

    pub(super) fn text(mut self, text: impl fmt::Display) -> Self {
        self.content.push(Node::Text(text.to_string()));
        self
    }

    pub(super) fn verbatim(mut self, text: &'static str) -> Self {
        self.content.push(Node::Verbatim(text));
        self
    }

    pub(super) fn child(mut self, child: Self) -> Self {
        self.content.push(Node::Element(child));
        self
    }

    pub(super) fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.content.extend(children.into_iter().map(Node::Element));
        self
    }

    fn write(&self, depth: usize, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:width$}<{}", "", self.tag, width = depth * 2)?;
        for (name, value) in &self.attributes {
            write!(out, " {name}=\"")?;
            escape(value, out)?;
            out.write_char('"')?;
        }
        if VOID.contains(&self.tag) {
            return out.write_str("/>");
        }
        out.write_char('>')?;
        // White space is significant beside text, so only an element without text is indented.
        let indented = self.content.iter().all(|it| matches!(it, Node::Element(_)));
        for node in &self.content {
            match node {
                Node::Element(child) if indented => {
                    out.write_char('\n')?;
                    child.write(depth + 1, out)?;
                }
                Node::Element(child) => child.write(0, out)?,
                Node::Text(text) => escape(text, out)?,
                Node::Verbatim(text) => out.write_str(text)?,
            }
        }
        if indented && !self.content.is_empty() {
            write!(out, "\n{:width$}", "", width = depth * 2)?;
        }
        write!(out, "</{}>", self.tag)
    }
}

impl fmt::Display for Element {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(0, out)
    }
}

/// Writes the text escaped, without characters that XML forbids and without control characters for a terminal.
fn escape(text: &str, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    for c in text.chars() {
        match c {
            '&' => out.write_str("&amp;")?,
            '<' => out.write_str("&lt;")?,
            '>' => out.write_str("&gt;")?,
            '"' => out.write_str("&quot;")?,
            '\'' => out.write_str("&#39;")?,
            '\n' => out.write_char(c)?,
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() => {}
            c => out.write_char(c)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_can_end_an_element_or_an_attribute() {
        let element = Element::new("p")
            .attribute("title", "\"><script>'")
            .text("</p>&\u{0}\u{1b}[2J\u{9b}\u{ffff}\nä");
        assert_eq!(
            element.to_string(),
            "<p title=\"&quot;&gt;&lt;script&gt;&#39;\">&lt;/p&gt;&amp;[2J\nä</p>"
        );
    }

    #[test]
    fn white_space_is_added_only_where_there_is_no_text() {
        let inner = || Element::new("b").text("c");
        let indented = Element::new("a")
            .child(inner())
            .child(Element::new("input"));
        assert_eq!(indented.to_string(), "<a>\n  <b>c</b>\n  <input/>\n</a>");
        let narrow = Element::new("a").text("x").child(inner());
        assert_eq!(narrow.to_string(), "<a>x<b>c</b></a>");
    }
}
