//! Downloads, from a server that behaves and from servers that do not.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use cnn_hub::{Fetched, Hub, HubError, Kept, Problem, RemoteFile};
use cnn_tests::server::{Reply, Server};

/// The file: 1000 bytes, and their hashes by `md5sum` and `sha256sum`.
const MD5: &str = "a24f1e3ef66950e1327f210e3997ba2c";
const SHA256: &str = "4e4c294b331f7a2099a379bec34b9f9fc03dc46ab465d998f4d683da53487e6d";
const NAME: &str = "tiny_weights.h5";
const PATH: &str = "/published/tiny_weights.h5";

fn body() -> Vec<u8> {
    (0..1000).map(|i| (i % 251) as u8).collect()
}

/// A published file whose server nobody may reach, and a hub that goes to `server` instead.
fn remote(hash: Option<&str>) -> RemoteFile<'_> {
    RemoteFile { url: "https://models.invalid/published/tiny_weights.h5", hash }
}

fn hub(folder: &Path, server: &Server) -> Hub {
    Hub::new(folder).mirror(server.address()).patience(Duration::from_millis(300))
}

fn fetch(hub: &Hub, hash: Option<&str>) -> Result<Kept, HubError> {
    match hub.fetch_blocking(&remote(hash), &mut |_, _| ())? {
        Fetched::Cached(path) => Ok(Kept { path, set_aside: None }),
        Fetched::Downloaded(download) => download.keep(),
    }
}

