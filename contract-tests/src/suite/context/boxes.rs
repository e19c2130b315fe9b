//! The tools for checks of Vagrant boxes: logins, access tokens, requests for boxes, and boxes to read.

use reqwest::{Method, Url};
use serde_json::{Value, json};

use super::{Context, declared};
use crate::{
    failure::{CheckResult, violation},
    http::{Auth, Base, Call, basic, encoding::Encoding},
    safety::journal::CreatedObject,
    suite::{
        box_api::BoxApi,
        fixtures::{Digest, KnownFile},
        precondition::Precondition,
        sample_box::SampleBox,
        vagrant_box::VagrantBox,
    },
};

impl<'a> Context<'a> {
    /// Builds a POST request that logs in as the clients for boxes do, with the fields of `two_factor`; nothing is sent.
    pub fn sign_in(&self, user: &Value, two_factor: Value) -> Call<'a> {
        let token = json!({"description": self.token_description()});
        let fields = json!({"user": user, "token": token, "two_factor": two_factor});
        self.sign_in_call(Method::POST, "/authenticate", fields)
            .auth(Auth::Anonymous)
    }

    /// Builds a DELETE request that makes the token that it carries void; nothing is sent.
    pub fn sign_out(&self) -> Call<'a> {
        self.sign_in_call(Method::DELETE, "/authenticate", Value::Null)
    }

    /// Builds a request about logins; nothing is sent. It makes nothing but tokens with the description of the run.
    pub fn sign_in_call(&self, method: Method, path: &str, fields: Value) -> Call<'a> {
        let makes = CreatedObject::Token(self.token_description());
        self.http.call(method, Base::V1, path, fields, Some(makes))
    }

    /// Returns the id and the secret of the operator's client, as HTTP's Basic authentication has them.
    ///
    /// # Errors
    /// Fails when there is no client. A clause that lists [`RequiredSetting::Client`] is checked only when there is one.
    ///
    /// [`RequiredSetting::Client`]: crate::suite::required_setting::RequiredSetting::Client
    pub fn client_credentials(&self) -> CheckResult<String> {
        let (id, secret) = self.client()?;
        Ok(basic(id, secret))
    }

    /// Returns the id and the secret of the operator's client.
    ///
    /// # Errors
    /// Fails as [`Context::client_credentials`] does.
    pub fn client(&self) -> CheckResult<(&'a str, &'a str)> {
        let client = declared(self.facts.client.as_ref())?;
        Ok((&client.0, &client.1))
    }

    /// Builds a POST request for an access token, with these fields as a form; nothing is sent.
    pub fn oauth(&self, fields: Value) -> Call<'a> {
        let makes = Some(CreatedObject::AccessToken);
        self.http
            .call(Method::POST, Base::Root, "/oauth2/token", fields, makes)
            .encoded(Encoding::Form)
            .auth(Auth::Anonymous)
    }

    /// Returns the API that a clause about boxes uses when any would do: the newest that the server has.
    ///
    /// # Errors
    /// Fails when the server has none. A clause about boxes is checked only when it has one.
    pub fn box_api(&self) -> CheckResult<BoxApi> {
        declared(self.facts.box_apis.last().copied())
    }

    /// Builds a GET request for a path of an API for boxes; nothing is sent.
    pub fn get_box_api(&self, api: BoxApi, path: impl Into<String>) -> Call<'a> {
        self.http
            .call(Method::GET, api.base(), path, Value::Null, None)
    }

    /// Builds a GET or HEAD request for a path below the root of the server; nothing is sent.
    pub fn read_root(&self, method: Method, path: impl Into<String>) -> Call<'a> {
        self.http.call(method, Base::Root, path, Value::Null, None)
    }

    /// Builds a request that writes to a box of the namespace or within it; nothing is sent.
    ///
    /// # Errors
    /// Fails when the box does not belong to this run.
    pub fn write_box(
        &self,
        api: BoxApi,
        method: Method,
        path: impl Into<String>,
        name: &str,
        fields: Value,
    ) -> CheckResult<Call<'a>> {
        self.write_below(api.base(), method, path, name, fields)
    }

    /// Builds a request that writes to a box of the namespace by a path below the root of the server; nothing is sent.
    ///
    /// # Errors
    /// Fails when the box does not belong to this run.
    pub fn write_root(
        &self,
        method: Method,
        path: impl Into<String>,
        name: &str,
        fields: Value,
    ) -> CheckResult<Call<'a>> {
        self.write_below(Base::Root, method, path, name, fields)
    }

    fn write_below(
        &self,
        base: Base,
        method: Method,
        path: impl Into<String>,
        name: &str,
        fields: Value,
    ) -> CheckResult<Call<'a>> {
        self.guard(name, None)?;
        let tag = format!("{}/{name}", self.facts.namespace);
        let makes = Some(CreatedObject::Box(tag));
        Ok(self.http.call(method, base, path, fields, makes))
    }

    /// Builds a POST request that makes a box with this name and these further fields; nothing is sent.
    ///
    /// # Errors
    /// Fails when the box does not belong to this run, or the server has no boxes.
    pub fn create_box(&self, name: &str, fields: Value) -> CheckResult<Call<'a>> {
        let mut described = json!({"username": self.facts.namespace, "name": name});
        if let (Value::Object(all), Value::Object(more)) = (&mut described, fields) {
            all.extend(more);
        }
        let fields = json!({"box": described});
        self.write_box(self.box_api()?, Method::POST, "/boxes", name, fields)
    }

    /// Returns a handle on the box with this name in the namespace, which need not exist; nothing is sent.
    ///
    /// # Errors
    /// Fails when the server has no boxes.
    pub fn box_named(&self, name: impl Into<String>) -> CheckResult<VagrantBox<'_>> {
        let user = self.facts.namespace.clone();
        Ok(VagrantBox::new(self, self.box_api()?, user, name.into()))
    }

    /// Makes a box with an unused name, private or not.
    ///
    /// # Errors
    /// Fails when the box cannot be made.
    pub async fn make_box(&self, private: bool) -> CheckResult<VagrantBox<'_>> {
        let made = self.box_named(self.name())?;
        let fields = json!({"is_private": private, "short_description": "of the suite"});
        self.create_box(&made.name, fields)?.succeed().await?;
        Ok(made)
    }

    /// Returns the operator's box that meets a precondition, if the run is read-only, like [`Context::fixture`].
    ///
    /// # Errors
    /// Fails when no box meets the precondition, or the server has no boxes.
    pub fn box_fixture(&self, given: Precondition) -> CheckResult<Option<SampleBox<'_>>> {
        if !self.is_read_only() {
            return Ok(None);
        }
        let fixture = declared(self.facts.box_fixture(given))?.clone();
        let (user, name) = (fixture.user, fixture.name);
        Ok(Some(SampleBox {
            of: VagrantBox::new(self, self.box_api()?, user, name),
            version: fixture.version,
            provider: fixture.provider,
            architecture: fixture.architecture,
            file: fixture.file,
        }))
    }

    /// Returns a box to read: a fixture of the operator, or a new public box whose version is released with this
    /// provider and these bytes.
    ///
    /// # Errors
    /// Fails when the box cannot be made, or no fixture meets the precondition.
    pub async fn sample_box(
        &self,
        given: Precondition,
        version: &str,
        provider: &str,
        bytes: &[u8],
    ) -> CheckResult<SampleBox<'_>> {
        if let Some(given) = self.box_fixture(given)? {
            return Ok(given);
        }
        let made = self.make_box(false).await?;
        made.released(version, &[provider], bytes).await?;
        Ok(SampleBox {
            of: made,
            version: version.to_owned(),
            provider: provider.to_owned(),
            architecture: None,
            file: Some(KnownFile {
                size: bytes.len() as u64,
                sha256: Digest::of(bytes),
            }),
        })
    }

    /// Returns the path of an address below the root of the server.
    ///
    /// # Errors
    /// Fails when the address is not below the root, or has a query.
    pub fn path_of(&self, address: &str) -> CheckResult<String> {
        let expected = || violation("an address below the server's, without a query", "another");
        let below = address.strip_prefix(self.http.server().root());
        let path = below.filter(|path| path.starts_with('/') && !path.contains('?'));
        let is_address = Url::parse(address).is_ok();
        path.filter(|_| is_address)
            .map(str::to_owned)
            .ok_or_else(expected)
    }
}
