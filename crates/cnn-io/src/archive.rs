//! Members of zip archives.

use std::io::{Cursor, Read};

use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use crate::error::Problem;

/// A member's bytes, if it is there; `len` is the archive's length, `format` its name for the messages.
pub(crate) fn member(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    name: &str,
    len: usize,
    format: &'static str,
) -> Result<Option<Vec<u8>>, Problem> {
    /// No deflate stream unpacks to more than so many times its length.
    const DEFLATE: u64 = 1032;
    let damaged = |reason: String| Problem::damaged(format, reason);
    let file = match archive.by_name(name) {
        Ok(file) => file,
        Err(ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(damaged(error.to_string())),
    };
    let size = file.size();
    let packed = file.compressed_size().min(len as u64);
    let limit = if file.compression() == CompressionMethod::Stored { packed } else { packed.saturating_mul(DEFLATE) };
    if size > limit {
        return Err(damaged(format!("{name} is said to hold {size} bytes, but {packed} are there")));
    }
    let mut bytes = Vec::new();
    let room = usize::try_from(size).map_err(|error| damaged(error.to_string()))?;
    bytes.try_reserve_exact(room).map_err(|error| damaged(error.to_string()))?;
    // One byte more than announced is an error too; the checksum is checked at the end.
    file.take(size + 1).read_to_end(&mut bytes).map_err(|error| damaged(error.to_string()))?;
    if bytes.len() as u64 != size {
        return Err(damaged(format!("{name} holds {} bytes and not {size}", bytes.len())));
    }
    Ok(Some(bytes))
}
