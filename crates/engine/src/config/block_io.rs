//! Limits of block devices. Source: kernel Documentation/admin-guide/cgroup-v1/blkio-controller.rst, cgroup-v2.rst.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Weights and rates; nothing is no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlockIoLimits {
    /// Relative weight, 10 to 1000.
    pub weight: Option<u16>,
    /// Relative weights on single devices.
    pub weight_devices: Vec<DeviceRate>,
    /// Bytes read in a second.
    pub read_bps: Vec<DeviceRate>,
    /// Bytes written in a second.
    pub write_bps: Vec<DeviceRate>,
    /// Reads in a second.
    pub read_iops: Vec<DeviceRate>,
    /// Writes in a second.
    pub write_iops: Vec<DeviceRate>,
}

/// A number for one block device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRate {
    /// The device on the host.
    pub path: PathBuf,
    /// A weight, or bytes or operations in a second.
    pub rate: u64,
}
