//! Functions of one body are one function in the program that people run: 140 KB less.
#![expect(clippy::disallowed_methods, reason = "cargo tells a build script by the environment")]

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).as_deref() == Ok(value);
    // There rustc links by LLD; elsewhere by what the machine has, which may not know the word.
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_ARCH", "x86_64") {
        println!("cargo:rustc-link-arg-bins=-Wl,--icf=all");
    }
}
