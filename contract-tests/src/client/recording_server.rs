//! A recording server is a correct emulator behind a proxy that records requests and replies.

use uuid::Uuid;

use super::{
    ClientError,
    observation::{Ended, Observation},
    scenario::{Scenario, ScenarioInterceptor},
};
use crate::{run::target::Target, self_test::proxy::Proxy};

/// A `RecordingServer` serves one run of an uploader. It stops when it is dropped.
pub struct RecordingServer {
    scenario: Scenario,
    token: String,
    proxy: Proxy,
}

impl RecordingServer {
    /// Starts a server that behaves as the scenario says, with a fresh token. It keeps files in memory.
    ///
    /// # Errors
    /// Fails when the artifact is not `USER/NAME`, or when the server does not start.
    pub async fn start(scenario: Scenario, artifact: &str) -> Result<Self, ClientError> {
        let is_name = |part: &str| !part.is_empty() && !part.contains('/');
        let parts = artifact.split_once('/');
        if !parts.is_some_and(|(username, name)| is_name(username) && is_name(name)) {
            return Err(ClientError::Artifact(artifact.to_owned()));
        }
        let known = format!("canary-{}", Uuid::new_v4());
        let artifacts: &[_] = match scenario {
            Scenario::Existing => &[artifact],
            _ => &[],
        };
        let emulator = Target::bare_emulator(&known, artifacts).await?;
        let token = match scenario {
            Scenario::TokenRefused => format!("canary-{}", Uuid::new_v4()),
            _ => known,
        };
        Ok(Self {
            scenario,
            token,
            proxy: Proxy::before(emulator, ScenarioInterceptor::new(scenario)).await?,
        })
    }

    /// Returns the address, without `/api/v1`.
    pub fn url(&self) -> &str {
        &self.proxy.url
    }

    /// Returns the token for the uploader.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Tells whether a request exceeded the memory limit, so that the record is incomplete.
    pub fn is_full(&self) -> bool {
        self.proxy.is_full()
    }

    /// Returns the observation of an uploader that has ended.
    pub fn observed(&self, success: bool, output: String) -> Observation {
        Observation {
            scenario: self.scenario,
            token: self.token.clone(),
            transactions: self.proxy.transactions(),
            ended: Ended { success, output },
        }
    }
}
