//! A Vagrant box on the server, with requests for it and for the objects within it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    failure::CheckResult,
    http::{Auth, Call, MAX_REPLY_BYTES, exchange::Exchange, request::Sending},
    suite::{box_api::BoxApi, context::Context},
};

/// A box, below the target's namespace if the run made it.
#[derive(Clone)]
pub struct VagrantBox<'a> {
    context: &'a Context<'a>,
    /// The API that the requests use.
    pub api: BoxApi,
    /// The user or organisation.
    pub user: String,
    /// The name, without the user.
    pub name: String,
}

/// The address of a direct upload, and the one that is called when the bytes are there.
pub struct DirectUpload {
    /// The address for the bytes.
    pub upload_path: String,
    /// The address of the call.
    pub callback: String,
    /// The reply that named both.
    pub reply: Exchange,
}

impl<'a> VagrantBox<'a> {
    pub(crate) fn new(context: &'a Context<'a>, api: BoxApi, user: String, name: String) -> Self {
        Self {
            context,
            api,
            user,
            name,
        }
    }

    /// Returns the same box, by another API.
    pub fn by(&self, api: BoxApi) -> Self {
        Self {
            api,
            ..self.clone()
        }
    }

    /// Returns another box of the same user, which need not exist.
    pub fn beside(&self, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..self.clone()
        }
    }

    /// Returns the tag, `USER/NAME`.
    pub fn tag(&self) -> String {
        format!("{}/{}", self.user, self.name)
    }

    /// Builds a GET request for the box or for a resource within it, such as `/version/1.0.0`; nothing is sent.
    pub fn get(&self, within: &str) -> Call<'a> {
        let path = format!("/box/{}{within}", self.tag());
        self.context.get_box_api(self.api, path)
    }

    /// Builds a request that writes to the box or within it; nothing is sent.
    ///
    /// # Errors
    /// Fails when the box does not belong to the run.
    pub fn write(&self, method: Method, within: &str, fields: Value) -> CheckResult<Call<'a>> {
        let path = format!("/box/{}{within}", self.tag());
        self.context
            .write_box(self.api, method, path, &self.name, fields)
    }

    /// Sends a POST with these fields, and requires a success.
    ///
    /// # Errors
    /// Fails as [`VagrantBox::write`] does, or when the request is refused.
    pub async fn post(&self, within: &str, fields: Value) -> CheckResult<Exchange> {
        self.write(Method::POST, within, fields)?.succeed().await
    }

    /// Sends a PUT with these fields, or with an empty body, and requires a success.
    ///
    /// # Errors
    /// Fails as [`VagrantBox::write`] does, or when the request is refused.
    pub async fn put(&self, within: &str, fields: Value) -> CheckResult<Exchange> {
        self.write(Method::PUT, within, fields)?.succeed().await
    }

    /// Sends a DELETE, and requires a success.
    ///
    /// # Errors
    /// Fails as [`VagrantBox::write`] does, or when the request is refused.
    pub async fn delete(&self, within: &str) -> CheckResult<Exchange> {
        let delete = self.write(Method::DELETE, within, Value::Null)?;
        delete.succeed().await
    }

    /// Makes a version, which is not released.
    ///
    /// # Errors
    /// Fails when the request is refused.
    pub async fn version(&self, version: &str) -> CheckResult<Exchange> {
        let fields = json!({"version": {"version": version, "description": "of the suite"}});
        self.post("/versions", fields).await
    }

    /// Makes a provider of a version with these fields.
    ///
    /// # Errors
    /// Fails when the request is refused.
    pub async fn provider(&self, version: &str, fields: Value) -> CheckResult<Exchange> {
        let within = format!("/version/{version}/providers");
        self.post(&within, json!({"provider": fields})).await
    }

    /// Uploads the bytes of a provider, `NAME` or `NAME/ARCHITECTURE`, not directly.
    ///
    /// # Errors
    /// Fails when a request is refused, or the reply names no upload path.
    pub async fn upload(&self, version: &str, provider: &str, bytes: &[u8]) -> CheckResult {
        let path = self.upload_path(version, provider).await?;
        let put = self.context.http().put(&path, bytes, Sending::Sized);
        put.await?.success()
    }

    /// Returns the upload path of a provider, for an upload that is not direct.
    ///
    /// # Errors
    /// Fails when the request is refused, or the reply names no upload path.
    pub async fn upload_path(&self, version: &str, provider: &str) -> CheckResult<String> {
        let within = format!("/version/{version}/provider/{provider}/upload");
        let reply = self.get(&within).succeed().await?;
        text(&reply, "upload_path")
    }

    /// Returns the addresses of a direct upload of a provider.
    ///
    /// # Errors
    /// Fails when the request is refused, or the reply lacks an address.
    pub async fn direct_upload(&self, version: &str, provider: &str) -> CheckResult<DirectUpload> {
        let within = format!("/version/{version}/provider/{provider}/upload/direct");
        let reply = self.get(&within).succeed().await?;
        Ok(DirectUpload {
            upload_path: text(&reply, "upload_path")?,
            callback: text(&reply, "callback")?,
            reply,
        })
    }

    /// Calls back after a direct upload.
    ///
    /// # Errors
    /// Fails when the callback is not an address of the server, or there is no reply.
    pub async fn call_back(&self, direct: &DirectUpload) -> CheckResult<Exchange> {
        let path = self.context.path_of(&direct.callback)?;
        let fields = Value::Null;
        let call = self
            .context
            .write_root(Method::PUT, path, &self.name, fields)?;
        call.auth(Auth::Bearer(self.context.token())).send().await
    }

    /// Makes a version with these providers, `NAME` or `NAME/ARCHITECTURE`, uploads these bytes for each, and releases
    /// the version.
    ///
    /// # Errors
    /// Fails when a request is refused.
    pub async fn released(&self, version: &str, providers: &[&str], bytes: &[u8]) -> CheckResult {
        self.version(version).await?;
        for provider in providers {
            self.provider(version, provider_fields(provider)).await?;
            self.upload(version, provider, bytes).await?;
        }
        self.put(&format!("/version/{version}/release"), Value::Null)
            .await
            .map(drop)
    }

    /// Returns the box as the server shows it.
    ///
    /// # Errors
    /// Fails when the request is refused, or the reply is not JSON.
    pub async fn shown(&self) -> CheckResult<Exchange> {
        self.get("").answer(200).await
    }

    /// Returns a provider of a version, `NAME` or `NAME/ARCHITECTURE`, as the server shows it.
    ///
    /// # Errors
    /// Fails when the request is refused.
    pub async fn provider_shown(&self, version: &str, provider: &str) -> CheckResult<Exchange> {
        let within = format!("/version/{version}/provider/{provider}");
        self.get(&within).answer(200).await
    }

    /// Downloads the file of a provider from the address for its default architecture, or for the one that it names.
    ///
    /// # Errors
    /// Fails when there is no reply.
    pub async fn file(
        &self,
        auth: Auth<'_>,
        version: &str,
        provider: &str,
    ) -> CheckResult<Exchange> {
        let address = self.file_address(version, provider);
        let http = self.context.http();
        http.fetch(&address, auth, &[], MAX_REPLY_BYTES).await
    }

    /// Returns the address of the file of a provider, `NAME` or `NAME/ARCHITECTURE`.
    pub fn file_address(&self, version: &str, provider: &str) -> String {
        let file = match provider.split_once('/') {
            Some(_) => format!("{provider}/vagrant.box"),
            None => format!("{provider}.box"),
        };
        let (root, user, name) = (self.context.http().server().root(), &self.user, &self.name);
        format!("{root}/{user}/boxes/{name}/versions/{version}/providers/{file}")
    }
}

/// Returns the fields of a provider, `NAME` or `NAME/ARCHITECTURE`.
fn provider_fields(provider: &str) -> Value {
    match provider.split_once('/') {
        Some((name, architecture)) => json!({"name": name, "architecture": architecture}),
        None => json!({"name": provider}),
    }
}

/// Returns a field of a reply that must be a text.
///
/// # Errors
/// Fails when the body is not JSON, or the field is not a text.
pub fn text(reply: &Exchange, field: &str) -> CheckResult<String> {
    let body = reply.json()?;
    let text = body[field].as_str().filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| reply.violation(format!("a text as {field}")));
    text.map(str::to_owned)
}
