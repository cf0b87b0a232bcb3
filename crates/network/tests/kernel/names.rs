//! Names on the real kernel: dig asks inside a container, dnsmasq answers for the rest of the world.

mod faults;
mod forwarding;
mod own;
mod scene;
