//! The files of `proto/`, from their descriptors: what clients in other languages rely on.

use std::collections::BTreeSet;

use prost::Message;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet};

/// The files of this program; those of `google/` are the originals.
fn files() -> Vec<FileDescriptorProto> {
    let set = FileDescriptorSet::decode(onestop::pb::DESCRIPTORS).expect("descriptors");
    set.file.into_iter().filter(|file| file.package().starts_with("onestop.")).collect()
}

fn enums(file: &FileDescriptorProto) -> impl Iterator<Item = &EnumDescriptorProto> {
    file.enum_type.iter().chain(file.message_type.iter().flat_map(|message| &message.enum_type))
}

#[test]
fn every_file_sets_the_packages_of_other_languages() {
    assert!(files().len() > 8);
    for file in files() {
        let options = file.options.clone().unwrap_or_default();
        assert_eq!(options.java_package(), file.package(), "{}", file.name());
        assert!(options.java_multiple_files(), "{}", file.name());
        let words = file.package().split('.').map(|word| word[..1].to_uppercase() + &word[1..]);
        assert_eq!(options.csharp_namespace(), words.collect::<Vec<_>>().join("."), "{}", file.name());
        assert!(options.go_package().starts_with(&file.package().replace('.', "/")), "{}", file.name());
    }
}

#[test]
fn every_call_has_a_request_and_a_response_of_its_own() {
    let mut seen = BTreeSet::new();
    for file in files() {
        for method in file.service.iter().flat_map(|service| &service.method) {
            let wanted = |end: &str| format!(".{}.{}{end}", file.package(), method.name());
            assert_eq!((method.input_type(), method.output_type()), (&*wanted("Request"), &*wanted("Response")));
            assert!(seen.insert(method.input_type().to_owned()), "{}", method.name());
        }
    }
    assert!(seen.len() > 15, "{seen:?}");
}

#[test]
fn every_enum_begins_with_unspecified() {
    for file in files() {
        for each in enums(&file) {
            let first = &each.value[0];
            assert!(first.number() == 0 && first.name().ends_with("_UNSPECIFIED"), "{}", each.name());
        }
    }
}

#[test]
fn days_are_dates_instants_end_in_time_and_amounts_say_their_unit() {
    let fields = |message: &DescriptorProto| message.field.clone();
    // The record of the journal has counters of its own.
    for file in files().into_iter().filter(|file| file.package() != "onestop.journal.v1") {
        for field in file.message_type.iter().flat_map(fields) {
            let name = field.name();
            let is_instant = field.type_name() == ".google.protobuf.Timestamp";
            assert_eq!(is_instant, name.ends_with("_time"), "{}: {name}", file.name());
            let is_amount = field.r#type() == prost_types::field_descriptor_proto::Type::Int64;
            let has_unit = ["_fen", "_e4", "_micro_yuan"].iter().any(|unit| name.ends_with(unit));
            assert_eq!(is_amount, has_unit, "{}: {name}", file.name());
            assert!(!field.type_name().starts_with(".onestop") || !field.type_name().ends_with(".Date"), "{name}");
        }
    }
}

#[test]
fn a_summary_is_a_prefix_of_an_encoded_settlement_because_the_derivation_is_its_last_field() {
    let files = files();
    // Only messages that are answered have a summary.
    let answered = files.iter().filter(|file| file.package() != "onestop.journal.v1");
    let messages: Vec<_> = answered.flat_map(|file| &file.message_type).collect();
    let deriving = messages.iter().filter(|message| message.field.iter().any(|field| field.name() == "derivation"));
    let last = deriving.map(|message| {
        let last = message.field.iter().max_by_key(|field| field.number()).expect("a field");
        (message.name(), last.name())
    });
    let last: Vec<_> = last.collect();
    assert!(last.contains(&("Settlement", "derivation")));
    assert!(last.iter().all(|(_, field)| *field == "derivation"), "{last:?}");
}
