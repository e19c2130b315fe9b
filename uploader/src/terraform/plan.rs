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

impl Plan {
    /// Replaces the resource, since this attribute changes.
    pub(super) fn replace(&mut self, schema: &Schema, attribute: &'static str) {
        if let Some(planned) = &mut self.state {
            forget_outputs(schema, planned);
            self.replaced_by.push(attribute);
        }
    }

    /// Lets the change of this attribute not replace the resource: if no other does, its outputs stay.
    pub(super) fn keep(&mut self, schema: &Schema, attribute: &'static str, prior: &Object) {
        self.replaced_by.retain(|changed| *changed != attribute);
        if let (Some(planned), true) = (&mut self.state, self.replaced_by.is_empty()) {
            for output in schema.outputs() {
                planned.set(output.name, prior.get(output.name).clone());
            }
        }
    }
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
fn forget_outputs(schema: &Schema, object: &mut Object) {
    for attribute in schema.outputs() {
        object.set(attribute.name, Value::Unknown);
    }
}
