//! Chains of others, as far as they may stand in the way: those that drop what none of their rules lets through.

use sys::netlink::{Answer, Attributes, DUMP, Refusal, Request, Socket};

use super::{GET_CHAIN, GET_RULE, ITEM, SUBSYSTEM};

/// A chain that the kernel calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BaseChain {
    /// NFPROTO_INET and so on.
    pub(crate) family: u8,
    pub(crate) table: String,
    pub(crate) name: String,
    /// NF_INET_FORWARD and so on.
    pub(crate) hook: u32,
    /// Whether what no rule decides is dropped.
    pub(crate) drops: bool,
}

/// A rule of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RuleRow {
    pub(crate) chain: String,
    /// Its expressions as the kernel has them.
    bytes: Vec<u8>,
}

/// All of the machine.
///
/// # Errors
/// When the kernel does not answer.
pub(crate) fn base_chains(socket: &mut Socket) -> Result<Vec<BaseChain>, Refusal> {
    // NFPROTO_UNSPEC: of every family.
    let request = Request::new(SUBSYSTEM << 8 | GET_CHAIN, DUMP, &[0; 4]);
    Ok(socket.ask(request)?.iter().filter_map(base_chain).collect())
}

fn base_chain(answer: &Answer) -> Option<BaseChain> {
    let attributes = answer.attributes();
    let number = |bytes: Option<&[u8]>| bytes?.try_into().ok().map(u32::from_be_bytes);
    Some(BaseChain {
        family: *answer.head().first()?,
        table: attributes.text(1)?.to_owned(),
        name: attributes.text(3)?.to_owned(),
        hook: number(attributes.nested(4).get(1))?,
        // NF_DROP
        drops: number(attributes.get(5)) == Some(0),
    })
}

/// The rules of a table, in their order.
///
/// # Errors
/// When the kernel does not answer.
pub(crate) fn rules(socket: &mut Socket, family: u8, table: &str) -> Result<Vec<RuleRow>, Refusal> {
    let request = Request::new(SUBSYSTEM << 8 | GET_RULE, DUMP, &[family, 0, 0, 0]);
    let answers = socket.ask(request.text(1, table))?;
    Ok(answers
        .iter()
        .filter_map(|answer| {
            let attributes = answer.attributes();
            // The kernel before 5.18 gives those of all tables.
            let is_its = attributes.text(1)? == table;
            let chain = attributes.text(2)?.to_owned();
            let bytes = attributes.get(4).unwrap_or_default().to_vec();
            is_its.then_some(RuleRow { chain, bytes })
        })
        .collect())
}

impl RuleRow {
    /// Whether bytes of an expression are these: an interface's name, an address.
    pub(crate) fn mentions(&self, needle: &[u8]) -> bool {
        self.bytes.windows(needle.len().max(1)).any(|bytes| bytes == needle)
    }

    /// Whether it lets nothing through, whatever it is.
    pub(crate) fn ends_all(&self) -> bool {
        let mut ends = false;
        for (kind, item) in Attributes::of(&self.bytes) {
            let item = Attributes::of(item);
            let data = item.nested(2);
            match (kind, item.text(1)) {
                (ITEM, Some("counter" | "log")) => {}
                (ITEM, Some("reject")) => ends = true,
                // NFTA_IMMEDIATE_DATA, NFTA_DATA_VERDICT, NFTA_VERDICT_CODE: NF_DROP
                (ITEM, Some("immediate")) => {
                    let verdict = data.nested(2).nested(2);
                    ends |= verdict.get(1) == Some(&[0; 4]);
                }
                // Of iptables: NFTA_TARGET_NAME.
                (ITEM, Some("target")) => ends |= data.text(1) == Some("REJECT"),
                _ => return false,
            }
        }
        ends
    }
}
