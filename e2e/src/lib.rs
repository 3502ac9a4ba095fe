//! End-to-end tests against real processes and official clients, and the server that the conformance suite asks for.

pub mod everything;
