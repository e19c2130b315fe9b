//! Lines to copy: commands and configurations with which a version is used.

use crate::domain::{ArtifactName, Name};
use crate::http::extract::Site;

/// A line to copy, and the program that it is for.
pub(super) struct Line {
    pub(super) of: &'static str,
    pub(super) text: String,
}

/// Returns the command that pushes a first version.
pub(super) fn first_push(site: &Site, name: &str, artifact_type: &str) -> String {
    format!(
        "{}atlas-upload push {name} --type {artifact_type} FILE",
        environment(site)
    )
}

fn environment(site: &Site) -> String {
    format!(
        "ATLAS_ADDRESS={} ATLAS_TOKEN=… \\\n  ",
        quoted(&site.at(""))
    )
}

/// A version that the lines are about.
pub(super) struct Use<'a> {
    pub(super) site: &'a Site,
    pub(super) artifact: &'a ArtifactName,
    pub(super) artifact_type: &'a Name,
    pub(super) number: u64,
    pub(super) has_file: bool,
    pub(super) is_public: bool,
}

impl Use<'_> {
    /// Returns all lines.
    pub(super) fn lines(&self) -> Vec<Line> {
        let Self {
            site,
            artifact,
            artifact_type,
            number,
            ..
        } = self;
        let of = artifact_type.as_str();
        let mut lines = Vec::new();
        if self.has_file {
            lines.push(Line {
                of: "atlas-upload",
                text: format!(
                    "{}atlas-upload pull {artifact} --type {of} --version {number}",
                    environment(site)
                ),
            });
            lines.push(Line {
                of: "curl",
                text: self.curl(),
            });
        }
        lines.push(Line {
            of: "Terraform",
            text: self.terraform(),
        });
        lines.push(Line {
            of: "Packer, for the next version",
            text: format!(
                "post-processor \"atlas\" {{\n  artifact      = \"{artifact}\"\n  artifact_type = \"{of}\"\n}}"
            ),
        });
        lines
    }

    /// Returns a whole configuration, for the provider that `atlas-upload` is.
    fn terraform(&self) -> String {
        let Self {
            site,
            artifact,
            artifact_type,
            number,
            ..
        } = self;
        let token = match self.is_public {
            true => "",
            false => ", then: export ATLAS_TOKEN=…",
        };
        let (of, label) = (artifact_type.as_str(), identifier(artifact.name.as_str()));
        let address = in_configuration(&site.at(""));
        format!(
            "# Once: atlas-upload terraform install{token}\n\
             provider \"atlas\" {{\n  address = \"{address}\"\n}}\n\n\
             data \"atlas_artifact\" \"{label}\" {{\n  name    = \"{artifact}\"\n  type    = \"{of}\"\n  \
             version = \"{number}\"\n}}\n\n\
             output \"{label}\" {{\n  value = data.atlas_artifact.{label}.id\n}}"
        )
    }

    fn curl(&self) -> String {
        let Self {
            site,
            artifact,
            artifact_type,
            number,
            ..
        } = self;
        let of = artifact_type.as_str();
        let path = format!("/api/v1/artifacts/{artifact}/{of}/{number}/file");
        let token = match self.is_public {
            true => "",
            false => "-H \"X-Atlas-Token: $ATLAS_TOKEN\" ",
        };
        let (name, url) = (artifact.name.as_str(), quoted(&site.at(&path)));
        format!("curl -fL {token}-o {name}-{number} {url}")
    }
}

/// Returns the command that adds a box, or one version of it.
pub(super) fn add_box(
    site: &Site,
    name: &ArtifactName,
    version: Option<&str>,
    is_public: bool,
) -> String {
    let token = if is_public { "" } else { "ATLAS_TOKEN=… " };
    let version = version.map_or_else(String::new, |version| format!(" --box-version {version}"));
    let server = quoted(&site.at(""));
    format!("VAGRANT_SERVER_URL={server} {token}\\\n  vagrant box add {name}{version}")
}

/// Returns a name as Terraform takes it for a label.
fn identifier(name: &str) -> String {
    let plain = |c: char| if c == '.' { '-' } else { c };
    let plain: String = name.chars().map(plain).collect();
    match plain.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        true => plain,
        false => format!("_{plain}"),
    }
}

/// Returns a text as one word of a shell, for the address of the server: a client tells the host.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ":/.-_[]".contains(c);
    match text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// Returns a text as it stands between the quotes of a configuration of Terraform.
fn in_configuration(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('"', r#"\""#);
    escaped.replace("${", "$${").replace("%{", "%%{")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_word_of_a_shell() {
        assert_eq!(quoted("http://127.0.0.1:28527"), "http://127.0.0.1:28527");
        assert_eq!(quoted("http://a'$(x)"), r"'http://a'\''$(x)'");
    }

    #[test]
    fn an_address_is_no_code_of_a_configuration() {
        assert_eq!(
            in_configuration("http://a:1/\"${x}%{y}\\"),
            r#"http://a:1/\"$${x}%%{y}\\"#
        );
    }

    #[test]
    fn a_label_of_terraform_begins_with_a_letter() {
        for (name, label) in [("web", "web"), ("a.b", "a-b"), ("7up", "_7up")] {
            assert_eq!(identifier(name), label);
        }
    }
}
