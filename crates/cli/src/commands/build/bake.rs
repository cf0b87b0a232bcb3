//! `bake`: what the targets of bake and Compose files ask for. Each is a line of `build`; all are built in one process. Start at [`bake`].
//!
//! Files are read, targets chosen, what they may do is asked for, and only then secrets are read and builds begun. Where results go is seen
//! to once all targets are built, in the order of their names.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use ::bake::{BakeError, Definition, Machine, Selection};
use build::{BuildError, BuildRequest, Built, NamedContext, Surroundings};
use serde_json::{Map, Value};
use spec::image::Platform;

use super::outputs;
use super::{Order, What, about, answer, heeding, new_cancel, not_yet, stop, world, write_file};
use crate::arguments::{Matches, UsageError};
use crate::commands::COMMANDS;
use crate::config::lookup;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;
use crate::progress::build::{Printer, Style};
use crate::request::wrong;
use crate::signals::Held;

mod allow;
mod files;
mod jobs;
mod line;
mod shown;

use shown::Answer;

/// So many builds run at once for each processor: many wait for a registry or a disk.
const BUILDS_FOR_EACH_PROCESSOR: usize = 4;

/// The line of `bake` that a line of `build` is which names a bake file.
pub(super) fn of_build(matches: &Matches) -> Result<Option<Matches>, Failure> {
    let is_bake = |path: &str| path.ends_with(".hcl") || path.ends_with(".json");
    if !matches.values("file").any(is_bake) {
        if matches.words.len() == 1 {
            return Ok(None);
        }
        let error = UsageError::Arity { command: "build", least: 1, most: 1 };
        return Err(Failure::Usage { command: "build".to_owned(), error });
    }
    let bake = COMMANDS.iter().find(|command| command.grammar.name() == "bake");
    let flags: BTreeSet<&str> =
        bake.iter().flat_map(|bake| bake.grammar.all_flags()).map(|flag| flag.long).collect();
    let mut words = Vec::new();
    for (name, value) in matches.given() {
        if !flags.contains(name) {
            let words = format!(
                "--{name} is not taken with a bake file: its targets say it, or --set of 'corten bake'"
            );
            return Err(Failure::Words(words));
        }
        words.push(format!("--{name}={value}"));
    }
    words.push("--".to_owned());
    words.extend_from_slice(&matches.words);
    line::parsed("bake", words).map(Some)
}

pub(in crate::commands) fn bake(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    refuse(matches)?;
    let style = Style::of(matches)?;
    let asked = Asked::read(matches)?;
    let list =
        match (matches.text("list"), matches.on("list-targets"), matches.on("list-variables")) {
            (None, true, _) => Some("targets"),
            (None, false, true) => Some("variables"),
            (list, _, _) => list,
        };
    if list.is_some() && matches.on("print") {
        return Err(Failure::Words("--print and --list exclude each other".to_owned()));
    }
    let overrides = overrides(matches, &asked);
    let found = files::read(matches)?;
    let (platform, home) = (Platform::native().to_string(), lookup("HOME").unwrap_or_default());
    let machine = Machine {
        environment: &found.environment,
        compose_environment: &found.compose_environment,
        command_context: "cwd://",
        local_platform: &platform,
        now: engine::now_ns() / 1_000_000_000,
        home: &home,
        random: &random,
        is_address: &line::is_remote,
    };
    let definition = Definition::read(&found.files, &machine).map_err(told)?;
    if let Some(list) = list {
        output::write(&shown::list(list, &definition)?)?;
        return Ok(0);
    }
    let selected = definition.select(&matches.words, &overrides, &machine);
    let mut selection = selected.map_err(told)?;
    give_epoch(&mut selection);
    if matches.on("print") {
        output::line(&selection.to_json());
        return Ok(0);
    }
    allow::check(matches, &overrides, &selection)?;
    let baking = Baking { session, matches, style, selection };
    baking.bake(&asked)
}

