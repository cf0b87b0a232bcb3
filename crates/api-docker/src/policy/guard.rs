//! What a request meets before it comes to its function: the rules of its socket.

use engine::{CreateRequest, Engine};
use serde_json::Value;

use super::containers::fits;
use super::{Policy, Refusal};
use crate::failure::Failure;
use crate::filters::Filters;
use crate::handlers::Call;
use crate::operation::{
    BuildOperation, ContainerOperation, ExecOperation, ImageOperation, NetworkOperation, Operation,
    SystemOperation, VolumeOperation,
};

/// An object that a request names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Object {
    Container(String),
    Exec(String),
    Network(String),
    Volume(String),
    Image(String),
}

/// What the rules make of an operation.
#[derive(Debug, Default, PartialEq, Eq)]
struct Treatment {
    /// What has to be of this socket.
    objects: Vec<Object>,
    /// Names that images get.
    image_names: Vec<String>,
    /// Whether only what is of this socket is shown or removed.
    is_filtered: bool,
    /// Whether what is made gets the labels.
    is_labelled: bool,
}

/// Refuses what the socket of a request does not allow, and narrows what it asks for to what is of this socket.
///
/// # Errors
/// 403 with the rule, 404 for what is not of this socket.
pub(crate) async fn guard(call: &mut Call) -> Result<(), Failure> {
    let Some(policy) = call.policy.clone() else { return Ok(()) };
    let operation = call.routed.operation;
    policy.allows(operation, call.peer).map_err(|refusal| call.refused(&refusal))?;
    let is_told_by_its_body = matches!(
        operation,
        Operation::Exec(ExecOperation::Create)
            | Operation::Network(
                NetworkOperation::Create | NetworkOperation::Connect | NetworkOperation::Disconnect,
            )
            | Operation::Volume(VolumeOperation::Create)
    );
    let body = if is_told_by_its_body { Some(call.peek().await?) } else { None };
    let mut body: Option<Value> = body.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let treatment =
        treat(&policy, call, body.as_ref()).map_err(|refusal| call.refused(&refusal))?;
    if let Some(body) = body.as_mut().filter(|_| treatment.is_labelled) {
        add_labels(&policy, body);
        call.replace_body(body.to_string().into());
    }
    if treatment.is_filtered && !policy.labels.is_empty() {
        let mut filters = Filters::parse(call.query.get("filters").unwrap_or_default())?;
        for (name, value) in &policy.labels {
            filters.add("label", format!("{name}={value}"));
        }
        call.query.set("filters", filters.to_json());
    }
    check(call, &policy, treatment).await
}

/// The container that is made in the place of the one that is wanted: the same, where its socket allows it.
///
/// # Errors
/// 403 with the rule.
pub(crate) async fn limited(
    call: &Call,
    mut request: CreateRequest,
) -> Result<CreateRequest, Failure> {
    let Some(policy) = call.policy.clone() else { return Ok(request) };
    let limited = call
        .shared
        .with(move |engine| Ok(policy.limit(engine, &mut request).map(|()| request)))
        .await?;
    limited.map_err(|refusal| call.refused(&refusal))
}

fn add_labels(policy: &Policy, body: &mut Value) {
    let Some(fields) = body.as_object_mut() else { return };
    let labels = fields.entry("Labels").or_insert(Value::Null);
    if !labels.is_object() {
        *labels = Value::Object(serde_json::Map::new());
    }
    for (name, value) in &policy.labels {
        labels[name] = value.clone().into();
    }
}

fn treat(policy: &Policy, call: &Call, body: Option<&Value>) -> Result<Treatment, Refusal> {
    let name = |place: usize| call.routed.names.get(place).cloned().unwrap_or_default();
    let name = |place| crate::router::bare(&name(place)).into_owned();
    let text =
        |field: &str| body.and_then(|body| body[field].as_str()).unwrap_or_default().to_owned();
    let with = |objects: Vec<Object>| Treatment { objects, ..Treatment::default() };
    let filtered = Treatment { is_filtered: true, ..Treatment::default() };
    Ok(match call.routed.operation {
        Operation::Container(ContainerOperation::List | ContainerOperation::Prune)
        | Operation::Network(NetworkOperation::List | NetworkOperation::Prune)
        | Operation::Volume(VolumeOperation::List | VolumeOperation::Prune)
        | Operation::System(SystemOperation::Events) => filtered,
        // What is to be made is looked at by its function.
        Operation::Container(ContainerOperation::Create) => Treatment::default(),
        Operation::Container(_) => with(vec![Object::Container(name(0))]),
        Operation::Exec(ExecOperation::Create) => {
            let is_privileged = body.is_some_and(|body| body["Privileged"] == Value::Bool(true));
            if is_privileged && policy.limits_containers() {
                return Err(Refusal::new("privileged", "a privileged process is not allowed"));
            }
            with(vec![Object::Container(name(0))])
        }
        Operation::Exec(_) => with(vec![Object::Exec(name(0))]),
        Operation::Network(NetworkOperation::Create)
        | Operation::Volume(VolumeOperation::Create) => {
            let drives_the_machine = body.is_some_and(has_driver_options);
            if drives_the_machine && policy.limits_containers() {
                return Err(Refusal::new(
                    "privileged",
                    "drivers beside the usual ones, and options of theirs, are not allowed",
                ));
            }
            Treatment { is_labelled: true, ..Treatment::default() }
        }
        Operation::Network(NetworkOperation::Connect | NetworkOperation::Disconnect) => {
            with(vec![Object::Network(name(0)), Object::Container(text("Container"))])
        }
        Operation::Network(_) => with(vec![Object::Network(name(0))]),
        Operation::Volume(_) => with(vec![Object::Volume(name(0))]),
        Operation::Image(operation) => treat_image(policy, call, operation)?,
        Operation::Distribution(_) => {
            Treatment { image_names: vec![name(0)], ..Treatment::default() }
        }
        Operation::Build(BuildOperation::Session) if policy.images.is_some() => {
            return Err(Refusal::new("images", "what a build is made of is not known before"));
        }
        // What it is made of is looked at when it comes to it.
        Operation::Build(BuildOperation::Image) => Treatment {
            image_names: call.query.all("t").map(ToOwned::to_owned).collect(),
            ..Treatment::default()
        },
        Operation::System(SystemOperation::DataUsage) if !policy.labels.is_empty() => {
            return Err(Refusal::new("labels", "it shows what is not of this socket"));
        }
        Operation::System(_)
        | Operation::Build(_)
        | Operation::Plugin(_)
        | Operation::Swarm(_)
        | Operation::Corten(_) => Treatment::default(),
    })
}

