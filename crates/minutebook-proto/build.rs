//! Generates the message types, and behind the feature `grpc` the services, from `proto/minutebook/v1`, without `protoc`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message as _;
use prost_types::FileDescriptorSet;
use prost_types::field_descriptor_proto::Type;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new("../../proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed={}", root.display());

    let mut compiler = protox::Compiler::new([root])?;
    compiler.include_source_info(true).include_imports(true).open_files(sources(root)?)?;
    let descriptors = compiler.file_descriptor_set();
    fs::write(out.join("minutebook.v1.bin"), descriptors.encode_to_vec())?;

    let mut config = prost_build::Config::new();
    config.bytes([
        ".minutebook.v1.ReadEventsResponse.event",
        ".minutebook.v1.DeliveredEvent.event",
        ".minutebook.v1.ReadEntriesResponse.entries",
    ]);
    #[cfg(feature = "grpc")]
    config.service_generator(tonic_prost_build::configure().service_generator());
    config.compile_fds(relayed(descriptors))?;
    Ok(())
}

/// The descriptors from which Rust is generated: there an event that is read back is bytes, so that the server relays
/// what was recorded without decoding it. On the wire a message and its bytes look the same.
fn relayed(mut descriptors: FileDescriptorSet) -> FileDescriptorSet {
    let messages = descriptors.file.iter_mut().flat_map(|file| &mut file.message_type);
    for message in messages.filter(|message| matches!(message.name(), "ReadEventsResponse" | "DeliveredEvent")) {
        for field in message.field.iter_mut().filter(|field| field.name() == "event") {
            field.set_type(Type::Bytes);
            field.type_name = None;
        }
    }
    descriptors
}

fn sources(root: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root.join("minutebook/v1"))? {
        files.push(entry?.path());
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "proto"));
    files.sort();
    Ok(files)
}
