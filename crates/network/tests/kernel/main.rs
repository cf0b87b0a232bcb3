//! Networks on the real kernel: each test is a host of its own, in a network namespace that ends with it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::tests_outside_test_module,
    reason = "a test fails by panicking and says what it skips, and all of this is tests"
)]

mod attach;
mod leaves;
mod modes;
mod names;
mod parents;
mod policy;
mod rates;
mod support;
