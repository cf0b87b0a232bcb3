//! Builds. This release has no builder: what would start one says so, and there is nothing to clear away.

use hyper::StatusCode;
use serde_json::json;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::operation::BuildOperation;

pub(super) fn answer(operation: BuildOperation) -> Result<Answer, Failure> {
    let message = match operation {
        BuildOperation::Prune => {
            return Answer::json(&json!({ "CachesDeleted": null, "SpaceReclaimed": 0 }));
        }
        BuildOperation::Image => {
            "this release of Corten builds no images; they come by pull, load, import and commit"
        }
        BuildOperation::Session => "this release of Corten has no BuildKit to hold a session with",
        BuildOperation::Cancel => {
            "this release of Corten builds no images: there is nothing to cancel"
        }
    };
    Err(Failure { status: StatusCode::NOT_IMPLEMENTED, message: message.to_owned() })
}