fn files(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// What is whole is kept, whatever way it came.
#[test]
fn good_transfers() {
    let body = body();
    let mut chunked = b"190\r\n".to_vec();
    chunked.extend_from_slice(&body[..400]);
    chunked.extend(b"\r\n258\r\n");
    chunked.extend_from_slice(&body[400..]);
    chunked.extend(b"\r\n0\r\n\r\n");
    let moved = "Location: /elsewhere/a.bin";
    let cases: [(&str, Reply, Option<&str>); 6] = [
        ("with an MD5", Reply::file(&body, 1000), Some(MD5)),
        ("with a SHA-256", Reply::file(&body, 1000), Some(SHA256)),
        ("with no hash", Reply::file(&body, 1000), None),
        ("in chunks", Reply::new("200 OK", &["Transfer-Encoding: chunked"], &chunked), Some(MD5)),
        ("to the connection's end", Reply::new("200 OK", &[], &body), Some(MD5)),
        ("behind a redirect", Reply::new("302 Found", &[moved, "Content-Length: 0"], &[]), Some(MD5)),
    ];
    for (name, reply, hash) in cases {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::new(&[(PATH, reply), ("/elsewhere/a.bin", Reply::file(&body, 1000))]);
        // The folder of the cache need not be there.
        let hub = hub(&folder.path().join("keras/models"), &server);
        let kept = fetch(&hub, hash).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(kept.set_aside, None, "{name}");
        assert_eq!(fs::read(&kept.path).unwrap(), body, "{name}");
        assert_eq!(files(kept.path.parent().unwrap()), [NAME], "{name}");

        let connections = server.connections();
        assert_eq!(fetch(&hub, hash).unwrap(), kept, "{name}");
        assert_eq!(server.connections(), connections, "{name}: it was there");
    }
}

/// Servers that do not send the file: what is said of it, and nothing is left.
#[test]
fn bad_transfers() {
    let body = body();
    let status = |status: &str| Reply::new(status, &["Content-Length: 4"], b"sorr");
    let looping = Reply::new("302 Found", &[&format!("Location: {PATH}"), "Content-Length: 0"], &[]);
    let cases: [(&str, Reply, Option<&str>, &[&str]); 16] = [
        ("no such file", status("404 Not Found"), Some(MD5), &["HTTP status 404"]),
        ("an error of the server", status("500 Internal Server Error"), None, &["HTTP status 500"]),
        ("another kind of success", status("206 Partial Content"), Some(MD5), &["HTTP status 206"]),
        ("redirects without end", looping, Some(MD5), &["too many redirects"]),
        ("no HTTP", Reply::raw("220 mail.example ESMTP\r\n"), Some(MD5), &["answer cannot be used"]),
        ("nothing", Reply::raw(""), Some(MD5), &["no connection"]),
        ("silence", Reply::raw("").stalls(), Some(MD5), &["nothing came for 0.3 s after 0 bytes", "try again"]),
        ("cut", Reply::file(&body[..400], 1000), Some(MD5), &["400 bytes came of 1000", "try again"]),
        ("cut, with no hash", Reply::file(&body[..400], 1000), None, &["400 bytes came of 1000"]),
        ("more announced than there is", Reply::file(&body, 5000), None, &["1000 bytes came of 5000"]),
        ("silent halfway", Reply::file(&body[..400], 1000).stalls(), None, &["for 0.3 s after 400 bytes"]),
        ("less announced than there is", Reply::file(&body, 400), Some(MD5), &["has the hash", MD5, "try again"]),
        ("cut where no length was announced", Reply::new("200 OK", &[], &body[..400]), Some(MD5), &["has the hash"]),
        (
            "cut in a chunk",
            Reply::new("200 OK", &["Transfer-Encoding: chunked"], b"190\r\nabc"),
            Some(MD5),
            &["3 bytes came"],
        ),
        ("neither length nor hash", Reply::new("200 OK", &[], &body), None, &["does not say how long"]),
        ("another file", Reply::file(b"<html>Sign in to this network</html>", 36), Some(SHA256), &["hash", SHA256]),
    ];
    for (name, reply, hash, texts) in cases {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::new(&[(PATH, reply)]);
        let error = fetch(&hub(folder.path(), &server), hash).unwrap_err().to_string();
        let from = format!("{NAME} cannot be had from {}{PATH}: ", server.address());
        assert!(error.starts_with(&from), "{name}: {error}");
        for text in texts.iter().chain(&["--weights FILE", "CNN_WEIGHTS_MIRROR"]) {
            assert!(error.contains(text), "{name} lacks {text:?}: {error}");
        }
        assert_eq!(files(folder.path()), [""; 0], "{name}");
    }
}

/// Without any server, or without any place: what is said of it.
#[test]
fn no_server_and_no_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "no folder").unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let patience = Duration::from_millis(300);
    let at = |folder: &Path| Hub::new(folder).patience(patience);
    let refused = at(folder.path()).mirror(format!("http://{closed}"));
    type Is = fn(&Problem) -> bool;
    let cases: [(Hub, &str, Is); 6] = [
        (refused, "no connection: ", |problem| matches!(problem, Problem::NotConnected(_))),
        // No server bears a name in .invalid.
        (at(folder.path()), "without a network, name a file", |problem| matches!(problem, Problem::NotConnected(_))),
        (at(folder.path()).mirror("mirror.example/keras"), "'mirror.example/keras' is no address", |problem| {
            matches!(problem, Problem::Mirror(_))
        }),
        (at(folder.path()).mirror("http:///keras"), "is no address", |problem| matches!(problem, Problem::Mirror(_))),
        (at(&file), "file cannot be used: ", |problem| matches!(problem, Problem::Cache { .. })),
        (at(&file.join("models")), "models cannot be used: ", |problem| matches!(problem, Problem::Cache { .. })),
    ];
    for (hub, text, is) in cases {
        let error = fetch(&hub, Some(MD5)).unwrap_err();
        assert!(is(&error.problem), "{error:?}");
        assert!(error.to_string().contains(text), "{error}");
    }
    assert_eq!(files(folder.path()), ["file"]);
}

#[test]
fn progress_counts_up_to_the_length() {
    let folder = tempfile::tempdir().unwrap();
    let body = vec![7; 1_000_000];
    let server = Server::new(&[(PATH, Reply::file(&body, body.len()))]);
    let mut told = Vec::new();
    let got = hub(folder.path(), &server).fetch_blocking(&remote(None), &mut |got, wanted| told.push((got, wanted)));
    let Fetched::Downloaded(mut download) = got.unwrap() else { panic!("nothing was there") };
    assert_eq!((told.first(), told.last()), (Some(&(0, Some(1_000_000))), Some(&(1_000_000, Some(1_000_000)))));
    assert!(told.windows(2).all(|pair| pair[0].0 < pair[1].0) && told.len() > 3, "{told:?}");

    // What is not kept does not stay.
    assert_eq!((download.length(), download.read().unwrap()), (1_000_000, body));
    assert_eq!(download.address(), format!("{}{PATH}", server.address()));
    assert_eq!(files(folder.path()).len(), 1);
    drop(download);
    assert_eq!(files(folder.path()), [""; 0]);
}

