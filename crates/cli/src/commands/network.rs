//! The family `network`.

use engine::networks::{Network, NetworkFilter, NetworkRequest, SubnetRequest};
use engine::{Kind, parse};
use serde_json::{Value, json};

use super::{each, inspect, list};
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;
use crate::request::{places, wrong};

pub(super) fn create(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    only(matches, "ipam-driver", "default")?;
    only(matches, "scope", "local")?;
    let network = session.engine()?.networks().create(&request(matches)?)?;
    output::line(&network.id);
    Ok(0)
}

pub(super) fn request(matches: &Matches) -> Result<NetworkRequest, Failure> {
    Ok(NetworkRequest {
        name: matches.word(0).to_owned(),
        driver: matches.value("driver").unwrap_or("bridge").to_owned(),
        subnets: subnets(matches)?,
        internal: matches.on("internal"),
        attachable: matches.on("attachable"),
        ipv4: matches.value("ipv4") != Some("false"),
        ipv6: matches.value("ipv6") != Some("false"),
        labels: matches.values("label").map(parse::label).collect::<Result<_, _>>()?,
        options: parse::driver_options(matches.values("opt"))?,
    })
}

/// Of what Docker has several there is one.
fn only(matches: &Matches, flag: &'static str, value: &str) -> Result<(), Failure> {
    match matches.value(flag) {
        Some(given) if given != value => {
            Err(wrong(flag, given, &format!("there is {value} alone")))
        }
        _ => Ok(()),
    }
}

/// Gateways, ranges and reserved addresses belong to the subnet that they are in.
fn subnets(matches: &Matches) -> Result<Vec<SubnetRequest>, Failure> {
    let mut subnets: Vec<SubnetRequest> = Vec::new();
    for text in matches.values("subnet") {
        let subnet = text
            .parse()
            .map_err(|error: spec::network::BadCidr| wrong("subnet", text, &error.to_string()))?;
        subnets.push(SubnetRequest { subnet: Some(subnet), ..SubnetRequest::default() });
    }
    let orphan = || "it is in none of the subnets that --subnet gives";
    for text in matches.values("gateway") {
        let address = text.parse().map_err(|_bad| wrong("gateway", text, "it is no address"))?;
        holder(&mut subnets, address).ok_or_else(|| wrong("gateway", text, orphan()))?.gateway =
            Some(address);
    }
    for text in matches.values("ip-range") {
        let range: spec::network::Cidr = text
            .parse()
            .map_err(|error: spec::network::BadCidr| wrong("IP range", text, &error.to_string()))?;
        holder(&mut subnets, range.address())
            .ok_or_else(|| wrong("IP range", text, orphan()))?
            .range = Some(range);
    }
    for text in matches.values("aux-address") {
        let (name, address) = text
            .split_once('=')
            .and_then(|(name, address)| Some((name, address.parse().ok()?)))
            .ok_or_else(|| wrong("aux address", text, "it is not of the form NAME=ADDRESS"))?;
        holder(&mut subnets, address)
            .ok_or_else(|| wrong("aux address", text, orphan()))?
            .reserved
            .insert(name.to_owned(), address);
    }
    Ok(subnets)
}

fn holder(subnets: &mut [SubnetRequest], address: std::net::IpAddr) -> Option<&mut SubnetRequest> {
    subnets.iter_mut().find(|own| own.subnet.is_some_and(|subnet| subnet.contains(address)))
}

pub(super) fn ls(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let mut filter = NetworkFilter::default();
    for text in matches.values("filter") {
        filter.add(text)?;
    }
    let networks = session.engine()?.networks().list(&filter)?;
    let rows: Vec<NetworkRow> = networks.iter().map(row).collect();
    show(matches, &rows)
}

/// A network in a list.
pub(super) struct NetworkRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) driver: String,
    pub(super) scope: String,
    pub(super) created: String,
    pub(super) ipv4: bool,
    pub(super) ipv6: bool,
    pub(super) internal: bool,
    /// `NAME=VALUE`.
    pub(super) labels: Vec<String>,
}

fn row(network: &Network) -> NetworkRow {
    let has = |v6: bool| network.config.subnets.iter().any(|own| own.subnet.is_v6() == v6);
    let labels = network.config.labels.iter().map(|(name, value)| format!("{name}={value}"));
    NetworkRow {
        id: network.id.clone(),
        name: network.name.clone(),
        driver: network.config.driver.word().to_owned(),
        scope: "local".to_owned(),
        created: monitor::format_time(network.created_ns),
        ipv4: has(false),
        ipv6: has(true),
        internal: network.config.internal,
        labels: labels.collect(),
    }
}

pub(super) fn show(matches: &Matches, networks: &[NetworkRow]) -> Result<i32, Failure> {
    let whole = matches.on("no-trunc");
    let id = |network: &NetworkRow| {
        let short = network.id.get(..12).filter(|_| !whole);
        short.unwrap_or(&network.id).to_owned()
    };
    if matches.on("quiet") {
        let ids: String = networks.iter().map(|network| format!("{}\n", id(network))).collect();
        output::write(&ids)?;
        return Ok(0);
    }
    let values: Vec<Value> = networks.iter().map(|network| value(network, &id(network))).collect();
    let columns =
        [("ID", "NETWORK ID"), ("Name", "NAME"), ("Driver", "DRIVER"), ("Scope", "SCOPE")];
    list::print(matches.value("format"), &columns, &values)
}

fn value(network: &NetworkRow, id: &str) -> Value {
    json!({
        "CreatedAt": network.created,
        "Driver": network.driver,
        "ID": id,
        "IPv4": network.ipv4.to_string(),
        "IPv6": network.ipv6.to_string(),
        "Internal": network.internal.to_string(),
        "Labels": network.labels.join(","),
        "Name": network.name,
        "Scope": network.scope,
    })
}

pub(super) fn inspect(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    inspect::print(session, matches, |engine, name| Ok(engine.networks().inspect(name)?))
}

pub(super) fn rm(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    each(matches, |name| {
        match engine.networks().remove(name) {
            Ok(network) => output::line(&network.name),
            Err(error) if matches.on("force") && error.kind() == Kind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    })
}

pub(super) fn connect(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let wish = places::wish(matches.word(0), matches)?;
    session.engine()?.networks().connect(matches.word(1), &wish)?;
    Ok(0)
}

pub(super) fn disconnect(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    match session.engine()?.networks().disconnect(matches.word(1), matches.word(0)) {
        Err(error) if matches.on("force") && error.kind() == Kind::NotFound => Ok(0),
        done => done.map(|()| 0).map_err(Failure::from),
    }
}

pub(super) fn reload(session: &Session, _matches: &Matches) -> Result<i32, Failure> {
    session.engine()?.networks().reload()?;
    Ok(0)
}
