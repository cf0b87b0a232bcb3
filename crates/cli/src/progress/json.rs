//! A JSON object on a line for each change, on standard output.
//!
//! `{"id":"…","digest":"…","state":"downloading","current":1,"total":2,"unpacked":1}`, and `{"notice":"…"}`.

use std::collections::HashMap;
use std::sync::Arc;

use registry::{Part, PartState};
use serde_json::json;

use crate::output;

/// What was told last of each part.
#[derive(Default)]
pub(super) struct Lines {
    told: HashMap<String, (PartState, u64, u64)>,
}

impl Lines {
    pub(super) fn tell(&mut self, parts: &[Arc<Part>], notices: Vec<String>) {
        for part in parts {
            let now = (part.state(), part.transferred(), part.processed());
            if self.told.insert(part.digest.clone(), now) == Some(now) {
                continue;
            }
            let (state, current, unpacked) = now;
            let line = json!({
                "id": part.name, "digest": part.digest, "state": key(state),
                "current": current, "total": part.total(), "unpacked": unpacked,
            });
            output::line(&line.to_string());
        }
        for notice in notices {
            output::line(&json!({ "notice": notice }).to_string());
        }
    }
}

const fn key(state: PartState) -> &'static str {
    match state {
        PartState::Waiting => "waiting",
        PartState::Transferring => "transferring",
        PartState::Unpacking => "unpacking",
        PartState::Retrying => "retrying",
        PartState::Exists => "exists",
        PartState::Mounted => "mounted",
        PartState::Elsewhere => "elsewhere",
        PartState::Done => "done",
        PartState::Failed => "failed",
    }
}
