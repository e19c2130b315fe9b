//! A call is a request to the API that is assembled before it is sent.

use reqwest::Method;
use serde_json::Value;

use super::{Auth, Base, Http, MAX_REPLY_BYTES, absolute};
use crate::{
    failure::CheckResult,
    http::{
        encoding::Encoding,
        exchange::Exchange,
        request::{Payload, Request},
    },
    safety::journal::CreatedObject,
};

/// A request to the server that has not been sent yet.
pub struct Call<'a> {
    http: &'a Http,
    method: Method,
    base: Base,
    path: String,
    query: Vec<(String, String)>,
    auth: Auth<'a>,
    encoding: Encoding,
    fields: Value,
    close: bool,
    makes: Option<CreatedObject>,
}

impl<'a> Call<'a> {
    /// Creates a call that carries the target's token, and its fields as JSON; null fields mean an empty body.
    pub(super) fn new(
        http: &'a Http,
        method: Method,
        base: Base,
        path: String,
        fields: Value,
        makes: Option<CreatedObject>,
    ) -> Self {
        Self {
            http,
            method,
            base,
            path,
            query: Vec::new(),
            auth: http.token(),
            encoding: Encoding::Json,
            fields,
            close: false,
            makes,
        }
    }

    /// Sets where the call carries which token.
    pub fn auth(mut self, auth: Auth<'a>) -> Self {
        self.auth = auth;
        self
    }

    /// Sets the encoding of the fields.
    pub fn encoded(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Requests that the connection be closed, as the Go client does each time.
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
    /// The check is [inconclusive](crate::failure::CheckFailure::Inconclusive) when there is no reply at all; a reply
    /// that is too long is a [violation](crate::failure::CheckFailure::Violation).
    pub async fn send(self) -> CheckResult<Exchange> {
        let exchange = self.answered().await?;
        exchange.require_complete()?;
        Ok(exchange)
    }

    /// Sends the call and returns the reply, whose body may be incomplete.
    async fn answered(self) -> CheckResult<Exchange> {
        let mut url = absolute(&format!("{}{}", self.http.server.at(self.base), self.path))?;
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
        if !self.fields.is_null() {
            if let Some(kind) = self.encoding.content_type() {
                request = request.header("Content-Type", kind);
            }
            request = request.carrying(Payload::Text(self.encoding.write(&self.fields)));
        }
        self.http.send(request, MAX_REPLY_BYTES).await
    }

    /// Sends the call, and requires a success.
    ///
    /// # Errors
    /// Fails as [`Call::send`] does, and with a [violation](crate::failure::CheckFailure::Violation) when the status is
    /// not a success.
    pub async fn succeed(self) -> CheckResult<Exchange> {
        let exchange = self.send().await?;
        exchange.success()?;
        Ok(exchange)
    }

    /// Sends the call, and requires that it is refused with this status. A success is forbidden, however long its
    /// reply.
    ///
    /// # Errors
    /// Fails as [`Call::send`] and [`Exchange::denied`] do.
    pub async fn denied(self, status: u16) -> CheckResult<Exchange> {
        let exchange = self.answered().await?;
        exchange.denied(status)?;
        Ok(exchange)
    }

    /// Sends the call, and requires this status.
    ///
    /// # Errors
    /// Fails as [`Call::send`] does, and with a [violation](crate::failure::CheckFailure::Violation) when the status
    /// differs.
    pub async fn answer(self, status: u16) -> CheckResult<Exchange> {
        let exchange = self.send().await?;
        exchange.status_is(status)?;
        Ok(exchange)
    }
}
