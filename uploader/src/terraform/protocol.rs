//! Defines the messages of Terraform's plugin protocol 5, as far as Terraform sends and reads them here.
//!
//! Evidence: `tfplugin5.proto` of Terraform 1.11, and runs of Terraform 1.11.4.

use std::collections::HashMap;

/// The empty message, which several calls send or receive.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Empty {}

/// A value of Terraform's language.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DynamicValue {
    /// The value as MessagePack.
    #[prost(bytes = "vec", tag = "1")]
    pub msgpack: Vec<u8>,
    /// The value as JSON, if there is no MessagePack.
    #[prost(bytes = "vec", tag = "2")]
    pub json: Vec<u8>,
}

/// An error or a warning.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Diagnostic {
    /// A number of [`Severity`].
    #[prost(enumeration = "Severity", tag = "1")]
    pub severity: i32,
    /// The first line.
    #[prost(string, tag = "2")]
    pub summary: String,
    /// The lines below.
    #[prost(string, tag = "3")]
    pub detail: String,
    /// The attribute that is wrong.
    #[prost(message, optional, tag = "4")]
    pub attribute: Option<AttributePath>,
}

/// The severity of a diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum Severity {
    /// The default value, which is not used.
    Invalid = 0,
    /// An error.
    Error = 1,
    /// A warning.
    Warning = 2,
}

/// A path to an attribute.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AttributePath {
    /// The steps, from the outermost.
    #[prost(message, repeated, tag = "1")]
    pub steps: Vec<Step>,
}

/// A step of a path.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Step {
    /// The name of an attribute.
    #[prost(string, tag = "1")]
    pub attribute_name: String,
}

/// The schema of the provider, of a resource or of a data source.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Schema {
    /// The version of the stored state.
    #[prost(int64, tag = "1")]
    pub version: i64,
    /// The attributes.
    #[prost(message, optional, tag = "2")]
    pub block: Option<Block>,
}

/// The attributes of a schema.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Block {
    /// The version, as in the schema.
    #[prost(int64, tag = "1")]
    pub version: i64,
    /// The attributes.
    #[prost(message, repeated, tag = "2")]
    pub attributes: Vec<Attribute>,
    /// The description.
    #[prost(string, tag = "4")]
    pub description: String,
}

/// An attribute of a schema.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Attribute {
    /// The name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The type, as JSON.
    #[prost(bytes = "vec", tag = "2")]
    pub r#type: Vec<u8>,
    /// The description.
    #[prost(string, tag = "3")]
    pub description: String,
    /// Whether a configuration must set it.
    #[prost(bool, tag = "4")]
    pub required: bool,
    /// Whether a configuration may set it.
    #[prost(bool, tag = "5")]
    pub optional: bool,
    /// Whether the provider sets it.
    #[prost(bool, tag = "6")]
    pub computed: bool,
    /// Whether Terraform must not show it.
    #[prost(bool, tag = "7")]
    pub sensitive: bool,
}

/// The reply of `GetSchema`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ProviderSchema {
    /// The settings of the provider.
    #[prost(message, optional, tag = "1")]
    pub provider: Option<Schema>,
    /// The resources, by their types.
    #[prost(map = "string, message", tag = "2")]
    pub resource_schemas: HashMap<String, Schema>,
    /// The data sources, by their types.
    #[prost(map = "string, message", tag = "3")]
    pub data_source_schemas: HashMap<String, Schema>,
    /// The errors and warnings.
    #[prost(message, repeated, tag = "4")]
    pub diagnostics: Vec<Diagnostic>,
}

/// The request of `PrepareProviderConfig`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ProviderConfig {
    /// The settings.
    #[prost(message, optional, tag = "1")]
    pub config: Option<DynamicValue>,
}

/// The reply of `PrepareProviderConfig`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PreparedConfig {
    /// The settings.
    #[prost(message, optional, tag = "1")]
    pub prepared_config: Option<DynamicValue>,
    /// The errors and warnings.
    #[prost(message, repeated, tag = "2")]
    pub diagnostics: Vec<Diagnostic>,
}

/// The request of `Configure`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ConfigureRequest {
    /// The version of Terraform.
    #[prost(string, tag = "1")]
    pub terraform_version: String,
    /// The settings.
    #[prost(message, optional, tag = "2")]
    pub config: Option<DynamicValue>,
}

/// A reply of errors and warnings alone.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Diagnostics {
    /// The errors and warnings.
    #[prost(message, repeated, tag = "1")]
    pub diagnostics: Vec<Diagnostic>,
}

