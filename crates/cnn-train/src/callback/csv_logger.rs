//! The logs as a table in a file.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use super::python::repr;
use super::{Callback, CallbackError, Control, Logs};
use crate::state::{Saved, State, entry};

const NAME: &str = "csv_logger";

/// Writes a row for every epoch into a CSV file: `keras.callbacks.CSVLogger`.
///
/// The columns are `epoch` and the names in the logs of the first epoch, sorted; where none begins with `val_`, each
/// comes once more with `val_` before it. A number that is not there is `NA`. Rows end with `\r\n`, and numbers have
/// all their digits, as Python writes both. Each row is written in one piece and handed to the disk at the end of its
/// epoch, so that a program that dies leaves whole lines. A training that goes on from a checkpoint first cuts off the
/// rows of the epochs that it does again.
#[derive(Debug)]
pub struct CsvLogger {
    path: PathBuf,
    separator: u8,
    append: bool,
    columns: Option<Vec<String>>,
    file: Option<File>,
    /// The file's length; rows are written behind it.
    bytes: u64,
}

/// What is kept of a file that is there.
enum Keep {
    Nothing,
    Everything,
    Bytes(u64),
}

impl CsvLogger {
    /// Writes a new file there, over what is there, with commas.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), separator: b',', append: false, columns: None, file: None, bytes: 0 }
    }

    /// What stands between two columns.
    ///
    /// # Errors
    /// If it is not in ASCII, or ends a row or quotes in CSV.
    pub fn separator(mut self, separator: char) -> Result<Self, CallbackError> {
        if !separator.is_ascii() || matches!(separator, '"' | '\r' | '\n') {
            let (value, wanted) = (format!("{separator:?}"), "an ASCII character but for quotes and line ends");
            return Err(CallbackError::Argument { callback: NAME.to_owned(), argument: "separator", value, wanted });
        }
        self.separator = separator as u8;
        Ok(self)
    }

    /// Whether it writes behind the rows that are there; the names of columns then stand in a file without any line
    /// only.
    pub fn append(mut self, append: bool) -> Self {
        self.append = append;
        self
    }

    fn open(&mut self, keep: Keep) -> std::io::Result<()> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&self.path)?;
        let length = file.metadata()?.len();
        self.bytes = match keep {
            Keep::Nothing => 0,
            Keep::Everything => length,
            Keep::Bytes(bytes) => bytes.min(length),
        };
        file.set_len(self.bytes)?;
        self.columns = None;
        if matches!(keep, Keep::Bytes(_)) && self.bytes > 0 {
            self.columns = header(&mut file, self.separator);
        }
        file.seek(SeekFrom::End(0))?;
        self.file = Some(file);
        Ok(())
    }

    /// One row as it stands in the file.
    fn row<'a>(&self, fields: impl Iterator<Item = &'a str>) -> std::io::Result<Vec<u8>> {
        let mut writer = csv::WriterBuilder::new()
            .delimiter(self.separator)
            .terminator(csv::Terminator::CRLF)
            .from_writer(Vec::new());
        writer.write_record(fields)?;
        writer.into_inner().map_err(|error| error.into_error())
    }

    fn write(&mut self, epoch: usize, logs: &Logs) -> std::io::Result<()> {
        let mut text = Vec::new();
        let columns = match &self.columns {
            Some(columns) => columns.clone(),
            None => {
                let columns = columns(logs);
                if self.bytes == 0 {
                    text = self.row(["epoch"].into_iter().chain(columns.iter().map(String::as_str)))?;
                }
                columns
            }
        };
        let value = |name: &String| logs.get(name).map_or_else(|| "NA".to_owned(), repr);
        let fields: Vec<String> = std::iter::once(epoch.to_string()).chain(columns.iter().map(value)).collect();
        text.extend(self.row(fields.iter().map(String::as_str))?);
        self.columns = Some(columns);
        if let Some(file) = &mut self.file {
            file.write_all(&text)?;
            file.sync_data()?;
            self.bytes += text.len() as u64;
        }
        Ok(())
    }
}

fn columns(logs: &Logs) -> Vec<String> {
    let mut columns: Vec<String> = logs.names().map(str::to_owned).collect();
    columns.sort();
    if !columns.iter().any(|name| name.starts_with("val_")) {
        columns.extend(columns.clone().iter().map(|name| format!("val_{name}")));
    }
    columns
}

/// The columns behind `epoch` that a file already has.
fn header(file: &mut File, separator: u8) -> Option<Vec<String>> {
    let mut text = Vec::new();
    file.read_to_end(&mut text).ok()?;
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(text.as_slice());
    let names = reader.headers().ok()?.iter().skip(1).map(str::to_owned).collect::<Vec<_>>();
    (!names.is_empty()).then_some(names)
}

impl Callback for CsvLogger {
    fn name(&self) -> &str {
        NAME
    }

    fn on_train_begin(&mut self, _control: &mut Control) -> Result<(), CallbackError> {
        let keep = if self.append { Keep::Everything } else { Keep::Nothing };
        self.open(keep).map_err(CallbackError::file(NAME, &self.path.clone()))
    }

    fn on_train_resume(&mut self, state: &State, _control: &mut Control) -> Result<(), CallbackError> {
        let bytes = Saved::new(NAME, state).count("bytes")?;
        self.open(Keep::Bytes(bytes)).map_err(CallbackError::file(NAME, &self.path.clone()))
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &mut Logs, _control: &mut Control) -> Result<(), CallbackError> {
        self.write(epoch, logs).map_err(CallbackError::file(NAME, &self.path.clone()))
    }

    fn on_train_end(&mut self, _logs: &mut Logs, _control: &mut Control) -> Result<(), CallbackError> {
        self.file = None;
        Ok(())
    }

    fn state(&self) -> State {
        vec![entry("bytes", [self.bytes as f64])]
    }
}