/// What is not there yet, and what would choose among things of which there is one.
fn refuse(matches: &Matches) -> Result<(), Failure> {
    if matches.is_given("policy") {
        return Err(not_yet("--policy"));
    }
    if let Some(other) = matches.text("builder").filter(|builder| *builder != "default") {
        let why = "there is none to choose: this program builds";
        return Err(Failure::Values(Box::new(wrong("builder", other, why))));
    }
    if let Some(word) = matches.words.first().filter(|word| line::is_remote(word)) {
        let what = format!("a bake definition at an address ({word})");
        return Err(Failure::Later { what, is_flag: false });
    }
    if let Some(word) = matches.words.iter().find(|word| *word == "." || word.contains('/')) {
        let words = format!("{word:?} is no target: the files say what contexts are");
        return Err(Failure::Words(words));
    }
    if matches!(lookup("BUILDX_BAKE_FILE_RELATIVE_PATHS").as_deref(), Some("1" | "t" | "true")) {
        return Err(not_yet("BUILDX_BAKE_FILE_RELATIVE_PATHS"));
    }
    Ok(())
}

/// `--call`, and in which form what it finds is printed.
struct Asked {
    call: Option<String>,
    is_json: bool,
}

impl Asked {
    fn read(matches: &Matches) -> Result<Self, Failure> {
        let mut asked = Self { call: None, is_json: false };
        let Some(text) = matches.text("call") else {
            asked.call = matches.on("check").then(|| "check".to_owned());
            return Ok(asked);
        };
        if matches.on("check") {
            return Err(Failure::Words("--check and --call exclude each other".to_owned()));
        }
        for field in text.split(',') {
            match field.split_once('=') {
                None => asked.call = Some(field.to_ascii_lowercase()),
                Some(("format", "json")) => asked.is_json = true,
                Some(("format", "text")) => asked.is_json = false,
                Some(_) => {
                    let why = format!("{field:?} is unknown");
                    return Err(Failure::Values(Box::new(wrong("call", text, &why))));
                }
            }
        }
        Ok(asked)
    }
}

/// `--set`, and the flags that stand for such.
fn overrides(matches: &Matches, asked: &Asked) -> Vec<String> {
    let mut overrides: Vec<String> = matches.values("set").map(str::to_owned).collect();
    for flag in ["push", "load"] {
        if matches.on(flag) {
            overrides.push(format!("*.{flag}=true"));
        }
    }
    overrides.extend(asked.call.iter().map(|call| format!("*.call={call}")));
    for flag in ["no-cache", "pull"] {
        overrides.extend(matches.value(flag).map(|value| format!("*.{flag}={value}")));
    }
    for kind in ["sbom", "provenance"] {
        overrides.extend(matches.text(kind).map(|value| match value {
            "true" | "1" => format!("*.attest=type={kind}"),
            "false" | "0" => format!("*.attest=type={kind},disabled=true"),
            fields => format!("*.attest=type={kind},{fields}"),
        }));
    }
    overrides
}

/// The time of everything, where the caller's environment has one: a target may say another.
fn give_epoch(selection: &mut Selection) {
    const NAME: &str = "SOURCE_DATE_EPOCH";
    let Some(epoch) = lookup(NAME).filter(|text| !text.is_empty()) else { return };
    for target in selection.targets.values_mut() {
        target.args.entry(NAME.to_owned()).or_insert_with(|| epoch.clone());
    }
}

/// The place is shown at once, the words follow from the caller.
fn told(error: BakeError) -> Failure {
    output::talk_on(&error.excerpt());
    Failure::Bake(Box::new(error))
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    // A part this small is refused by no kernel of today. getrandom(2).
    let _whole = rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty());
    bytes
}

fn of_target<T>(name: &str, result: Result<T, Failure>) -> Result<T, Failure> {
    result.map_err(|failure| Failure::Target { name: name.to_owned(), failure: Box::new(failure) })
}

/// Everything that builds have in common.
struct Baking<'a> {
    session: &'a Session,
    matches: &'a Matches,
    style: Style,
    selection: Selection,
}

/// A target that is built.
struct Baked {
    name: String,
    order: Order,
    /// Contexts that are others, and their places.
    links: Vec<(String, usize)>,
}

/// What something gives, or the exit code of a signal that ended it.
type Heeded<T> = Result<T, i32>;

