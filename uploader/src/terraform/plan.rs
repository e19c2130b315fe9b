//! Says what a change of a resource means: which attributes stay, which are known only after apply, and whether the
//! resource is replaced.

use super::object::Object;
use super::problem::Problem;
use super::schema::Schema;
use super::value::Value;

/// The plan for a resource.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The state after the change; `None` for a resource that goes.
    pub(super) state: Option<Object>,
    /// The attributes whose change needs a new resource.
    pub(super) replaced_by: Vec<&'static str>,
    pub(super) warnings: Vec<Problem>,
}

/// Plans a change. Every changed input needs a new resource, since a version never changes; its outputs are known only
/// after apply.
pub(super) fn plan(schema: &Schema, prior: Option<&Object>, mut proposed: Object) -> Plan {
    let inputs = schema.inputs().map(|attribute| attribute.name);
    let changed: Vec<_> = match prior {
        // Null and an empty set say the same.
        Some(prior) => inputs
            .filter(|name| {
                let (before, now) = (prior.get(name), proposed.get(name));
                before != now && !(before.is_empty() && now.is_empty())
            })
            .collect(),
        None => Vec::new(),
    };
    if prior.is_none() || !changed.is_empty() {
        forget_outputs(schema, &mut proposed);
    }
    Plan {
        state: Some(proposed),
        replaced_by: changed,
        warnings: Vec::new(),
    }
}

/// Makes all outputs known only after apply.
pub(super) fn forget_outputs(schema: &Schema, object: &mut Object) {
    for attribute in schema.outputs() {
        object.set(attribute.name, Value::Unknown);
    }
}
