//! placeholder until the compiler lands
use serde::{Deserialize, Serialize};
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Wire", into = "Wire")]
pub struct Program {
    pub instructions: Vec<sys::FilterInstruction>,
    pub flags: u32,
}
#[derive(Serialize, Deserialize)]
struct Wire {
    flags: u32,
}
impl From<Wire> for Program {
    fn from(w: Wire) -> Self {
        Self { instructions: Vec::new(), flags: w.flags }
    }
}
impl From<Program> for Wire {
    fn from(w: Program) -> Self {
        Self { flags: w.flags }
    }
}
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("x")]
pub struct SeccompError;
pub fn compile(_p: &spec::runtime::Seccomp) -> Result<Program, SeccompError> {
    Err(SeccompError)
}
