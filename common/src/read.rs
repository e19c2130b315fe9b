//! Reads files that must not be longer than a limit.

use std::io::{self, Read};

/// Reads `source` to its end, or returns `None` where it has more than `limit` bytes: a device without
/// end is not read without end.
///
/// # Errors
/// It cannot be read.
pub fn read_at_most(source: impl Read, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut content = Vec::new();
    // One byte more tells that it is too long, whatever length its metadata name.
    source
        .take(limit.saturating_add(1))
        .read_to_end(&mut content)?;
    Ok((content.len() as u64 <= limit).then_some(content))
}

/// Returns bytes as the text that they are in UTF-8.
///
/// # Errors
/// They are not UTF-8.
pub fn into_text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not text in UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_read_and_a_byte_more_is_too_long() {
        assert_eq!(
            read_at_most(&b"12345"[..], 5).unwrap(),
            Some(b"12345".to_vec())
        );
        assert_eq!(read_at_most(&b"12345"[..], 4).unwrap(), None);
        assert_eq!(read_at_most(io::repeat(0), 4).unwrap(), None);
        assert_eq!(
            read_at_most(&b"1"[..], u64::MAX).unwrap(),
            Some(b"1".to_vec())
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert_eq!(into_text("größe".into()).unwrap(), "größe");
        let error = into_text(vec![0xff]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