/// The mirror's address takes the place of scheme and host, with or without a path of its own.
#[test]
fn mirrors() {
    for (mirror, path) in [("", PATH), ("/", PATH), ("/keras", "/keras/published/tiny_weights.h5")] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::new(&[(path, Reply::file(&body(), 1000))]);
        let hub = Hub::new(folder.path()).mirror(format!("{}{mirror}", server.address()));
        assert_eq!(fetch(&hub, Some(MD5)).unwrap().path, folder.path().join(NAME));
        assert_eq!(server.asked(), [path]);
    }
}

/// A file of the right name and with another hash: it is downloaded again, and the old one put aside.
#[test]
fn a_file_that_is_not_the_published_one() {
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join(NAME);
    for (round, aside) in ["tiny_weights.h5.old", "tiny_weights.h5.old1"].into_iter().enumerate() {
        let text = format!("weights of mine {round}");
        fs::write(&old, &text).unwrap();

        // Where nothing comes, it stays where it is.
        let error = fetch(&hub(folder.path(), &Server::new(&[])), Some(MD5)).unwrap_err();
        assert!(matches!(error.problem, Problem::Status(404)), "{error}");
        assert_eq!(error.unpublished.as_deref(), Some(&*old));
        assert!(error.to_string().contains("has another hash than the published file"), "{error}");
        assert_eq!(fs::read_to_string(&old).unwrap(), text);

        let server = Server::new(&[(PATH, Reply::file(&body(), 1000))]);
        let kept = fetch(&hub(folder.path(), &server), Some(MD5)).unwrap();
        assert_eq!(kept, Kept { path: old.clone(), set_aside: Some(folder.path().join(aside)) });
        assert_eq!(fs::read_to_string(folder.path().join(aside)).unwrap(), text);
        assert_eq!(fs::read(&old).unwrap(), body());
    }
    // With no hash published, whatever is there is taken.
    fs::write(&old, "weights of mine").unwrap();
    let server = Server::new(&[]);
    assert_eq!(fetch(&hub(folder.path(), &server), None).unwrap().path, old);
    assert_eq!(server.connections(), 0);
}

/// What a killed download has left goes; what somebody still writes stays, and so does all that has other names.
#[test]
fn left_overs() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let path = folder.path().join(name);
        fs::write(&path, "half").unwrap();
        File::open(path).unwrap()
    };
    drop(write("tiny_weights.h5.4000000000-0.part"));
    let others = ["other.h5.1-0.part", "tiny_weights.h5.mine.part", "tiny_weights.h5.part"];
    others.iter().for_each(|name| drop(write(name)));
    let written = write("tiny_weights.h5.4000000001-3.part");
    written.lock().unwrap();

    let server = Server::new(&[(PATH, Reply::file(&body(), 1000))]);
    fetch(&hub(folder.path(), &server), Some(MD5)).unwrap();
    let [a, b, c] = others;
    assert_eq!(files(folder.path()), [a, NAME, "tiny_weights.h5.4000000001-3.part", b, c]);
}

#[test]
fn two_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::new(&[(PATH, Reply::file(&body(), 1000))]);
    let hub = hub(folder.path(), &server);
    // Both have downloaded before either keeps what it has.
    let download = || match hub.fetch_blocking(&remote(Some(MD5)), &mut |_, _| ()).unwrap() {
        Fetched::Downloaded(download) => download,
        Fetched::Cached(path) => panic!("{} is not kept yet", path.display()),
    };
    let both = [download(), download()];
    assert_eq!(files(folder.path()).len(), 2);
    for download in both {
        assert_eq!(fs::read(download.keep().unwrap().path).unwrap(), body());
    }
    assert_eq!(files(folder.path()), [NAME]);
}
