//! Downloads from a local server that is good, slow, absent, or lies.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cnn_hub::{Hub, HubError, Problem};

/// What the server has, 200,000 bytes, and its hashes by `md5sum` and `sha256sum`.
fn content() -> Vec<u8> {
    (0..200_000u32).map(|i| (i % 251) as u8).collect()
}

const MD5: &str = "415d6e662118c229c6ad3f950c24702a";
const SHA256: &str = "e24bc62381f1224fbbb74688663f8f9743b9680b193edd666835e97b06e730eb";

/// What the server does with a request, after its head.
type Answer = fn(&mut TcpStream) -> std::io::Result<()>;

/// A server on a port of its own; it counts its connections.
struct Server {
    address: String,
    connections: Arc<AtomicUsize>,
}

impl Server {
    fn new(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
                let mut stream = stream.unwrap();
                read_head(&mut stream);
                // A client that has seen enough goes away; that is what some cases are about.
                let _ = answer(&mut stream);
            }
        });
        Self { address, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Reads a request up to its empty line, and returns its first line.
fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        head.extend(byte);
    }
    String::from_utf8_lossy(&head).lines().next().unwrap_or_default().into()
}

fn head(stream: &mut TcpStream, status: &str, length: Option<usize>) -> std::io::Result<()> {
    let length = length.map_or(String::new(), |length| format!("Content-Length: {length}\r\n"));
    write!(stream, "HTTP/1.1 {status}\r\n{length}Connection: close\r\n\r\n")
}

fn good(stream: &mut TcpStream) -> std::io::Result<()> {
    head(stream, "200 OK", Some(content().len()))?;
    stream.write_all(&content())
}

fn get(hub: &Hub, server: &Server, hash: Option<&str>) -> Result<cnn_hub::Cached, HubError> {
    hub.get(&format!("{}/models/w.h5", server.address), hash, &mut |_, _| {})
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).map_or(0, Iterator::count) == 0
}

#[test]
fn a_file_comes_down_once() {
    for hash in [Some(MD5), Some(SHA256), Some(&*MD5.to_uppercase()), None] {
        let folder = tempfile::tempdir().unwrap();
        let hub = Hub::new(folder.path().join("keras/models"));
        let server = Server::new(good);
        let mut seen = Vec::new();
        let url = format!("{}/models/w.h5", server.address);
        let cached = hub.get(&url, hash, &mut |bytes, all| seen.push((bytes, all))).unwrap();
        assert_eq!(cached.downloaded, Some(url));
        assert_eq!(cached.path, hub.folder().join("w.h5"));
        assert_eq!(std::fs::read(&cached.path).unwrap(), content());
        assert_eq!((seen[0], seen[seen.len() - 1]), ((0, Some(200_000)), (200_000, Some(200_000))));
        assert!(seen.is_sorted());
        assert_eq!(std::fs::read_dir(hub.folder()).unwrap().count(), 1, "nothing but the file is left");

        let again = get(&hub, &server, hash).unwrap();
        assert_eq!((again.path, again.downloaded), (cached.path, None));
        assert_eq!(server.connections(), 1);
    }
}

/// Each answer, and what the error says of it.
#[test]
fn nothing_is_left_of_what_goes_wrong() {
    type Case = (&'static str, Answer, Option<&'static str>, &'static str);
    let cases: [Case; 11] = [
        ("missing", |stream| head(stream, "404 Not Found", Some(0)), None, "answers with status 404"),
        ("broken server", |stream| head(stream, "500 Oops", Some(0)), None, "answers with status 500"),
        ("no answer", |_| Ok(()), None, "cannot be reached"),
        ("nonsense", |stream| stream.write_all(b"SMTP ready\r\n\r\n"), None, "cannot be reached"),
        (
            "cut off",
            |stream| {
                head(stream, "200 OK", Some(200_000))?;
                stream.write_all(&content()[..150_000])
            },
            Some(MD5),
            "broke off after 150000 of 200000 bytes",
        ),
        ("nothing at all", |stream| head(stream, "200 OK", Some(200_000)), Some(MD5), "broke off after 0 of 200000"),
        (
            "a length that is too short",
            |stream| {
                head(stream, "200 OK", Some(100_000))?;
                stream.write_all(&content())
            },
            Some(MD5),
            "not the published 415d6e662118c229c6ad3f950c24702a",
        ),
        (
            "no length, cut off",
            |stream| {
                head(stream, "200 OK", None)?;
                stream.write_all(&content()[..150_000])
            },
            Some(SHA256),
            "not the published e24bc62381f1224fbbb74688663f8f9743b9680b193edd666835e97b06e730eb",
        ),
        (
            "no length, no hash",
            |stream| {
                head(stream, "200 OK", None)?;
                stream.write_all(&content())
            },
            None,
            "no hash is published",
        ),
        (
            "other bytes",
            |stream| {
                head(stream, "200 OK", Some(200_000))?;
                stream.write_all(&[7; 200_000])
            },
            Some(MD5),
            "not the published 415d6e662118c229c6ad3f950c24702a",
        ),
        (
            "a stall",
            |stream| {
                head(stream, "200 OK", Some(200_000))?;
                stream.write_all(&content()[..150_000])?;
                std::thread::sleep(Duration::from_secs(5));
                Ok(())
            },
            Some(MD5),
            "nothing came for 0.5 s",
        ),
    ];
    for (name, answer, hash, says) in cases {
        let folder = tempfile::tempdir().unwrap();
        let hub = Hub::new(folder.path()).patience(Duration::from_millis(500));
        let error = get(&hub, &Server::new(answer), hash).unwrap_err().to_string();
        assert!(error.starts_with("w.h5: ") && error.contains(says), "{name}: {error}");
        assert!(error.contains("--weights") && error.contains("CNN_WEIGHTS_MIRROR"), "{name}: {error}");
        assert!(is_empty(folder.path()), "{name}");
    }
}

#[test]
fn nobody_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::new(folder.path()).patience(Duration::from_millis(500));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for url in [format!("http://{port}/w.h5"), "http://no-such-host.invalid/w.h5".into()] {
        let error = hub.get(&url, None, &mut |_, _| {}).unwrap_err();
        assert!(matches!(error.problem, Problem::Unreachable { .. }), "{error}");
    }
    assert!(is_empty(folder.path()));
}

