//! Clients that a packet has still to reach: their sockets are full. Whoever sent it keeps it until nobody is behind.

use crate::client::{Client, Sent};
use crate::clients::Clients;

/// Their numbers.
#[derive(Default)]
pub(crate) struct Behind(Vec<u32>);

impl Behind {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn contains(&self, id: u32) -> bool {
        self.0.contains(&id)
    }

    /// Sends a packet to all that `wanted` picks.
    pub(crate) fn send(
        &mut self,
        packet: &[u8],
        clients: &mut Clients,
        wanted: impl Fn(&Client) -> bool,
    ) {
        self.0 = clients.iter().filter(|client| wanted(client)).map(|client| client.id).collect();
        self.send_again(packet, clients);
    }

    /// Tries again to reach those that were busy.
    pub(crate) fn send_again(&mut self, packet: &[u8], clients: &mut Clients) {
        self.0.retain(|id| {
            let sent = clients.get_mut(*id).map(|client| client.send(&[packet]));
            if sent == Some(Sent::Gone) {
                clients.remove(*id);
            }
            sent == Some(Sent::Busy)
        });
    }

    /// Leaves the packet in the queues of those that were busy.
    pub(crate) fn owe(&mut self, packet: &[u8], clients: &mut Clients) {
        let behind = std::mem::take(&mut self.0);
        if !behind.is_empty() {
            clients.owe_all(packet, |client| behind.contains(&client.id));
        }
    }
}
