//! Bodies that are produced in chunks while they are sent. The producer blocks a thread, so a client that does not read
//! is given up after a time limit.

use std::io;
use std::marker::PhantomData;
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::channel::{Channel, Sender};
use serde::Serialize;
use tokio::runtime::Handle;
use utoipa::{PartialSchema, ToSchema};

use super::handler::ResponseBody;
use super::problem::ApiProblem;
use super::schema::{ResponseSchema, schema_of};

/// The time that the producer waits for the client to accept a chunk.
pub const CHUNK_TIMEOUT: Duration = Duration::from_secs(10);
/// The number of chunks that may wait.
const MAX_CHUNKS: usize = 2;

/// The sending end of a streamed body.
pub(crate) struct BodyWriter {
    sender: Sender<Bytes, io::Error>,
    runtime: Handle,
}

/// Returns a body whose chunks `produce` sends on a thread of its own. If `produce` fails, or the client does not
/// read, the body is aborted, which the client sees as an error.
pub(crate) fn streamed(produce: impl FnOnce(&mut BodyWriter) -> io::Result<()> + Send + 'static) -> Body {
    let (sender, body) = Channel::<Bytes, io::Error>::new(MAX_CHUNKS);
    let runtime = Handle::current();
    let mut writer = BodyWriter {
        sender,
        runtime: runtime.clone(),
    };
    runtime.spawn_blocking(move || {
        if let Err(error) = produce(&mut writer) {
            writer.sender.abort(error);
        }
    });
    Body::new(body)
}

/// A body of JSON objects, one per line.
pub(crate) struct JsonLines<T> {
    body: Body,
    object: PhantomData<T>,
}

impl<T: Serialize + Send + 'static> JsonLines<T> {
    /// Sends the objects of `first`, then those that `more` returns until it returns none.
    pub(crate) fn new(
        first: Vec<T>,
        mut more: impl FnMut() -> io::Result<Option<Vec<T>>> + Send + 'static,
    ) -> Self {
        let body = streamed(move |writer| {
            let mut next = Some(first);
            while let Some(objects) = next {
                let mut text = Vec::new();
                for object in &objects {
                    serde_json::to_writer(&mut text, object)?;
                    text.push(b'\n');
                }
                writer.send(text.into())?;
                next = more()?;
            }
            Ok(())
        });
        Self {
            body,
            object: PhantomData,
        }
    }
}

impl<T: Serialize + ToSchema + PartialSchema> ResponseBody for JsonLines<T> {
    const SCHEMA: ResponseSchema = ResponseSchema::JsonLines(schema_of::<T>);

    fn into_body(self) -> Result<Body, ApiProblem> {
        Ok(self.body)
    }
}

/// A body of bytes.
pub(crate) struct Binary(pub(crate) Body);

impl ResponseBody for Binary {
    const SCHEMA: ResponseSchema = ResponseSchema::Bytes;

    fn into_body(self) -> Result<Body, ApiProblem> {
        Ok(self.0)
    }
}

impl BodyWriter {
    /// Sends a chunk; blocks until there is room for it.
    ///
    /// # Errors
    /// The client has gone, or did not read within [`CHUNK_TIMEOUT`].
    pub(crate) fn send(&mut self, chunk: Bytes) -> io::Result<()> {
        self.send_within(CHUNK_TIMEOUT, chunk)
    }

    fn send_within(&mut self, limit: Duration, chunk: Bytes) -> io::Result<()> {
        let Self { sender, runtime } = self;
        let sent = runtime.block_on(async { tokio::time::timeout(limit, sender.send_data(chunk)).await });
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_body_that_is_not_read_releases_its_thread() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let (ended, end) = mpsc::channel();
        let _entered = runtime.enter();
        let body = streamed(move |writer| {
            let mut sent = 0;
            let error = loop {
                let short = Duration::from_millis(20);
                match writer.send_within(short, Bytes::from_static(b"x")) {
                    Ok(()) => sent += 1,
                    Err(error) => break error,
                }
            };
            ended.send((sent, error.kind())).unwrap();
            Err(error)
        });
        let found = runtime.block_on(async {
            tokio::task::spawn_blocking(move || end.recv_timeout(Duration::from_secs(30)).unwrap())
                .await
                .unwrap()
        });
        assert_eq!(found, (MAX_CHUNKS, io::ErrorKind::TimedOut));
        drop(body);
    }
}
