//! The methods that are played, each with the parameters that the documents list for it. A table, and nothing else.

use super::object::{self, Check};

/// One method.
pub(super) struct Method {
    pub name: &'static str,
    parameters: &'static [&'static [Parameter]],
    pub gives: Gives,
}

/// What it answers, and what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gives {
    /// Who the bot is.
    Me,
    /// `True`.
    True,
    /// The message that was sent, with this field for its content.
    Message(&'static str),
    /// The messages of an album.
    Album,
    /// The message as it is after an edit of this field.
    Edited(&'static str),
    /// `True`, and the named messages are gone.
    Deleted,
    File,
    /// A person's pictures.
    Pictures,
    WebhookInfo,
    WebhookSet,
    WebhookGone,
    /// `True`, once for each pressed button.
    Answered,
}

/// One parameter.
#[derive(Clone, Copy)]
pub(super) struct Parameter {
    pub name: &'static str,
    pub required: bool,
    pub kind: Kind,
}

/// What a parameter may be.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// So many characters.
    Text(usize, usize),
    Integer(i64, i64),
    Number(f64, f64),
    Flag,
    /// A chat by number or `@name`.
    Chat,
    OneOf(&'static [&'static str]),
    /// A file by id, address or upload: whether an address will do, and how many bytes may be uploaded.
    File(bool, usize),
    /// A JSON-serialized object or list.
    Json(Check),
}

impl Method {
    pub fn find(name: &str) -> Option<&'static Self> {
        // "All methods in the Bot API are case-insensitive."
        METHODS.iter().find(|it| it.name.eq_ignore_ascii_case(name))
    }

    pub fn parameters(&self) -> impl Iterator<Item = &'static Parameter> {
        self.parameters.iter().copied().flatten()
    }
}

const fn must(name: &'static str, kind: Kind) -> Parameter {
    Parameter {
        name,
        required: true,
        kind,
    }
}

const fn may(name: &'static str, kind: Kind) -> Parameter {
    Parameter {
        name,
        required: false,
        kind,
    }
}

const ANY: Kind = Kind::Text(0, usize::MAX);
const SOME: Kind = Kind::Text(1, usize::MAX);
const COUNT: Kind = Kind::Integer(0, i64::MAX);
const ID: Kind = Kind::Integer(1, i64::MAX);
const MB: usize = 1024 * 1024;
const UPLOAD: usize = 50 * MB;
const PARSE_MODE: Parameter = may(
    "parse_mode",
    Kind::OneOf(&["MarkdownV2", "HTML", "Markdown"]),
);

/// Where a message goes.
const TO: &[Parameter] = &[
    may("business_connection_id", SOME),
    must("chat_id", Kind::Chat),
    may("message_thread_id", ID),
    may("direct_messages_topic_id", ID),
];
/// What every message may have.
const SENT: &[Parameter] = &[
    may("disable_notification", Kind::Flag),
    may("protect_content", Kind::Flag),
    may("allow_paid_broadcast", Kind::Flag),
    may("message_effect_id", SOME),
    may("reply_parameters", Kind::Json(object::reply)),
];
/// What a single message may have.
const SINGLE: &[Parameter] = &[
    may("suggested_post_parameters", Kind::Json(object::any)),
    may("ephemeral_message_parameters", Kind::Json(object::any)),
    may("reply_markup", Kind::Json(object::markup)),
];
const CAPTION: &[Parameter] = &[
    may("caption", Kind::Text(0, 1024)),
    PARSE_MODE,
    may("caption_entities", Kind::Json(object::entities)),
];
const ABOVE: &[Parameter] = &[may("show_caption_above_media", Kind::Flag)];
const SPOILER: &[Parameter] = &[may("has_spoiler", Kind::Flag)];
const SIZE: &[Parameter] = &[may("width", COUNT), may("height", COUNT)];
const DURATION: &[Parameter] = &[may("duration", COUNT)];
const THUMBNAIL: &[Parameter] = &[may("thumbnail", Kind::File(false, 200 * 1024))];
const PLACE: &[Parameter] = &[
    must("latitude", Kind::Number(-90.0, 90.0)),
    must("longitude", Kind::Number(-180.0, 180.0)),
];
/// Which message is edited.
const WHICH: &[Parameter] = &[
    may("business_connection_id", SOME),
    may("chat_id", Kind::Chat),
    may("message_id", ID),
    may("inline_message_id", SOME),
];
const KEYBOARD: &[Parameter] = &[may("reply_markup", Kind::Json(object::inline_markup))];
const TEXT: &[Parameter] = &[
    must("text", Kind::Text(1, 4096)),
    PARSE_MODE,
    may("entities", Kind::Json(object::entities)),
    may("link_preview_options", Kind::Json(object::link_preview)),
];
const ACTIONS: &[&str] = &[
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
];

