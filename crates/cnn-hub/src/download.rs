//! One download: to a temporary name, checked, renamed.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, SystemTime};

use ureq::Agent;

use crate::error::Problem;
use crate::hash::Hasher;

/// Downloads `url` into `folder` as `file`.
pub fn download(
    url: &str,
    folder: &Path,
    file: &str,
    hash: Option<&str>,
    patience: Duration,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<PathBuf, Problem> {
    let mut hasher = hash.map(Hasher::of).transpose()?;
    let unusable = |path: &Path| {
        let path = path.to_path_buf();
        move |error| Problem::Folder { path, error }
    };
    std::fs::create_dir_all(folder).map_err(unusable(folder))?;
    remove_abandoned(folder, file);
    let (expected, chunks) = open(url, patience)?;
    if expected.is_none() && hash.is_none() {
        return Err(Problem::Unchecked { url: url.into() });
    }
    // It goes away by itself wherever this returns early.
    let named = tempfile::Builder::new().prefix(&format!("{file}.")).suffix(PART).tempfile_in(folder);
    let mut temporary = named.map_err(unusable(folder))?;
    let target = folder.join(file);
    let mut received = 0;
    progress(received, expected);
    let broken = |received, reason: String| Problem::Broken { url: url.into(), received, expected, reason };
    loop {
        match chunks.recv_timeout(patience) {
            Ok(Ok(chunk)) if chunk.is_empty() => break,
            Ok(Ok(chunk)) => {
                temporary.write_all(&chunk).map_err(unusable(&target))?;
                if let Some(hasher) = &mut hasher {
                    hasher.update(&chunk);
                }
                received += chunk.len() as u64;
                progress(received, expected);
            }
            Ok(Err(error)) => return Err(broken(received, error.to_string())),
            Err(RecvTimeoutError::Timeout) => {
                return Err(broken(received, format!("nothing came for {} s", patience.as_secs_f64())));
            }
            Err(RecvTimeoutError::Disconnected) => return Err(broken(received, "the transfer was given up".into())),
        }
    }
    if expected.is_some_and(|expected| expected != received) {
        return Err(broken(received, "the server had told another length".into()));
    }
    if let (Some(wanted), Some(hasher)) = (hash, hasher) {
        let got = hasher.finish();
        if !got.eq_ignore_ascii_case(wanted) {
            return Err(Problem::Hash { url: url.into(), got, wanted: wanted.into() });
        }
    }
    temporary.as_file().sync_all().map_err(unusable(&target))?;
    temporary.persist(&target).map_err(|error| unusable(&target)(error.error))?;
    Ok(target)
}

/// How names of unfinished downloads end.
const PART: &str = ".part";

/// Removes what a download of this file that was killed a day ago or before has left.
fn remove_abandoned(folder: &Path, file: &str) {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|name| name.starts_with(&format!("{file}.")) && name.ends_with(PART));
        let changed = entry.metadata().and_then(|metadata| metadata.modified());
        let old = changed.is_ok_and(|time| SystemTime::now().duration_since(time).is_ok_and(|age| age > DAY));
        if ours && old {
            // Another process may have been faster; if it cannot be removed, it is in nobody's way.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// What the body brings: chunks, then an empty one, or an error.
type Chunks = Receiver<std::io::Result<Vec<u8>>>;

/// Asks for `url`: the length that the server tells, and the body, read by a thread of its own. That thread is what a server
/// that sends nothing more holds up; it ends with the connection.
fn open(url: &str, patience: Duration) -> Result<(Option<u64>, Chunks), Problem> {
    let config = Agent::config_builder()
        .timeout_resolve(Some(patience))
        .timeout_connect(Some(patience))
        .timeout_send_request(Some(patience))
        .timeout_recv_response(Some(patience));
    let response = match Agent::from(config.build()).get(url).call() {
        Ok(response) => response,
        Err(ureq::Error::StatusCode(status)) => return Err(Problem::Status { url: url.into(), status }),
        Err(error) => return Err(Problem::Unreachable { url: url.into(), reason: error.to_string() }),
    };
    let body = response.into_body();
    let length = body.content_length();
    let (sender, receiver) = sync_channel(4);
    std::thread::spawn(move || send(body.into_reader(), &sender));
    Ok((length, receiver))
}

fn send(mut body: impl Read, sender: &SyncSender<std::io::Result<Vec<u8>>>) {
    loop {
        let mut chunk = vec![0; 1 << 16];
        let read = body.read(&mut chunk).map(|count| {
            chunk.truncate(count);
            chunk
        });
        let last = read.as_ref().map_or(true, Vec::is_empty);
        // Nobody listens any more where the file cannot be written.
        if sender.send(read).is_err() || last {
            return;
        }
    }
}
