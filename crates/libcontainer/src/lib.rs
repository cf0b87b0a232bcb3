//! stub
pub mod cgroup;
