//! Answers the calls about the provider and about its resources and data sources.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::atlas::{Atlas, PROVIDER};
use super::kinds::{DataSource, Resource};
use super::object::{self, Object};
use super::plan::{self, Plan};
use super::problem::{self, Problem};
use super::protocol::{
    Applied, ApplyRequest, ConfigOf, ConfigureRequest, Diagnostic, Diagnostics, ImportRequest,
    Imported, PlanRequest, Planned, PreparedConfig, ProviderConfig, ProviderSchema, ReadRequest,
    State, UpgradeRequest,
};
use crate::base::secret::Redactor;

/// The provider of one process.
pub(super) struct Provider {
    redactor: Redactor,
    atlas: Mutex<Option<Arc<Atlas>>>,
    stopped: watch::Sender<bool>,
}

impl Provider {
    pub(super) fn new(redactor: Redactor) -> Self {
        Self {
            redactor,
            atlas: Mutex::default(),
            stopped: watch::Sender::new(false),
        }
    }

    /// Cancels the calls under way, and those to come.
    pub(super) fn stop(&self) {
        self.stopped.send_replace(true);
    }

    pub(super) fn schemas() -> ProviderSchema {
        let resources = Resource::ALL.into_iter();
        let data_sources = DataSource::ALL.into_iter();
        ProviderSchema {
            provider: Some(PROVIDER.message()),
            resource_schemas: resources
                .map(|kind| (kind.name().to_owned(), kind.schema().message()))
                .collect(),
            data_source_schemas: data_sources
                .map(|kind| (kind.name().to_owned(), kind.schema().message()))
                .collect(),
            diagnostics: Vec::new(),
        }
    }

    pub(super) fn prepare(&self, request: ProviderConfig) -> PreparedConfig {
        let checked = Object::present(&PROVIDER, request.config.as_ref())
            .and_then(|config| Atlas::check(&config));
        PreparedConfig {
            prepared_config: request.config,
            diagnostics: self.told(checked.err()),
        }
    }

    pub(super) fn configure(&self, request: &ConfigureRequest) -> Diagnostics {
        let config = Object::present(&PROVIDER, request.config.as_ref());
        let atlas = config.and_then(|config| Atlas::open(&config, &self.redactor));
        let problem = match atlas {
            Ok(atlas) => {
                let mut known = self.atlas.lock().unwrap_or_else(PoisonError::into_inner);
                *known = Some(Arc::new(atlas));
                None
            }
            Err(problem) => Some(problem),
        };
        let diagnostics = self.told(problem);
        Diagnostics { diagnostics }
    }

    pub(super) fn validate_data_source(&self, request: &ConfigOf) -> Diagnostics {
        let problems = DataSource::named(&request.type_name).and_then(|kind| {
            let config = Object::present(kind.schema(), request.config.as_ref())?;
            Ok(kind.validate(&config))
        });
        self.validated(problems)
    }

    pub(super) fn validate_resource(&self, request: &ConfigOf) -> Diagnostics {
        let problems = Resource::named(&request.type_name).and_then(|kind| {
            let config = Object::present(kind.schema(), request.config.as_ref())?;
            Ok(kind.validate(&config))
        });
        self.validated(problems)
    }

    fn validated(&self, problems: Result<Vec<Problem>, Problem>) -> Diagnostics {
        let problems = problems.unwrap_or_else(|problem| vec![problem]);
        let diagnostics = self.told(problems);
        Diagnostics { diagnostics }
    }

    pub(super) async fn read_data_source(&self, request: ConfigOf) -> State {
        let work = async {
            let kind = DataSource::named(&request.type_name)?;
            let config = Object::present(kind.schema(), request.config.as_ref())?;
            kind.read(&*self.atlas()?, config).await
        };
        match self.unless_stopped(work).await {
            Ok(read) => self.state(Some(read)),
            Err(problem) => self.no_state(problem),
        }
    }

