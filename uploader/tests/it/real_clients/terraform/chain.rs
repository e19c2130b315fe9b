//! Tests the whole chain of real parts: Packer builds an AMI on moto, its post-processor `atlas` pushes it, and
//! Terraform's plan shows exactly that AMI.

use mock_atlas::MockAtlas;
use serde_json::Value;

use super::workspace::{done, overridden};
use crate::real_clients::packer::{self, Ec2, example};
use crate::support::program::Program;

/// The token of the documentation's example.
const TOKEN: &str = "ATLAS_TOKEN_HERE";

const CONFIGURATION: &str = r#"
data "atlas_artifact" "foobar" {
  name    = "hashicorp/foobar"
  type    = "aws.ami"
  version = "latest"
}

output "ami" {
  value = "${data.atlas_artifact.foobar.metadata_full.region-us-east-1}"
}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_packer_builds_is_what_terraform_plans() {
    let atlas = MockAtlas::builder().token(TOKEN).start().await.unwrap();
    let program = Program::at(atlas.url(), TOKEN);
    let plugins = program.path(".packer.d/plugins");
    let install = ["packer", "install", "--dir", plugins.to_str().unwrap()];
    assert_eq!(program.run(&install).await.code, 0);
    let ec2 = Ec2::start(program.folder()).await;
    let mut template = example(&ec2);
    template["post-processors"][0]["atlas_url"] = atlas.url().into();
    program.write("template.json", template.to_string());
    let built = packer::run(&program, &["build", "-color=false", "template.json"]).await;
    assert_eq!(built.code, 0, "{built}");
    // Packer prints `us-east-1: ami-…` last.
    let ami = built
        .stdout
        .lines()
        .rev()
        .find_map(|line| line.trim().strip_prefix("us-east-1: "));
    let ami = ami.unwrap_or_else(|| panic!("no AMI: {built}"));

    overridden(&program).await;
    program.write("main.tf", CONFIGURATION);
    done(&program, "plan -out=plan.bin").await;
    let shown = done(&program, "show -json plan.bin").await;
    let plan: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(plan["planned_values"]["outputs"]["ami"]["value"], *ami);
}
