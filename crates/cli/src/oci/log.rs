//! The face's log. Engines name a file and read the last error of it: one line per event, as logrus writes them. People read
//! standard error.

use std::fs::{File, OpenOptions};
use std::io::Write;

use serde_json::json;

use crate::failure::Failure;
use crate::output;

pub(super) struct Log {
    file: Option<File>,
    json: bool,
    debug: bool,
}

impl Log {
    pub(super) fn new(path: Option<&str>, format: &str, debug: bool) -> Result<Self, Failure> {
        let json = match format {
            "json" => true,
            "text" => false,
            other => {
                return Err(Failure::Words(format!(
                    "--log-format {other:?} is neither text nor json"
                )));
            }
        };
        let file = path.filter(|path| !path.is_empty());
        let file = file.map(|path| {
            let opened = OpenOptions::new().create(true).append(true).open(path);
            opened.map_err(Failure::file("open", path))
        });
        Ok(Self { file: file.transpose()?, json, debug })
    }

    /// Told where it is wanted: in the file, else on standard error.
    pub(super) fn debug(&self, text: &str) {
        if self.debug {
            match &self.file {
                Some(file) => self.append(file, "debug", text),
                None => output::talk(self.line("debug", text).trim_end()),
            }
        }
    }

    pub(super) fn warn(&self, text: &str) {
        if let Some(file) = &self.file {
            self.append(file, "warning", text);
        }
        output::talk(&format!("warning: {text}"));
    }

    pub(super) fn error(&self, text: &str, hint: Option<&str>) {
        if let Some(file) = &self.file {
            self.append(file, "error", text);
        }
        output::error(text, hint);
    }

    fn append(&self, mut file: &File, level: &str, text: &str) {
        // A log that is full has nobody to tell.
        let _nobody = file.write_all(self.line(level, text).as_bytes());
    }

    fn line(&self, level: &str, text: &str) -> String {
        let time = engine::format_time(engine::now_ns());
        if self.json {
            format!("{}\n", json!({ "level": level, "msg": text, "time": time }))
        } else {
            format!("time=\"{time}\" level={level} msg={text:?}\n")
        }
    }
}
