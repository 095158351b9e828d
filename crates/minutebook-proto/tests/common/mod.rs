//! What the tests of events share.
#![allow(dead_code)]

pub(crate) mod generated;
pub(crate) mod samples;