/// Whether a volume or a network that is to be made has a driver of its own, or options: they reach directories, devices and interfaces of the host.
fn has_driver_options(body: &Value) -> bool {
    let is_usual = |driver: &str| ["", "default", "local", "bridge"].contains(&driver);
    let has_any = |options: &Value| options.as_object().is_some_and(|own| !own.is_empty());
    !is_usual(body["Driver"].as_str().unwrap_or_default())
        || has_any(&body["DriverOpts"])
        || has_any(&body["Options"])
}

fn treat_image(
    policy: &Policy,
    call: &Call,
    operation: ImageOperation,
) -> Result<Treatment, Refusal> {
    let query = &call.query;
    let own = || call.routed.names.first().cloned().unwrap_or_default();
    let parameter = |name: &str| query.get(name).unwrap_or_default().to_owned();
    let images = |images: Vec<String>| Treatment {
        objects: images.into_iter().map(Object::Image).collect(),
        ..Treatment::default()
    };
    let named = |names: Vec<String>| Treatment { image_names: names, ..Treatment::default() };
    Ok(match operation {
        ImageOperation::List | ImageOperation::Search => Treatment::default(),
        ImageOperation::Prune => Treatment { is_filtered: true, ..Treatment::default() },
        ImageOperation::GetAll => images(query.all("names").map(ToOwned::to_owned).collect()),
        ImageOperation::Load if policy.images.is_some() => {
            return Err(Refusal::new("images", "the names in an archive are not known before"));
        }
        ImageOperation::Load => Treatment::default(),
        ImageOperation::Create if query.text("fromImage").is_some() => {
            named(vec![parameter("fromImage")])
        }
        ImageOperation::Create => named(vec![parameter("repo")]),
        ImageOperation::Commit => Treatment {
            objects: vec![Object::Container(parameter("container"))],
            ..named(vec![parameter("repo")])
        },
        ImageOperation::Tag => {
            Treatment { image_names: vec![parameter("repo")], ..images(vec![own()]) }
        }
        ImageOperation::Inspect
        | ImageOperation::History
        | ImageOperation::Get
        | ImageOperation::Push
        | ImageOperation::Delete => images(vec![own()]),
    })
}

async fn check(call: &Call, policy: &Policy, treatment: Treatment) -> Result<(), Failure> {
    if let Some(patterns) = &policy.images {
        let other = |name: &&String| !patterns.iter().any(|pattern| fits(pattern, name));
        if let Some(name) = treatment.image_names.iter().find(other) {
            let why = format!("{name:?} is not among them");
            return Err(call.refused(&Refusal::new("images", why)));
        }
    }
    if treatment.objects.is_empty() {
        return Ok(());
    }
    let own = policy.clone();
    let checked = call
        .shared
        .with(move |engine| {
            let mut refused = Ok(());
            for object in &treatment.objects {
                refused = own.check_object(engine, object)?;
                if refused.is_err() {
                    break;
                }
            }
            Ok(refused)
        })
        .await?;
    checked.map_err(|refusal| call.refused(&refusal))
}

impl Policy {
    /// Whether an object is of this socket. What is not there its function says better.
    fn check_object(
        &self,
        engine: &Engine,
        object: &Object,
    ) -> Result<Result<(), Refusal>, Failure> {
        let has = |labels: &std::collections::BTreeMap<String, String>| {
            self.labels.iter().all(|(name, value)| labels.get(name) == Some(value))
        };
        let of_container = |text: &str| {
            engine.containers().get(text).map(|container| has(&container.config.labels))
        };
        let (is_own, what) = match object {
            Object::Image(name) => return Ok(self.check_image(engine, name)),
            _ if self.labels.is_empty() => return Ok(Ok(())),
            Object::Container(name) => (of_container(name)?, name),
            Object::Exec(id) => {
                let record = engine.containers().exec_record(id)?;
                (of_container(record.container.as_str())?, id)
            }
            Object::Network(name) => (has(&engine.networks().get(name)?.config.labels), name),
            Object::Volume(name) => (has(&engine.volumes().get(name)?.labels), name),
        };
        Ok(if is_own {
            Ok(())
        } else {
            Err(Refusal::new("labels", format!("{what} is not of this socket")))
        })
    }
}
