//! Renders the Markdown of descriptions as HTML.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, html};

/// Returns a description as HTML. Raw HTML in it is shown as text, and a link goes nowhere unless its scheme is
/// harmless, since browsers may show the result.
// Contract: silent.box-html
pub(super) fn rendered(markdown: &str) -> String {
    let events = Parser::new_ext(markdown, Options::ENABLE_TABLES).map(harmless);
    let mut rendered = String::with_capacity(markdown.len() * 2);
    html::push_html(&mut rendered, events);
    rendered
}

fn harmless(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
        Event::Start(Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        }) => Event::Start(Tag::Link {
            link_type,
            dest_url: harmless_url(dest_url),
            title,
            id,
        }),
        Event::Start(Tag::Image {
            link_type,
            dest_url,
            title,
            id,
        }) => Event::Start(Tag::Image {
            link_type,
            dest_url: harmless_url(dest_url),
            title,
            id,
        }),
        other => other,
    }
}

/// Returns the URL if it has one of a few schemes or none, else an empty one.
fn harmless_url(url: CowStr<'_>) -> CowStr<'_> {
    let before = url.split(['/', '?', '#']).next().unwrap_or_default();
    let is_harmless = match before.split_once(':') {
        Some((scheme, _)) => ["http", "https", "mailto"]
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known)),
        None => true,
    };
    if is_harmless { url } else { "".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_html() {
        for (markdown, html) in [
            ("", ""),
            ("d", "<p>d</p>\n"),
            ("# A *b*", "<h1>A <em>b</em></h1>\n"),
            (
                "[x](https://a.test/?b=c:d)",
                "<p><a href=\"https://a.test/?b=c:d\">x</a></p>\n",
            ),
            ("[x](/a:b)", "<p><a href=\"/a:b\">x</a></p>\n"),
        ] {
            assert_eq!(rendered(markdown), html, "{markdown}");
        }
    }

    #[test]
    fn html_is_shown_as_text_and_a_harmful_link_goes_nowhere() {
        for markdown in [
            "<script>alert(1)</script>",
            "a <b onclick=x>b</b>",
            "[x](javascript:alert(1))",
            "[x](JavaScript:alert(1))",
            "[x](&#106;avascript:alert(1))",
            "[x](java&#9;script:alert(1))",
            "![x](data:text/html;base64,AA)",
            "<javascript:alert(1)>",
            "[x][y]\n\n[y]: vbscript:x",
        ] {
            let html = rendered(markdown);
            for harmful in ["<script", "<b", "onclick=\"", "\"java", "\"data", "\"vb"] {
                let found = html.to_ascii_lowercase().contains(harmful);
                assert!(!found, "{markdown}: {html}");
            }
        }
    }
}
