//! What the tests of events share.
#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod generated;
pub(crate) mod samples;