impl Baking<'_> {
    fn bake(&self, asked: &Asked) -> Result<i32, Failure> {
        let mut orders = Vec::new();
        for (name, target) in &self.selection.targets {
            orders.push((name.clone(), of_target(name, line::read(target, self.style))?));
        }
        let (called, built): (Vec<_>, Vec<_>) =
            orders.into_iter().partition(|(_, order)| order.call.what != What::Build);
        let built = self.needed(built)?;
        one_stdout(&built)?;
        let mut printed = 0;
        if !built.is_empty() {
            match self.build(built)? {
                Ok(()) => {}
                Err(code) => return Ok(code),
            }
        }
        if !called.is_empty() {
            match self.call(called, asked.is_json || self.style == Style::Json)? {
                Ok(code) => printed = code,
                Err(code) => return Ok(code),
            }
        }
        Ok(printed)
    }

    /// Those that are built: what is a context only of targets that are not is left out.
    fn needed(&self, mut orders: Vec<(String, Order)>) -> Result<Vec<Baked>, Failure> {
        let of = |name: &str| self.selection.targets.get(name).map(line::links).unwrap_or_default();
        let is_asked_for =
            |name: &str| self.selection.targets.get(name).is_some_and(|target| !target.is_linked);
        let mut needed: BTreeSet<String> = BTreeSet::new();
        let mut found: Vec<String> =
            orders.iter().map(|(name, _)| name.clone()).filter(|name| is_asked_for(name)).collect();
        while let Some(name) = found.pop() {
            found.extend(of(&name).into_iter().map(|(_, linked)| linked));
            needed.insert(name);
        }
        orders.retain(|(name, _)| needed.contains(name));
        let names: Vec<String> = orders.iter().map(|(name, _)| name.clone()).collect();
        let place = |of: &str, linked: &str| {
            names.iter().position(|name| name == linked).ok_or_else(|| {
                let words = format!("its context {linked} is only called, not built");
                Failure::Target { name: of.to_owned(), failure: Box::new(Failure::Words(words)) }
            })
        };
        let baked = |(name, order): (String, Order)| {
            let links = of(&name)
                .into_iter()
                .map(|(context, linked)| Ok((context, place(&name, &linked)?)));
            Ok(Baked { links: links.collect::<Result<_, Failure>>()?, name, order })
        };
        orders.into_iter().map(baked).collect()
    }

    fn build(&self, mut all: Vec<Baked>) -> Result<Heeded<()>, Failure> {
        let config = self.session.engine_config()?;
        let names: Vec<Option<String>> = all.iter().map(|one| Some(one.name.clone())).collect();
        let requests: Vec<Mutex<BuildRequest>> =
            all.iter_mut().map(|one| Mutex::new(std::mem::take(&mut one.order.request))).collect();
        let links: Vec<Vec<usize>> =
            all.iter().map(|one| one.links.iter().map(|(_, place)| *place).collect()).collect();
        // Before anything that has a thread of its own.
        let held = Held::endings();
        let printer = Printer::of(self.style, self.matches.on("explain"), &names);
        let (world, cancel) = (world(), new_cancel()?);
        let build = |place: usize, linked: Vec<Built>| -> Result<Built, Box<BuildError>> {
            let request = requests.get(place).map(|request| {
                std::mem::take(&mut *request.lock().unwrap_or_else(PoisonError::into_inner))
            });
            let mut request = request.unwrap_or_default();
            let names = all.get(place).map(|one| one.links.as_slice()).unwrap_or_default();
            for ((name, _), built) in names.iter().zip(linked) {
                let image = NamedContext::Image(built.image.id.to_string());
                request.contexts.insert(name.clone(), image);
            }
            let part = printer.part(place);
            let surroundings =
                Surroundings { engine: &config, outside: &world, progress: &part, cancel: &cancel };
            build::build(request, &surroundings).map_err(Box::new)
        };
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let most = processors.saturating_mul(BUILDS_FOR_EACH_PROCESSOR);
        let end = || stop(&world, &cancel);
        let (ended, signal) = heeding::heeding(held, &end, || {
            printer.watched(|| jobs::run(&links, most, build, end))
        });
        let given = match (ended.failure, signal) {
            (None, None) => {
                printer.warn();
                self.give(&all, &ended.done).map(Ok)
            }
            (_, Some(number)) => Ok(Err(number)),
            (Some((place, error)), None) => {
                printer.failed_of(place, &error);
                printer.warn();
                let name = all.get(place).map(|one| one.name.as_str()).unwrap_or_default();
                of_target(name, Err(Failure::Build(error)))
            }
        };
        self.forget(&all, &ended.done);
        Ok(given?.map_err(|number| Held::endings().end_by(number)))
    }

    /// Sends each image where it is to go, and writes down what was built.
    fn give(&self, all: &[Baked], done: &[Option<Built>]) -> Result<(), Failure> {
        let mut about_all = Map::new();
        for (Baked { name, order, .. }, built) in all.iter().zip(done) {
            let Some(built) = built else { continue };
            let to = (order.names.as_slice(), &order.outputs);
            of_target(name, outputs::give(self.session, built, to, self.style))?;
            about_all.insert(name.clone(), about(built, &order.names));
        }
        if let Some(path) = self.matches.text("metadata-file") {
            write_file(path, format!("{:#}\n", Value::Object(about_all)).as_bytes())?;
        }
        if self.matches.on("quiet") {
            let is_linked = |name: &str| {
                self.selection.targets.get(name).is_some_and(|target| target.is_linked)
            };
            let asked_for = all.iter().zip(done).filter(|(one, _)| !is_linked(&one.name));
            asked_for
                .filter_map(|(_, built)| built.as_ref())
                .for_each(|built| output::line(&built.image.id.to_string()));
        }
        Ok(())
    }

    /// Removes images that stay nowhere, unless another target keeps the same one.
    fn forget(&self, all: &[Baked], done: &[Option<Built>]) {
        let built = || all.iter().zip(done).filter_map(|(one, built)| Some((one, built.as_ref()?)));
        let keeps = |one: &Baked| one.order.outputs.keep_image();
        let kept: BTreeSet<_> = built()
            .filter(|(one, _)| keeps(one))
            .flat_map(|(_, built)| built.images.iter().map(|image| image.id.clone()))
            .collect();
        for (_, built) in built().filter(|(one, _)| !keeps(one)) {
            outputs::forget(self.session, built, &kept);
        }
    }

    /// Prints what the call of each answers.
    fn call(&self, all: Vec<(String, Order)>, as_json: bool) -> Result<Heeded<i32>, Failure> {
        let config = self.session.engine_config()?;
        let held = Held::endings();
        let printer = Printer::new(Style::Quiet, false);
        let (world, cancel) = (world(), new_cancel()?);
        let surroundings =
            Surroundings { engine: &config, outside: &world, progress: &printer, cancel: &cancel };
        let call = |(name, mut order): (String, Order)| {
            // What it is, no call asks.
            let links = self.selection.targets.get(&name).map(line::links).unwrap_or_default();
            let linked = links.into_iter().map(|(name, of)| (name, NamedContext::Image(of)));
            order.request.contexts.extend(linked);
            let (what, ignores) = (order.call.what, order.call.ignores_status);
            match answer(what, order.request, &surroundings, as_json) {
                Ok((text, code)) => {
                    let code = if ignores { 0 } else { code };
                    Ok((Answer { name, word: what.word(), text }, code))
                }
                Err(error) => Err((name, error)),
            }
        };
        let (answers, signal) = heeding::heeding(held, &|| stop(&world, &cancel), || {
            all.into_iter().map(call).collect::<Result<Vec<_>, _>>()
        });
        match (answers, signal) {
            (_, Some(number)) => Ok(Err(Held::endings().end_by(number))),
            (Err((name, error)), None) => {
                printer.failed(&error);
                of_target(&name, Err(Failure::Build(error)))
            }
            (Ok(answers), None) => {
                let (answers, codes): (Vec<Answer>, Vec<i32>) = answers.into_iter().unzip();
                let shown = if as_json { shown::document } else { shown::answers };
                output::write(&shown(&self.selection, &answers))?;
                Ok(Ok(codes.into_iter().max().unwrap_or_default()))
            }
        }
    }
}

/// Standard output is one.
fn one_stdout(all: &[Baked]) -> Result<(), Failure> {
    if all.iter().map(|one| one.order.outputs.to_stdout()).sum::<usize>() > 1 {
        return Err(Failure::Words("outputs of two targets go to standard output".to_owned()));
    }
    Ok(())
}
