//! Links ISA-L: `isal-sys` declares its functions, and names no library to the linker if it is not to build one.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_SYSTEM").is_some() {
        println!("cargo::rustc-link-lib=isal");
    }
}