#[test]
fn a_redirection_is_followed() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let folder = tempfile::tempdir().unwrap();
    let server = Server::new(|stream| {
        if ASKED.fetch_add(1, Ordering::SeqCst) == 0 {
            return write!(
                stream,
                "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
        good(stream)
    });
    let cached = get(&Hub::new(folder.path()), &server, Some(MD5)).unwrap();
    assert_eq!(cached.path.file_name().unwrap(), "w.h5");
    assert_eq!(server.connections(), 2);
}

#[test]
fn a_mirror_takes_the_published_path() {
    static ASKED: std::sync::Mutex<String> = std::sync::Mutex::new(String::new());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mirror = format!("http://{}/keras/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        *ASKED.lock().unwrap() = read_head(&mut stream);
        good(&mut stream).unwrap();
    });
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::new(folder.path()).mirror(mirror);
    let cached = hub.get("https://storage.googleapis.com/tensorflow/a/w.h5", Some(MD5), &mut |_, _| {}).unwrap();
    assert!(cached.path.is_file());
    assert_eq!(*ASKED.lock().unwrap(), "GET /keras/tensorflow/a/w.h5 HTTP/1.1");

    let wrong = Hub::new(folder.path().join("other")).mirror("mirror.example");
    let error = wrong.get("https://host/w.h5", None, &mut |_, _| {}).unwrap_err();
    assert!(matches!(error.problem, Problem::Address(_)), "{error}");
}

/// A file of that name may be the user's own: it is neither used nor touched.
#[test]
fn a_file_in_the_cache_with_another_hash() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("w.h5"), "mine").unwrap();
    let server = Server::new(good);
    let hub = Hub::new(folder.path());
    let error = get(&hub, &server, Some(MD5)).unwrap_err();
    assert!(matches!(error.problem, Problem::CachedHash { .. }), "{error}");
    assert!(error.to_string().contains("remove it to have it downloaded anew"), "{error}");
    assert_eq!(std::fs::read(folder.path().join("w.h5")).unwrap(), b"mine");
    // Without a published hash it is the file.
    assert_eq!(get(&hub, &server, None).unwrap().downloaded, None);
    assert_eq!(server.connections(), 0);
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_used() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("models"), "a file").unwrap();
    let hub = Hub::new(folder.path().join("models"));
    let error = get(&hub, &Server::new(good), None).unwrap_err();
    assert!(matches!(error.problem, Problem::Folder { .. }), "{error}");
}

/// Only what an unfinished download has left a day ago is removed: a younger one may still be going on.
#[test]
fn abandoned_downloads_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let day_ago = std::time::SystemTime::now() - Duration::from_secs(25 * 60 * 60);
    for (name, old) in [("w.h5.abc.part", true), ("w.h5.new.part", false), ("v.h5.abc.part", true)] {
        let file = std::fs::File::create(folder.path().join(name)).unwrap();
        if old {
            file.set_modified(day_ago).unwrap();
        }
    }
    get(&Hub::new(folder.path()), &Server::new(good), Some(MD5)).unwrap();
    let mut left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["v.h5.abc.part", "w.h5", "w.h5.new.part"]);
}

/// Two at once do each other no harm: one of the two equal files stays.
#[test]
fn two_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::new(good);
    let hub = Hub::new(folder.path());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| get(&hub, &server, Some(MD5)).unwrap());
        }
    });
    assert_eq!(std::fs::read(folder.path().join("w.h5")).unwrap(), content());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
