//! Follows the redirects of a GET: decides where the token is sent, what may be shown of the addresses, and
//! what a refusal at the end means.

use reqwest::header::LOCATION;
use reqwest::{Response, StatusCode};
use url::Url;

use super::request_line::{origin, request_line, secret_line};
use crate::base::error::{Cause, RequestLine};
use crate::base::secret::Redactor;

const MAX_REDIRECTS: usize = 10;

/// The end of a chain is the reply that is no redirect.
#[derive(Clone, Copy)]
pub(crate) struct End {
    /// It says whether a call was made, which any path may answer; a file may be in a store instead.
    pub(crate) is_call: bool,
    /// It says whether the reply is a page for people.
    pub(crate) is_page: bool,
    /// It says whether there is a token that may have stayed behind.
    pub(crate) has_token: bool,
}

/// The chain follows the redirects of one GET, from the address that was asked for to the one that
/// answers.
pub(crate) struct RedirectChain {
    /// The token is that of this address, as somebody has typed it.
    home: Url,
    asked: Url,
    /// The line says what was asked at first, as it may be shown.
    pub(crate) first: RequestLine,
    redirects: usize,
    /// The next request goes there.
    pub(crate) url: Url,
    /// The line says what is asked there, as it may be shown.
    pub(crate) line: RequestLine,
    /// It says whether the token is sent. After a redirect to another origin it is not sent any more, even
    /// when another one leads back.
    pub(crate) at_home: bool,
}

impl RedirectChain {
    /// Begins before the first request, whose line is given.
    pub(crate) fn new(home: &Url, asked: &Url, line: RequestLine) -> Self {
        Self {
            home: home.clone(),
            asked: asked.clone(),
            first: line.clone(),
            redirects: 0,
            url: asked.clone(),
            line,
            at_home: asked.origin() == home.origin(),
        }
    }

    /// Returns whether the reply points to another place, which is the next one then. `is_secret` tells
    /// which of these authorise by themselves; the redactor learns them.
    ///
    /// # Errors
    /// [`Cause::Unencrypted`] for a place without TLS behind one with; [`Cause::Reply`] after too many
    /// redirects, and for one to what is no http or https address.
    pub(crate) fn goes_on(
        &mut self,
        response: &Response,
        is_secret: impl Fn(&Self, &Url) -> bool,
        redactor: &Redactor,
    ) -> Result<bool, Cause> {
        let Some(next) = next_stop(&self.url, response) else {
            return Ok(false);
        };
        self.redirects += 1;
        if self.redirects > MAX_REDIRECTS {
            return Err(Cause::Reply {
                request: self.line.clone(),
                detail: format!("more than {MAX_REDIRECTS} redirects"),
            });
        }
        if !is_web(&next) {
            return Err(Cause::Reply {
                request: self.line.clone(),
                detail: format!(
                    "redirected to {}/…, which is no http or https address",
                    origin(&next)
                ),
            });
        }
        if is_secret(self, &next) {
            redactor.add_url(&next, self.asked.as_str());
            self.line = secret_line("GET", &next);
        } else {
            self.line = request_line("GET", &next);
        }
        if is_unencrypted(&self.url, &next) {
            return Err(Cause::Unencrypted {
                request: self.line.clone(),
            });
        }
        self.at_home &= next.origin() == self.home.origin();
        self.url = next;
        Ok(true)
    }

    /// Returns whether a place is the one that was asked for, below another address: nothing but the
    /// address has changed.
    pub(crate) fn is_the_same(&self, place: &Url) -> bool {
        self.moved(place).is_some() && place.query() == self.asked.query()
    }

    /// Returns the place that answers, where that is another one than was asked.
    pub(crate) fn redirected_to(&self) -> Option<&str> {
        (self.redirects > 0).then_some(&*self.line.url)
    }

    /// Returns the cause of a refusal whose reason may be that the redirects led to a page to log in, or that
    /// the token was not sent.
    pub(crate) fn explain(self, cause: Cause, end: End) -> Cause {
        if self.is_log_in(&cause, end) {
            return Cause::Page {
                request: self.first,
                to: Some(self.line.url),
            };
        }
        let left = self.asked.origin() == self.home.origin() && !self.at_home;
        let has_left = left && end.has_token;
        let address = self.moved(&self.url).or_else(|| {
            let origin = origin(&self.url);
            end.is_call.then_some(origin)
        });
        match (cause, address) {
            (
                Cause::Status {
                    status: status @ (401 | 403 | 404),
                    messages,
                    ..
                },
                Some(address),
            ) if has_left => Cause::TokenNotSent {
                request: self.first,
                status,
                messages,
                to: self.line.url,
                address,
            },
            (cause, _) => cause,
        }
    }

    /// Returns whether a refusal is that of a page to log in. The store of a file may refuse with a page, too.
    fn is_log_in(&self, cause: &Cause, end: End) -> bool {
        let is_refused = match cause {
            Cause::Status { status: 401, .. } => true,
            Cause::Status { status: 403, .. } => end.is_call || self.at_home,
            _ => false,
        };
        let is_elsewhere = self.redirects > 0 && self.moved(&self.url).is_none();
        is_refused && end.is_page && is_elsewhere
    }

    fn moved(&self, place: &Url) -> Option<String> {
        moved(&self.home, &self.asked, place)
    }
}

/// Returns the address that `home` has by now, if a redirect from what was asked below it leads to the same
/// below another address.
pub(crate) fn moved(home: &Url, asked: &Url, place: &Url) -> Option<String> {
    if !is_web(place) {
        return None;
    }
    let below = asked.path();
    let base = home.path().trim_end_matches('/');
    let below = below.strip_prefix(base).unwrap_or(below);
    let prefix = place.path().strip_suffix(below)?;
    Some(format!("{}{prefix}", place.origin().ascii_serialization()))
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

/// Returns whether a step leads from a place with TLS to one without.
pub(crate) fn is_unencrypted(from: &Url, to: &Url) -> bool {
    from.scheme() == "https" && to.scheme() == "http"
}

fn next_stop(url: &Url, response: &Response) -> Option<Url> {
    let follows = matches!(
        response.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    follows.then(|| location(url, response)).flatten()
}

/// Returns the place that a redirect points to.
pub(crate) fn location(url: &Url, response: &Response) -> Option<Url> {
    if !response.status().is_redirection() {
        return None;
    }
    let next = response.headers().get(LOCATION)?.to_str().ok()?;
    url.join(next).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_has_moved_is_known_by_the_rest_of_the_path() {
        for (home, asked, place, address) in [
            (
                "http://a.test/",
                "http://a.test/api/v1/authenticate",
                "https://a.test/api/v1/authenticate",
                Some("https://a.test"),
            ),
            (
                "http://a.test/old/",
                "http://a.test/old/api/v1/artifacts/u/n",
                "https://b.test:8443/new/api/v1/artifacts/u/n?x=y",
                Some("https://b.test:8443/new"),
            ),
            (
                "http://a.test/",
                "http://a.test/api/v1/authenticate",
                "https://a.test/login",
                None,
            ),
            (
                "http://a.test/",
                "http://a.test/api/v1/authenticate",
                "ftp://a.test/api/v1/authenticate",
                None,
            ),
        ] {
            let url = |text| Url::parse(text).unwrap();
            let found = moved(&url(home), &url(asked), &url(place));
            assert_eq!(found.as_deref(), address, "{place}");
        }
    }
}
