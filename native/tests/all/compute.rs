//! Work that takes long, off the thread that serves.

use core::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use futures_util::future::{FutureExt as _, join_all};
use openai_mcp_kernel::context::Context;
use openai_mcp_kernel::error::Kind;
use openai_mcp_kernel::platform::Platform as _;

use crate::things::{config, machine, service};

fn places() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get).max(2)
}

fn context() -> Context {
    service(config("http://127.0.0.1:1/v1", &[])).command()
}

#[tokio::test]
async fn it_leaves_the_thread_that_serves() {
    let here = std::thread::current().id();
    let there = context().compute(|| std::thread::current().id()).await.unwrap();
    assert_ne!(here, there);
}

#[tokio::test]
async fn a_panic_costs_one_call() {
    let cx = context();
    let error = cx.compute(|| -> () { panic!("on purpose") }).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Internal);
    assert_eq!(cx.compute(|| 7).await.unwrap(), 7);
}

#[tokio::test]
async fn it_has_so_many_places_and_what_waits_for_one_can_be_dropped() {
    let (places, cx) = (places(), context());
    let (begun, begins) = mpsc::channel();
    let gates: Vec<_> = (0..places)
        .map(|_| {
            let (open, gate) = mpsc::channel::<()>();
            let begun = begun.clone();
            let work = cx.compute(move || {
                begun.send(()).unwrap();
                // Until the gate is opened, or gone.
                let _ = gate.recv();
            });
            (open, Box::pin(work))
        })
        .collect();
    let (open, mut held): (Vec<_>, Vec<_>) = gates.into_iter().unzip();
    assert!(held.iter_mut().all(|work| work.now_or_never().is_none()));
    for _ in 0..places {
        begins.recv().unwrap();
    }
    let ran = Arc::new(AtomicUsize::new(0));
    let one_more = |number| {
        let ran = ran.clone();
        Box::pin(cx.compute(move || ran.fetch_add(number, Ordering::SeqCst)))
    };
    let (mut left, mut stays) = (one_more(100), one_more(1));
    assert!((&mut left).now_or_never().is_none() && (&mut stays).now_or_never().is_none());
    drop(left);
    // A place is free when its work is done, whoever waits for it: the calls that hold them end here, the work later.
    drop(held);
    assert!((&mut stays).now_or_never().is_none());
    drop(open);
    stays.await.unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 1);
    join_all((0..10).map(|_| cx.compute(|| ()))).await;
}

#[tokio::test]
async fn who_has_least_of_it_under_way_comes_next() {
    let machine = machine();
    let [many, one] = [1, 2].map(|last| Some(IpAddr::from([192, 0, 2, last])));
    let (begun, begins) = mpsc::channel();
    let (open, gate) = mpsc::channel::<()>();
    let gate = Arc::new(std::sync::Mutex::new(gate));
    let start = |by| {
        let (begun, gate) = (begun.clone(), gate.clone());
        let work = move || {
            begun.send(by).unwrap();
            let _ = gate.lock().unwrap().recv();
        };
        let mut work = machine.compute(by, Box::new(work));
        assert!((&mut work).now_or_never().is_none());
        work
    };
    let crowd: Vec<_> = (0..2 * places() + 3).map(|_| start(many)).collect();
    for _ in 0..places() {
        assert_eq!(begins.recv().unwrap(), many);
    }
    let late = start(one);
    drop(open);
    late.await;
    join_all(crowd).await;
    let first = begins.try_iter().position(|by| by == one);
    assert!(first.is_some_and(|before| before <= places()), "{first:?} of the crowd came before it");
}
