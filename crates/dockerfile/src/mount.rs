//! `RUN --mount=…` and `RUN --device=…`.
//!
//! Values may hold variables, so a flag is a row of keys ([`MountFlag`]) until it is resolved ([`MountFlag::resolve`]); what holds
//! none is resolved while the file is read, and refused there. Source: "Dockerfile reference", "RUN --mount".

use spec::suggest::closest;

use crate::comma;
use crate::expand::{ExpandError, Lexer, Uses, Variables};
use crate::flags::boolean;
use crate::source::{Span, Spanned};

const KEYS: [&str; 19] = [
    "type",
    "from",
    "source",
    "src",
    "target",
    "dst",
    "destination",
    "readonly",
    "ro",
    "readwrite",
    "rw",
    "id",
    "sharing",
    "required",
    "size",
    "mode",
    "uid",
    "gid",
    "env",
];
const KINDS: [&str; 5] = ["bind", "cache", "tmpfs", "secret", "ssh"];
const SHARINGS: [&str; 3] = ["shared", "private", "locked"];

/// A key and its value, where it has one.
type Key = (String, Option<Spanned<String>>);

/// A mount as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountFlag {
    /// The flag's value.
    pub text: Spanned<String>,
    /// The stage, context or image that it is of; it takes no variable.
    pub from: Option<Spanned<String>>,
    fields: Vec<Key>,
}

/// A mount of one `RUN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Its kind, with what that kind alone has.
    pub kind: MountKind,
    /// Where it is in the container. `None` for what has a place of its own: a secret, an agent.
    pub target: Option<String>,
    /// Whether nothing may be written.
    pub read_only: bool,
    /// The stage, context or image that files come from; `None` is the build context, or nothing for a cache.
    pub from: Option<Spanned<String>>,
    /// The path there, the root when there is none.
    pub source: Option<String>,
    /// The name of the cache, secret or agent.
    pub id: Option<String>,
    /// Permissions of a cache's directory, a secret or a socket.
    pub mode: Option<u32>,
    /// Their user.
    pub uid: Option<u32>,
    /// Their group.
    pub gid: Option<u32>,
}

/// Kinds of mounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountKind {
    /// Files of the context, a stage or an image.
    Bind,
    /// A directory that later builds find again.
    Cache {
        /// Who may have it at once.
        sharing: Sharing,
    },
    /// Memory.
    Tmpfs {
        /// At most so many bytes.
        size_bytes: Option<u64>,
    },
    /// A secret, which no layer gets.
    Secret {
        /// The variable that holds it; with no target of its own there is no file then.
        variable: Option<String>,
        /// Whether the step fails without it.
        required: bool,
    },
    /// The socket of an agent of keys.
    Ssh {
        /// Whether the step fails without it.
        required: bool,
    },
}

/// Who may have a cache at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sharing {
    /// All.
    #[default]
    Shared,
    /// Each who asks at the same time has another one.
    Private,
    /// One after the other.
    Locked,
}

/// Why a text is no mount, or no device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each says by its words what it is")]
pub enum MountProblem {
    #[error("a quote in it stands alone")]
    Quotes,
    #[error("{key:?} has no value")]
    NoValue { key: String },
    #[error("key {key:?} is unknown")]
    Key { key: String, closest: Option<String> },
    #[error("value {value:?} of {key} is unknown")]
    Value { key: String, value: String, closest: Option<String> },
    #[error("value {value:?} of {key} is no number")]
    Number { key: String, value: String },
    #[error("value {value:?} of {key} is no size")]
    Size { key: String, value: String },
    #[error("{key} is not for mounts of type {kind}")]
    NotForKind { key: String, kind: String },
    #[error("a secret takes one of id, source, target")]
    Nameless,
    #[error("id and source are the same thing, and both are given")]
    IdAndSource,
    #[error("from takes no variable")]
    FromVariable,
    #[error("it has two names, {first:?} and {second:?}")]
    TwoNames { first: String, second: String },
    #[error("expand {text:?}")]
    Expand {
        text: String,
        #[source]
        problem: ExpandError,
    },
}

