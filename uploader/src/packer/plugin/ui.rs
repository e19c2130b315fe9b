//! Forwards the events of a push to Packer's user interface, in order, while the push goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::host::{Host, ProgressBar};
use super::protocol::CallError;
use crate::base::reporter::{Event, Reporter, unencrypted};
use crate::base::secret::Redactor;

/// The title of the progress bar; the original called its upload the same.
const UPLOAD: &str = "artifact";

enum Update {
    Message(String),
    /// The progress of an upload.
    Sent {
        sent: u64,
        total: u64,
    },
}

/// A reporter that queues events without waiting; [`Forwarder::forward`] sends them to Packer.
pub(super) struct UiReporter {
    updates: UnboundedSender<Update>,
    redactor: Redactor,
    uploading: Arc<AtomicU64>,
}

/// The receiving end of a [`UiReporter`]'s queue.
pub(super) struct Forwarder(UnboundedReceiver<Update>);

impl UiReporter {
    pub(super) fn new(redactor: Redactor) -> (Arc<Self>, Forwarder) {
        let (updates, told) = unbounded_channel();
        let uploading = Arc::default();
        let listener = Self {
            updates,
            redactor,
            uploading,
        };
        (Arc::new(listener), Forwarder(told))
    }

    /// Returns the shared count of bytes to upload, which stays readable after the reporter is dropped.
    pub(super) fn uploading(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.uploading)
    }

    /// Queues a message that belongs to no event.
    pub(super) fn say(&self, text: String) {
        self.send(Update::Message(text));
    }

    fn send(&self, update: Update) {
        // The forwarder is gone once Packer has disconnected.
        let _ = self.updates.send(update);
    }
}

impl Reporter for UiReporter {
    fn report(&self, event: Event<'_>) {
        let text = match event {
            Event::Sent { sent, total } => return self.send(Update::Sent { sent, total }),
            Event::CreatingArtifact(name) => format!("Creating artifact: {name}"),
            Event::Uploading { bytes } => {
                self.uploading.store(bytes, Ordering::Relaxed);
                format!("Uploading artifact ({bytes} bytes)")
            }
            Event::AlreadyThere { slug } => format!("{slug} is already complete"),
            Event::Unchanged { slug } => format!("Nothing was pushed: {slug} is identical"),
            Event::ReceiptNotKept { error } => format!("Warning: {error}"),
            Event::Unencrypted { to } => format!("WARNING: {}", unencrypted(to)),
            Event::Retrying {
                attempt,
                delay,
                cause,
            } => {
                let delay = delay.as_millis();
                format!("Attempt {attempt} failed, trying again in {delay} ms: {cause}")
            }
            _ => return,
        };
        self.send(Update::Message(self.redactor.redact(&text)));
    }
}

impl Forwarder {
    /// Sends all updates to Packer until the reporter is dropped, or until Packer no longer answers.
    pub(super) async fn forward(mut self, packer: &Host) {
        while let Some(update) = self.0.recv().await {
            let told = match update {
                Update::Message(text) => packer.message(&text).await,
                Update::Sent { sent, total } => self.watch(packer, sent, total).await,
            };
            if told.is_err() {
                return;
            }
        }
    }

    /// Shows a progress bar for one attempt to upload, and then the message that follows it.
    async fn watch(&mut self, packer: &Host, sent: u64, total: u64) -> Result<(), CallError> {
        let bar = packer.progress(UPLOAD, total).await?;
        let then = self.advance(&bar, sent).await;
        bar.close().await?;
        match then? {
            Some(text) => packer.message(&text).await,
            None => Ok(()),
        }
    }

    async fn advance(
        &mut self,
        bar: &ProgressBar<'_>,
        sent: u64,
    ) -> Result<Option<String>, CallError> {
        let mut shown = 0;
        let mut sent = sent;
        loop {
            bar.add(sent - shown).await?;
            shown = sent;
            match self.0.recv().await {
                // A smaller number belongs to the next attempt, and follows a message.
                Some(Update::Sent { sent: more, .. }) => sent = more.max(shown),
                Some(Update::Message(text)) => return Ok(Some(text)),
                None => return Ok(None),
            }
        }
    }
}
