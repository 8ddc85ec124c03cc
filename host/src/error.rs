//! The one public error type: its variants say what the caller can do. Only `Internal` is a fault of ours, logged once, at the boundary.

use std::fmt;
use std::time::Duration;

use balcao_runtime::rules::Refusal;

use crate::reason::Reason;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("sign in first")]
    Unauthenticated,
    /// The caller may not do this.
    #[error("{0}")]
    Denied(String),
    /// What was not found, in one word.
    #[error("{0} not found")]
    NotFound(&'static str),
    #[error("{message}")]
    Invalid {
        message: String,
        /// Field and what is wrong with it.
        fields: Vec<(String, String)>,
    },
    /// Somebody else changed it meanwhile, or it exists already.
    #[error("{0}")]
    Conflict(String),
    /// Not possible in the subject's present state.
    #[error("{0}")]
    State(String),
    /// Not possible, for a reason that each client puts into its own words.
    #[error(transparent)]
    Refused(#[from] Reason),
    #[error("too many requests")]
    RateLimited { retry_after: Duration },
    #[error("{0}")]
    TooLarge(String),
    /// Try again later; nothing was done.
    #[error("{0}")]
    Unavailable(String),
    #[error("{0:#}")]
    Internal(anyhow::Error),
}

impl Error {
    /// The code of the API's problem documents.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthenticated",
            Self::Denied(_) => "denied",
            Self::NotFound(_) => "not_found",
            Self::Invalid { .. } => "invalid",
            Self::Conflict(_) => "conflict",
            Self::State(_) => "state",
            Self::Refused(reason) => reason.code(),
            Self::RateLimited { .. } => "rate_limited",
            Self::TooLarge(_) => "too_large",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
        }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid {
            message: message.into(),
            fields: Vec::new(),
        }
    }

    /// One field is wrong.
    pub fn invalid_field(field: impl Into<String>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Invalid {
            message: message.clone(),
            fields: vec![(field.into(), message)],
        }
    }

    /// Another writer came between: the same again may succeed.
    pub fn is_contention(&self) -> bool {
        let Self::Internal(error) = self else {
            return false;
        };
        let Some(sqlx::Error::Database(database)) = error.downcast_ref::<sqlx::Error>() else {
            return false;
        };
        // PostgreSQL: serialization failure, deadlock. Both: two made the same thing at once.
        database.is_unique_violation()
            || matches!(database.code().as_deref(), Some("40001" | "40P01"))
    }

    /// Nobody has to change anything for the same to succeed later: others were in the way, or the database could not be reached.
    pub fn may_pass(&self) -> bool {
        let error = match self {
            Self::Conflict(_) | Self::Unavailable(_) => return true,
            Self::Refused(reason) => return reason.code() == "conflict",
            Self::Internal(error) => error.downcast_ref::<sqlx::Error>(),
            _ => None,
        };
        match error {
            // PostgreSQL: serialization failure, deadlock, shutdown, crash, starting up.
            Some(sqlx::Error::Database(database)) => matches!(
                database.code().as_deref(),
                Some("40001" | "40P01" | "57P01" | "57P02" | "57P03")
            ),
            Some(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed) => true,
            _ => false,
        }
    }

    pub fn internal(error: impl Into<anyhow::Error>) -> Self {
        Self::Internal(error.into())
    }
}

impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
                Self::Unavailable("the database is busy".into())
            }
            sqlx::Error::Io(error) => {
                Self::Unavailable(format!("the database cannot be reached: {error}"))
            }
            error => Self::Internal(error.into()),
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(error.into())
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal.code {
            "state" => Self::State(refusal.message),
            "denied" => Self::Denied(refusal.message),
            _ => Self::invalid(refusal.message),
        }
    }
}

/// Says where an error arose, without changing what the caller can do about it.
pub trait Context<T> {
    fn context(self, place: impl fmt::Display + Send + Sync + 'static) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for Result<T, E> {
    fn context(self, place: impl fmt::Display + Send + Sync + 'static) -> Result<T> {
        self.map_err(|error| match error.into() {
            Error::Internal(error) => Error::Internal(error.context(place)),
            error => error,
        })
    }
}
