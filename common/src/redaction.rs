//! Finds secrets in a text, in whatever spelling they stand there: as they are, percent-encoded, or
//! escaped as in a query, in JSON, in HTML or by Rust's `Debug`.

use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The length, in bytes, below which a secret protects nothing: to hide every `a` would garble all texts.
const SHORTEST: usize = 4;

/// A `Piece` is a part of a text: one that holds no secret, or the place of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'t, L> {
    /// A part that anybody may see.
    Open(&'t str),
    /// The place of a secret with this label.
    Secret(L),
}

/// `KnownSecrets` are the secrets to look for, each with a label of the caller's choice.
#[derive(Debug)]
pub struct KnownSecrets<L> {
    /// The secrets by their first byte, so that few are compared at each place of a text; the longest
    /// first, or a short one that is a part of a longer one would leave the rest of it.
    by_first_byte: BTreeMap<u8, Vec<(String, L)>>,
}

impl<L> Default for KnownSecrets<L> {
    fn default() -> Self {
        Self {
            by_first_byte: BTreeMap::new(),
        }
    }
}

impl<L: Copy> KnownSecrets<L> {
    /// Looks for `secret` from now on, unless it has less than four bytes. A secret that is known keeps
    /// its label.
    pub fn add(&mut self, secret: &str, label: L) {
        let Some(first) = secret.bytes().next().filter(|_| secret.len() >= SHORTEST) else {
            return;
        };
        let known = self.by_first_byte.entry(first).or_default();
        if !known.iter().any(|(other, _)| other == secret) {
            let at = known.partition_point(|(other, _)| other.len() >= secret.len());
            known.insert(at, (secret.to_owned(), label));
        }
    }

    /// Cuts a text into pieces, none of which holds a known secret.
    pub fn pieces<'t>(&self, text: &'t str) -> Vec<Piece<'t, L>> {
        let mut pieces = Vec::new();
        let (mut open, mut at) = (0, 0);
        while at < text.len() {
            let Some((length, label)) = self.longest_at(&text.as_bytes()[at..]) else {
                at += 1;
                continue;
            };
            pieces.extend(open_piece(&text[open..at]));
            pieces.push(Piece::Secret(label));
            at += length;
            open = at;
        }
        pieces.extend(open_piece(&text[open..]));
        pieces
    }

    /// Returns how many bytes at the start of `text` spell a known secret, and its label.
    fn longest_at(&self, text: &[u8]) -> Option<(usize, L)> {
        let escaped = unescaped(text).map(|(byte, _)| byte);
        let firsts = [text.first().copied(), escaped].into_iter().flatten();
        let known = firsts.filter_map(|first| self.by_first_byte.get(&first));
        let found = known.filter_map(|known| {
            known.iter().find_map(|(secret, label)| {
                Some((spelled_at(text, secret.as_bytes())?, secret, *label))
            })
        });
        found
            .min_by_key(|(_, secret, _)| Reverse(secret.len()))
            .map(|(length, _, label)| (length, label))
    }
}

fn open_piece<L>(text: &str) -> Option<Piece<'_, L>> {
    (!text.is_empty()).then_some(Piece::Open(text))
}

/// Returns how many bytes at the start of `text` spell the secret, any of whose characters may be escaped.
fn spelled_at(text: &[u8], secret: &[u8]) -> Option<usize> {
    if text.starts_with(secret) {
        return Some(secret.len());
    }
    secret.iter().try_fold(0, |at, byte| {
        let rest = &text[at..];
        match unescaped(rest) {
            Some((found, length)) if found == *byte => Some(at + length),
            _ => (rest.first() == Some(byte)).then_some(at + 1),
        }
    })
}

