//! `system check`: whether everything is as it should be, and what was mended.

use engine::{Checked, Finding};
use serde_json::{Value, json};

use super::is_json;
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;

pub(super) fn check(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let as_json = is_json(matches)?;
    let engine = session.engine()?;
    let (room, deep) = (engine.room(), !matches.on("quick"));
    let (mended, checked) =
        if matches.on("repair") { room.repair(deep)? } else { (Vec::new(), room.check(deep)?) };
    let text = if as_json {
        format!("{}\n", document(&mended, &checked))
    } else {
        words(&mended, &checked, matches.on("repair"))
    };
    output::write(&text)?;
    Ok(i32::from(!checked.findings.is_empty()))
}

fn document(mended: &[Finding], checked: &Checked) -> Value {
    let finding = |finding: &Finding| {
        json!({
            "Problem": finding.problem.word(), "Subject": finding.subject, "Detail": finding.detail,
            "Remedy": finding.problem.remedy().words(),
        })
    };
    json!({
        "Consistent": checked.findings.is_empty(),
        "Findings": checked.findings.iter().map(finding).collect::<Vec<_>>(),
        "Repaired": mended.iter().map(finding).collect::<Vec<_>>(),
        "Images": checked.images, "Layers": checked.layers,
        "Containers": checked.containers, "Volumes": checked.volumes,
    })
}

fn words(mended: &[Finding], checked: &Checked, repair: bool) -> String {
    let line = |finding: &Finding, of: &str| {
        let remedy = finding.problem.remedy().words();
        format!("{of}{} {} ({remedy})\n", finding.subject, finding.detail)
    };
    let mut text: String = mended.iter().map(|finding| line(finding, "repaired: ")).collect();
    text.extend(checked.findings.iter().map(|finding| line(finding, "")));
    let Checked { images, layers, containers, volumes, .. } = checked;
    let seen =
        format!("{images} images, {layers} layers, {containers} containers, {volumes} volumes");
    let end = match checked.findings.len() {
        0 => "the store is consistent".to_owned(),
        count if repair => format!("{count} findings are left"),
        count => {
            format!("{count} findings; 'corten system check --repair' mends what can be mended")
        }
    };
    text.push_str(&format!("{seen}: {end}\n"));
    text
}
