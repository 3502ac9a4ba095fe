//! Work that is paid for and goes on when its caller has gone.

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{self, Poll};

use futures_util::future::{BoxFuture, FutureExt as _};

use crate::context::Context;

impl Context {
    /// Does work that is paid for once a request went out. A call that is given up then is not dropped, on machines that live
    /// longer than their calls: what is under way comes to its end, and is to be put where it can be found, since nobody reads
    /// the result ([`Context::given_up`]). No request is begun any more.
    pub async fn outlive<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        Outliving { cx: self.clone(), work: Some(work.boxed()) }.await
    }
}

struct Outliving<T: Send + 'static> {
    cx: Context,
    /// None once it has ended, or panicked.
    work: Option<BoxFuture<'static, T>>,
}

impl<T: Send + 'static> Future for Outliving<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<T> {
        let Some(mut work) = self.work.take() else { return Poll::Pending };
        let outcome = work.poll_unpin(task);
        if outcome.is_pending() {
            self.work = Some(work);
        }
        outcome
    }
}

impl<T: Send + 'static> Drop for Outliving<T> {
    fn drop(&mut self) {
        let inner = self.cx.inner();
        if let Some(work) = self.work.take()
            && inner.asked.load(Ordering::Relaxed)
        {
            inner.given_up.store(true, Ordering::Relaxed);
            inner.platform.finish(self.cx.caller().from, work.map(drop).boxed());
        }
    }
}
