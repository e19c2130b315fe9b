//! Tests `show`, `config`, and the output for Terraform.

mod overview;
mod tfvars;