const METHODS: &[Method] = &[
    Method {
        name: "getMe",
        parameters: &[],
        gives: Gives::Me,
    },
    Method {
        name: "setWebhook",
        parameters: &[&[
            must("url", ANY),
            may("certificate", Kind::File(false, MB)),
            may("ip_address", SOME),
            may("max_connections", Kind::Integer(1, 100)),
            may("allowed_updates", Kind::Json(object::updates)),
            may("drop_pending_updates", Kind::Flag),
            may("secret_token", Kind::Text(1, 256)),
        ]],
        gives: Gives::WebhookSet,
    },
    Method {
        name: "deleteWebhook",
        parameters: &[&[may("drop_pending_updates", Kind::Flag)]],
        gives: Gives::WebhookGone,
    },
    Method {
        name: "getWebhookInfo",
        parameters: &[],
        gives: Gives::WebhookInfo,
    },
    Method {
        name: "sendMessage",
        parameters: &[TO, TEXT, SENT, SINGLE],
        gives: Gives::Message("text"),
    },
    Method {
        name: "sendPhoto",
        parameters: &[
            TO,
            &[must("photo", Kind::File(true, 10 * MB))],
            CAPTION,
            ABOVE,
            SPOILER,
            SENT,
            SINGLE,
        ],
        gives: Gives::Message("photo"),
    },
    Method {
        name: "sendVideo",
        parameters: &[
            TO,
            &[
                must("video", Kind::File(true, UPLOAD)),
                may("cover", Kind::File(true, 10 * MB)),
                may("start_timestamp", COUNT),
                may("supports_streaming", Kind::Flag),
            ],
            DURATION,
            SIZE,
            THUMBNAIL,
            CAPTION,
            ABOVE,
            SPOILER,
            SENT,
            SINGLE,
        ],
        gives: Gives::Message("video"),
    },
    Method {
        name: "sendAnimation",
        parameters: &[
            TO,
            &[must("animation", Kind::File(true, UPLOAD))],
            DURATION,
            SIZE,
            THUMBNAIL,
            CAPTION,
            ABOVE,
            SPOILER,
            SENT,
            SINGLE,
        ],
        gives: Gives::Message("animation"),
    },
    Method {
        name: "sendAudio",
        parameters: &[
            TO,
            &[
                must("audio", Kind::File(true, UPLOAD)),
                may("performer", ANY),
                may("title", ANY),
            ],
            DURATION,
            THUMBNAIL,
            CAPTION,
            SENT,
            SINGLE,
        ],
        gives: Gives::Message("audio"),
    },
    Method {
        name: "sendVoice",
        parameters: &[
            TO,
            &[must("voice", Kind::File(true, UPLOAD))],
            DURATION,
            CAPTION,
            SENT,
            SINGLE,
        ],
        gives: Gives::Message("voice"),
    },
    Method {
        name: "sendDocument",
        parameters: &[
            TO,
            &[
                must("document", Kind::File(true, UPLOAD)),
                may("disable_content_type_detection", Kind::Flag),
            ],
            THUMBNAIL,
            CAPTION,
            SENT,
            SINGLE,
        ],
        gives: Gives::Message("document"),
    },
    Method {
        name: "sendVideoNote",
        // "Sending video notes by a URL is currently unsupported."
        parameters: &[
            TO,
            &[
                must("video_note", Kind::File(false, UPLOAD)),
                may("length", COUNT),
            ],
            DURATION,
            THUMBNAIL,
            SENT,
            SINGLE,
        ],
        gives: Gives::Message("video_note"),
    },
    Method {
        name: "sendSticker",
        parameters: &[
            TO,
            &[
                must("sticker", Kind::File(true, UPLOAD)),
                may("emoji", SOME),
            ],
            SENT,
            SINGLE,
        ],
        gives: Gives::Message("sticker"),
    },
    Method {
        name: "sendMediaGroup",
        parameters: &[TO, &[must("media", Kind::Json(object::album))], SENT],
        gives: Gives::Album,
    },
    Method {
        name: "sendLocation",
        parameters: &[
            TO,
            PLACE,
            &[
                may("horizontal_accuracy", Kind::Number(0.0, 1500.0)),
                may("live_period", Kind::Integer(60, 0x7FFF_FFFF)),
                may("heading", Kind::Integer(1, 360)),
                may("proximity_alert_radius", Kind::Integer(1, 100_000)),
            ],
            SENT,
            SINGLE,
        ],
        gives: Gives::Message("location"),
    },
    Method {
        name: "sendVenue",
        parameters: &[
            TO,
            PLACE,
            &[
                must("title", SOME),
                must("address", SOME),
                may("foursquare_id", ANY),
                may("foursquare_type", ANY),
                may("google_place_id", ANY),
                may("google_place_type", ANY),
            ],
            SENT,
            SINGLE,
        ],
        gives: Gives::Message("venue"),
    },
    Method {
        name: "sendContact",
        parameters: &[
            TO,
            &[
                must("phone_number", SOME),
                must("first_name", SOME),
                may("last_name", ANY),
                may("vcard", Kind::Text(0, 2048)),
            ],
            SENT,
            SINGLE,
        ],
        gives: Gives::Message("contact"),
    },
    Method {
        name: "sendChatAction",
        parameters: &[&[
            may("business_connection_id", SOME),
            must("chat_id", Kind::Chat),
            may("message_thread_id", ID),
            must("action", Kind::OneOf(ACTIONS)),
        ]],
        gives: Gives::True,
    },
    Method {
        name: "setMessageReaction",
        parameters: &[&[
            must("chat_id", Kind::Chat),
            must("message_id", ID),
            may("reaction", Kind::Json(object::reaction)),
            may("is_big", Kind::Flag),
        ]],
        gives: Gives::True,
    },
    Method {
        name: "editMessageText",
        parameters: &[WHICH, TEXT, KEYBOARD],
        gives: Gives::Edited("text"),
    },
    Method {
        name: "editMessageCaption",
        parameters: &[WHICH, CAPTION, ABOVE, KEYBOARD],
        gives: Gives::Edited("caption"),
    },
    Method {
        name: "editMessageReplyMarkup",
        parameters: &[WHICH, KEYBOARD],
        gives: Gives::Edited("reply_markup"),
    },
    Method {
        name: "deleteMessage",
        parameters: &[&[must("chat_id", Kind::Chat), must("message_id", ID)]],
        gives: Gives::Deleted,
    },
    Method {
        name: "deleteMessages",
        parameters: &[&[
            must("chat_id", Kind::Chat),
            must("message_ids", Kind::Json(object::message_ids)),
        ]],
        gives: Gives::Deleted,
    },
    Method {
        name: "readBusinessMessage",
        parameters: &[&[
            must("business_connection_id", SOME),
            must("chat_id", Kind::Chat),
            must("message_id", ID),
        ]],
        gives: Gives::True,
    },
    Method {
        name: "deleteBusinessMessages",
        parameters: &[&[
            must("business_connection_id", SOME),
            must("message_ids", Kind::Json(object::message_ids)),
        ]],
        gives: Gives::True,
    },
    Method {
        name: "answerCallbackQuery",
        parameters: &[&[
            must("callback_query_id", SOME),
            may("text", Kind::Text(0, 200)),
            may("show_alert", Kind::Flag),
            may("url", SOME),
            may("cache_time", COUNT),
        ]],
        gives: Gives::Answered,
    },
    Method {
        name: "getUserProfilePhotos",
        parameters: &[&[
            must("user_id", ID),
            may("offset", COUNT),
            may("limit", Kind::Integer(1, 100)),
        ]],
        gives: Gives::Pictures,
    },
    Method {
        name: "getFile",
        parameters: &[&[must("file_id", SOME)]],
        gives: Gives::File,
    },
];
