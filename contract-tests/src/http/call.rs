//! A call is a request to the API that is put together before it is sent.

use reqwest::Method;
use serde_json::Value;

use super::{Auth, Http, MAX_REPLY_BYTES, absolute};
use crate::{
    failure::Verdict,
    http::{
        encoding::Encoding,
        exchange::Exchange,
        request::{Payload, Request},
    },
    safety::journal::Makes,
};

/// A call of the API that is not yet sent.
pub struct Call<'a> {
    http: &'a Http,
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    auth: Auth<'a>,
    encoding: Encoding,
    fields: Value,
    close: bool,
    makes: Option<Makes>,
}

impl<'a> Call<'a> {
    /// A call with the target's token, its fields as JSON.
    pub(super) fn new(
        http: &'a Http,
        method: Method,
        path: String,
        fields: Value,
        makes: Option<Makes>,
    ) -> Self {
        Self {
            http,
            method,
            path,
            query: Vec::new(),
            auth: http.token(),
            encoding: Encoding::Json,
            fields,
            close: false,
            makes,
        }
    }

    /// Carries this token, or none.
    pub fn auth(mut self, auth: Auth<'a>) -> Self {
        self.auth = auth;
        self
    }

    /// Writes the fields this way.
    pub fn encoded(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Asks for the connection to be closed, as the Go client does each time.
    pub fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// Adds parameters to the query.
    pub fn query(mut self, pairs: &[(&str, &str)]) -> Self {
        self.query.extend(
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
        );
        self
    }

    /// Sends the call.
    ///
    /// # Errors
    /// The check is [inconclusive](crate::failure::CheckFailure::Inconclusive) when there is no reply, whatever its
    /// status; a reply that is too long to be one is a [violation](crate::failure::CheckFailure::Violation).
    pub async fn send(self) -> Verdict<Exchange> {
        let exchange = self.answered().await?;
        exchange.whole()?;
        Ok(exchange)
    }

    /// The reply, of which a part may be missing.
    async fn answered(self) -> Verdict<Exchange> {
        let mut url = absolute(&format!("{}{}", self.http.server.api(), self.path))?;
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        if let Auth::Query(token) = self.auth {
            url.query_pairs_mut().append_pair("access_token", token);
        }
        let mut request = Request::new(self.method, url).authorised(self.auth);
        request.makes = self.makes;
        if self.close {
            request = request.header("Connection", "close");
        }
        if request.method == Method::POST {
            if let Some(kind) = self.encoding.content_type() {
                request = request.header("Content-Type", kind);
            }
            request = request.carrying(Payload::Text(self.encoding.write(&self.fields)));
        }
        self.http.send(request, MAX_REPLY_BYTES).await
    }

    /// Sends the call, which must succeed.
    ///
    /// # Errors
    /// As [`Call::send`], and a [violation](crate::failure::CheckFailure::Violation) when the status is no success.
    pub async fn succeed(self) -> Verdict<Exchange> {
        let exchange = self.send().await?;
        exchange.success()?;
        Ok(exchange)
    }

    /// Sends the call, which must be refused with this status; a success is what must never be, however long its reply.
    ///
    /// # Errors
    /// As [`Call::send`], and as [`Exchange::denied`].
    pub async fn denied(self, status: u16) -> Verdict<Exchange> {
        let exchange = self.answered().await?;
        exchange.denied(status)?;
        Ok(exchange)
    }

    /// Sends the call, which must be answered with this status.
    ///
    /// # Errors
    /// As [`Call::send`], and a [violation](crate::failure::CheckFailure::Violation) when the status is another one.
    pub async fn answer(self, status: u16) -> Verdict<Exchange> {
        let exchange = self.send().await?;
        exchange.status_is(status)?;
        Ok(exchange)
    }
}
