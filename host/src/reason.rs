//! Why something is not possible for somebody now, where the deciding code knows nobody's language: a closed list, which the API names in its
//! problem documents, so that each client says it in its own words.

use serde::Serialize;

/// Each in English by its `Display`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A conversation was changed between being read and being written.
    #[error("the conversation was changed meanwhile")]
    ConversationChanged,
    #[error("the conversation is concluded; reopen it to answer")]
    ConversationConcluded,
    /// Two open conversations of one thread cannot be.
    #[error("the contact has another open conversation")]
    AnotherIsOpen,
    #[error("another agent serves this conversation")]
    AnotherServes,
    #[error("no such agent")]
    NoSuchAgent,
    #[error("no such team")]
    NoSuchTeam,
    #[error("the user is not an agent of the conversation's team")]
    NotOfTheTeam,
    /// What lay unsent for too long was removed.
    #[error("a file is not here any more")]
    FileGone,
    /// Only what failed, or of which nobody knows, is sent once more.
    #[error("the message has not failed, and is not sent again")]
    NotFailed,
    #[error("a change of this message is under way")]
    ChangeUnderWay,
    #[error("there is no change to let go of")]
    NoChange,
    #[error("the channel does not have this message")]
    NotAtTheChannel,
    #[error("the attachment is here")]
    AttachmentHere,
    #[error("the attachment is on its way")]
    AttachmentUnderWay,
    /// What an app looked at was changed before what it asked for could be written.
    #[error("what the app looked at has changed meanwhile; nothing was done")]
    AppOvertaken,
    #[error("the same request is still under way")]
    RequestUnderWay,
    /// A server ended while it served the request.
    #[error(
        "the same request was cut off before it had an answer: look whether it was done before you send it with another key"
    )]
    RequestCutOff,
}

impl Reason {
    /// The code that the API's problem documents have beside it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::AnotherServes => "denied",
            Self::NoSuchAgent | Self::NoSuchTeam | Self::NotOfTheTeam => "invalid",
            Self::ConversationChanged
            | Self::FileGone
            | Self::AppOvertaken
            | Self::RequestUnderWay
            | Self::RequestCutOff => "conflict",
            Self::ConversationConcluded
            | Self::AnotherIsOpen
            | Self::NotFailed
            | Self::ChangeUnderWay
            | Self::NoChange
            | Self::NotAtTheChannel
            | Self::AttachmentHere
            | Self::AttachmentUnderWay => "state",
        }
    }
}
