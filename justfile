# The list of commands; `just` prints it.

default:
    @just --list

# Everything that CI runs.
check:
    ./check

# Unit and product tests, as root.
test *ARGS:
    cargo nextest run --workspace {{ARGS}}

# Every attack against every kind of container, Podman's and Docker's among them: docs/security.md, with each errno.
attacks:
    cargo nextest run --workspace -E 'binary(attacks) & test(print_the_table)' --run-ignored only --no-capture

# The tests that want another kernel: AppArmor, SELinux, unified control groups with systemd. In virtual machines: all of them, or one MACHINE.
check-vm MACHINE="":
    scripts/prepare vm
    scripts/check-vm {{MACHINE}}

# Format, lints, layers, licences.
lint:
    cargo fmt --all -- --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo xtask tidy
    cargo deny --log-level error check licenses bans sources
    RUSTFLAGS="--cfg fuzzing" cargo clippy --manifest-path fuzz/Cargo.toml --no-default-features -- -D warnings

# Manual pages and completions, from the tables of the program.
generate:
    cargo xtask generate

# Each fuzz target, or those that are named, for SECONDS.
fuzz SECONDS="60" *TARGETS:
    fuzz/run {{SECONDS}} {{TARGETS}}

# Every promise of SPECIFICATION.md next to the peers that are installed.
bench *ARGS:
    scripts/prepare bench
    cargo build --release --package cli
    cargo xtask bench {{ARGS}}

# Interleavings of channels in memory, by loom.
model:
    RUSTFLAGS="--cfg model" CARGO_TARGET_DIR=target/model cargo test --release --package libchan --lib

# What channels cost: in memory beside tokio's, over a network, as streams of bytes beside a bare copy, and beside gRPC.
bench-channels:
    cargo run --release --package libchan --example memory
    cargo run --release --package libchan --example session
    cargo run --release --package libchan --example bytes
    cargo run --release --manifest-path bench/channels/Cargo.toml

# The program as it ships.
release:
    cargo build --release --package cli

docs:
    cargo doc --workspace --no-deps
