//! `device`: a device of the machine in a container that runs, or no longer.

use super::call::Call;
use crate::failure::Failure;

pub(super) fn device(call: &Call) -> Result<i32, Failure> {
    let wrong = || Failure::Words("it is called NAME -- add|del DEVICE [NAME INSIDE]".to_owned());
    let order = call.words.first().ok_or_else(wrong)?;
    let device = call.words.get(1).ok_or_else(wrong)?;
    let inside = call.words.get(2).unwrap_or(device);
    let engine = call.session.engine()?;
    let container = call.running(&engine)?;
    if !device.starts_with('/') {
        return Err(Failure::Words(format!(
            "{device}: interfaces are not moved yet, only devices by their paths"
        )));
    }
    match order.as_str() {
        "add" => engine.containers().add_device(&container, device.as_ref(), inside.as_ref())?,
        "del" => engine.containers().remove_device(&container, inside.as_ref())?,
        _ => return Err(wrong()),
    }
    Ok(0)
}
