//! The rules of the book, told as minutes: given what was recorded, when this is asked, then this happens.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // as in any test
#![allow(clippy::needless_pass_by_value)] // tests hand over what they make

mod acts;
mod agreements;
mod authority;
mod claims;
mod codes;
mod corrections;
mod deeds;
mod documents;
mod faults;
mod filters;
mod findings;
mod minutes;
mod model;
mod money;
mod motions;
mod properties;
mod proposals;
mod questions;
mod review_properties;
mod review_steps;
mod reviews;
mod roles;
mod support;
mod years;