impl MountProblem {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Key { closest: Some(name), .. } | Self::Value { closest: Some(name), .. } => {
                Some(format!("did you mean {name}?"))
            }
            Self::FromVariable => Some("name a stage of its own: FROM $NAME AS stage".to_owned()),
            Self::Key { .. }
            | Self::Value { .. }
            | Self::Quotes
            | Self::NoValue { .. }
            | Self::Number { .. }
            | Self::Size { .. }
            | Self::NotForKind { .. }
            | Self::Nameless
            | Self::IdAndSource
            | Self::TwoNames { .. }
            | Self::Expand { .. } => None,
        }
    }

    pub(crate) fn value(key: &str, value: &str, known: &[&str]) -> Self {
        let closest = nearest(value, known);
        Self::Value { key: key.to_owned(), value: value.to_owned(), closest }
    }
}

pub(crate) fn nearest(text: &str, known: &[&str]) -> Option<String> {
    closest(text, known.iter().map(|name| (*name).to_owned())).into_iter().next()
}

/// A flag's parts by commas, keys in small letters; `exact` is a part's place when the flag stands as it is meant.
pub(crate) fn keyed(flag: &Spanned<String>) -> Result<Vec<Key>, MountProblem> {
    let exact = flag.span.end - flag.span.start == flag.value.len();
    let fields = comma::fields(&flag.value).ok_or(MountProblem::Quotes)?;
    Ok(fields
        .into_iter()
        .map(|field| {
            let start = flag.span.start + field.part.start;
            let span = if exact { Span::new(start, start + field.part.len()) } else { flag.span };
            match field.text.split_once('=') {
                Some((key, value)) => {
                    (key.to_ascii_lowercase(), Some(Spanned::new(value.to_owned(), span)))
                }
                None => (field.text.to_ascii_lowercase(), None),
            }
        })
        .collect())
}

impl MountFlag {
    /// Reads a flag's value as far as that goes without variables.
    pub(crate) fn read(flag: Spanned<String>, escape: char) -> Result<Self, MountProblem> {
        let fields = keyed(&flag)?;
        let from =
            fields.iter().rev().find(|(key, _)| key == "from").and_then(|(_, value)| value.clone());
        if from.as_ref().and_then(|from| from.value.find('$').map(|at| at + 1 < from.value.len()))
            == Some(true)
        {
            return Err(MountProblem::FromVariable);
        }
        let mount = Self { text: flag, from, fields };
        if !mount.text.value.contains(['$', '\'', '"', escape]) {
            mount.resolve(&Lexer::new(escape), &())?;
        }
        Ok(mount)
    }

    /// The mount with its variables put in.
    ///
    /// # Errors
    /// When a key or value is unknown, or keys contradict each other.
    pub fn resolve(
        &self,
        lexer: &Lexer,
        variables: &dyn Variables,
    ) -> Result<(Mount, Uses), MountProblem> {
        let mut uses = Uses::default();
        let mut draft = Draft::default();
        for (key, value) in &self.fields {
            let value = match value {
                None => None,
                Some(value) => {
                    let found = lexer.word(&value.value, variables).map_err(|problem| {
                        MountProblem::Expand { text: value.value.clone(), problem }
                    })?;
                    uses.join(found.uses);
                    Some(value.with(found.text))
                }
            };
            draft.set(key, value)?;
        }
        Ok((draft.finish()?, uses))
    }
}

/// What has been said of a mount so far.
#[derive(Default)]
struct Draft {
    kind: Option<String>,
    from: Option<Spanned<String>>,
    source: Option<String>,
    target: Option<String>,
    read_only: Option<bool>,
    id: Option<String>,
    sharing: Option<Sharing>,
    required: Option<bool>,
    size_bytes: Option<u64>,
    mode: Option<u32>,
    uid: Option<u32>,
    gid: Option<u32>,
    variable: Option<String>,
}

