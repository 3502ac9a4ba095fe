//! Sockets that leave others their turn. What reads frames or heads from a socket goes on while there are any, and of the
//! smallest ones a socket can bring more than a thread should work on in a row.

use std::future::Future as _;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::yield_now;

/// Bytes that are read before others have their turn: some seven thousand frames of HTTP/2 at most.
const TURN: usize = 64 * 1024;

/// A socket of which so much is read at a time.
pub(crate) struct Fair {
    stream: TcpStream,
    left: usize,
}

impl Fair {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Fair { stream, left: TURN }
    }
}

impl AsyncRead for Fair {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.left == 0 {
            self.left = TURN;
            // It wakes this task after the sockets of others were looked at.
            let _ = pin!(yield_now()).poll(cx);
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.left = match read {
            Poll::Ready(_) => self.left.saturating_sub(buffer.filled().len() - before),
            // While nothing is there, others have their turn.
            Poll::Pending => TURN,
        };
        read
    }
}

impl AsyncWrite for Fair {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Connection for Fair {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}
