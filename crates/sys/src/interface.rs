//! The one thing that a network namespace without a network needs: its loopback interface up. Source: netdevice(7).

use std::os::fd::AsRawFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::Errno;

/// IFF_UP and IFF_RUNNING in the type of `ifr_flags`.
const IFF_UP_RUNNING: i16 = 0x41;

/// Sets IFF_UP on an interface of the caller's network namespace. The name is at most 15 bytes long.
///
/// # Errors
/// ENODEV when there is none of that name, EPERM without CAP_NET_ADMIN.
pub fn set_interface_up(name: &[u8]) -> Result<(), Errno> {
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    // SAFETY: the structure holds integers and byte arrays, for which zeros are valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1).zip(name) {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_flags = IFF_UP_RUNNING;
    // SAFETY: SIOCSIFFLAGS reads one `ifreq`, which `request` is, and writes nothing of ours.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    if done == 0 { Ok(()) } else { Err(Errno::last()) }
}
