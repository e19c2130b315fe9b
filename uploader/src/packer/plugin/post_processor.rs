//! Serves the calls that Packer makes to a post-processor: it configures, pushes and cancels.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rmpv::Value;
use time::OffsetDateTime;
use tokio::sync::Notify;

use super::configuration::{Configuration, Configured, RUN, all_at_once};
use super::host::Host;
use super::messages;
use super::protocol::{Broker, CallError, Client, Service, serve};
use super::push::{BuiltArtifact, SavedReceipt, check_folder, push};
use super::spec::{Encoding, encoded};
use super::ui::UiReporter;
use crate::api::ClientOptions;
use crate::api::retry::RetryPolicy;
use crate::base::secret::Redactor;
use crate::push::PushOutcome;

/// The original post-processor's id; `manifest` and other post-processors read it.
const BUILDER_ID: &str = "packer.post-processor.atlas";
/// The key under which Packer keeps the values that a build generates.
const GENERATED: &str = "generated_data";
/// The environment variable with the id of Packer's run; not every builder passes the id on.
const RUN_VARIABLE: &str = "PACKER_RUN_UUID";

/// The attempts to verify the token before a build: nothing is lost by giving up then, and Packer could
/// not show the user why it waits.
const ATTEMPTS_TO_AUTHENTICATE: u32 = 2;

/// The post-processor of one build.
pub(super) struct PostProcessor {
    broker: Broker,
    encoding: Encoding,
    redactor: Redactor,
    /// The time that every template function of this build returns.
    started: OffsetDateTime,
    configuration: Mutex<Option<Configuration>>,
    cancelled: Notify,
}

impl PostProcessor {
    pub(super) fn new(broker: Broker, encoding: Encoding, redactor: Redactor) -> Self {
        Self {
            broker,
            encoding,
            redactor,
            started: OffsetDateTime::now_utc(),
            configuration: Mutex::new(None),
            cancelled: Notify::new(),
        }
    }

    /// Reads the settings and verifies the token. Packer calls this twice per build for HCL2 templates.
    async fn configure(&self, argument: &Value) -> Result<(), String> {
        let configs = field(argument, "Configs").and_then(Value::as_array);
        let configs = configs.map_or(&[][..], Vec::as_slice);
        let told = |wrong: Vec<String>| self.redactor.redact(&all_at_once(&wrong));
        *self.configuration() = None;
        let configuration = Configuration::read(configs, &self.redactor).map_err(told)?;
        let configured = self.configured(&configuration, None).map_err(told)?;
        for warning in &configured.warnings {
            tracing::warn!(warning, "Packer shows no message before the build");
        }
        if let Some(folder) = &configured.request.extras.receipts {
            check_folder(folder).await?;
        }
        let options = ClientOptions {
            retry: RetryPolicy {
                attempts: ATTEMPTS_TO_AUTHENTICATE,
                ..RetryPolicy::default()
            },
            ..self.options(&configured)
        };
        let client = crate::api::Client::new(options);
        let authenticated = match client {
            Ok(client) => client.authenticate().await,
            Err(error) => Err(error),
        };
        authenticated.map_err(|error| {
            let words = messages::of(&error, 0, &configured.config);
            self.redactor.redact(&words)
        })?;
        *self.configuration() = Some(configuration);
        Ok(())
    }

    fn configured(
        &self,
        configuration: &Configuration,
        generated: Option<&BTreeMap<String, String>>,
    ) -> Result<Configured, Vec<String>> {
        let environment = |name: &str| std::env::var_os(name);
        configuration.for_build(self.started, generated, environment, &self.redactor)
    }

    fn options(&self, configured: &Configured) -> ClientOptions {
        let config = &configured.config;
        ClientOptions {
            token: config.token.as_ref().map(|token| token.value.clone()),
            trust: config.trust(),
            allow_http_upload: config.allow_http_upload.value,
            redactor: self.redactor.clone(),
            ..ClientOptions::new(config.atlas_url.value.clone())
        }
    }

    /// Pushes the artifact that was built, and serves the new version as the resulting artifact.
    async fn post_process(&self, argument: &Value) -> Result<Value, String> {
        let id = argument.as_u64().and_then(|id| u32::try_from(id).ok());
        let id = id.ok_or("PostProcess is called with the number of a stream")?;
        // Dials first: Packer waits only five seconds for it.
        let stream = self.broker.dial(id).await;
        let packer = Host::new(Client::new(stream.map_err(|error| error.to_string())?));
        let kept = SavedReceipt::default();
        let pushed = tokio::select! {
            pushed = self.push(&packer, &kept) => pushed,
            () = self.cancelled.notified() => Err(match kept.how_to_resume() {
                Some(how) => format!("cancelled\n{how}"),
                None => "cancelled".to_owned(),
            }),
        };
        Ok(match pushed {
            Ok(outcome) => reply(Value::Nil, self.offer(outcome)),
            Err(words) => {
                tracing::debug!(error = words, "the push failed");
                let message = Value::Map(vec![("Message".into(), words.into())]);
                reply(message, 0)
            }
        })
    }

