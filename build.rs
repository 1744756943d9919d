//! Compiles `proto/` into Rust, without protoc, and keeps the descriptors for reflection.

use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

const FILES: [&str; 11] = [
    "google/rpc/code.proto",
    "google/rpc/error_details.proto",
    "onestop/settlement/v1/refusal.proto",
    "onestop/settlement/v1/reconciliation.proto",
    "onestop/settlement/v1/settlement_service.proto",
    "onestop/reference/v1/reference.proto",
    "onestop/policy/v1/policy.proto",
    "onestop/operations/v1/operations.proto",
    "onestop/journal/v1/journal.proto",
    "onestop/journal/v1/rows.proto",
    "onestop/journal/v1/reference.proto",
];

/// Fields with a nested message that is encoded already; they are shared and not copied.
const NESTED: [&str; 2] = [".onestop.journal.v1.SettlementEntry", ".onestop.journal.v1.RevisionEntry.derivation"];

const PACKAGE: &str = "onestop.settlement.v1";

/// The messages that are written and read by hand, each once.
const ENCODED: [&str; 4] =
    [CLAIM, ".onestop.settlement.v1.Settlement", ".onestop.settlement.v1.Split", ".onestop.settlement.v1.Derivation"];

/// The one of them that a request may lack, or hold in parts: a message that is given several times is all of them together.
const CLAIM: &str = ".onestop.settlement.v1.Claim";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("onestop.descriptors"), descriptors.encode_to_vec())?;
    let generated = tonic_prost_build::configure().extern_path(".google.rpc", "::tonic_types::pb");
    let generated = NESTED.into_iter().fold(generated, |generated, field| generated.bytes(field));
    generated.include_file("messages.rs").compile_fds(descriptors)?;
    compile_encoded(&out.join("encoded"))
}

/// Generates the settlement service once more, with claims, settlements, splits and derivations as encoded bytes. On the wire
/// both are the same: a claim has as many parts as are given, and none of the others is ever empty.
fn compile_encoded(out: &Path) -> Result<(), Box<dyn std::error::Error>> {
    fs::create_dir_all(out)?;
    let mut descriptors = protox::compile(
        ["onestop/settlement/v1/refusal.proto", "onestop/settlement/v1/settlement_service.proto"],
        ["proto"],
    )?;
    let mut shared = vec![".google.rpc".to_owned()];
    let mut encoded = ENCODED.map(str::to_owned).to_vec();
    // Messages that hold one of them, directly or in another message.
    while let Some(found) = holder(&mut descriptors, &encoded) {
        encoded.push(found);
    }
    for file in descriptors.file.iter().filter(|file| file.package() == PACKAGE) {
        let messages = file.message_type.iter().map(DescriptorProto::name);
        let enums = file.enum_type.iter().map(|one| one.name());
        shared.extend(
            messages.chain(enums).map(|name| format!(".{PACKAGE}.{name}")).filter(|name| !encoded.contains(name)),
        );
    }
    let mut service = tonic_prost_build::configure().build_client(false).bytes(".").out_dir(out);
    service =
        service.extern_path(".google.rpc", "::tonic_types::pb").extern_path(".google.type.Date", "crate::pb::Date");
    let unchanged = shared.iter().map(String::as_str).chain(ENCODED);
    for name in unchanged.filter_map(|name| name.strip_prefix(&format!(".{PACKAGE}."))) {
        service = service.extern_path(format!(".{PACKAGE}.{name}"), format!("crate::pb::settlement::{name}"));
    }
    service.compile_fds(descriptors)?;
    Ok(())
}

/// A message that holds one of these messages and is none of them; what is encoded by hand becomes bytes in it.
fn holder(descriptors: &mut FileDescriptorSet, encoded: &[String]) -> Option<String> {
    let files = descriptors.file.iter_mut().filter(|file| file.package() == PACKAGE);
    for message in files.flat_map(|file| &mut file.message_type) {
        let name = format!(".{PACKAGE}.{}", message.name());
        let holds = |field: &&mut FieldDescriptorProto| encoded.iter().any(|one| one == field.type_name());
        let mut held = message.field.iter_mut().filter(holds).peekable();
        if encoded.contains(&name) || held.peek().is_none() {
            continue;
        }
        for field in held.filter(|field| ENCODED.contains(&field.type_name())) {
            if field.type_name() == CLAIM {
                field.set_label(Label::Repeated);
            }
            field.set_type(Type::Bytes);
            field.type_name = None;
        }
        return Some(name);
    }
    None
}
