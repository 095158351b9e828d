//! The pure rules of the minute book: no input or output, no clock, no threads, no wire format.

pub mod answer;
pub mod authority;
pub mod book;
pub mod changes;
mod claims;
pub mod command;
pub mod compare;
mod corrections;
pub mod dates;
mod decide;
pub mod document;
pub mod event;
mod fault;
mod fields;
pub mod findings;
pub mod fold;
pub mod history;
pub mod ids;
pub mod message;
pub mod plan;
pub mod record;
mod references;
pub mod refusal;
pub mod related;
mod review;
mod statement;
pub mod value;
