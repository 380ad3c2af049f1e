//! TensorBoard's event files: scalars as TensorFlow 2 writes them.
//!
//! Source: TensorFlow's `event.proto`, `summary.proto`, `tensor.proto` and `record_writer.h`: a record is the length of
//! its data (8 bytes, little-endian), the masked checksum of the length (4), the data, and its masked checksum (4); the
//! checksum is CRC-32C, turned right by 15 bits and 0xa282ead8 added. Of the messages only the fields in use are
//! declared.

use prost::Message;

const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);

/// TensorFlow's number of float32.
const DT_FLOAT: i32 = 1;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    pub wall_time: f64,
    #[prost(int64, tag = "2")]
    pub step: i64,
    #[prost(string, optional, tag = "3")]
    pub file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    pub summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Summary {
    #[prost(message, repeated, tag = "1")]
    pub value: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Value {
    #[prost(string, tag = "1")]
    pub tag: String,
    #[prost(message, optional, tag = "8")]
    pub tensor: Option<TensorProto>,
    #[prost(message, optional, tag = "9")]
    pub metadata: Option<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorProto {
    #[prost(int32, tag = "1")]
    pub dtype: i32,
    #[prost(message, optional, tag = "2")]
    pub tensor_shape: Option<TensorShape>,
    #[prost(bytes = "vec", tag = "4")]
    pub tensor_content: Vec<u8>,
}

/// A shape without axes.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorShape {}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Metadata {
    #[prost(message, optional, tag = "1")]
    pub plugin_data: Option<PluginData>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct PluginData {
    #[prost(string, tag = "1")]
    pub plugin_name: String,
}

impl Event {
    /// What every file opens with.
    pub fn opening(wall_time: f64) -> Self {
        Self { wall_time, step: 0, file_version: Some("brain.Event:2".to_owned()), summary: None }
    }

    pub fn scalar(wall_time: f64, step: usize, tag: &str, value: f64) -> Self {
        let tensor_content = (value as f32).to_le_bytes().to_vec();
        let tensor = TensorProto { dtype: DT_FLOAT, tensor_shape: Some(TensorShape {}), tensor_content };
        let metadata = Metadata { plugin_data: Some(PluginData { plugin_name: "scalars".to_owned() }) };
        let value = Value { tag: tag.to_owned(), tensor: Some(tensor), metadata: Some(metadata) };
        Self { wall_time, step: step as i64, file_version: None, summary: Some(Summary { value: vec![value] }) }
    }

    /// The bytes of the event in a file.
    pub fn record(&self) -> Vec<u8> {
        let data = self.encode_to_vec();
        let length = (data.len() as u64).to_le_bytes();
        let mut record = length.to_vec();
        record.extend(masked_checksum(&length).to_le_bytes());
        record.extend(&data);
        record.extend(masked_checksum(&data).to_le_bytes());
        record
    }
}

fn masked_checksum(bytes: &[u8]) -> u32 {
    CRC.checksum(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::Event;

    /// Records that TensorFlow wrote for Keras's callback, with its times: byte for byte.
    #[test]
    fn records_are_those_of_tensorflow() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/training.json");
        let book: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        for part in ["train", "validation"] {
            let hex = book["tensorboard"]["files"][part].as_str().unwrap();
            let bytes: Vec<u8> =
                (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
            let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            // The first record also names the program that wrote it.
            let mut rest = &bytes[8 + 4 + length + 4..];
            for read in book["tensorboard"]["read"][part].as_array().unwrap() {
                let number = |i: usize| read[i].as_f64().unwrap();
                let event = Event::scalar(number(3), number(0) as usize, read[1].as_str().unwrap(), number(2));
                rest = rest.strip_prefix(event.record().as_slice()).unwrap_or_else(|| panic!("{part}: {read}"));
            }
            assert!(rest.is_empty());
        }
    }
}
