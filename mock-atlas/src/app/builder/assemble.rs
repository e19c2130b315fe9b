//! Assembles an emulator: its storage, services and faults.

use super::check::{check_folder, check_public_url, hosts};
use super::data::{self, Home, RootToken};
use super::{Builder, StartError, User};
use crate::domain::{ArtifactName, Limits, ROOT};
use crate::faults::{Chaos, Faults};
use crate::http::state::AppState;
use crate::observe::{DEFAULT_CAPACITY, Observer};
use crate::service::seed::{self, Document, Seed, SeedError, TokenValue};
use crate::service::uploads::Uploads;
use crate::service::{Dataset, Datasets};
use crate::storage::{Catalog, LEAST_FREE, MemoryBudget, MemoryCatalog, random_token};

/// Assembles an emulator. Returns its state and the root token.
///
/// # Errors
/// When a setting cannot be used.
pub(super) fn assemble(mut builder: Builder) -> Result<(AppState, String), StartError> {
    builder.http.public_url = builder.http.public_url.map(check_public_url).transpose()?;
    builder.http.hosts = hosts(&builder.hosts, builder.http.public_url.as_deref())?;
    builder.spill.as_deref().map(check_folder).transpose()?;
    let home = Home::of(&mut builder)?;
    let (given, random) = (builder.token, random_token().ok_or(StartError::Randomness)?);
    let token = token_value(given.clone().unwrap_or(random))?;
    let root = ROOT.parse().map_err(StartError::Username)?;
    let initial = MemoryCatalog::new(root, token.as_str(), builder.clock.clone());
    let limits = builder.http.limits;
    apply(
        &own_seed(builder.users, builder.public_artifacts)?,
        &initial,
        limits,
    )?;
    for seed in &builder.seeds {
        apply(seed, &initial, limits)?;
        builder.faults.extend_from_slice(seed.faults());
    }
    let (catalog, token, storage) = match home {
        None => (
            Catalog::Memory(initial.copy()),
            token.as_str().to_owned(),
            (builder.max_memory.unwrap_or(u64::MAX), builder.spill),
        ),
        Some(home) => {
            let root = RootToken {
                given: given.clone(),
                random: token.as_str().to_owned(),
            };
            let least_free = builder.least_free.unwrap_or(LEAST_FREE);
            let clock = builder.clock.clone();
            let (catalog, made) = data::open(&home, least_free, root, &initial, clock)?;
            let memory = builder.max_memory.unwrap_or(data::MEMORY);
            let spill = builder.spill.unwrap_or_else(|| home.scratch());
            let token = given.or(made).unwrap_or_default();
            (Catalog::Durable(catalog), token, (memory, Some(spill)))
        }
    };
    let (memory, spill) = storage;
    let budget = MemoryBudget::new(memory);
    initial.charge(&budget);
    let state = AppState::new(
        Datasets::new(
            initial,
            Dataset::new(catalog),
            budget.clone(),
            builder.may_reset,
        ),
        Uploads::new(limits, budget, spill, builder.max_uploads),
        Faults::new(builder.faults, chaos(builder.chaos, builder.chaos_seed)?),
        Observer::new(builder.journal.unwrap_or(DEFAULT_CAPACITY), builder.clock),
        builder.http,
    );
    Ok((state, token))
}

/// Adds everything that a seed declares, except for faults, to a catalog that is not in use yet.
fn apply(seed: &Seed, catalog: &MemoryCatalog, limits: Limits) -> Result<(), SeedError> {
    let added = catalog.add(seed.additions(limits)?);
    added.map_err(|error| seed.explain(error))
}

/// Returns the settings of chaos, whose seed faults with a probability use as well.
fn chaos(probability: f64, seed: Option<u64>) -> Result<Chaos, StartError> {
    if !(0.0..=1.0).contains(&probability) {
        return Err(StartError::Chaos(probability));
    }
    Ok(Chaos {
        probability,
        // A short random seed is easy to type again.
        seed: match seed {
            Some(seed) => seed,
            None => u64::from(getrandom::u32().map_err(|_| StartError::Randomness)?),
        },
    })
}

/// Returns the users and artifacts of the builder as a seed.
fn own_seed(users: Vec<User>, public_artifacts: Vec<String>) -> Result<Seed, StartError> {
    let document = Document {
        users: users
            .into_iter()
            .map(seed::User::try_from)
            .collect::<Result<_, _>>()?,
        artifacts: public_artifacts
            .into_iter()
            .map(|name| match name.parse::<ArtifactName>() {
                Ok(name) => Ok(seed::Artifact {
                    name,
                    public: true,
                    versions: Vec::new(),
                }),
                Err(error) => Err(StartError::Artifact { name, error }),
            })
            .collect::<Result<_, _>>()?,
        ..Document::default()
    };
    Ok(Seed::new(document, None)?)
}

pub(super) fn token_value(token: String) -> Result<TokenValue, StartError> {
    token.try_into().map_err(|_| StartError::Token)
}
