//! Standard output of a training, which goes on when nobody listens any more.

use std::io::{self, ErrorKind, Write};

/// Passes on what is written until its reader is gone, as in `cnn train … | head`: a training is for its files.
pub struct Listener<'a> {
    out: &'a mut (dyn Write + Send),
    gone: bool,
}

impl<'a> Listener<'a> {
    /// Listens from the first byte on.
    pub fn new(out: &'a mut (dyn Write + Send)) -> Self {
        Self { out, gone: false }
    }

    fn unless_gone<T>(&mut self, written: io::Result<T>, otherwise: T) -> io::Result<T> {
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.gone = true;
                Ok(otherwise)
            }
            written => written,
        }
    }
}

impl Write for Listener<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.gone {
            return Ok(bytes.len());
        }
        let written = self.out.write(bytes);
        self.unless_gone(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.gone {
            return Ok(());
        }
        let flushed = self.out.flush();
        self.unless_gone(flushed, ())
    }
}
