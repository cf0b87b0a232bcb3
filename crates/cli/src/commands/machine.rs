//! What holds for all networks of the machine, and what is wrong with them: `network settings`, `network doctor`.

use engine::networks::{Diagnosis, NetworkSettings, Reach};
use engine::parse;

use super::list;
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::program::Session;
use crate::{output, table};

/// Something is wrong with the networks.
const BROKEN: i32 = 1;
/// Flags that change something.
const CHANGES: [&str; 6] =
    ["publish-policy", "publish-address", "address-pool", "default-network", "mtu", "reset"];

pub(super) fn settings(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let networks = engine.networks();
    let is_change = CHANGES.iter().any(|flag| {
        matches.on(flag) || matches.value(flag).is_some() || matches.values(flag).next().is_some()
    });
    if !is_change {
        let settings = networks.settings()?;
        return match matches.value("format") {
            None | Some("" | "table") => {
                output::write(&table::layout(&rows(&settings), table::LIST))?;
                Ok(0)
            }
            format => list::print(format, &[], &[settings.document()]),
        };
    }
    if let Some(name) = matches.value("default-network") {
        networks.demand_default(name)?;
    }
    networks.change_settings(|settings| {
        if matches.on("reset") {
            *settings = networks.usual_settings();
        }
        if let Some(text) = matches.value("publish-policy") {
            settings.publish_policy = parse::publish_policy(text)?;
        }
        if matches.values("publish-address").next().is_some() {
            settings.publish_addresses =
                parse::publish_addresses(matches.values("publish-address"))?;
        }
        if matches.values("address-pool").next().is_some() {
            settings.address_pools = parse::address_pools(matches.values("address-pool"))?;
        }
        if let Some(text) = matches.value("default-network") {
            text.clone_into(&mut settings.default_network);
        }
        if let Some(text) = matches.value("mtu") {
            settings.mtu = parse::mtu(text)?;
        }
        Ok(())
    })?;
    Ok(0)
}

fn rows(settings: &NetworkSettings) -> Vec<Vec<String>> {
    let or = |list: Vec<String>, none: &str| {
        if list.is_empty() { none.to_owned() } else { list.join(" ") }
    };
    let addresses = settings.publish_addresses.iter().map(ToString::to_string).collect();
    let pools = settings.address_pools.iter();
    let pools = pools.map(|pool| format!("base={},size={}", pool.base, pool.size)).collect();
    [
        ("SETTING", "VALUE".to_owned()),
        ("publish-policy", settings.publish_policy.word().to_owned()),
        ("publish-address", or(addresses, "every one")),
        ("address-pool", or(pools, "Docker's")),
        ("default-network", settings.default_network.clone()),
        ("mtu", settings.mtu.to_string()),
    ]
    .map(|(name, value)| vec![name.to_owned(), value])
    .to_vec()
}

pub(super) fn doctor(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let diagnosis = session.engine()?.networks().examine()?;
    match matches.value("format") {
        None | Some("" | "table") => print(&diagnosis)?,
        format => {
            list::print(format, &[], &[diagnosis.document()])?;
        }
    }
    Ok(if diagnosis.is_broken() { BROKEN } else { 0 })
}

fn print(diagnosis: &Diagnosis) -> Result<(), Failure> {
    let mut parts = vec![table::layout(&rows(&diagnosis.settings), table::LIST)];
    if !diagnosis.ports.is_empty() {
        let titles = ["PORT", "CONTAINER", "LEADS TO", "HOST", "CONTAINERS", "OUTSIDE", "WHY"]
            .map(str::to_owned);
        let rows: Vec<_> =
            std::iter::once(titles.to_vec()).chain(diagnosis.ports.iter().map(reach)).collect();
        parts.push(table::layout(&rows, table::LIST));
    }
    if diagnosis.findings.is_empty() {
        parts.push("Nothing is wrong.\n".to_owned());
    } else {
        let titles = ["", "OBJECT", "FINDING", "REMEDY"].map(str::to_owned).to_vec();
        let findings = diagnosis.findings.iter().map(|found| {
            let kind = if found.is_broken { "broken" } else { "note" };
            vec![kind.to_owned(), found.object.clone(), found.finding.clone(), found.remedy.clone()]
        });
        let rows: Vec<_> = std::iter::once(titles).chain(findings).collect();
        parts.push(table::layout(&rows, table::LIST));
    }
    output::write(&parts.join("\n"))
}

fn reach(reach: &Reach) -> Vec<String> {
    let word = |reaches: bool| if reaches { "yes" } else { "no" }.to_owned();
    vec![
        reach.port.clone(),
        reach.container.clone(),
        reach.leads_to.clone(),
        word(reach.host),
        word(reach.containers),
        reach.outside.clone(),
        reach.why.join("; "),
    ]
}
