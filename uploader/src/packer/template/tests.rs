//! Tests the requests of a template for many builds.

use super::*;
use serde_json::json;

/// Returns the number of requests that a template makes for builds of these names.
fn asked(template: &Value, names: &[String], clock: Clock) -> Result<usize, Error> {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &Value| {
        let path = folder.path().join(name);
        std::fs::write(&path, content.to_string()).unwrap();
        path
    };
    let build = |(time, name): (usize, &String)| json!({"name": name, "build_time": time + 1, "packer_run_uuid": "1"});
    let builds: Vec<_> = names.iter().enumerate().map(build).collect();
    let manifest = write("m.json", &json!({"builds": builds, "last_run_uuid": "1"}));
    let manifest = Manifest::read(&manifest).unwrap();
    let inputs = Inputs {
        manifest: &manifest,
        builds: &manifest.select(&[]).unwrap(),
        variables: Variables::default(),
        environment: &|_| None,
        clock,
        warnings: &mut BTreeSet::new(),
    };
    let template = Template::read(&write("t.json", template))?;
    let requests = template.requests(inputs, &Redactor::default())?;
    Ok(requests.len())
}

fn block(more: Value) -> Value {
    let mut block = json!({"type": "atlas", "artifact": "a/b", "artifact_type": "t"});
    let mut more = more.as_object().unwrap().clone();
    block.as_object_mut().unwrap().append(&mut more);
    json!([block])
}

/// Returns builders with these names.
fn builders(names: &[String]) -> Vec<Value> {
    let builder = |name: &String| json!({"type": "null", "name": name});
    names.iter().map(builder).collect()
}

/// Quadratic time in the number of builds would take more than ten seconds.
#[test]
fn a_manifest_may_have_many_builds_and_a_template_many_builders() {
    let begin = std::time::Instant::now();
    let names: Vec<_> = (0..5000).map(|n| format!("build-{n}")).collect();
    let written: Vec<_> = names
        .iter()
        .map(|name| format!("{{{{lower `{name}`}}}}"))
        .collect();
    for (builders, clock) in [
        (builders(&names), Clock::Build),
        (builders(&written), Clock::Now),
    ] {
        let template = json!({"builders": builders, "post-processors": block(json!({}))});
        assert_eq!(asked(&template, &names, clock).unwrap(), 5000);
    }
    let many: Vec<_> = (0..50_000).map(|n| format!("build-{n}")).collect();
    let only = json!({"only": ["build-7"]});
    let template = json!({"builders": builders(&names), "post-processors": block(only)});
    assert_eq!(asked(&template, &many, Clock::Now).unwrap(), 1);
    let took = begin.elapsed().as_secs();
    assert!(took < 20, "{took} s");
}

#[test]
fn only_names_a_builder_as_it_is_written() {
    let names = ["vm-0".to_owned(), "vm-1".to_owned()];
    let written = ["vm-{{lower `0`}}".to_owned(), "vm-1".to_owned()];
    for name in &written {
        let only = block(json!({"only": [name]}));
        let template = json!({"builders": builders(&written), "post-processors": only});
        assert_eq!(asked(&template, &names, Clock::Now).unwrap(), 1, "{name}");
    }
}

#[test]
fn what_all_builds_ask_for_has_a_bound() {
    let long =
        "{{$x := `aaaaaaaaaaaaaaaa`}}".to_owned() + &"{{$x = print $x $x}}".repeat(19) + "{{$x}}";
    let template = json!({
        "builders": [{"type": "null"}], "post-processors": block(json!({"metadata": {"k": long}})),
    });
    let names = |number: usize| Vec::from_iter((0..number).map(|n| format!("b{n}")));
    assert_eq!(asked(&template, &names(3), Clock::Now).unwrap(), 3);
    let refused = asked(&template, &names(40), Clock::Now).unwrap_err();
    let words = "the total of all builds' requests becomes longer than";
    assert!(refused.to_string().contains(words), "{refused}");
}
