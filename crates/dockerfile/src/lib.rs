//! The Dockerfile language: from bytes to typed instructions, with the place of everything in the text.
//!
//! Start at [`Source::new`] and [`Dockerfile::parse`]; then [`Globals`] and [`StageScope`] say what variables hold, [`Instruction::expand`]
//! puts them in, [`Graph`] knows which stages need which, [`check`] finds what `build --check` tells, and [`Ignore`] is a
//! `.dockerignore`. Nothing here reads a file, knows an image or runs anything. An error names its line and instruction once;
//! [`render`] shows the line with the place marked.
//!
//! Sources: Docker's "Dockerfile reference", "Build checks" and "Build context"; where these are silent, what BuildKit's frontend
//! does. Windows is left out.
#![forbid(unsafe_code)]

mod arguments;
pub mod check;
mod comma;
mod command_line;
mod directives;
mod durations;
mod error;
pub mod expand;
mod expansion;
mod file;
mod flags;
mod graph;
mod heredoc;
pub mod ignore;
mod instruction;
mod keyword;
mod logical;
mod mode;
mod mount;
mod outline;
mod parse;
mod port;
mod render;
mod scope;
mod source;
mod stage;
mod transfer;
mod words;

pub use command_line::CommandLine;
pub use directives::{CheckOptions, Directives, Skip};
pub use error::{Cause, FileError};
pub use expand::{ExpandError, Expansion, Lexer, Quotes, Uses, Variables};
pub use expansion::Expanded;
pub use file::Dockerfile;
pub use graph::{Graph, Origin, Use};
pub use heredoc::Heredoc;

pub use ignore::Ignore;
pub use instruction::{
    ArgItem, Device, Healthcheck, Instruction, Kind, NetworkMode, Pair, Probe, Run, SecurityMode,
    Trigger,
};
pub use keyword::Keyword;
pub use mode::{BadMode, Mode};
pub use mount::{Mount, MountFlag, MountKind, MountProblem, Sharing};
pub use outline::{Outline, OutlineArgument, OutlineMount, Target, targets};
pub use port::{ExposedPort, PortProblem, Protocol};
pub use render::render;
pub use scope::{Globals, Platforms, StageScope, is_proxy_argument};
pub use source::{Position, Source, Span, Spanned};
pub use stage::Stage;
pub use transfer::{Add, Copy, Transfer, TransferSource};
