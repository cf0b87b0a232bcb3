//! `build`: flags to a request, the build itself while it is shown, and what becomes of the image.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use build::{BuildError, BuildRequest, Built, Cancel, Progress, Surroundings, World};
use serde_json::{Value, json};
use spec::Reference;
use spec::image::Platform;

use crate::arguments::Matches;
use crate::failure::Failure;
use crate::program::Session;
use crate::progress::build::{Printer, Style, checked};
use crate::request::wrong;
use crate::signals::Held;
use crate::{config, output, registries};

mod bake;
mod given;
mod heeding;
mod keys;
mod offer;
mod order;
mod outputs;
mod packing;
mod roots;
mod said;
mod shell;
mod source;

pub(super) use bake::bake;
use outputs::Outputs;
use shell::Shelled;

pub(super) fn build(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    if let Some(line) = bake::of_build(matches)? {
        return bake::bake(session, &line);
    }
    let style = Style::of(matches)?;
    let order = Order::read(matches, style)?;
    let config = session.engine_config()?;
    let shell = shell::is_wanted(matches)?;
    // Before anything that has a thread of its own.
    let window = shell.then(|| Held::take(false, false));
    let held = Held::endings();
    let call = order.call;
    if call.what != What::Build {
        let work = Work { held, window: None, style: Style::Quiet, explains: false };
        let as_json = call.as_json || style == Style::Json;
        let code = work.call(&config, order.request, (call.what, as_json))?;
        return Ok(if call.ignores_status { 0 } else { code });
    }
    let Order { mut request, names, outputs, .. } = order;
    if let Some(path) = matches.text("iidfile") {
        // What an earlier build left is not taken for this one's.
        remove(Path::new(path))?;
    }
    request.keep_failed = shell;
    let work = Work { held, window, style, explains: matches.on("explain") };
    let built = match work.build(&config, request)? {
        Outcome::Built(built) => built,
        Outcome::Ended(code) => return Ok(code),
    };
    let given = outputs::give(session, &built, (&names, &outputs), style);
    if !outputs.keep_image() {
        outputs::forget(session, &built, &BTreeSet::new());
    }
    given?;
    write_down(matches, &built, &names)?;
    if matches.on("quiet") {
        output::line(&built.image.id.to_string());
    }
    Ok(0)
}

/// A line of `build`, read: its own, or one that a target of a bake file is.
struct Order {
    request: BuildRequest,
    /// Names that were asked for; the request has them where the image stays.
    names: Vec<Reference>,
    outputs: Outputs,
    call: Call,
}

impl Order {
    /// Secrets are read, and a standard input that is named.
    fn read(matches: &Matches, style: Style) -> Result<Self, Failure> {
        refuse(matches)?;
        let outputs = outputs::outputs(matches, style)?;
        let call = call(matches)?;
        let mut request = order::request(matches)?;
        if call.what == What::Build {
            outputs.add_to(&mut request)?;
        }
        let names = request.tags.clone();
        if !outputs.keep_image() {
            request.tags.clear();
        }
        Ok(Self { request, names, outputs, call })
    }
}

/// What is done with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Build,
    Check,
    Outline,
    Targets,
}

impl What {
    /// What it is called.
    const fn word(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Check => "check",
            Self::Outline => "outline",
            Self::Targets => "targets",
        }
    }
}

/// The same, with how it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Call {
    what: What,
    as_json: bool,
    ignores_status: bool,
}

/// `--call WHAT[,format=json][,ignorestatus=true]`.
fn call(matches: &Matches) -> Result<Call, Failure> {
    let check = Call { what: What::Check, as_json: false, ignores_status: false };
    let Some(text) = matches.text("call") else {
        let what = if matches.on("check") { What::Check } else { What::Build };
        return Ok(Call { what, ..check });
    };
    let mut call = check;
    let mut fields = given::fields("call", text)?.into_iter();
    call.what = match fields.next().map(|(name, _)| name.to_ascii_lowercase()).as_deref() {
        Some("build") => What::Build,
        Some("check" | "lint") => What::Check,
        Some("outline") => What::Outline,
        Some("targets") => What::Targets,
        _ => {
            let why = "it is not one of build, check, outline, targets";
            return Err(given::bad("call", text, why));
        }
    };
    if matches.on("check") && call.what != What::Check {
        return Err(Failure::Words("--check and --call exclude each other".to_owned()));
    }
    for field in fields {
        match (field.0.as_str(), field.1.as_deref()) {
            ("format", Some("json")) => call.as_json = true,
            ("format", Some("text" | "txt")) => call.as_json = false,
            ("ignorestatus", None | Some("true" | "1")) => call.ignores_status = true,
            ("ignorestatus", Some("false" | "0")) => call.ignores_status = false,
            (other, _) => {
                let why = format!("{other:?} is not one of format=json, format=text, ignorestatus");
                return Err(given::bad("call", text, &why));
            }
        }
    }
    Ok(call)
}

fn not_yet(what: &str) -> Failure {
    Failure::Later { what: what.to_owned(), is_flag: true }
}

/// Flags whose function is not there yet, and those that choose among things of which there is one.
fn refuse(matches: &Matches) -> Result<(), Failure> {
    let only = |flag: &'static str, known: &str, why: &str| match matches.text(flag) {
        Some(other) if other != known => Err(Failure::Values(Box::new(wrong(flag, other, why)))),
        _ => Ok(()),
    };
    only("builder", "default", "there is none to choose: this program builds")?;
    only("isolation", "default", "there is default only: others are Windows'")
}

