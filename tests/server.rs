//! A server of files that answers as it is told to, wrongly too. It needs no network but the machine's own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What is sent, and what happens then.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Status line and headers, each with its line's end, and the empty line.
    head: String,
    body: Vec<u8>,
    stalls: bool,
}

impl Reply {
    /// A status such as `404 Not Found`, more headers (each `Name: value`) and a body. Its length is not announced.
    pub fn new(status: &str, headers: &[&str], body: &[u8]) -> Self {
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n");
        Self { head, body: body.to_vec(), stalls: false }
    }

    /// A file of which `length` bytes are announced.
    pub fn file(body: &[u8], length: usize) -> Self {
        Self::new("200 OK", &[&format!("Content-Length: {length}")], body)
    }

    /// Exactly these bytes.
    pub fn raw(text: &str) -> Self {
        Self { head: text.into(), body: Vec::new(), stalls: false }
    }

    /// The same, but the connection stays open and silent then.
    pub fn stalls(self) -> Self {
        Self { stalls: true, ..self }
    }
}

/// A server on a port of its own, until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    replies: Vec<(String, Reply)>,
    asked: Mutex<Vec<String>>,
    connections: AtomicUsize,
    closing: AtomicBool,
}

impl Server {
    /// Answers each path with its reply, and 404 elsewhere.
    pub fn new(replies: &[(&str, Reply)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            replies: replies.iter().map(|(path, reply)| ((*path).to_owned(), reply.clone())).collect(),
            asked: Mutex::default(),
            connections: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
        });
        let its = shared.clone();
        let thread = Some(thread::spawn(move || its.serve(&listener)));
        Self { address, shared, thread }
    }

    /// `http://127.0.0.1:` and the port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// How often somebody has connected.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The paths asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().clone()
    }
}

impl Shared {
    fn serve(self: &Arc<Self>, listener: &TcpListener) {
        let mut answering = Vec::new();
        for stream in listener.incoming() {
            if self.closing.load(Ordering::SeqCst) {
                break;
            }
            self.connections.fetch_add(1, Ordering::SeqCst);
            let its = self.clone();
            // Who hangs up early is none of the server's business.
            answering.push(thread::spawn(move || stream.and_then(|stream| its.answer(stream)).unwrap_or(())));
        }
        answering.into_iter().for_each(|thread| thread.join().unwrap());
    }

    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?);
        let mut request = String::new();
        lines.read_line(&mut request)?;
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut header = String::new();
        while lines.read_line(&mut header)? > 2 {
            header.clear();
        }
        self.asked.lock().unwrap().push(path.clone());
        let reply = self.replies.iter().find(|(known, _)| *known == path).map(|(_, reply)| reply.clone());
        let reply = reply.unwrap_or_else(|| Reply::new("404 Not Found", &["Content-Length: 0"], &[]));
        stream.write_all(reply.head.as_bytes())?;
        stream.write_all(&reply.body)?;
        if reply.stalls {
            // Until the other side has had enough, or nobody asks any more.
            stream.set_read_timeout(Some(Duration::from_millis(20)))?;
            while stream.read(&mut [0; 64]).map_or_else(is_timeout, |count| count > 0) {
                if self.closing.load(Ordering::SeqCst) {
                    break;
                }
            }
        }
        Ok(())
    }
}

fn is_timeout(error: std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        // One more connection wakes it.
        drop(TcpStream::connect(self.address.trim_start_matches("http://")));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
