//! LXC's tools.
