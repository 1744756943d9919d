//! Collects what a connection writes during one poll of its task, and sends it together.
//!
//! HTTP/2 hands every frame of data to the socket by itself, and each costs a system call. Responses that are ready in the
//! same poll of a connection leave in one write instead. None waits for another: whoever polls the connection calls
//! [`WriteBuffer::poll_send`] right after.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most bytes that are collected; then they are sent before the end of the poll.
const LIMIT: usize = 64 << 10;

/// A stream whose writes are collected. A flush sends nothing.
pub(super) struct WriteBuffer<S>(Arc<Mutex<Buffered<S>>>);

struct Buffered<S> {
    stream: S,
    /// What was written and not sent yet; without memory while there is nothing.
    unsent: BytesMut,
}

impl<S> WriteBuffer<S> {
    /// Collects what is written to this stream.
    pub(super) fn new(stream: S) -> WriteBuffer<S> {
        WriteBuffer(Arc::new(Mutex::new(Buffered { stream, unsent: BytesMut::new() })))
    }

    /// The same buffer, for whoever sends.
    pub(super) fn share(&self) -> WriteBuffer<S> {
        WriteBuffer(Arc::clone(&self.0))
    }

    fn lock(&self) -> MutexGuard<'_, Buffered<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: AsyncWrite + Unpin> WriteBuffer<S> {
    /// Sends what was collected. While the socket takes no more, the task is woken when it does.
    ///
    /// # Errors
    /// If the socket cannot be written.
    pub(super) fn poll_send(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lock().poll_send(context)
    }
}

impl<S: AsyncWrite + Unpin> Buffered<S> {
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unsent.is_empty() {
            return Poll::Ready(Ok(()));
        }
        while !self.unsent.is_empty() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(context, &self.unsent))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unsent.advance(sent);
        }
        self.unsent = BytesMut::new();
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// The room for further bytes, after sending if there is none.
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.unsent.len() >= LIMIT {
            ready!(self.poll_send(context))?;
        }
        if self.unsent.capacity() == 0 {
            self.unsent.reserve(LIMIT);
        }
        Poll::Ready(Ok(LIMIT - self.unsent.len()))
    }

    fn collect(&mut self, bytes: &[u8], room: usize) -> usize {
        let taken = &bytes[..bytes.len().min(room)];
        self.unsent.extend_from_slice(taken);
        taken.len()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteBuffer<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.lock().stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteBuffer<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut buffered = self.lock();
        let room = ready!(buffered.poll_room(context))?;
        Poll::Ready(Ok(buffered.collect(bytes, room)))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut buffered = self.lock();
        let room = ready!(buffered.poll_room(context))?;
        Poll::Ready(Ok(parts.iter().fold(0, |taken, part| taken + buffered.collect(part, room - taken))))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut buffered = self.lock();
        ready!(buffered.poll_send(context))?;
        Pin::new(&mut buffered.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// A socket that takes so many bytes.
    struct Socket {
        writes: Vec<usize>,
        room: usize,
        is_shut_down: bool,
    }

    impl AsyncWrite for Socket {
        fn poll_write(mut self: Pin<&mut Self>, _context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            let taken = bytes.len().min(self.room);
            if taken == 0 {
                return Poll::Pending;
            }
            self.room -= taken;
            self.writes.push(taken);
            Poll::Ready(Ok(taken))
        }

        fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.is_shut_down = true;
            Poll::Ready(Ok(()))
        }
    }

    fn buffer(room: usize) -> WriteBuffer<Socket> {
        WriteBuffer::new(Socket { writes: Vec::new(), room, is_shut_down: false })
    }

    fn context() -> Context<'static> {
        Context::from_waker(Waker::noop())
    }

    /// Writes and flushes as HTTP/2 does; how many bytes were taken.
    fn write(buffer: &mut WriteBuffer<Socket>, bytes: usize) -> Option<usize> {
        let parts = [vec![1; bytes / 2], vec![2; bytes - bytes / 2]];
        let parts = parts.each_ref().map(|part| io::IoSlice::new(part));
        let taken = Pin::new(&mut *buffer).poll_write_vectored(&mut context(), &parts);
        assert!(Pin::new(buffer).poll_flush(&mut context()).is_ready());
        match taken {
            Poll::Ready(taken) => Some(taken.expect("the socket does not fail")),
            Poll::Pending => None,
        }
    }

    #[test]
    fn what_is_written_before_it_is_sent_leaves_in_one_write() {
        let mut buffer = buffer(usize::MAX);
        assert_eq!([300, 1, 5_000].map(|bytes| write(&mut buffer, bytes)), [Some(300), Some(1), Some(5_000)]);
        assert_eq!(buffer.lock().stream.writes, [0; 0]);
        assert!(buffer.poll_send(&mut context()).is_ready());
        assert!(buffer.poll_send(&mut context()).is_ready(), "nothing is left");
        assert_eq!(buffer.lock().stream.writes, [5_301]);
        assert_eq!(buffer.lock().unsent.capacity(), 0, "an idle connection holds no memory");
    }

    #[test]
    fn no_more_is_collected_than_the_limit_and_a_socket_without_room_stops_the_writer() {
        let mut buffer = buffer(LIMIT);
        assert_eq!(write(&mut buffer, 2 * LIMIT), Some(LIMIT));
        assert_eq!(write(&mut buffer, LIMIT), Some(LIMIT), "the first is sent");
        assert_eq!(write(&mut buffer, 1), None);
        assert!(buffer.poll_send(&mut context()).is_pending());
        buffer.lock().stream.room = LIMIT - 1;
        assert!(buffer.poll_send(&mut context()).is_pending());
        assert_eq!(write(&mut buffer, LIMIT), Some(LIMIT - 1), "one byte is left of what was collected");
        assert_eq!(buffer.lock().stream.writes, [LIMIT, LIMIT - 1]);
    }

    #[test]
    fn a_shutdown_waits_until_everything_is_sent() {
        let mut buffer = buffer(0);
        write(&mut buffer, 10);
        assert!(Pin::new(&mut buffer).poll_shutdown(&mut context()).is_pending());
        assert!(!buffer.lock().stream.is_shut_down);
        buffer.lock().stream.room = 10;
        assert!(Pin::new(&mut buffer).poll_shutdown(&mut context()).is_ready());
        let buffered = buffer.lock();
        let Buffered { stream, .. } = &*buffered;
        assert_eq!((&stream.writes[..], stream.is_shut_down), (&[10][..], true));
    }
}
