//! End-to-end tests against real processes and official clients
