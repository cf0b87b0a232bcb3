//! Builds: `POST /build` as Docker's classic builder answers it, and what the cache of builds takes. There is no BuildKit to hold a session with.

mod image;
mod prune;
mod request;
mod told;

use hyper::StatusCode;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::handlers::Call;
use crate::operation::BuildOperation;

pub(super) async fn answer(operation: BuildOperation, call: Call) -> Result<Answer, Failure> {
    let message = match operation {
        BuildOperation::Image => return image::build(call).await,
        BuildOperation::Prune => return prune::prune(call).await,
        BuildOperation::Session => "Corten has no BuildKit to hold a session with",
        BuildOperation::Cancel => {
            "there is no BuildKit whose builds have ids: a build ends with its client's connection"
        }
    };
    Err(Failure { status: StatusCode::NOT_IMPLEMENTED, message: message.to_owned() })
}