/// A build with what surrounds it.
struct Work {
    held: Held,
    /// Changes of the window's size, for a shell.
    window: Option<Held>,
    style: Style,
    explains: bool,
}

/// How it went.
enum Outcome {
    Built(Box<Built>),
    /// A signal ended it; the exit code.
    Ended(i32),
}

impl Work {
    fn build(
        self,
        config: &engine::EngineConfig,
        request: BuildRequest,
    ) -> Result<Outcome, Failure> {
        let printer = Printer::new(self.style, self.explains);
        let (world, cancel) = (world(), new_cancel()?);
        let shelled = self.window.map(|window| Shelled::new((&printer, window), config, &cancel));
        let progress = shelled.as_ref().map_or(&printer as &dyn Progress, |shelled| shelled);
        let surroundings =
            Surroundings { engine: config, outside: &world, progress, cancel: &cancel };
        let end = || {
            stop(&world, &cancel);
            shelled.iter().for_each(Shelled::end);
        };
        let (built, signal) = heeding::heeding(self.held, &end, || {
            printer.watched(|| build::build(request, &surroundings).map_err(Box::new))
        });
        match (built, signal) {
            (Ok(built), _) => {
                printer.warn();
                Ok(Outcome::Built(Box::new(built)))
            }
            (Err(_stopped), Some(number)) => Ok(Outcome::Ended(Held::endings().end_by(number))),
            (Err(error), None) => {
                printer.failed(&error);
                printer.warn();
                Err(Failure::Build(error))
            }
        }
    }

    /// Prints what the file says of itself. Any finding of the checks is a failure.
    fn call(
        self,
        config: &engine::EngineConfig,
        request: BuildRequest,
        (what, as_json): (What, bool),
    ) -> Result<i32, Failure> {
        let printer = Printer::new(self.style, false);
        let (world, cancel) = (world(), new_cancel()?);
        let surroundings =
            Surroundings { engine: config, outside: &world, progress: &printer, cancel: &cancel };
        let (answered, signal) = heeding::heeding(self.held, &|| stop(&world, &cancel), || {
            answer(what, request, &surroundings, as_json)
        });
        match (answered, signal) {
            (Ok((text, code)), _) => {
                output::write(&text)?;
                Ok(code)
            }
            (Err(_stopped), Some(number)) => Ok(Held::endings().end_by(number)),
            (Err(error), None) => {
                printer.failed(&error);
                Err(Failure::Build(error))
            }
        }
    }
}

/// What a call that builds nothing prints, and its exit code: any finding of the checks is a failure.
fn answer(
    what: What,
    request: BuildRequest,
    surroundings: &Surroundings<'_>,
    as_json: bool,
) -> Result<(String, i32), Box<BuildError>> {
    match what {
        What::Outline | What::Targets => {
            let offer = build::outline(request, surroundings)?;
            let shown = match (what, as_json) {
                (What::Outline, false) => offer::outline(&offer),
                (What::Outline, true) => offer::outline_document(&offer),
                (_, false) => offer::targets(&offer),
                (_, true) => offer::targets_document(&offer),
            };
            Ok((shown, 0))
        }
        What::Build | What::Check => {
            let found = build::check(request, surroundings)?;
            Ok((checked(&found, as_json), i32::from(!found.is_empty())))
        }
    }
}

/// Registries and web servers, with the machine's settings and the caller's logins.
fn world() -> World {
    World::new(
        |progress| {
            registries::settings(progress, None, None).map_err(|failure| failure.line().into())
        },
        || registry::Policy::in_force(&config::policy_files()),
    )
}

fn new_cancel() -> Result<Cancel, Failure> {
    Cancel::new().map_err(Failure::file("make", "an event descriptor"))
}

fn stop(world: &World, cancel: &Cancel) {
    cancel.cancel();
    world.stop();
}

/// `--iidfile` and `--metadata-file`.
fn write_down(matches: &Matches, built: &Built, names: &[Reference]) -> Result<(), Failure> {
    if let Some(path) = matches.text("iidfile") {
        write_file(path, built.image.id.to_string().as_bytes())?;
    }
    if let Some(path) = matches.text("metadata-file") {
        write_file(path, format!("{:#}\n", about(built, names)).as_bytes())?;
    }
    Ok(())
}

/// What `--metadata-file` says of an image.
fn about(built: &Built, names: &[Reference]) -> Value {
    let mut about = json!({ "containerimage.config.digest": built.image.id.to_string() });
    if built.images.len() > 1 {
        let of = |image: &engine::Image| {
            (Platform::of(&image.config).to_string(), image.id.to_string().into())
        };
        let images: serde_json::Map<String, Value> = built.images.iter().map(of).collect();
        about["corten.images"] = images.into();
    }
    if !names.is_empty() {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        about["image.name"] = names.join(",").into();
    }
    about
}

fn write_file(path: &str, bytes: &[u8]) -> Result<(), Failure> {
    let written = std::fs::File::create(path).and_then(|mut file| file.write_all(bytes));
    written.map_err(Failure::file("write", path))
}

fn remove(path: &Path) -> Result<(), Failure> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::file("remove", path.display())(error))
        }
        _ => Ok(()),
    }
}
