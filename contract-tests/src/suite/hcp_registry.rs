//! The registry of the namespace in HCP's API, with requests for it and for the boxes within it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    failure::CheckResult,
    http::{Auth, Call, exchange::Exchange},
    suite::{context::Context, vagrant_box::text},
};

/// The beginning of every path.
const API: &str = "/vagrant/2022-09-30";

/// A registry, with an access token of the operator's client.
pub struct HcpRegistry<'a> {
    context: &'a Context<'a>,
    token: String,
}

impl<'a> HcpRegistry<'a> {
    /// Obtains an access token.
    ///
    /// # Errors
    /// Fails when the client is refused, or the reply has no token.
    pub async fn open(context: &'a Context<'a>) -> CheckResult<Self> {
        let credentials = context.client_credentials()?;
        let grant = json!({"grant_type": "client_credentials"});
        let call = context.oauth(grant).auth(Auth::Basic(&credentials));
        let token = text(&call.answer(200).await?, "access_token")?;
        Ok(Self { context, token })
    }

    /// Returns the access token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Returns the path of the registry or of a resource within it, such as `/boxes`.
    pub fn path(&self, within: &str) -> String {
        format!("{API}/registry/{}{within}", self.context.facts().namespace)
    }

    /// Builds a GET request within the registry; nothing is sent.
    pub fn get(&self, within: &str) -> Call<'_> {
        let read = self.context.read_root(Method::GET, self.path(within));
        read.auth(Auth::Bearer(&self.token))
    }

    /// Builds a GET request for a path below the API; nothing is sent.
    pub fn get_api(&self, path: &str) -> Call<'_> {
        let read = self.context.read_root(Method::GET, format!("{API}{path}"));
        read.auth(Auth::Bearer(&self.token))
    }

    /// Builds a GET request for a path below the root of the server; nothing is sent.
    pub fn get_root(&self, path: &str) -> Call<'_> {
        let read = self.context.read_root(Method::GET, path);
        read.auth(Auth::Bearer(&self.token))
    }

    /// Builds a request within the registry that writes to the box of this name; nothing is sent.
    ///
    /// # Errors
    /// Fails when the box does not belong to the run.
    pub fn write(
        &self,
        method: Method,
        within: &str,
        name: &str,
        fields: Value,
    ) -> CheckResult<Call<'_>> {
        let path = self.path(within);
        let write = self.context.write_root(method, path, name, fields)?;
        Ok(write.auth(Auth::Bearer(&self.token)))
    }

    /// Makes a box with an unused name.
    ///
    /// # Errors
    /// Fails when the request is refused.
    pub async fn make_box(&self, private: bool) -> CheckResult<HcpBox<'_>> {
        let name = self.context.name();
        let fields = json!({"name": name, "description": "of the suite", "is_private": private});
        let create = self.write(Method::POST, "/boxes", &name, fields)?;
        let created = create.answer(200).await?;
        Ok(HcpBox {
            registry: self,
            name,
            created,
        })
    }
}

/// A box of the run in a registry.
pub struct HcpBox<'a> {
    registry: &'a HcpRegistry<'a>,
    /// The name.
    pub name: String,
    /// The reply to the request that made the box.
    pub created: Exchange,
}

impl HcpBox<'_> {
    /// Returns the path, within the registry, of the box or of a resource within it, such as `/version/1.0.0`.
    pub fn path(&self, within: &str) -> String {
        format!("/box/{}{within}", self.name)
    }

    /// Builds a GET request within the box; nothing is sent.
    pub fn get(&self, within: &str) -> Call<'_> {
        self.registry.get(&self.path(within))
    }

    /// Builds a request that writes to the box or within it; nothing is sent.
    ///
    /// # Errors
    /// Fails when the box does not belong to the run.
    pub fn write(&self, method: Method, within: &str, fields: Value) -> CheckResult<Call<'_>> {
        let path = self.path(within);
        self.registry.write(method, &path, &self.name, fields)
    }

    /// Sends a request that writes, and requires 200, as the clients do.
    ///
    /// # Errors
    /// Fails when the request is refused.
    pub async fn wrote(
        &self,
        method: Method,
        within: &str,
        fields: Value,
    ) -> CheckResult<Exchange> {
        self.write(method, within, fields)?.answer(200).await
    }

    /// Makes a version with a provider and an architecture whose data are these fields.
    ///
    /// # Errors
    /// Fails when a request is refused.
    pub async fn version(&self, version: &str, box_data: Value) -> CheckResult<Exchange> {
        let fields = json!({"name": version, "description": "of the suite"});
        self.wrote(Method::POST, "/versions", fields).await?;
        let providers = format!("/version/{version}/providers");
        let fields = json!({"name": "virtualbox"});
        self.wrote(Method::POST, &providers, fields).await?;
        let architectures = format!("/version/{version}/provider/virtualbox/architectures");
        let fields = json!({"architecture_type": "amd64", "default": true, "box_data": box_data});
        self.wrote(Method::POST, &architectures, fields).await
    }
}

/// Returns the path of the architecture that [`HcpBox::version`] makes, within the box.
pub fn architecture_path(version: &str) -> String {
    format!("/version/{version}/provider/virtualbox/architecture/amd64")
}
