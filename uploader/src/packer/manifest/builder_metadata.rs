//! Derives, from the builder and the id of an artifact in a manifest, the metadata that Packer offered
//! to the `atlas` post-processor.
//!
//! Evidence: `State("atlas.artifact.metadata")` and `Id()` in Packer's source, at 1.2.5 and 1.6.6:
//!
//! - `builder/amazon/common/artifact.go`, which `post-processor/amazon-import` returns too;
//!   `builder/amazon/ebsvolume/artifact.go` offers nothing,
//! - `builder/alicloud/ecs/artifact.go`, which `post-processor/alicloud-import` returns too,
//! - `builder/azure/arm/artifact.go`; since 1.4 also `builder/azure/dtl/artifact.go`, which offers the
//!   same,
//! - after 1.2.5: `builder/osc/common/artifact.go` (`builder/osc/bsuvolume/artifact.go` offers nothing),
//!   `builder/tencentcloud/cvm/artifact.go`, and `builder/ucloud/common/artifact.go`, which
//!   `post-processor/ucloud-import` returns too.
//!
//! No other type of either version offers metadata: in Debian's binary of 1.6.6, which lacks Outscale
//! and UCloud, no other function refers to the key. The `vagrant` post-processor never did
//! (hashicorp/packer#3725 was not merged).

use std::collections::BTreeMap;

/// The form of an artifact's id, which determines the keys of the offered metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `REGION:IMAGE,…` offers `region.REGION` for each image.
    Regions,
    /// `PROJECT:REGION:IMAGE,…` offers `PROJECT:REGION` for each image.
    Projects,
    /// The address of a VHD is offered as `OSDiskUri`. A manifest does not hold what Azure's builders
    /// offer besides, such as a signed address.
    Disk,
}

/// The builders that offer metadata, and the form of their artifacts' ids.
const BUILDERS: [(&str, Form); 12] = [
    ("alicloud-ecs", Form::Regions),
    ("amazon-chroot", Form::Regions),
    ("amazon-ebs", Form::Regions),
    ("amazon-ebssurrogate", Form::Regions),
    ("amazon-instance", Form::Regions),
    ("azure-arm", Form::Disk),
    ("azure-dtl", Form::Disk),
    ("osc-bsu", Form::Regions),
    ("osc-bsusurrogate", Form::Regions),
    ("osc-chroot", Form::Regions),
    ("tencentcloud-cvm", Form::Regions),
    ("ucloud-uhost", Form::Projects),
];

/// Returns the metadata that was offered with an artifact that has no files. A manifest names the
/// builder even where a post-processor made the artifact, so behind any other builder the form of the id
/// identifies an imported image.
pub(super) fn offered(builder_type: &str, artifact_id: &str) -> BTreeMap<String, String> {
    let known = BUILDERS.iter().find(|(name, _)| *name == builder_type);
    let form = known
        .map(|(_, form)| *form)
        .or_else(|| imported(artifact_id));
    let images = artifact_id.split(',');
    match form {
        Some(Form::Regions) => images
            .filter_map(|image| image.split_once(':'))
            .map(|(region, image)| (format!("region.{region}"), image.to_owned()))
            .collect(),
        Some(Form::Projects) => images
            .filter_map(|image| image.rsplit_once(':'))
            .map(|(place, image)| (place.to_owned(), image.to_owned()))
            .collect(),
        Some(Form::Disk) if artifact_id.starts_with("https://") => {
            BTreeMap::from([("OSDiskUri".to_owned(), artifact_id.to_owned())])
        }
        Some(Form::Disk) | None => BTreeMap::new(),
    }
}

/// Returns the form of an id that only `amazon-import`, `alicloud-import` or `ucloud-import` produces.
fn imported(artifact_id: &str) -> Option<Form> {
    let all = |fits: fn(&str) -> bool| artifact_id.split(',').all(fits);
    if all(is_image_of_region) {
        Some(Form::Regions)
    } else if all(is_image_of_project) {
        Some(Form::Projects)
    } else {
        None
    }
}

