//! Plays Terraform, as far as a provider sees it.

use std::collections::BTreeMap;
use std::sync::Arc;

use atlas_uploader::terraform::protocol::{
    Applied, ApplyRequest, AttributePath, ConfigOf, ConfigureRequest, Diagnostic, Diagnostics,
    DynamicValue, Empty, PlanRequest, Planned, ProviderSchema, ReadRequest, Schema, State,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use hyper::client::conn::http2;
use hyper::http::uri::PathAndQuery;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, PKCS_ECDSA_P521_SHA512};
use rmpv::Value;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tonic::body::Body;
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use super::plugin::handshake;
use super::program::Program;

pub(crate) const COOKIE: (&str, &str) = (
    "TF_PLUGIN_MAGIC_COOKIE",
    "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
);

/// Returns a command that starts the program under the name of a provider.
pub(crate) fn provider(program: &Program) -> Command {
    let path = program.path("terraform-provider-atlas_v0.1.0");
    if !path.exists() {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_atlas-upload"), &path).unwrap();
    }
    program.command_of(&path)
}

/// The certificate of one Terraform: P-521, and its own CA.
pub(crate) struct Identity {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Identity {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, key }
    }

    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }
}

/// A running provider's process.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) handshake: String,
}

impl Process {
    /// Starts the provider for the Terraform with this certificate.
    pub(crate) async fn start(mut command: Command, certificate: Option<&str>) -> Self {
        if let Some(certificate) = certificate {
            command.env("PLUGIN_CLIENT_CERT", certificate);
        }
        command
            .env(COOKIE.0, COOKIE.1)
            .env("PLUGIN_PROTOCOL_VERSIONS", "5,6");
        let (child, handshake) = handshake(&mut command).await;
        Self { child, handshake }
    }

    /// Returns the address and the certificate of the handshake.
    pub(crate) fn endpoint(&self) -> (String, String) {
        let rest = self.handshake.strip_prefix("1|5|tcp|").unwrap();
        let (address, certificate) = rest.split_once("|grpc|").unwrap();
        (address.to_owned(), certificate.to_owned())
    }

    pub(crate) async fn connect_plainly(&self) -> TcpStream {
        TcpStream::connect(self.endpoint().0).await.unwrap()
    }

