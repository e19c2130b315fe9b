//! Downloads follow redirects one by one, so that no token reaches another origin.

use reqwest::{Method, Url};

use super::{Auth, Http, absolute};
use crate::{
    failure::{CheckResult, violation},
    http::{exchange::Exchange, request::Request},
    safety::address::origin,
};

const MAX_REDIRECTS: usize = 5;

impl Http {
    /// Downloads a path below the API with the target's token, or anonymously, following redirects. A token never
    /// leaves the origin of the API. At most `most` bytes of the body are read, and a reply with a longer body never
    /// passes a check of its status.
    ///
    /// # Errors
    /// Fails when a redirect leads nowhere, there are too many redirects, or there is no reply.
    pub async fn download(&self, path: &str, auth: Auth<'_>, most: usize) -> CheckResult<Exchange> {
        let url = absolute(&format!("{}{path}", self.server.api()))?;
        self.follow(url, auth, &[], most).await
    }

    /// Downloads an absolute address with these headers, as [`Http::download`] downloads a path.
    ///
    /// # Errors
    /// Fails as [`Http::download`] does, or when the text is not an absolute address.
    pub async fn fetch(
        &self,
        address: &str,
        auth: Auth<'_>,
        headers: &[(&'static str, &str)],
        most: usize,
    ) -> CheckResult<Exchange> {
        let mut url = absolute(address)?;
        if let Auth::Query(token) = auth
            && origin(&url) == self.server.origin()
        {
            url.query_pairs_mut().append_pair("access_token", token);
        }
        self.follow(url, auth, headers, most).await
    }

    async fn follow(
        &self,
        mut url: Url,
        auth: Auth<'_>,
        headers: &[(&'static str, &str)],
        most: usize,
    ) -> CheckResult<Exchange> {
        let first = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let mut download = Request::new(Method::GET, url.clone());
            for (name, value) in headers {
                download = download.header(name, *value);
            }
            if origin(&url) == self.server.origin() {
                download = download.authorised(auth);
            }
            let exchange = self.send(download, most).await?;
            let Some(next) = exchange.location() else {
                return Ok(exchange);
            };
            url = url
                .join(next)
                .map_err(|_| exchange.violation("a redirect to an address"))?;
            self.secrets.add(url.as_str(), "[redirect]");
        }
        Err(violation(
            "the file after a few redirects",
            format!("more than {MAX_REDIRECTS} redirects from {}", first.path()),
        ))
    }
}
