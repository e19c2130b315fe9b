//! Describes the settings of the provider, of its resources and of its data sources.

use serde_json::{Value as Json, json};

use super::protocol;

/// The type of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Truth,
    TextSet,
    TextMap,
    /// A list of objects with these attributes.
    Objects(&'static [(&'static str, Kind)]),
}

impl Kind {
    /// Returns the type in Terraform's JSON for types.
    fn json(self) -> Json {
        match self {
            Self::Text => json!("string"),
            Self::Truth => json!("bool"),
            Self::TextSet => json!(["set", "string"]),
            Self::TextMap => json!(["map", "string"]),
            Self::Objects(fields) => {
                let field = |(name, kind): &(&str, Kind)| ((*name).to_owned(), kind.json());
                let fields: serde_json::Map<_, _> = fields.iter().map(field).collect();
                json!(["list", ["object", fields]])
            }
        }
    }
}

/// The side that sets an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Usage {
    Required,
    Optional,
    Computed,
}

/// An attribute.
#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) usage: Usage,
    description: &'static str,
    sensitive: bool,
}

impl Attribute {
    const fn new(
        usage: Usage,
        (name, kind): (&'static str, Kind),
        description: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            usage,
            description,
            sensitive: false,
        }
    }

    pub(super) const fn required(name: &'static str, description: &'static str) -> Self {
        Self::new(Usage::Required, (name, Kind::Text), description)
    }

    pub(super) const fn optional(
        name: &'static str,
        kind: Kind,
        description: &'static str,
    ) -> Self {
        Self::new(Usage::Optional, (name, kind), description)
    }

    pub(super) const fn computed(
        name: &'static str,
        kind: Kind,
        description: &'static str,
    ) -> Self {
        Self::new(Usage::Computed, (name, kind), description)
    }

    pub(super) const fn sensitive(self) -> Self {
        Self {
            sensitive: true,
            ..self
        }
    }

    fn message(&self) -> protocol::Attribute {
        protocol::Attribute {
            name: self.name.to_owned(),
            r#type: self.kind.json().to_string().into_bytes(),
            description: self.description.to_owned(),
            required: self.usage == Usage::Required,
            optional: self.usage == Usage::Optional,
            computed: self.usage == Usage::Computed,
            sensitive: self.sensitive,
        }
    }
}

/// The attributes of the provider, of a resource or of a data source.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) description: &'static str,
    pub(super) attributes: &'static [Attribute],
}

impl Schema {
    /// Returns the attributes that a configuration sets.
    pub(super) fn inputs(&self) -> impl Iterator<Item = &'static Attribute> {
        let all = self.attributes.iter();
        all.filter(|attribute| attribute.usage != Usage::Computed)
    }

    /// Returns the attributes that the provider sets.
    pub(super) fn outputs(&self) -> impl Iterator<Item = &'static Attribute> {
        let all = self.attributes.iter();
        all.filter(|attribute| attribute.usage == Usage::Computed)
    }

    pub(super) fn message(&self) -> protocol::Schema {
        protocol::Schema {
            version: 0,
            block: Some(protocol::Block {
                version: 0,
                attributes: self.attributes.iter().map(Attribute::message).collect(),
                description: self.description.to_owned(),
            }),
        }
    }
}
