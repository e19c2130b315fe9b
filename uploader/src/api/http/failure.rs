//! Turns failures of a connection into causes: a timeout, a broken connection, an untrusted server, a proxy
//! that refuses, a local file that cannot be read.

use std::error::Error as _;
use std::time::Duration;

use super::body::LocalRead;
use crate::base::error::{Cause, NetworkFailure, RequestLine};
use crate::base::secret::Redactor;

/// The message of rustls for an untrusted certificate; its error type is not part of reqwest's interface.
const UNTRUSTED: &str = "invalid peer certificate";
/// The messages of hyper for a proxy that refuses a user and a password: the first over http, the others over
/// SOCKS.
const PASSWORD_REFUSED: [&str; 3] = [
    "proxy authorization required",
    "credentials not accepted",
    "does not support user/pass authentication",
];

/// Runs a call with a time limit, and returns a cause if it passes.
pub(crate) async fn with_timeout<T>(
    limit: Duration,
    line: &RequestLine,
    call: impl Future<Output = Result<T, Cause>>,
) -> Result<T, Cause> {
    tokio::select! {
        answered = call => answered,
        cause = timeout(limit, line) => Err(cause),
    }
}

/// Returns the cause of an unanswered call, once the time limit has passed.
pub(crate) async fn timeout(limit: Duration, line: &RequestLine) -> Cause {
    tokio::time::sleep(limit).await;
    timed_out(line, format!("no answer within {limit:?}"))
}

pub(crate) fn stalled(line: &RequestLine, limit: Duration) -> Cause {
    timed_out(line, format!("no bytes were transferred for {limit:?}"))
}

fn timed_out(line: &RequestLine, detail: String) -> Cause {
    Cause::Network {
        request: line.clone(),
        failure: NetworkFailure::TimedOut,
        detail,
    }
}

/// Returns the cause of a request whose reply did not come, or did not come completely.
pub(crate) fn network(request: RequestLine, error: reqwest::Error, redactor: &Redactor) -> Cause {
    let error = error.without_url();
    if let Some(LocalRead(local)) = find_local(&error) {
        return Cause::Unpackable(format!("the file could not be read to its end: {local}"));
    }
    let detail = redactor.redact(&chain(&error));
    if error.is_builder() {
        Cause::Internal(detail)
    } else if detail.contains(UNTRUSTED) {
        Cause::Untrusted { request, detail }
    } else if PASSWORD_REFUSED.iter().any(|words| detail.contains(words)) {
        Cause::ProxyRefused { request, detail }
    } else {
        let failure = network_failure(&error);
        Cause::Network {
            request,
            failure,
            detail,
        }
    }
}

fn network_failure(error: &reqwest::Error) -> NetworkFailure {
    // A timeout while connecting counts as both, and is a failure to connect.
    if error.is_connect() {
        NetworkFailure::NotConnected
    } else if error.is_timeout() {
        NetworkFailure::TimedOut
    } else {
        NetworkFailure::ConnectionBroken
    }
}

fn find_local(error: &reqwest::Error) -> Option<&LocalRead> {
    let mut source = error.source();
    while let Some(reason) = source {
        if let Some(local) = reason.downcast_ref::<LocalRead>() {
            return Some(local);
        }
        source = reason.source();
    }
    None
}

/// Returns the text of an error and of its sources, except for a source that the text already ends with.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(reason) = source {
        let words = reason.to_string();
        if !text.ends_with(&words) {
            text = format!("{text}: {words}");
        }
        source = reason.source();
    }
    text
}