    /// Connects, showing the identity if there is one.
    pub(crate) async fn connect(
        &self,
        identity: Option<&Identity>,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let (_, certificate) = self.endpoint();
        let certificate = BASE64_STANDARD_NO_PAD.decode(certificate).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(certificate)).unwrap();
        let crypto = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(crypto)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match identity {
            Some(own) => {
                let key = PrivatePkcs8KeyDer::from(own.key.serialize_der());
                let chain = vec![own.certificate.der().clone()];
                builder.with_client_auth_cert(chain, key.into()).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = "localhost".try_into().unwrap();
        let plain = self.connect_plainly().await;
        TlsConnector::from(Arc::new(config))
            .connect(name, plain)
            .await
    }
}

/// A provider, and the connection to it.
pub(crate) struct Provider {
    pub(crate) process: Process,
    calls: http2::SendRequest<Body>,
    schemas: ProviderSchema,
}

/// The problems that a call told: `ATTRIBUTE: SUMMARY` each.
pub(crate) type Problems = Vec<String>;

/// The attributes of a resource or of a data source.
pub(crate) type Object = BTreeMap<String, Value>;

impl Provider {
    /// Starts a provider, and connects to it.
    pub(crate) async fn start(program: &Program) -> Self {
        let identity = Identity::new();
        let process = Process::start(provider(program), Some(&identity.pem())).await;
        let stream = process.connect(Some(&identity)).await.unwrap();
        let (calls, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let schemas = ProviderSchema::default();
        let mut this = Self {
            process,
            calls,
            schemas,
        };
        this.schemas = this.call("GetSchema", Empty {}).await.unwrap();
        this
    }

    /// Starts a provider whose settings come from the environment.
    pub(crate) async fn configured(program: &Program) -> Self {
        let provider = Self::start(program).await;
        assert_eq!(provider.configure(&[]).await, Problems::new());
        provider
    }

    /// Makes one call of the provider.
    pub(crate) async fn call<Q, R>(&self, method: &str, message: Q) -> Result<R, Status>
    where
        Q: prost::Message + 'static,
        R: prost::Message + Default + 'static,
    {
        self.call_at(&format!("/tfplugin5.Provider/{method}"), message)
            .await
    }

    pub(crate) async fn call_at<Q, R>(&self, path: &str, message: Q) -> Result<R, Status>
    where
        Q: prost::Message + 'static,
        R: prost::Message + Default + 'static,
    {
        let calls = self.calls.clone();
        let service = tower::service_fn(move |request| {
            let mut calls = calls.clone();
            async move { calls.send_request(request).await }
        });
        let origin = "http://localhost".parse().unwrap();
        let mut grpc = tonic::client::Grpc::with_origin(service, origin);
        let path: PathAndQuery = path.parse().unwrap();
        let codec = ProstCodec::<Q, R>::default();
        let reply = grpc.unary(Request::new(message), path, codec).await;
        reply.map(tonic::Response::into_inner)
    }

    pub(crate) async fn configure(&self, settings: &[(&str, Value)]) -> Problems {
        let request = ConfigureRequest {
            terraform_version: "1.11.4".to_owned(),
            config: Some(whole(self.schemas.provider.as_ref().unwrap(), settings)),
        };
        let reply: Diagnostics = self.call("Configure", request).await.unwrap();
        problems(&reply.diagnostics)
    }

    pub(crate) fn schemas(&self) -> &ProviderSchema {
        &self.schemas
    }

    pub(crate) fn data_source(&self, kind: &str, values: &[(&str, Value)]) -> ConfigOf {
        ConfigOf {
            type_name: kind.to_owned(),
            config: Some(whole(&self.schemas.data_source_schemas[kind], values)),
        }
    }

    /// Validates and reads a data source.
    pub(crate) async fn read(
        &self,
        kind: &str,
        values: &[(&str, Value)],
    ) -> Result<Object, Problems> {
        let request = self.data_source(kind, values);
        let valid: Diagnostics = self
            .call("ValidateDataSourceConfig", request.clone())
            .await
            .unwrap();
        if !valid.diagnostics.is_empty() {
            return Err(problems(&valid.diagnostics));
        }
        let read: State = self.call("ReadDataSource", request).await.unwrap();
        match problems(&read.diagnostics) {
            none if none.is_empty() => Ok(object(read.state.as_ref()).unwrap()),
            some => Err(some),
        }
    }

    /// Plans a change, as Terraform proposes it: outputs keep what the state says.
    pub(crate) async fn plan(
        &self,
        kind: &str,
        prior: Option<&Object>,
        values: &[(&str, Value)],
    ) -> Planned {
        let schema = &self.schemas.resource_schemas[kind];
        let mut proposed: Vec<(&str, Value)> = values.to_vec();
        let attributes = &schema.block.as_ref().unwrap().attributes;
        for attribute in attributes.iter().filter(|attribute| attribute.computed) {
            let before = prior.map(|prior| prior[&attribute.name].clone());
            proposed.push((&attribute.name, before.unwrap_or_else(unknown)));
        }
        let request = PlanRequest {
            type_name: kind.to_owned(),
            prior_state: Some(written(prior)),
            proposed_new_state: Some(whole(schema, &proposed)),
            config: Some(whole(schema, values)),
        };
        self.call("PlanResourceChange", request).await.unwrap()
    }

    /// Applies a planned state; `None` destroys.
    pub(crate) async fn apply(
        &self,
        kind: &str,
        prior: Option<&Object>,
        planned: Option<DynamicValue>,
    ) -> (Option<Object>, Problems) {
        let request = ApplyRequest {
            type_name: kind.to_owned(),
            prior_state: Some(written(prior)),
            planned_state: Some(planned.unwrap_or_else(|| written(None))),
            config: None,
        };
        let applied: Applied = self.call("ApplyResourceChange", request).await.unwrap();
        let told = problems(&applied.diagnostics);
        (object(applied.new_state.as_ref()), told)
    }

    /// Plans and creates a resource.
    pub(crate) async fn create(
        &self,
        kind: &str,
        values: &[(&str, Value)],
    ) -> Result<Object, Problems> {
        let planned = self.plan(kind, None, values).await;
        let told = problems(&planned.diagnostics);
        if !told.is_empty() {
            return Err(told);
        }
        match self.apply(kind, None, planned.planned_state).await {
            (Some(state), told) if told.is_empty() => Ok(state),
            (_, told) => Err(told),
        }
    }

    /// Refreshes a resource; `None` if it is gone.
    pub(crate) async fn refresh(
        &self,
        kind: &str,
        state: &Object,
    ) -> Result<Option<Object>, Problems> {
        let request = ReadRequest {
            type_name: kind.to_owned(),
            current_state: Some(written(Some(state))),
        };
        let read: State = self.call("ReadResource", request).await.unwrap();
        match problems(&read.diagnostics) {
            none if none.is_empty() => Ok(object(read.state.as_ref())),
            some => Err(some),
        }
    }
}

/// Returns the value that is known only after apply.
pub(crate) fn unknown() -> Value {
    Value::Ext(0, vec![0])
}

pub(crate) fn map(pairs: &[(&str, &str)]) -> Value {
    let pair = |(key, value): &(&str, &str)| ((*key).into(), (*value).into());
    Value::Map(pairs.iter().map(pair).collect())
}

/// Returns an object with every attribute of the schema, null where no value is given.
fn whole(schema: &Schema, values: &[(&str, Value)]) -> DynamicValue {
    let attributes = &schema.block.as_ref().unwrap().attributes;
    let mut all: Object = attributes
        .iter()
        .map(|attribute| (attribute.name.clone(), Value::Nil))
        .collect();
    for (name, value) in values {
        let known = all.insert((*name).to_owned(), value.clone());
        assert!(known.is_some(), "there is no attribute {name}");
    }
    written(Some(&all))
}

pub(crate) fn written(object: Option<&Object>) -> DynamicValue {
    let value = object.map_or(Value::Nil, |object| {
        let pairs = object.iter();
        Value::Map(
            pairs
                .map(|(key, value)| (key.as_str().into(), value.clone()))
                .collect(),
        )
    });
    packed(&value)
}

pub(crate) fn packed(value: &Value) -> DynamicValue {
    let mut msgpack = Vec::new();
    rmpv::encode::write_value(&mut msgpack, value).unwrap();
    let json = Vec::new();
    DynamicValue { msgpack, json }
}

/// Reads an object that the provider wrote; `None` for null.
pub(crate) fn object(value: Option<&DynamicValue>) -> Option<Object> {
    let bytes = &value.unwrap().msgpack;
    match rmpv::decode::read_value(&mut bytes.as_slice()).unwrap() {
        Value::Nil => None,
        Value::Map(pairs) => Some(
            pairs
                .into_iter()
                .map(|(key, value)| (key.as_str().unwrap().to_owned(), value))
                .collect(),
        ),
        other => panic!("{other} is no object"),
    }
}

/// Returns `ATTRIBUTE: SUMMARY` of each problem, or the summary alone.
pub(crate) fn problems(diagnostics: &[Diagnostic]) -> Problems {
    let text = |problem: &Diagnostic| match problem.attribute.as_ref() {
        Some(path) => format!("{}: {}", name(path), problem.summary),
        None => problem.summary.clone(),
    };
    diagnostics.iter().map(text).collect()
}

pub(crate) fn name(path: &AttributePath) -> &str {
    &path.steps[0].attribute_name
}
