//! The packages of an image as an SPDX 2.3 document in JSON. Source: SPDX specification 2.3.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Inventory;
use super::package::Package;

/// What a document says of itself. The same inventory and the same of these make the same bytes.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// What the image is called.
    pub name: &'a str,
    /// When it was made: RFC 3339, UTC, whole seconds, as `2024-01-02T03:04:05Z`.
    pub created: &'a str,
    /// What made it, as `corten-1.0`.
    pub tool: &'a str,
}

const NOTHING: &str = "NOASSERTION";
const ROOT: &str = "SPDXRef-DocumentRoot-Image";

/// The document, which is the predicate of type [`super::Statement::SPDX`].
#[must_use]
pub fn spdx(inventory: &Inventory, document: &Document<'_>) -> Value {
    let mut packages = vec![root(inventory, document)];
    let mut relationships = vec![relationship("SPDXRef-DOCUMENT", "DESCRIBES", ROOT)];
    if let Some(system) = &inventory.system {
        let id = format!("SPDXRef-OperatingSystem-{}", identifier(&system.id));
        packages.push(json!({
            "SPDXID": id,
            "name": system.id,
            "versionInfo": or_nothing(&system.version),
            "summary": system.name,
            "primaryPackagePurpose": "OPERATING-SYSTEM",
            "downloadLocation": NOTHING,
            "filesAnalyzed": false,
            "licenseConcluded": NOTHING,
            "licenseDeclared": NOTHING,
            "copyrightText": NOTHING,
            "supplier": NOTHING,
        }));
        relationships.push(relationship(ROOT, "CONTAINS", &id));
    }
    let mut used: BTreeMap<String, usize> = BTreeMap::new();
    for package in &inventory.packages {
        let mut id = package_id(package);
        let count = used.entry(id.clone()).or_default();
        *count += 1;
        if *count > 1 {
            id = format!("{id}-{count}");
        }
        packages.push(package_json(package, &id));
        relationships.push(relationship(ROOT, "CONTAINS", &id));
    }
    let content = Value::Array(packages);
    let name_space = name_space(document, &content);
    json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": document.name,
        "documentNamespace": name_space,
        "creationInfo": {
            "created": document.created,
            "creators": [format!("Tool: {}", document.tool)],
        },
        "packages": content,
        "relationships": relationships,
    })
}

/// The image itself. What could not be read is said here, so that nobody takes the list for whole.
fn root(inventory: &Inventory, document: &Document<'_>) -> Value {
    let mut root = json!({
        "SPDXID": ROOT,
        "name": document.name,
        "primaryPackagePurpose": "CONTAINER",
        "downloadLocation": NOTHING,
        "filesAnalyzed": false,
        "licenseConcluded": NOTHING,
        "licenseDeclared": NOTHING,
        "copyrightText": NOTHING,
        "supplier": NOTHING,
    });
    if !inventory.unread.is_empty() {
        root["comment"] = format!("not read: {}", inventory.unread.join("; ")).into();
    }
    root
}

fn package_json(package: &Package, id: &str) -> Value {
    let mut source = format!("found in {}", package.found_in);
    if !package.origin.is_empty() {
        source.push_str(&format!("; built of {}", package.origin));
    }
    let mut json = json!({
        "SPDXID": id,
        "name": package.name,
        "versionInfo": package.version,
        "supplier": supplier(&package.supplier),
        "downloadLocation": NOTHING,
        "filesAnalyzed": false,
        "sourceInfo": source,
        "licenseConcluded": NOTHING,
        "licenseDeclared": NOTHING,
        "copyrightText": NOTHING,
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": package.url,
        }],
    });
    // What packages say need not be an SPDX expression, so it cannot stand where one is asked for.
    if !package.licence.is_empty() {
        json["licenseComments"] = format!("the package says: {}", package.licence).into();
    }
    json
}

/// `Name <address>` as SPDX has people.
fn supplier(text: &str) -> String {
    let line: String = text.chars().filter(|letter| !letter.is_control()).collect();
    match line.trim().split_once('<') {
        _ if line.trim().is_empty() => NOTHING.to_owned(),
        Some((name, address)) => {
            let address = address.split('>').next().unwrap_or_default().trim();
            let name = name.trim();
            format!("Person: {} ({address})", if name.is_empty() { address } else { name })
        }
        None => format!("Organization: {}", line.trim()),
    }
}

fn relationship(from: &str, kind: &str, to: &str) -> Value {
    json!({ "spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to })
}

fn or_nothing(text: &str) -> &str {
    if text.is_empty() { NOTHING } else { text }
}

/// Letters, digits, dots and hyphens.
fn identifier(text: &str) -> String {
    let is_kept = |letter: char| letter.is_ascii_alphanumeric() || letter == '.';
    text.chars().map(|letter| if is_kept(letter) { letter } else { '-' }).collect()
}

/// From what the package is: the same in each image that has it.
fn package_id(package: &Package) -> String {
    let digest = Sha256::digest(format!("{}\0{}", package.url, package.found_in));
    let short: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("SPDXRef-Package-{}-{}-{short}", package.sort, identifier(&package.name))
}

/// A name that no other document has: from all that this one says.
fn name_space(document: &Document<'_>, content: &Value) -> String {
    let mut hasher = Sha256::new();
    hasher.update(document.name);
    hasher.update([0]);
    hasher.update(document.created);
    hasher.update([0]);
    hasher.update(content.to_string());
    let digits: String =
        hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("https://spdx.org/spdxdocs/{}-{digits}", identifier(document.name))
}
