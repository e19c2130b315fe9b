//! Releases, revokes and deletes parts of published boxes. Each of these has the same result when it is repeated.

use super::model::VersionState;
use super::service::{Api, BoxService, Deletion, FilePlace};
use crate::base::error::{Cause, Effect, Error, Phase};
use crate::base::slug::ArtifactName;

/// The words with which Vagrant Cloud refuses to release a version again.
const ALREADY_RELEASED: &str = "already been released";

/// Releases ([`VersionState::Active`]) or revokes ([`VersionState::Revoked`]) a version. Returns whether that was so
/// already.
///
/// # Errors
/// [`Phase::ChangeBox`]; status 422 for a release of a version without providers.
pub async fn set_state(
    service: &BoxService,
    name: &ArtifactName,
    version: &str,
    wanted: VersionState,
) -> Result<bool, Error> {
    let action = match wanted {
        VersionState::Active => "release",
        VersionState::Revoked | VersionState::Unreleased => "revoke",
    };
    let failed = |cause| {
        let name = format!("{name} {version}");
        Error::new(Phase::ChangeBox { name }, cause)
    };
    let mut attempts = service.http().map_err(failed)?.attempts();
    loop {
        let Err(cause) = service.set_state(name, version, action).await else {
            return Ok(false);
        };
        let more = attempts.wait_before_retry(&cause).await;
        if wanted == VersionState::Active && is_released(&cause) {
            return Ok(true);
        }
        let is_conflict = matches!(
            cause,
            Cause::Status {
                status: 400 | 409 | 422,
                ..
            }
        );
        if is_conflict || cause.effect() != Effect::None {
            let found = service.find_version(name, version).await;
            if found.is_ok_and(|found| found.is_some_and(|found| found.state == wanted)) {
                return Ok(is_conflict);
            }
        }
        if !more {
            return Err(failed(cause).after(attempts.made()));
        }
    }
}

fn is_released(cause: &Cause) -> bool {
    match cause {
        Cause::Status { messages, .. } => messages
            .iter()
            .any(|message| message.contains(ALREADY_RELEASED)),
        _ => false,
    }
}

/// Deletes a box, one of its versions, or files of a version.
///
/// # Errors
/// [`Phase::ChangeBox`]; status 404 for something that does not exist, or is hidden.
pub async fn delete(service: &BoxService, what: &Deletion) -> Result<(), Error> {
    match what {
        // In v2 that request removes only what a failed upload has left.
        Deletion::File(place) if place.architecture.is_none() && service.api() == Api::V2 => {
            for place in every_architecture(service, place).await? {
                delete_one(service, &Deletion::File(place)).await?;
            }
            Ok(())
        }
        what => delete_one(service, what).await,
    }
}

async fn delete_one(service: &BoxService, what: &Deletion) -> Result<(), Error> {
    let failed = |cause| {
        let name = what.to_string();
        Error::new(Phase::ChangeBox { name }, cause)
    };
    let mut attempts = service.http().map_err(failed)?.attempts();
    let mut may_be_gone = false;
    loop {
        match service.delete(what).await {
            Ok(()) => return Ok(()),
            Err(Cause::Status { status: 404, .. }) if may_be_gone => return Ok(()),
            Err(cause) => {
                may_be_gone |= cause.effect() != Effect::None;
                if !attempts.wait_before_retry(&cause).await {
                    return Err(failed(cause).after(attempts.made()));
                }
            }
        }
    }
}

/// Returns the places of all architectures of a provider.
async fn every_architecture(
    service: &BoxService,
    place: &FilePlace,
) -> Result<Vec<FilePlace>, Error> {
    let record = service.read(&place.name).await?;
    let versions = record.versions.into_iter();
    let files = versions
        .filter(|version| version.version == place.version)
        .flat_map(|version| version.providers)
        .filter(|file| file.provider == place.provider);
    let places: Vec<_> = files
        .map(|file| FilePlace {
            architecture: Some(file.architecture),
            ..place.clone()
        })
        .collect();
    if places.is_empty() {
        let phase = Phase::ChangeBox {
            name: place.to_string(),
        };
        let reason = "the version has no such provider".to_owned();
        return Err(Error::new(phase, Cause::Missing(reason)));
    }
    Ok(places)
}
