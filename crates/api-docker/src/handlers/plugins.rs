//! Plugins: there are none.

use hyper::StatusCode;
use serde_json::json;

use super::Call;
use crate::answer::Answer;
use crate::failure::Failure;
use crate::operation::PluginOperation;

/// Answers one of them.
pub(super) fn answer(operation: PluginOperation, call: &Call) -> Result<Answer, Failure> {
    use PluginOperation as Is;
    match operation {
        Is::List => Answer::json(&json!([])),
        Is::Privileges | Is::Pull | Is::Create => Err(Failure {
            status: StatusCode::NOT_IMPLEMENTED,
            message: "plugins are not supported".to_owned(),
        }),
        Is::Inspect | Is::Enable | Is::Disable | Is::Upgrade | Is::Push | Is::Set | Is::Delete => {
            Err(Failure {
                status: StatusCode::NOT_FOUND,
                message: format!("plugin {:?} not found", call.name()),
            })
        }
    }
}