/// Returns the byte that an escape at the start of `text` stands for, and the length of the escape.
fn unescaped(text: &[u8]) -> Option<(u8, usize)> {
    match text {
        [b'%', high, low, ..] => Some((hex([*high, *low])?, 3)),
        [b'\\', b'x', high, low, ..] => Some((hex([*high, *low])?, 4)),
        [b'\\', b'u', b'0', b'0', high, low, ..] => Some((hex([*high, *low])?, 6)),
        [b'\\', b'b', ..] => Some((0x08, 2)),
        [b'\\', b'f', ..] => Some((0x0C, 2)),
        [b'\\', b'n', ..] => Some((b'\n', 2)),
        [b'\\', b'r', ..] => Some((b'\r', 2)),
        [b'\\', b't', ..] => Some((b'\t', 2)),
        [b'\\', escaped, ..] if escaped.is_ascii_punctuation() => Some((*escaped, 2)),
        [b'+', ..] => Some((b' ', 1)),
        [b'&', b'a', b'm', b'p', b';', ..] => Some((b'&', 5)),
        _ => None,
    }
}

fn hex(digits: [u8; 2]) -> Option<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    let [high, low] = digits;
    u8::try_from(value(high)? * 16 + value(low)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CANARY: &str = "Can/ary+\"T0ken\" &\té";

    fn known(secrets: &[&'static str]) -> KnownSecrets<&'static str> {
        let mut known = KnownSecrets::default();
        for secret in secrets {
            known.add(secret, *secret);
        }
        known
    }

    #[test]
    fn every_spelling_of_a_secret_is_found() {
        for spelling in [
            CANARY.to_owned(),
            format!("{CANARY:?}").trim_matches('"').to_owned(),
            serde_json::json!(CANARY)
                .to_string()
                .trim_matches('"')
                .to_owned(),
            "Can%2Fary%2B%22T0ken%22%20%26%09%C3%A9".to_owned(),
            "Can%2fary%2b%22T0ken%22%20%26%09%c3%a9".to_owned(),
            "Can%2Fary%2B%22T0ken%22+%26%09%C3%A9".to_owned(),
            "Can\\/ary%2B\\u0022T0ken\\x22 \\u0026\\u0009é".to_owned(),
            "Can/ary+\"T0ken\" &amp;\té".to_owned(),
        ] {
            let text = format!("before {spelling} after");
            let pieces = known(&[CANARY]).pieces(&text);
            let expected = [
                Piece::Open("before "),
                Piece::Secret(CANARY),
                Piece::Open(" after"),
            ];
            assert_eq!(pieces, expected, "{spelling}");
        }
    }

    #[test]
    fn a_secret_may_begin_with_an_escape() {
        let known = known(&["/store/1", "%2Fs"]);
        assert_eq!(known.pieces("%2Fstore%2F1"), [Piece::Secret("/store/1")]);
        assert_eq!(known.pieces("%2Fs"), [Piece::Secret("%2Fs")]);
    }

    #[test]
    fn the_longer_of_two_secrets_goes_first() {
        let pieces = [
            Piece::Secret("abcdefgh"),
            Piece::Open(" "),
            Piece::Secret("abcd"),
        ];
        assert_eq!(known(&["abcd", "abcdefgh"]).pieces("abcdefgh abcd"), pieces);
        assert_eq!(known(&["abcdefgh", "abcd"]).pieces("abcdefgh abcd"), pieces);
    }

    #[test]
    fn a_known_secret_keeps_its_label() {
        let mut known = known(&["abcd"]);
        known.add("abcd", "another");
        assert_eq!(known.pieces("abcd"), [Piece::Secret("abcd")]);
    }

    #[test]
    fn what_is_too_short_to_be_a_secret_is_left_alone() {
        assert_eq!(
            known(&["", "T", "Typ"]).pieces("Type T"),
            [Piece::Open("Type T")]
        );
        assert_eq!(known(&["Type"]).pieces(""), []);
    }

    proptest! {
        #[test]
        fn no_piece_holds_a_secret_and_without_secrets_the_text_stays(text in "(abcd|%61|\\\\|é|[a-d+&]|abc%64e){0,12}") {
            let known = known(&["abcd", "cdab", "éabc"]);
            for piece in known.pieces(&text) {
                if let Piece::Open(open) = piece {
                    prop_assert_eq!(known.pieces(open), [Piece::Open(open)]);
                }
            }
            prop_assert_eq!(KnownSecrets::<()>::default().pieces(&text).len(), usize::from(!text.is_empty()));
        }
    }
}
