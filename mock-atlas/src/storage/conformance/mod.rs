//! Conformance tests that every backend of the catalog must pass.
//!
//! Each test is a function of a new catalog, which contains only the account of the root token
//! `root`. A backend names all tests in one list.
//!
//! - `versions`: artifacts, numbers and selections; `uploads`: the files of versions
//! - `searches`: searches in the index, compared with a scan of all versions
//! - `boxes`: boxes and their files; `channels`: names that point at versions
//! - `accounts`: users, organisations and tokens; `quotas`: quotas of both
//! - `registries`: registries of boxes, and access tokens
//! - `audit`: who changed what
//! - `webhooks`: receivers of events, and the deliveries to them
//! - `contents`: copies, additions and exports
//! - `imports`: what is imported as it was elsewhere
//! - `listing`: lists of artifacts, page by page
//! - `moto`: a server that speaks the API of S3, for the tests that need one

mod accounts;
mod audit;
mod boxes;
mod channels;
mod contents;
mod imports;
mod listing;
#[cfg(feature = "real-clients")]
pub(super) mod moto;
mod quotas;
mod registries;
mod searches;
mod uploads;
mod versions;
mod webhooks;

use std::num::NonZeroU64;
use std::sync::Arc;

use futures_util::TryStreamExt;
use tempfile::TempDir;

use super::*;
use crate::domain::{
    ArtifactName, BOX_TYPE, Clock, FileSelector, Filter, Limits, Name, NewVersion, Page, Query,
    ReadAccess, Select, Version, Visibility,
};

