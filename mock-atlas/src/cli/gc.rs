//! `mock-atlas gc` removes the files of a place for data that are no longer needed.

use mock_atlas::{Garbage, MockAtlas};
use serde_json::json;

use super::EmulatorArguments;
use super::print::print;

pub(super) async fn run(arguments: &EmulatorArguments) -> Result<(), String> {
    let builder = arguments.data.set(MockAtlas::builder());
    let collected = builder.collect_garbage().await;
    let Garbage {
        files,
        unknown,
        bytes,
        ..
    } = collected.map_err(|error| error.to_string())?;
    let report = json!({"files": files, "unknown": unknown, "bytes": bytes});
    print(arguments.output, &report, |_| {
        format!(
            "removed {files} files that were deleted or left, and {unknown} that nothing knew: {bytes} bytes"
        )
    })
}
