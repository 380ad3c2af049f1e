//! Bytes from a server to a file, counted and hashed on their way.

use std::io::{self, Read, Write};
use std::time::Duration;

use ureq::Timeout;

use crate::error::Problem;
use crate::hash::{CHUNK, Hasher};
use crate::temporary::Temporary;

/// Told of the bytes that have come and of those announced.
pub(crate) type Progress<'a> = &'a mut dyn FnMut(u64, Option<u64>);

/// Downloads `address` into `into` and checks length and hash. Returns the length.
///
/// Longer than announced it cannot be: HTTP ends a file after the bytes announced, and what a server sends beyond them is
/// not read. That the file was longer shows in its hash, or in its contents.
pub(crate) fn transfer(
    address: &str,
    hash: Option<&str>,
    patience: Duration,
    into: &mut Temporary,
    progress: Progress<'_>,
) -> Result<u64, Problem> {
    let response = agent(patience).get(address).call().map_err(|error| of_answer(error, patience))?;
    if response.status() != ureq::http::StatusCode::OK {
        return Err(Problem::Status(response.status().as_u16()));
    }
    let body = response.into_body();
    let wanted = body.content_length();
    if hash.is_none() && wanted.is_none() {
        return Err(Problem::NoLength);
    }
    let mut reader = body.into_reader();
    let mut hasher = hash.map(Hasher::like);
    let mut chunk = vec![0; CHUNK];
    let mut got = 0;
    progress(got, wanted);
    loop {
        let count = reader.read(&mut chunk).map_err(|error| of_body(error.into(), got, wanted, patience))?;
        if count == 0 {
            break;
        }
        into.file.write_all(&chunk[..count]).map_err(|error| Problem::write(&into.path, error))?;
        if let Some(hasher) = &mut hasher {
            hasher.update(&chunk[..count]);
        }
        got += count as u64;
        progress(got, wanted);
    }
    if wanted.is_some_and(|wanted| wanted != got) {
        return Err(Problem::TooShort { got, wanted });
    }
    if let (Some(hasher), Some(wanted)) = (hasher, hash) {
        let got = hasher.finish();
        if !got.eq_ignore_ascii_case(wanted) {
            return Err(Problem::WrongHash { wanted: wanted.to_owned(), got });
        }
    }
    // A rename must not reach the disk before the bytes do.
    into.file.sync_all().map_err(|error| Problem::write(&into.path, error))?;
    Ok(got)
}

/// `patience` bounds each wait on its own; a long file may take as long as it takes.
fn agent(patience: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_resolve(Some(patience))
        .timeout_connect(Some(patience))
        .timeout_send_request(Some(patience))
        .timeout_recv_response(Some(patience))
        .timeout_per_read(Some(patience))
        .user_agent(concat!("cnn/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// What went wrong before the first byte of the file.
fn of_answer(error: ureq::Error, patience: Duration) -> Problem {
    match error {
        ureq::Error::StatusCode(status) => Problem::Status(status),
        ureq::Error::HostNotFound | ureq::Error::Timeout(Timeout::Resolve) => {
            Problem::NotConnected(io::Error::new(io::ErrorKind::HostUnreachable, "no server of that name is found"))
        }
        ureq::Error::Timeout(_) => Problem::Stalled { patience, got: 0 },
        ureq::Error::Io(error) => Problem::NotConnected(error),
        ureq::Error::Rustls(error) => Problem::Tls(error.to_string()),
        ureq::Error::Tls(reason) => Problem::Tls(reason.to_owned()),
        other => Problem::Protocol(other.to_string()),
    }
}

/// What went wrong behind it.
fn of_body(error: ureq::Error, got: u64, wanted: Option<u64>, patience: Duration) -> Problem {
    match error {
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => Problem::TooShort { got, wanted },
        ureq::Error::Io(source) => Problem::Broken { got, wanted, source },
        ureq::Error::Timeout(_) => Problem::Stalled { patience, got },
        other => Problem::Broken { got, wanted, source: other.into_io() },
    }
}