/// The reply of `Stop`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StopReply {
    /// The reason why nothing was stopped, or nothing.
    #[prost(string, tag = "1")]
    pub error: String,
}

/// The request of the two `Validate…` calls and of `ReadDataSource`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ConfigOf {
    /// The type of the resource or data source.
    #[prost(string, tag = "1")]
    pub type_name: String,
    /// Its configuration.
    #[prost(message, optional, tag = "2")]
    pub config: Option<DynamicValue>,
}

/// The reply of `ReadDataSource`, of `ReadResource` and of `UpgradeResourceState`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct State {
    /// The state; null for a resource that is gone.
    #[prost(message, optional, tag = "1")]
    pub state: Option<DynamicValue>,
    /// The errors and warnings.
    #[prost(message, repeated, tag = "2")]
    pub diagnostics: Vec<Diagnostic>,
}

/// The request of `ReadResource`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ReadRequest {
    /// The type of the resource.
    #[prost(string, tag = "1")]
    pub type_name: String,
    /// Its state.
    #[prost(message, optional, tag = "2")]
    pub current_state: Option<DynamicValue>,
}

/// The request of `UpgradeResourceState`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct UpgradeRequest {
    /// The type of the resource.
    #[prost(string, tag = "1")]
    pub type_name: String,
    /// The version of the stored state.
    #[prost(int64, tag = "2")]
    pub version: i64,
    /// The stored state.
    #[prost(message, optional, tag = "3")]
    pub raw_state: Option<RawState>,
}

/// A state as it was stored.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RawState {
    /// The state as JSON, which Terraform stores from 0.12 on.
    #[prost(bytes = "vec", tag = "1")]
    pub json: Vec<u8>,
    /// The state as Terraform up to 0.11 stored it: `metadata.%`, `metadata.KEY`, `metadata_keys.#`, ….
    #[prost(map = "string, string", tag = "2")]
    pub flatmap: HashMap<String, String>,
}

/// The request of `PlanResourceChange`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PlanRequest {
    /// The type of the resource.
    #[prost(string, tag = "1")]
    pub type_name: String,
    /// The state; null for a new resource.
    #[prost(message, optional, tag = "2")]
    pub prior_state: Option<DynamicValue>,
    /// The configuration, with what the state says of other attributes; null for a resource that goes.
    #[prost(message, optional, tag = "3")]
    pub proposed_new_state: Option<DynamicValue>,
    /// The configuration.
    #[prost(message, optional, tag = "4")]
    pub config: Option<DynamicValue>,
}

/// The reply of `PlanResourceChange`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Planned {
    /// The state after the change.
    #[prost(message, optional, tag = "1")]
    pub planned_state: Option<DynamicValue>,
    /// The attributes whose change needs a new resource.
    #[prost(message, repeated, tag = "2")]
    pub requires_replace: Vec<AttributePath>,
    /// The errors and warnings.
    #[prost(message, repeated, tag = "4")]
    pub diagnostics: Vec<Diagnostic>,
}

/// The request of `ApplyResourceChange`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ApplyRequest {
    /// The type of the resource.
    #[prost(string, tag = "1")]
    pub type_name: String,
    /// The state; null for a new resource.
    #[prost(message, optional, tag = "2")]
    pub prior_state: Option<DynamicValue>,
    /// The planned state; null for a resource that goes.
    #[prost(message, optional, tag = "3")]
    pub planned_state: Option<DynamicValue>,
    /// The configuration.
    #[prost(message, optional, tag = "4")]
    pub config: Option<DynamicValue>,
}

/// The reply of `ApplyResourceChange`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Applied {
    /// The state after the change.
    #[prost(message, optional, tag = "1")]
    pub new_state: Option<DynamicValue>,
    /// The errors and warnings.
    #[prost(message, repeated, tag = "3")]
    pub diagnostics: Vec<Diagnostic>,
}

/// The request of `ImportResourceState`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ImportRequest {
    /// The type of the resource.
    #[prost(string, tag = "1")]
    pub type_name: String,
    /// The id that the user gave.
    #[prost(string, tag = "2")]
    pub id: String,
}

/// The reply of `ImportResourceState`; nothing is ever imported here.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Imported {
    /// The imported resources.
    #[prost(message, repeated, tag = "1")]
    pub imported_resources: Vec<Empty>,
    /// The errors and warnings.
    #[prost(message, repeated, tag = "2")]
    pub diagnostics: Vec<Diagnostic>,
}