impl Draft {
    fn set(&mut self, key: &str, value: Option<Spanned<String>>) -> Result<(), MountProblem> {
        let key_text = || key.to_owned();
        let Some(spanned) = value else {
            match key {
                "readonly" | "ro" => self.read_only = Some(true),
                "readwrite" | "rw" => self.read_only = Some(false),
                "required" => self.required = Some(true),
                known if KEYS.contains(&known) => {
                    return Err(MountProblem::NoValue { key: key_text() });
                }
                other => return Err(unknown(other)),
            }
            return Ok(());
        };
        let value = spanned.value.clone();
        let flag = |text: &str| {
            boolean(text).ok_or_else(|| MountProblem::value(key, text, &["true", "false"]))
        };
        let number = |text: &str, radix| {
            u32::from_str_radix(text, radix).map_err(|_no_number| MountProblem::Number {
                key: key_text(),
                value: text.to_owned(),
            })
        };
        match key {
            "type" => self.kind = Some(value.to_ascii_lowercase()),
            "from" => self.from = Some(spanned).filter(|from| !from.value.is_empty()),
            "source" | "src" => self.source = Some(value),
            "target" | "dst" | "destination" => self.target = Some(value),
            "readonly" | "ro" => self.read_only = Some(flag(&value)?),
            "readwrite" | "rw" => self.read_only = Some(!flag(&value)?),
            "required" => self.required = Some(flag(&value)?),
            "id" => self.id = Some(value),
            "env" => self.variable = Some(value),
            "sharing" => self.sharing = Some(sharing(&value)?),
            "mode" => self.mode = Some(number(&value, 8)?),
            "uid" => self.uid = Some(number(&value, 10)?),
            "gid" => self.gid = Some(number(&value, 10)?),
            "size" => {
                let size = spec::bytes::parse(&value)
                    .map_err(|_no_size| MountProblem::Size { key: key_text(), value })?;
                self.size_bytes = Some(size);
            }
            other => return Err(unknown(other)),
        }
        Ok(())
    }

    fn finish(self) -> Result<Mount, MountProblem> {
        let name = self.kind.clone().unwrap_or_else(|| "bind".to_owned());
        let kind = self.kind(&name)?;
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        let writable = matches!(kind, MountKind::Cache { .. } | MountKind::Tmpfs { .. });
        let (source, target, id) = (filled(self.source), filled(self.target), filled(self.id));
        if matches!(kind, MountKind::Secret { .. }) {
            if source.is_some() && id.is_some() {
                return Err(MountProblem::IdAndSource);
            }
            if source.is_none() && target.is_none() && id.is_none() {
                return Err(MountProblem::Nameless);
            }
        }
        Ok(Mount {
            kind,
            target,
            read_only: self.read_only.unwrap_or(!writable),
            from: self.from,
            source,
            id,
            mode: self.mode,
            uid: self.uid,
            gid: self.gid,
        })
    }

    /// The kind, once nothing stands that it does not have.
    fn kind(&self, name: &str) -> Result<MountKind, MountProblem> {
        let kind = match name {
            "bind" => MountKind::Bind,
            "cache" => MountKind::Cache { sharing: self.sharing.unwrap_or_default() },
            "tmpfs" => MountKind::Tmpfs { size_bytes: self.size_bytes.filter(|size| *size > 0) },
            "secret" => {
                let required = self.required.unwrap_or(false);
                MountKind::Secret { variable: self.variable.clone(), required }
            }
            "ssh" => MountKind::Ssh { required: self.required.unwrap_or(false) },
            other => return Err(MountProblem::value("type", other, &KINDS)),
        };
        let asks = matches!(kind, MountKind::Secret { .. } | MountKind::Ssh { .. });
        let owned = asks || matches!(kind, MountKind::Cache { .. });
        let strangers = [
            ("required", self.required.is_some() && !asks),
            ("size", self.size_bytes.is_some() && !matches!(kind, MountKind::Tmpfs { .. })),
            ("sharing", self.sharing.is_some() && !matches!(kind, MountKind::Cache { .. })),
            ("from", self.from.is_some() && matches!(kind, MountKind::Secret { .. })),
            ("mode", self.mode.is_some() && !owned),
            ("uid", self.uid.is_some() && !owned),
            ("gid", self.gid.is_some() && !owned),
        ];
        match strangers.iter().find(|(_, stands)| *stands) {
            Some((key, _)) => {
                Err(MountProblem::NotForKind { key: (*key).to_owned(), kind: name.to_owned() })
            }
            None => Ok(kind),
        }
    }
}

fn sharing(text: &str) -> Result<Sharing, MountProblem> {
    match text.to_ascii_lowercase().as_str() {
        "shared" => Ok(Sharing::Shared),
        "private" => Ok(Sharing::Private),
        "locked" => Ok(Sharing::Locked),
        _ => Err(MountProblem::value("sharing", text, &SHARINGS)),
    }
}

fn unknown(key: &str) -> MountProblem {
    MountProblem::Key { key: key.to_owned(), closest: nearest(key, &KEYS) }
}
