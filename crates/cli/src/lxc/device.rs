//! `device`: a device or an interface of the machine in a container that runs, or no longer.

use super::call::Call;
use crate::failure::Failure;

pub(super) fn device(call: &Call) -> Result<i32, Failure> {
    let wrong =
        || Failure::Words("it is called NAME -- add|del DEVICE|INTERFACE [NAME THERE]".to_owned());
    let order = call.words.first().ok_or_else(wrong)?;
    let device = call.words.get(1).ok_or_else(wrong)?;
    let other = call.words.get(2).unwrap_or(device);
    let engine = call.session.engine()?;
    let container = call.running(&engine)?;
    let containers = engine.containers();
    // What is no path is an interface. The second name is the one that it gets: inside, or taken back, on the machine.
    match (order.as_str(), device.starts_with('/')) {
        ("add", true) => containers.add_device(&container, device.as_ref(), other.as_ref())?,
        ("del", true) => containers.remove_device(&container, other.as_ref())?,
        ("add", false) => containers.add_interface(&container, device, other)?,
        ("del", false) => containers.remove_interface(&container, device, other)?,
        _ => return Err(wrong()),
    }
    Ok(0)
}