    async fn push(&self, packer: &Host, kept: &SavedReceipt) -> Result<PushOutcome, String> {
        let gone = |error: CallError| error.to_string();
        let configuration = self.configuration().clone();
        let configuration = configuration.ok_or("PostProcess is called before Configure")?;
        let mut generated = packer.state(GENERATED).await.map_err(gone)?;
        if let Ok(run) = std::env::var(RUN_VARIABLE) {
            generated.entry(RUN.to_owned()).or_insert(run);
        }
        let configured = self.configured(&configuration, Some(&generated));
        let configured = configured.map_err(|wrong| self.redactor.redact(&all_at_once(&wrong)))?;
        let built = BuiltArtifact::fetch(packer).await.map_err(gone)?;
        let (listener, forwarder) = UiReporter::new(self.redactor.clone());
        if let Some(warning) = messages::of_no_verification(&configured.config) {
            listener.say(warning);
        }
        for warning in &configured.warnings {
            listener.say(self.redactor.redact(&format!("WARNING: {warning}")));
        }
        let bytes = listener.uploading();
        let options = ClientOptions {
            reporter: listener,
            authenticated: true,
            ..self.options(&configured)
        };
        let pushing = async {
            // Dropping the client drops the reporter, which ends `forward` below.
            let client = crate::api::Client::new(options)?;
            push(&client, &configured, built, kept).await
        };
        let (pushed, ()) = tokio::join!(pushing, forwarder.forward(packer));
        let bytes = bytes.load(Ordering::Relaxed);
        pushed.map_err(|error| {
            self.redactor
                .redact(&messages::of(&error, bytes, &configured.config))
        })
    }

    fn configuration(&self) -> MutexGuard<'_, Option<Configuration>> {
        let configuration = self.configuration.lock();
        configuration.unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves the new artifact on a stream that Packer opens after it has received the reply.
    fn offer(&self, outcome: PushOutcome) -> u32 {
        let id = self.broker.next_id();
        let broker = self.broker.clone();
        tokio::spawn(async move {
            match broker.accept(id).await {
                Ok(stream) => drop(serve(stream, Arc::new(Pushed(outcome))).await),
                Err(error) => tracing::debug!(%error, "Packer does not look at the new artifact"),
            }
        });
        id
    }
}

impl Service for PostProcessor {
    async fn call(&self, method: &str, argument: Value) -> Result<Value, String> {
        tracing::debug!(method, "Packer calls");
        match method {
            "PostProcessor.ConfigSpec" => {
                let spec = Value::Binary(encoded(self.encoding));
                Ok(Value::Map(vec![("ConfigSpec".into(), spec)]))
            }
            "PostProcessor.Configure" => self.configure(&argument).await.map(|()| Value::Nil),
            "PostProcessor.PostProcess" => self.post_process(&argument).await,
            "PostProcessor.Cancel" => {
                self.cancelled.notify_one();
                Ok(Value::Nil)
            }
            unknown => Err(format!("rpc: can't find method {unknown}")),
        }
    }
}

/// The pushed version as an artifact of Packer. It has no files, and `Destroy` does nothing.
struct Pushed(PushOutcome);

impl Service for Pushed {
    async fn call(&self, method: &str, _: Value) -> Result<Value, String> {
        let PushOutcome { slug, version, .. } = &self.0;
        Ok(match method {
            "Artifact.BuilderId" => BUILDER_ID.into(),
            "Artifact.Id" => slug.as_str().into(),
            "Artifact.String" => {
                let tag_and_type = slug
                    .rsplit_once('/')
                    .map_or(slug.as_str(), |(rest, _)| rest);
                format!("{tag_and_type} (v{version})").into()
            }
            "Artifact.Files" | "Artifact.State" | "Artifact.Destroy" => Value::Nil,
            unknown => return Err(format!("rpc: can't find method {unknown}")),
        })
    }
}

/// Builds the reply of `PostProcess`. The input artifact is kept, as by the original.
fn reply(error: Value, stream: u32) -> Value {
    Value::Map(vec![
        ("Keep".into(), error.is_nil().into()),
        ("Err".into(), error),
        ("ForceOverride".into(), false.into()),
        ("StreamId".into(), stream.into()),
    ])
}

fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let mut fields = value.as_map()?.iter();
    let named = fields.find(|(key, _)| key.as_slice() == Some(name.as_bytes()));
    named.map(|(_, value)| value)
}