/// Declares each test for each backend, which a function of its module creates.
macro_rules! conforms {
    ($backends:tt $modules:tt) => {
        conforms!(@backends $backends $modules);
    };
    (@backends { $($(#[$attribute:meta])* $backend:ident),* $(,)? } $modules:tt) => {
        $(conforms!(@backend [$(#[$attribute])*] $backend $modules);)*
    };
    (@backend [$($attribute:tt)*] $backend:ident { $($module:ident { $($test:ident),* $(,)? })* }) => {
        $($attribute)*
        mod $backend {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $test() {
                    let new = super::super::backends::$backend().await;
                    super::super::$module::$test(&new.catalog).await;
                })*
            })*
        }
    };
}

/// A new catalog, with the folder in which it is, if it has one.
struct NewCatalog {
    catalog: Catalog,
    _folder: Option<TempDir>,
}

mod backends {
    use super::*;

    pub(super) async fn memory() -> NewCatalog {
        let root = "atlas".parse().unwrap();
        let memory = MemoryCatalog::new(root, "root", Clock::default());
        NewCatalog {
            catalog: Catalog::Memory(memory),
            _folder: None,
        }
    }

    pub(super) async fn sqlite() -> NewCatalog {
        let folder = tempfile::tempdir().unwrap();
        let durable = DurableCatalog::open(folder.path(), None, Clock::default());
        new(durable.await.unwrap(), folder).await
    }

    #[cfg(feature = "real-clients")]
    pub(super) async fn sqlite_and_s3() -> NewCatalog {
        let (store, folder) = (moto::bucket("files").await, tempfile::tempdir().unwrap());
        let store = Store::S3(store);
        let durable = DurableCatalog::open_with(folder.path(), store, Clock::default());
        new(durable.await.unwrap(), folder).await
    }

    async fn new(durable: DurableCatalog, folder: TempDir) -> NewCatalog {
        durable.set_root_token("root".to_owned()).await.unwrap();
        NewCatalog {
            catalog: Catalog::Durable(durable),
            _folder: Some(folder),
        }
    }

    #[cfg(feature = "real-clients")]
    pub(super) async fn postgres() -> NewCatalog {
        let server = atlas_common::servers::postgres::PostgresServer::shared().unwrap();
        let (url, folder) = (server.new_url().unwrap(), tempfile::tempdir().unwrap());
        let files = Location::Folder(folder.path().to_owned());
        let durable = DurableCatalog::connect(&url, &files, Clock::default());
        new(durable.await.unwrap(), folder).await
    }
}

conforms! { { memory, sqlite, #[cfg(feature = "real-clients")] postgres, #[cfg(feature = "real-clients")] sqlite_and_s3 } {
    accounts {
        a_change_that_fails_changes_nothing,
        a_revoked_token_is_unknown_and_the_others_stay,
        a_token_in_use_ends_at_once,
        a_token_has_its_limits_and_its_last_use_also_in_a_copy,
        a_token_stands_for_one_user,
        an_expired_token_is_unknown,
        logging_in_takes_the_right_name_and_password,
        names_are_shared_by_users_and_organisations,
    }
    audit {
        entries_are_found_as_they_were_recorded,
    }
    boxes {
        a_box_is_exported_and_imported,
        a_box_shares_name_and_visibility_with_its_artifact,
        a_change_that_fails_leaves_the_box_as_it_was,
        a_deleted_artifact_version_leaves_its_provider_without_a_file,
        a_deleted_box_is_gone_and_other_types_stay,
        a_deleted_provider_takes_its_file_along,
        a_direct_upload_is_visible_only_after_its_callback,
        a_file_that_awaits_its_callback_is_exported_and_imported,
        a_new_upload_of_a_provider_voids_the_one_before,
        a_provider_is_an_orphan_until_its_file_is_visible,
        a_pushed_version_makes_a_box_appear_and_grow,
        boxes_are_counted_with_their_versions_and_files,
        deleting_the_artifact_deletes_its_box,
        the_bytes_of_a_box_are_an_artifact_version,
    }
    channels {
        a_channel_points_at_a_version_and_has_a_history,
        a_copy_has_the_channels_with_their_history,
        a_version_with_a_channel_is_not_deleted,
        channels_have_an_end,
        only_visible_versions_that_are_no_boxes_have_channels,
    }
    contents {
        nothing_is_added_where_one_artifact_cannot_be,
        what_is_exported_is_imported_under_the_root_of_the_other,
    }
    imports {
        a_box_file_without_a_box_makes_one_as_a_push_does,
        a_box_keeps_its_state_and_times_and_shares_the_file_of_its_artifact,
        a_number_or_a_box_that_cannot_be_is_refused,
        a_version_keeps_its_number_and_the_numbers_go_on_after_the_highest,
        what_is_there_and_differs_stays_as_it_is,
    }
    listing {
        a_caller_is_listed_what_is_public_and_what_lies_in_own_namespaces,
        a_box_is_marked_in_the_list,
        artifacts_are_listed_page_by_page_the_last_first,
        files_are_listed_with_size_and_digest,
        types_have_their_newest_visible_version,
    }
    quotas {
        a_copy_has_the_quotas_and_counts_even_beyond_them,
        a_deleted_registry_takes_its_quota_along,
        an_import_is_within_the_quota,
        an_upload_beyond_the_quota_is_refused_and_leaves_nothing,
        an_upload_knows_at_its_beginning_what_is_left,
        only_owners_who_exist_have_quotas,
        the_file_of_a_box_counts_and_replaces_the_one_before,
        uploads_at_once_do_not_pass_together,
        what_is_deleted_is_given_back,
    }
    registries {
        a_deleted_registry_takes_its_boxes_along_and_no_other_artifacts,
        a_registry_is_changed_exported_and_imported,
        an_access_token_is_for_the_right_client_until_its_token_is_revoked,
        users_and_organisations_are_registries,
    }
    searches {
        a_search_finds_what_looking_at_all_versions_finds,
        builds_select_among_the_versions_they_made,
        latest_is_filtered_and_newest_is_searched_for,
        numbers_out_of_range_name_nothing,
    }
    uploads {
        a_version_is_visible_only_once_its_bytes_are_complete,
        a_version_without_a_file_takes_no_bytes,
        an_expired_upload_is_unknown_and_its_version_stays,
        an_orphan_tells_how_far_its_file_got,
        the_latest_is_the_highest_number_whatever_was_finished_last,
        the_same_bytes_again_are_fine_and_others_lose_nothing,
    }
    versions {
        a_deleted_artifact_is_gone_and_its_numbers_go_on,
        a_deleted_version_is_gone_and_its_number_is_not_given_again,
        a_name_can_be_taken_once,
        a_private_artifact_is_not_found_among_public_ones,
        numbers_count_up_for_each_type,
        parallel_pushes_get_numbers_without_gaps_or_doubles,
    }
    webhooks {
        a_change_that_fails_tells_nobody,
        a_delivery_is_tried_by_one_until_its_lease_ends,
        a_failed_try_is_told_and_repeated_until_it_succeeds_or_is_given_up,
        a_removed_webhook_takes_its_deliveries_along,
        a_webhook_is_told_only_of_what_it_wants,
        old_deliveries_are_given_up_and_removed,
        there_are_no_more_webhooks_than_there_may_be,
        two_at_once_never_claim_the_same,
        versions_are_told_when_they_can_be_found_and_when_they_are_gone,
        webhooks_are_exported_and_imported_without_deliveries,
    }
} }

/// A catalog with one private artifact.
#[derive(Clone)]
struct Fixture {
    catalog: Catalog,
    name: ArtifactName,
    artifact_type: Name,
}

impl Fixture {
    async fn new(catalog: &Catalog) -> Self {
        let fixture = Self {
            catalog: catalog.clone(),
            name: "acme/web".parse().unwrap(),
            artifact_type: "custom.image".parse().unwrap(),
        };
        fixture.create(Visibility::Private).await.unwrap();
        fixture
    }

    async fn create(&self, visibility: Visibility) -> Result<(), StorageError> {
        self.catalog.create_artifact(&self.name, visibility).await
    }

    async fn push(&self, new: NewVersion) -> Arc<Version> {
        let created = self
            .catalog
            .create_version(&self.name, &self.artifact_type, new, None);
        created.await.unwrap()
    }

    async fn push_with_file(&self) -> Arc<Version> {
        self.push(NewVersion {
            file: true,
            ..NewVersion::default()
        })
        .await
    }

    async fn push_of_build(&self, build: u64, arch: &str) -> Arc<Version> {
        self.push(NewVersion {
            build: NonZeroU64::new(build),
            metadata: [("arch".to_owned(), arch.to_owned())].into_iter().collect(),
            ..NewVersion::default()
        })
        .await
    }

    async fn search(&self, select: Select, filters: &[(&str, Option<&str>)]) -> Vec<u64> {
        let filters = filters
            .iter()
            .map(|(key, value)| Filter {
                key: (*key).to_owned(),
                value: value.map(str::to_owned),
            })
            .collect();
        self.pages(&Query { select, filters }).await
    }

    /// Returns the numbers that a search finds over all pages; pages must make no difference.
    async fn pages(&self, query: &Query) -> Vec<u64> {
        let (name, of, mut numbers) = (&self.name, &self.artifact_type, Vec::new());
        let mut next = Some(Page::first(2, 4));
        while let Some(page) = next {
            let found = self.catalog.search(name, of, ReadAccess::All, query, page);
            let found = found.await.unwrap();
            numbers.extend(found.versions.iter().map(|version| version.number));
            next = found.next;
        }
        numbers
    }

    async fn file(&self, selector: FileSelector) -> Result<Vec<u8>, StorageError> {
        let all = ReadAccess::All;
        let file = self
            .catalog
            .file(&self.name, &self.artifact_type, all, selector);
        let blob = file.await?;
        let parts = blob.stream(0..blob.len()).try_collect::<Vec<_>>();
        Ok(parts.await.unwrap().concat())
    }

    async fn delete_version(&self, number: u64) -> Result<(), StorageError> {
        let (name, artifact_type) = (&self.name, &self.artifact_type);
        self.catalog
            .delete_version(name, artifact_type, number, None)
            .await
    }
}

fn blob(bytes: &[u8]) -> Blob {
    let mut writer = BlobWriter::new(Checksums::of_type(&Name::constant(BOX_TYPE)));
    writer.write(bytes);
    writer.finish()
}