/// Returns whether `text` names an image of Amazon or Alibaba Cloud in a region.
fn is_image_of_region(text: &str) -> bool {
    let Some((region, image)) = text.split_once(':') else {
        return false;
    };
    let is_amazons = |id: &str| id.len() >= 8 && id.bytes().all(|c| c.is_ascii_hexdigit());
    let is_alibabas = |id: &str| id.len() >= 20 && is_lower(id);
    is_region(region)
        && (image.strip_prefix("ami-").is_some_and(is_amazons)
            || image.strip_prefix("m-").is_some_and(is_alibabas))
}

fn is_image_of_project(text: &str) -> bool {
    let Some((place, image)) = text.rsplit_once(':') else {
        return false;
    };
    let (project, region) = place.split_once(':').unwrap_or_default();
    !project.is_empty() && is_region(region) && image.strip_prefix("uimage-").is_some_and(is_lower)
}

fn is_region(text: &str) -> bool {
    text.contains('-') && text.split('-').all(is_lower)
}

fn is_lower(text: &str) -> bool {
    let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    !text.is_empty() && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(builder_type: &str, artifact_id: &str) -> String {
        let pairs = offered(builder_type, artifact_id).into_iter();
        let pairs: Vec<_> = pairs.map(|(key, value)| format!("{key}={value}")).collect();
        pairs.join(" ")
    }

    const TWO: &str = "eu-west-1:ami-1,us-east-1:ami-2";
    const AMI: &str = "us-east-1:ami-fa0bcaf0d16ad4d29";

    #[test]
    fn each_builder_offers_what_its_source_does() {
        let regions = "region.eu-west-1=ami-1 region.us-east-1=ami-2";
        for builder in [
            "amazon-ebs",
            "amazon-chroot",
            "amazon-instance",
            "amazon-ebssurrogate",
            "alicloud-ecs",
            "osc-bsu",
            "osc-bsusurrogate",
            "osc-chroot",
            "tencentcloud-cvm",
        ] {
            assert_eq!(text(builder, TWO), regions, "{builder}");
        }
        let volumes = "us-east-1:vol-00cf46943f19af848,us-east-1:vol-02dde8b80d5c8225b";
        for (builder, id, expected) in [
            ("amazon-ebsvolume", volumes, ""),
            ("osc-bsuvolume", "eu-west-2:vol-12345678", ""),
            (
                "ucloud-uhost",
                "org-x:cn-bj2:uimage-a,org-x:hk:uimage-b",
                "org-x:cn-bj2=uimage-a org-x:hk=uimage-b",
            ),
            (
                "azure-arm",
                "https://s.test/x.vhd",
                "OSDiskUri=https://s.test/x.vhd",
            ),
            ("azure-arm", "/subscriptions/1/images/x", ""),
            ("googlecompute", "packer-1512", ""),
            ("digitalocean", "nyc3:12345678", ""),
            ("googlecompute", TWO, ""),
            // The `vagrant` post-processor's id.
            ("amazon-ebs", "aws", ""),
        ] {
            assert_eq!(text(builder, id), expected, "{builder} {id}");
        }
    }

    #[test]
    fn an_image_that_was_imported_is_told_by_its_id() {
        let ami = "region.us-east-1=ami-fa0bcaf0d16ad4d29";
        for (builder, id, expected) in [
            ("virtualbox-iso", AMI, ami),
            ("vmware-iso", AMI, ami),
            (
                "qemu",
                "cn-beijing:m-2ze0r6v0i0pj0bm4dlxt",
                "region.cn-beijing=m-2ze0r6v0i0pj0bm4dlxt",
            ),
            (
                "qemu",
                "org-1:cn-bj2:uimage-4keil1",
                "org-1:cn-bj2=uimage-4keil1",
            ),
            ("docker", "acme-co/web:ami-12345678", ""),
            ("docker", "web:m-20170101", ""),
            ("qemu", "us-east-1:ami-fa0bcaf0d16ad4d29,VM", ""),
            ("qemu", "", ""),
        ] {
            assert_eq!(text(builder, id), expected, "{builder} {id}");
        }
    }
}
