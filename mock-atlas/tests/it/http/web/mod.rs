//! Tests of the pages for people, without a browser: requests as one sends them.

mod browse;
mod control;
mod hosts;
mod negotiation;
mod proxy;
mod sessions;

use std::collections::BTreeMap;

use reqwest::header::{ACCEPT, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response};

use crate::support::{Fixture, Reply};

/// The header `Accept` of a browser.
const HTML: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// A browser that looks at the pages of an emulator.
struct Browser<'a> {
    fixture: &'a Fixture,
    http: Client,
    cookie: Option<String>,
}

impl<'a> Browser<'a> {
    fn new(fixture: &'a Fixture) -> Self {
        let http = Client::builder().no_proxy().redirect(Policy::none());
        Self {
            fixture,
            http: http.build().unwrap(),
            cookie: None,
        }
    }

    /// Returns a browser that is signed in with a token.
    async fn signed_in(fixture: &'a Fixture, token: &str) -> Self {
        let mut browser = Self::new(fixture);
        let reply = browser
            .send("/_mock/pages/sign-in", &[("token", token)])
            .await;
        assert_eq!(reply.status(), 303);
        browser.cookie = Some(cookie(&reply));
        browser
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.fixture.atlas.url());
        let mut request = self.http.request(method, url).header(ACCEPT, HTML);
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        request
    }

    async fn open(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::GET, path).send().await.unwrap()).await
    }

    /// Opens a page, and returns its text.
    async fn page(&self, path: &str) -> String {
        let reply = self.open(path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        reply.body
    }

    /// Sends a form as a page of the emulator does.
    async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let request = self.request(Method::POST, path).form(fields);
        let request = request.header(ORIGIN, self.fixture.atlas.url());
        request.send().await.unwrap()
    }

    /// Sends a form with the proof of a page.
    async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let proof = self.proof().await;
        let mut all = vec![("form_token", proof.as_str())];
        all.extend_from_slice(fields);
        self.send(path, &all).await
    }

    /// Returns the proof that the forms of this session have.
    async fn proof(&self) -> String {
        let page = self.page("/").await;
        let (_, rest) = page.split_once("name=\"form_token\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}

/// Returns the name and the value of the cookie that a reply sets.
fn cookie(reply: &Response) -> String {
    let set = reply.headers()[SET_COOKIE].to_str().unwrap();
    set.split(';').next().unwrap().to_owned()
}

fn location(reply: &Response) -> &str {
    reply.headers()[LOCATION].to_str().unwrap()
}

/// Returns the headers of a reply by name, without those that differ from reply to reply.
fn headers(reply: &Response) -> BTreeMap<String, String> {
    let all = reply.headers().iter().map(|(name, value)| {
        let value = value.to_str().unwrap().to_owned();
        (name.as_str().to_owned(), value)
    });
    let differing = ["date", "x-request-id"];
    all.filter(|(name, _)| !differing.contains(&name.as_str()))
        .collect()
}
