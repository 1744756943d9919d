//! Compiles `proto/` into Rust, without protoc, and keeps the descriptors for reflection.

use std::path::PathBuf;
use std::{env, fs};

use prost::Message;

const FILES: [&str; 7] = [
    "google/rpc/code.proto",
    "google/rpc/error_details.proto",
    "onestop/settlement/v1/refusal.proto",
    "onestop/settlement/v1/settlement_service.proto",
    "onestop/reference/v1/reference.proto",
    "onestop/policy/v1/policy.proto",
    "onestop/operations/v1/operations.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("onestop.descriptors"), descriptors.encode_to_vec())?;
    let generated = tonic_prost_build::configure().extern_path(".google.rpc", "::tonic_types::pb");
    generated.include_file("messages.rs").compile_fds(descriptors)?;
    Ok(())
}
