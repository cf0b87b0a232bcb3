//! A container's interfaces as they are.

use std::os::fd::BorrowedFd;

use spec::network::{Cidr, HardwareAddress};

use crate::link::{Links, Traffic};

use super::{NetworkError, link_error};

/// An interface of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveInterface {
    /// Its name.
    pub name: String,
    /// Its hardware address.
    pub hardware: Option<HardwareAddress>,
    /// Bytes of the largest packet.
    pub mtu: u32,
    /// Whether it is up.
    pub is_up: bool,
    /// Its addresses.
    pub addresses: Vec<Cidr>,
    /// What has passed it.
    pub traffic: Traffic,
}

impl LiveInterface {
    /// Those of a network namespace.
    ///
    /// # Errors
    /// When the caller may not go there, or the kernel does not answer.
    pub fn all(namespace: BorrowedFd<'_>) -> Result<Vec<Self>, NetworkError> {
        let failed = |cause| link_error("look at the container's interfaces".to_owned(), cause);
        let mut links = Links::inside(namespace).map_err(NetworkError::Socket)?;
        let interfaces = links.all().map_err(failed)?;
        let addresses = links.addresses().map_err(failed)?;
        let of = |index: u32| {
            let own = addresses.iter().filter(move |(holder, _)| *holder == index);
            own.map(|(_, address)| *address).collect()
        };
        let live = interfaces.into_iter().map(|found| Self {
            addresses: of(found.index),
            name: found.name,
            hardware: found.hardware,
            mtu: found.mtu,
            is_up: found.is_up,
            traffic: found.traffic,
        });
        Ok(live.collect())
    }
}
