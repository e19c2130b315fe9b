//! Finds out whether a client prefers a page for people, from its header `Accept` (RFC 9110, 12.5.1).

use axum::http::{HeaderMap, header};

use crate::http::extract::text;

/// Returns whether a client prefers HTML to JSON: whoever takes both alike, or says nothing, is a program.
pub(super) fn prefers_html(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter();
    let values: Vec<_> = values.map(|value| text(value.as_bytes())).collect();
    let ranges = || values.iter().flat_map(|value| value.split(','));
    quality(ranges(), ("text", "html")) > quality(ranges(), ("application", "json"))
}

/// Returns the quality of a media type in thousandths: that of the most specific range which has it.
fn quality<'a>(ranges: impl Iterator<Item = &'a str>, (kind, subtype): (&str, &str)) -> u16 {
    let matching = ranges.filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let (of, sub) = parts.next()?.split_once('/')?;
        let specificity = match (of, sub) {
            ("*", "*") => 0,
            (of, "*") if of.eq_ignore_ascii_case(kind) => 1,
            (of, sub) if of.eq_ignore_ascii_case(kind) && sub.eq_ignore_ascii_case(subtype) => 2,
            _ => return None,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        let weight: f32 = weight.map_or(Some(1.0), |weight| weight.parse().ok())?;
        // A number that is no weight is none.
        let is_weight = (0.0..=1.0).contains(&weight);
        is_weight.then_some((specificity, (weight * 1000.0).round() as u16))
    });
    let most_specific = matching.max_by_key(|(specificity, _)| *specificity);
    most_specific.map_or(0, |(_, weight)| weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefers(accept: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(header::ACCEPT, value.parse().unwrap());
        }
        prefers_html(&headers)
    }

    #[test]
    fn browsers_prefer_html() {
        for browser in [
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "text/html",
            "TEXT/HTML;q=0.5, application/json;q=0.4",
            "text/*, */*;q=0.1",
            "application/json;q=0, */*",
            // Java's default, whose word for anything is no media range.
            "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
        ] {
            assert!(prefers(&[browser]), "{browser}");
        }
        assert!(prefers(&["application/json;q=0.1", "text/html"]));
    }

    #[test]
    fn programs_do_not() {
        for program in [
            "application/json",
            "*/*",
            "text/html, application/json",
            "application/json, */*;q=0.1",
            "text/html;q=0.4, application/json;q=0.5",
            "text/html;q=x",
            "text/html;q=7",
            "text/plain",
            "html",
            "",
        ] {
            assert!(!prefers(&[program]), "{program}");
        }
        assert!(!prefers(&[]));
    }
}
