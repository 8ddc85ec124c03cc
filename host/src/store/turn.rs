//! Whose turn it is to write, on SQLite, which has one writer at a time. What comes in goes first: it waits for the one who is writing, never for
//! everybody who would like to. Next are those whom somebody waits for; what can be done again (claims, what plugins make of events) comes last.
//! Nobody is left out: each class lets one of the next go before its own next one.

use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard};

#[derive(Clone)]
pub(super) struct Turns {
    /// The connection that writes; none once it is closed.
    writing: Arc<Mutex<Option<Connection>>>,
    /// All but ingest wait here for each other, so that only one of them waits for `writing`.
    others: Arc<Mutex<()>>,
    /// Those who can wait do it here, so that only one of them waits for `others`.
    patient: Arc<Mutex<()>>,
}

/// The connection, for one transaction. Given back in this order.
pub(super) struct Turn {
    pub connection: OwnedMappedMutexGuard<Option<Connection>, Connection>,
    _others: Option<OwnedMutexGuard<()>>,
    _patient: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    pub fn new(connection: Connection) -> Self {
        Self {
            writing: Arc::new(Mutex::new(Some(connection))),
            others: Arc::default(),
            patient: Arc::default(),
        }
    }

    pub async fn of_ingest(&self) -> Option<Turn> {
        self.after(None, None).await
    }

    pub async fn of_others(&self) -> Option<Turn> {
        let others = self.others.clone().lock_owned().await;
        self.after(Some(others), None).await
    }

    pub async fn of_patient(&self) -> Option<Turn> {
        let patient = self.patient.clone().lock_owned().await;
        let others = self.others.clone().lock_owned().await;
        self.after(Some(others), Some(patient)).await
    }

    /// Waits for whoever is writing; nobody writes any more.
    pub async fn close(&self) {
        self.writing.lock().await.take();
    }

    async fn after(
        &self,
        others: Option<OwnedMutexGuard<()>>,
        patient: Option<OwnedMutexGuard<()>>,
    ) -> Option<Turn> {
        let writing = self.writing.clone().lock_owned().await;
        Some(Turn {
            connection: OwnedMutexGuard::try_map(writing, Option::as_mut).ok()?,
            _others: others,
            _patient: patient,
        })
    }
}
