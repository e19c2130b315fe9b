//! Follows the redirects of a GET: decides where the token is sent, what may be shown of the addresses, and
//! what a refusal at the end means.

use reqwest::header::LOCATION;
use reqwest::{Response, StatusCode};
use url::Url;

use super::transport::{request_line, secret_line};
use crate::error::{Cause, RequestLine};
use crate::secret::Redactor;

const MAX_REDIRECTS: usize = 10;

/// The chain follows the redirects of one GET, from the address that was asked for to the one that
/// answers.
pub(crate) struct RedirectChain {
    /// The token is that of this address, as somebody has typed it.
    home: Url,
    asked: Url,
    first: RequestLine,
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
    /// redirects.
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
        if is_secret(self, &next) {
            redactor.add_url(&next);
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

    /// Returns the cause of a refusal whose reason may be that the token was not sent. `any_path` tells
    /// whether the Atlas may be at a place that has another path, too.
    pub(crate) fn explain(self, cause: Cause, any_path: bool) -> Cause {
        let has_left = self.asked.origin() == self.home.origin() && !self.at_home;
        let address = self.moved(&self.url).or_else(|| {
            let origin = self.url.origin().ascii_serialization();
            any_path.then_some(origin)
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

    fn moved(&self, place: &Url) -> Option<String> {
        moved(&self.home, &self.asked, place)
    }
}

/// Returns the address that `home` has by now, if a redirect from what was asked below it leads to the same
/// below another address.
pub(crate) fn moved(home: &Url, asked: &Url, place: &Url) -> Option<String> {
    let below = asked.path();
    let base = home.path().trim_end_matches('/');
    let below = below.strip_prefix(base).unwrap_or(below);
    let prefix = place.path().strip_suffix(below)?;
    Some(format!("{}{prefix}", place.origin().ascii_serialization()))
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
        ] {
            let url = |text| Url::parse(text).unwrap();
            let found = moved(&url(home), &url(asked), &url(place));
            assert_eq!(found.as_deref(), address, "{place}");
        }
    }
}
