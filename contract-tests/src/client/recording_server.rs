//! A recording server is a correct emulator behind a proxy that records what passes.

use uuid::Uuid;

use super::{
    ClientError,
    observation::{Ended, Observation},
    scenario::{Scenario, ScenarioInterceptor},
};
use crate::{run::target::Target, self_test::proxy::Proxy};

/// A server for one run of an uploader; it stops on drop.
pub struct RecordingServer {
    scenario: Scenario,
    token: String,
    proxy: Proxy,
}

impl RecordingServer {
    /// Starts a server on which the scenario is played, with a token made for it alone. It keeps files in memory.
    ///
    /// # Errors
    /// The artifact is not `USER/NAME`, or the server does not start.
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

    /// Its address, without `/api/v1`.
    pub fn url(&self) -> &str {
        &self.proxy.url
    }

    /// The token that the uploader is to use.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Whether it was sent more than it can keep, so that what it saw is not all.
    pub fn is_full(&self) -> bool {
        self.proxy.is_full()
    }

    /// What it saw of an uploader that ended so.
    pub fn observed(&self, success: bool, output: String) -> Observation {
        Observation {
            scenario: self.scenario,
            token: self.token.clone(),
            transactions: self.proxy.transactions(),
            ended: Ended { success, output },
        }
    }
}