    pub(super) fn upgrade(&self, request: &UpgradeRequest) -> State {
        let raw = request.raw_state.clone().unwrap_or_default();
        let upgraded = Resource::named(&request.type_name)
            .and_then(|kind| Object::stored(kind.schema(), &raw));
        match upgraded {
            Ok(state) => self.state(state),
            Err(problem) => self.no_state(problem),
        }
    }

    pub(super) async fn read_resource(&self, request: ReadRequest) -> State {
        let work = async {
            let kind = Resource::named(&request.type_name)?;
            match Object::read(kind.schema(), request.current_state.as_ref())? {
                // Where the settings are known only after apply, the state stays as it is until then.
                Some(state) if !self.atlas()?.is_known() => Ok(Some(state)),
                Some(state) => kind.read(&*self.atlas()?, state).await,
                None => Ok(None),
            }
        };
        match self.unless_stopped(work).await {
            Ok(state) => self.state(state),
            Err(problem) => self.no_state(problem),
        }
    }

    pub(super) async fn plan(&self, request: PlanRequest) -> Planned {
        let work = async {
            let kind = Resource::named(&request.type_name)?;
            let prior = Object::read(kind.schema(), request.prior_state.as_ref())?;
            let proposed = Object::read(kind.schema(), request.proposed_new_state.as_ref())?;
            let Some(proposed) = proposed else {
                return Ok(Plan::default());
            };
            let plan = plan::plan(kind.schema(), prior.as_ref(), proposed);
            match self.atlas()?.is_known() {
                true => kind.plan(&*self.atlas()?, prior, plan).await,
                false => Ok(plan),
            }
        };
        match self.unless_stopped(work).await {
            Ok(plan) => Planned {
                planned_state: Some(object::write(plan.state)),
                requires_replace: plan.replaced_by.into_iter().map(problem::path).collect(),
                diagnostics: self.told(plan.warnings),
            },
            Err(problem) => Planned {
                planned_state: request.prior_state,
                requires_replace: Vec::new(),
                diagnostics: self.told([problem]),
            },
        }
    }

    pub(super) async fn apply(&self, request: ApplyRequest) -> Applied {
        let work = async {
            let kind = Resource::named(&request.type_name)?;
            match Object::read(kind.schema(), request.planned_state.as_ref())? {
                // Nothing is left to find out.
                Some(planned) if !planned.has_unknown() => Ok((Some(planned), Vec::new())),
                Some(planned) => {
                    let created = kind.create(&*self.atlas()?, planned).await?;
                    Ok((Some(created), Vec::new()))
                }
                None => Ok((None, kind.forget())),
            }
        };
        let (new_state, problems) = match self.unless_stopped(work).await {
            Ok((state, warnings)) => (Some(object::write(state)), warnings),
            Err(problem) => (request.prior_state, vec![problem]),
        };
        let diagnostics = self.told(problems);
        Applied {
            new_state,
            diagnostics,
        }
    }

    pub(super) fn import(&self, request: &ImportRequest) -> Imported {
        let kind = Resource::named(&request.type_name);
        let problem = kind.map_or_else(|problem| problem, Resource::import);
        Imported {
            imported_resources: Vec::new(),
            diagnostics: self.told([problem]),
        }
    }

    fn atlas(&self) -> Result<Arc<Atlas>, Problem> {
        let known = self.atlas.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .clone()
            .ok_or_else(|| Problem::new("The provider atlas is not configured"))
    }

    /// Does the work, unless Terraform sends `Stop` before it is done.
    async fn unless_stopped<T>(
        &self,
        work: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let mut stopped = self.stopped.subscribe();
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => Err(Problem::new("Stopped by Terraform")),
            done = work => done,
        }
    }

    fn state(&self, state: Option<Object>) -> State {
        State {
            state: Some(object::write(state)),
            diagnostics: Vec::new(),
        }
    }

    fn no_state(&self, problem: Problem) -> State {
        State {
            state: None,
            diagnostics: self.told([problem]),
        }
    }

    fn told(&self, problems: impl IntoIterator<Item = Problem>) -> Vec<Diagnostic> {
        let problems = problems.into_iter();
        problems
            .map(|problem| problem.message(&self.redactor))
            .collect()
    }
}
