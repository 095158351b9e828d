//! The rules of the book, told as minutes: given what was recorded, when this is asked, then this happens.

mod authority;
mod claims;
mod documents;
mod minutes;
mod model;
mod properties;
mod support;
