//! What there is of something, for all who want it.

use std::net::IpAddr;

use bytes::Bytes;
use openai_mcp_kernel::budget::Budget;

fn at(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

#[test]
fn an_address_gets_half_and_all_get_all() {
    let budget = Budget::new(10);
    let mut one = budget.open(at("203.0.113.1"));
    assert!(one.take(5) && !one.take(1));
    // The same machine, by another of its names.
    assert!(!budget.open(at("::ffff:203.0.113.1")).take(1));
    let mut two = budget.open(at("2001:db8::1"));
    assert!(two.take(4) && !budget.open(at("2001:db8::2")).take(2));
    let mut near = budget.open(None);
    assert!(near.take(1) && !near.take(1));
    drop(one);
    assert!(near.take(5) && !near.take(1));
    two.give_back();
    assert!(near.take(4));
    drop((near, two));
    assert!(budget.open(None).take(10));
}

#[test]
fn what_is_there_already_counts() {
    let budget = Budget::new(10);
    let mut one = budget.open(at("203.0.113.1"));
    one.owe(12);
    assert!(!one.take(1) && !budget.open(None).take(1));
    one.give_back();
    assert!(one.take(5) && !one.take(1) && budget.open(None).take(5));
}

#[test]
fn bytes_hold_what_was_taken_for_them() {
    let budget = Budget::new(10);
    let mut held = budget.open(None);
    assert!(held.take(10));
    let part = held.keep(Bytes::from_static(b"0123456789")).slice(2..4);
    assert!(!budget.open(None).take(1));
    drop(part);
    assert!(budget.open(None).take(10));
}
