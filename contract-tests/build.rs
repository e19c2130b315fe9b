//! Builds the snapshots in anew when one is added or removed, which the embedding alone would not notice.

fn main() {
    println!("cargo::rerun-if-changed=snapshots");
}
