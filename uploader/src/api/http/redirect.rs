//! Follows the redirects of a GET. It decides where the token is sent, what may be shown of the addresses,
//! and what a refusal at the end means.

use reqwest::header::LOCATION;
use reqwest::{Response, StatusCode};
use url::Url;

use super::request_line::{origin, request_line, secret_line};
use crate::base::error::{Cause, RequestLine};
use crate::base::secret::Redactor;

const MAX_REDIRECTS: usize = 10;

/// The last reply of a chain, the one that is not a redirect.
#[derive(Clone, Copy)]
pub(crate) struct End {
    /// Whether the request is an API call, which any path may answer. A request for a file may end at a store
    /// instead.
    pub(crate) is_call: bool,
    /// Whether the reply is an HTML page.
    pub(crate) is_page: bool,
    /// Whether the client has a token, which may have been withheld.
    pub(crate) has_token: bool,
}

/// The chain of redirects of one GET, from the requested address to the one that answers.
pub(crate) struct RedirectChain {
    /// The root address to which the token belongs, as the user typed it.
    root: Url,
    asked: Url,
    /// The first request, as it may be shown.
    pub(crate) first: RequestLine,
    redirects: usize,
    /// The address of the next request.
    pub(crate) url: Url,
    /// The next request, as it may be shown.
    pub(crate) line: RequestLine,
    /// Whether the token may be sent with the next request. After a redirect to another origin it is never
    /// sent again, even if another redirect leads back.
    pub(crate) token_allowed: bool,
}

impl RedirectChain {
    /// Creates a chain before its first request, which is shown as `line`.
    pub(crate) fn new(root: &Url, asked: &Url, line: RequestLine) -> Self {
        Self {
            root: root.clone(),
            asked: asked.clone(),
            first: line.clone(),
            redirects: 0,
            url: asked.clone(),
            line,
            token_allowed: asked.origin() == root.origin(),
        }
    }

    /// Returns whether the reply is a redirect, and moves on to its target. `is_secret` says which targets
    /// authorise by themselves; they are registered with the redactor.
    ///
    /// # Errors
    /// [`Cause::Unencrypted`] for a target without TLS after an address with TLS; [`Cause::Reply`] after too
    /// many redirects, and for a target that is not an http or https address.
    pub(crate) fn advance(
        &mut self,
        response: &Response,
        is_secret: impl Fn(&Self, &Url) -> bool,
        redactor: &Redactor,
    ) -> Result<bool, Cause> {
        let Some(next) = redirect_target(&self.url, response) else {
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
                    "redirected to {}/…, which is not an http or https address",
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
        self.token_allowed &= next.origin() == self.root.origin();
        self.url = next;
        Ok(true)
    }

    /// Returns whether a target is the requested resource at another address, with the same path below it and
    /// the same query.
    pub(crate) fn is_same_resource(&self, target: &Url) -> bool {
        self.moved(target).is_some() && target.query() == self.asked.query()
    }

    /// Returns the address that answers, if it is not the requested one.
    pub(crate) fn redirected_to(&self) -> Option<&str> {
        (self.redirects > 0).then_some(&*self.line.url)
    }

    /// Returns the cause of a refusal. The reason may be that the redirects led to a login page, or that the
    /// token was not sent.
    pub(crate) fn explain(self, cause: Cause, end: End) -> Cause {
        if self.is_login_page(&cause, end) {
            return Cause::Page {
                request: self.first,
                to: Some(self.line.url),
            };
        }
        let left = self.asked.origin() == self.root.origin() && !self.token_allowed;
        let token_withheld = left && end.has_token;
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
            ) if token_withheld => Cause::TokenNotSent {
                request: self.first,
                status,
                messages,
                to: self.line.url,
                address,
            },
            (cause, _) => cause,
        }
    }

    /// Returns whether a refusal comes from a login page. The store of a file may also refuse with a page.
    fn is_login_page(&self, cause: &Cause, end: End) -> bool {
        let is_refused = match cause {
            Cause::Status { status: 401, .. } => true,
            Cause::Status { status: 403, .. } => end.is_call || self.token_allowed,
            _ => false,
        };
        let is_elsewhere = self.redirects > 0 && self.moved(&self.url).is_none();
        is_refused && end.is_page && is_elsewhere
    }

    fn moved(&self, target: &Url) -> Option<String> {
        moved(&self.root, &self.asked, target)
    }
}

/// Returns the new address of `root`, if a redirect from `asked`, which is below `root`, leads to the same
/// path below another address.
pub(crate) fn moved(root: &Url, asked: &Url, target: &Url) -> Option<String> {
    if !is_web(target) {
        return None;
    }
    let below = asked.path();
    let base = root.path().trim_end_matches('/');
    let below = below.strip_prefix(base).unwrap_or(below);
    let prefix = target.path().strip_suffix(below)?;
    Some(format!("{}{prefix}", target.origin().ascii_serialization()))
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

/// Returns whether a redirect leads from an address with TLS to one without.
pub(crate) fn is_unencrypted(from: &Url, to: &Url) -> bool {
    from.scheme() == "https" && to.scheme() == "http"
}

fn redirect_target(url: &Url, response: &Response) -> Option<Url> {
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

/// Returns the target of a redirect.
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
        for (root, asked, target, address) in [
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
            let found = moved(&url(root), &url(asked), &url(target));
            assert_eq!(found.as_deref(), address, "{target}");
        }
    }
}
