//! Explains why a bucket failed, in a line that a person can act on.

use std::error::Error as _;

use object_store::Error;

use crate::storage::store::StoreError;

/// The largest number of characters of a reason.
const LONGEST: usize = 300;

/// Returns the error of a request to a place.
pub(super) fn of(place: &str, error: &Error) -> StoreError {
    let text = match error.source() {
        Some(cause) => innermost(cause),
        None => error.to_string(),
    };
    let status = status(&text);
    let is_final = match error {
        Error::Generic { .. } => status.is_some_and(is_refusal),
        _ => true,
    };
    let (place, reason) = (place.to_owned(), reason(&text, status));
    match is_final {
        true => StoreError::Refused { place, reason },
        false => StoreError::Unavailable { place, reason },
    }
}

/// Adds to an error that there are no credentials.
pub(super) fn without_key(error: StoreError) -> StoreError {
    let add = |reason: String| {
        format!(
            "{reason} (there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)"
        )
    };
    match error {
        StoreError::Refused { place, reason } => {
            let reason = add(reason);
            StoreError::Refused { place, reason }
        }
        StoreError::Unavailable { place, reason } => {
            let reason = add(reason);
            StoreError::Unavailable { place, reason }
        }
        other => other,
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    causes
        .by_ref()
        .last()
        .map_or_else(String::new, ToString::to_string)
}

/// Returns the status of a reply. The library has it only in the text of its error.
fn status(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once("status code: ")?;
    rest.get(..3)?.parse().ok()
}

/// Returns whether the same request would be refused again.
fn is_refusal(status: u16) -> bool {
    (300..500).contains(&status) && !matches!(status, 408 | 429)
}

/// Returns the code and the message of S3, if the reply has them. The rest of such a reply repeats the
/// request.
fn reason(text: &str, status: Option<u16>) -> String {
    let code = element(text, "Code").map(str::to_owned);
    let message = element(text, "Message").unwrap_or_default();
    let reason = match (code, status) {
        (Some(code), _) => format!("{code}: {message}"),
        (None, Some(status)) => format!("it answered with the status {status}"),
        (None, None) => text.to_owned(),
    };
    let line = reason.lines().next().unwrap_or_default();
    line.chars().take(LONGEST).collect()
}

fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (content, _) = rest.split_once(&format!("</{name}>"))?;
    Some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(text: &str) -> Error {
        Error::Generic {
            store: "S3",
            source: text.into(),
        }
    }

    #[test]
    fn a_refusal_is_told_by_its_code_and_message_alone() {
        let reply = "Server returned non-2xx status code: 403 Forbidden: <Error><Code>InvalidAccessKeyId\
                     </Code><Message>No such key.</Message><AWSAccessKeyId>KEY</AWSAccessKeyId></Error>";
        let error = of("the bucket s3://a", &generic(reply));
        assert!(matches!(error, StoreError::Refused { .. }));
        let expected = "the bucket s3://a refused: InvalidAccessKeyId: No such key.";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn what_may_pass_is_no_refusal() {
        for text in [
            "Server returned non-2xx status code: 503 Slow Down: ",
            "Server returned non-2xx status code: 429 Too Many Requests: ",
            "error sending request",
        ] {
            let error = of("it", &generic(text));
            assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
        }
    }
}
