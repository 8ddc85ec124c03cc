//! One screen's connection: says where the log stands, repeats what was missed, then passes on what the viewer may see. Owns the small buffers and
//! the patience with slow clients; rights are looked up where they may have changed, never remembered beyond that.

use std::{sync::Arc, time::Duration};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use balcao_runtime::rules::{self, Person, Routed};
use futures_util::{SinkExt, StreamExt, stream::SplitSink, stream::SplitStream};
use serde::Deserialize;
use tokio::{
    sync::broadcast::error::RecvError,
    time::{self, Interval, MissedTickBehavior},
};

use super::{
    bus::{Audience, Line, Watching},
    feed,
};
use crate::{
    account::{self, Caller},
    app::SharedApp,
    id::ConversationId,
    signals,
};

/// Bytes that are read at once. Every connection holds them for as long as it lives, and what screens say is short.
pub const READ_BUFFER: usize = 1024;
/// What a screen may say at once, in bytes.
pub const LONGEST: usize = 4096;
/// Silence after which we ask whether somebody is there; twice that ends the connection.
const PING: Duration = Duration::from_secs(30);
/// How long a client may take to say hello.
const HELLO: Duration = Duration::from_secs(10);
/// How often a contact is told that the same person types: providers show it for longer.
const TYPING_AGAIN: Duration = Duration::from_secs(5);
/// More missed events than this are not repeated: the screen loads everything anew.
const REPEAT: u32 = 500;

const RESYNC: Utf8Bytes = Utf8Bytes::from_static(r#"{"type":"resync"}"#);

/// What a screen may say.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said {
    Hello {
        seq: Option<i64>,
    },
    Typing {
        conversation_id: ConversationId,
    },
    Viewing {
        conversation_id: Option<ConversationId>,
    },
}

/// Why a connection ends.
enum End {
    /// The client left or broke off.
    Gone,
    /// We end it, with a code and a reason.
    Close(u16, &'static str),
}

type Step<T = ()> = Result<T, End>;

struct Screen {
    app: SharedApp,
    caller: Caller,
    person: Person,
    out: SplitSink<WebSocket, Message>,
    viewing: Option<ConversationId>,
    /// Where and when the contact was last told of typing.
    typed: Option<(ConversationId, time::Instant)>,
}

/// Serves one screen until it leaves, is too slow, loses its rights or the server stops.
pub async fn serve(app: SharedApp, caller: Caller, socket: WebSocket) {
    let (out, incoming) = socket.split();
    let person = caller.person();
    let mut screen = Screen {
        app,
        caller,
        person,
        out,
        viewing: None,
        typed: None,
    };
    if let Err(End::Close(code, reason)) = screen.run(incoming).await {
        let frame = CloseFrame {
            code,
            reason: Utf8Bytes::from_static(reason),
        };
        let patience = screen.patience();
        let _ = time::timeout(patience, screen.out.send(Message::Close(Some(frame)))).await;
    }
}

impl Screen {
    async fn run(&mut self, mut incoming: SplitStream<WebSocket>) -> Step {
        let since = time::timeout(HELLO, hello(&mut incoming))
            .await
            .map_err(|_| End::Close(close_code::POLICY, "say hello first"))??;
        let workspace = self.caller.workspace;
        let mut watching = self.app.bus.watch(&self.app, workspace);
        // What seldom happens is kept apart: ten thousand connections that wait should not each hold room for it.
        let mut seen = Box::pin(self.catch_up(&watching, since)).await?;
        let mut stop = self.app.stopping();
        let mut beat = heartbeat();
        let mut silent = 0;
        loop {
            tokio::select! {
                line = watching.lines.recv() => match line {
                    Ok(line) => self.pass(&line, seen).await?,
                    Err(RecvError::Lagged(_)) => {
                        watching.start_over();
                        seen = Box::pin(self.head(&watching)).await?;
                        self.say(RESYNC).await?;
                    }
                    Err(RecvError::Closed) => return Err(End::Close(close_code::RESTART, "starting over")),
                },
                said = incoming.next() => {
                    silent = 0;
                    Box::pin(self.heard(said)).await?;
                }
                _ = beat.tick() => {
                    silent += 1;
                    if silent > 2 {
                        return Err(End::Close(close_code::POLICY, "silent for too long"));
                    }
                    Box::pin(self.still_welcome()).await?;
                    self.send(Message::Ping(Default::default())).await?;
                }
                () = stop.stopped() => return Err(End::Close(close_code::AWAY, "the server stops")),
            }
        }
    }

    /// Says where the log stands, after what was missed since `since`.
    async fn catch_up(&mut self, watching: &Watching, since: Option<i64>) -> Step<i64> {
        let head = self.head(watching).await?;
        match since {
            Some(since) if since < head => self.repeat(since, head).await?,
            Some(since) if since > head => self.say(RESYNC).await?,
            _ => {}
        }
        self.say(format!(r#"{{"type":"ready","seq":{head}}}"#).into())
            .await?;
        Ok(head)
    }

    async fn repeat(&mut self, since: i64, head: i64) -> Step {
        let page = feed::read(&self.app, self.caller.workspace, since, REPEAT)
            .await
            .map_err(failed)?;
        if page.gap || page.upto < head && page.more {
            return self.say(RESYNC).await;
        }
        for line in page
            .lines
            .iter()
            .filter(|line| line.seq.is_none_or(|seq| seq <= head))
        {
            if self.may_see(&line.audience) {
                self.say(line.text.clone()).await?;
            }
        }
        Ok(())
    }

    async fn head(&self, watching: &Watching) -> Step<i64> {
        let workspace = self.caller.workspace;
        watching.since(&self.app, workspace).await.map_err(failed)?;
        feed::head(&self.app, workspace).await.map_err(failed)
    }

    async fn pass(&mut self, line: &Arc<Line>, seen: i64) -> Step {
        if line.seq.is_some_and(|seq| seq <= seen) {
            return Ok(());
        }
        if matches!(line.audience, Audience::RightsChanged) {
            Box::pin(self.still_welcome()).await?;
        }
        if self.may_see(&line.audience) {
            self.say(line.text.clone()).await?;
        }
        Ok(())
    }

    fn may_see(&self, audience: &Audience) -> bool {
        match audience {
            Audience::Everyone | Audience::RightsChanged => true,
            Audience::Conversation(state) => rules::sees(&self.person, state),
            Audience::Others(state, user) => {
                *user != self.caller.user && rules::sees(&self.person, state)
            }
        }
    }

    /// Looks up again who this is; whoever was signed out or deactivated is shown the door.
    async fn still_welcome(&mut self) -> Step {
        match account::again(&self.app, &self.caller).await {
            Ok(caller) => {
                self.person = caller.person();
                self.caller = caller;
                Ok(())
            }
            Err(crate::error::Error::Unauthenticated) => {
                Err(End::Close(close_code::POLICY, "signed out"))
            }
            Err(error) => Err(failed(error)),
        }
    }

    async fn heard(&mut self, said: Option<Result<Message, axum::Error>>) -> Step {
        let message = match said {
            Some(Ok(message)) => message,
            Some(Err(_)) | None => return Err(End::Gone),
        };
        match message {
            Message::Text(text) => match serde_json::from_str(&text) {
                Ok(Said::Typing { conversation_id }) => self.types(conversation_id).await,
                Ok(Said::Viewing { conversation_id }) => self.view(conversation_id).await,
                Ok(Said::Hello { .. }) => Err(End::Close(close_code::POLICY, "hello is said once")),
                Err(_) => Err(End::Close(close_code::UNSUPPORTED, "not understood")),
            },
            Message::Binary(_) => Err(End::Close(close_code::UNSUPPORTED, "not understood")),
            Message::Close(_) => Err(End::Gone),
            Message::Ping(_) | Message::Pong(_) => Ok(()),
        }
    }

    async fn view(&mut self, conversation: Option<ConversationId>) -> Step {
        let before = std::mem::replace(&mut self.viewing, conversation);
        match conversation {
            Some(now) if before != conversation => self.tell("presence", now).await.map(drop),
            _ => Ok(()),
        }
    }

    /// Colleagues hear of it at once; the contact from whoever serves them, and not with every key.
    async fn types(&mut self, conversation: ConversationId) -> Step {
        let Some(state) = self.tell("typing", conversation).await? else {
            return Ok(());
        };
        let now = time::Instant::now();
        let lately = self.typed.is_some_and(|(before, at)| {
            before == conversation && now.duration_since(at) < TYPING_AGAIN
        });
        if !lately && signals::speaks(&self.person, &state) {
            self.typed = Some((conversation, now));
            let (app, workspace) = (self.app.clone(), self.caller.workspace);
            tokio::spawn(async move { signals::types(&app, workspace, conversation).await });
        }
        Ok(())
    }

    /// Tells the others who see the conversation that this user types or looks (FEATURES A10). Gives how it stands, if they see it.
    async fn tell(&mut self, kind: &str, conversation: ConversationId) -> Step<Option<Routed>> {
        let workspace = self.caller.workspace;
        let state = feed::routed(&self.app, workspace, conversation)
            .await
            .map_err(failed)?;
        let Some(state) = state.filter(|state| rules::sees(&self.person, state)) else {
            return Ok(None);
        };
        let line = feed::momentary(kind, conversation, &self.caller, state.clone());
        self.app.bus.tell(workspace, line);
        Ok(Some(state))
    }

    async fn say(&mut self, text: Utf8Bytes) -> Step {
        self.send(Message::Text(text)).await
    }

    async fn send(&mut self, message: Message) -> Step {
        match time::timeout(self.patience(), self.out.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    /// How long the client may take to read one line.
    fn patience(&self) -> Duration {
        let seconds = self.app.config.limits.slow_screen_seconds.get();
        Duration::from_secs(seconds.into())
    }
}

/// The first thing a screen says: the last place in the log that it has seen.
async fn hello(incoming: &mut SplitStream<WebSocket>) -> Step<Option<i64>> {
    while let Some(said) = incoming.next().await {
        match said.map_err(|_| End::Gone)? {
            Message::Text(text) => {
                return match serde_json::from_str(&text) {
                    Ok(Said::Hello { seq }) => Ok(seq),
                    _ => Err(End::Close(close_code::POLICY, "say hello first")),
                };
            }
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Binary(_) => {
                return Err(End::Close(close_code::UNSUPPORTED, "not understood"));
            }
            Message::Close(_) => return Err(End::Gone),
        }
    }
    Err(End::Gone)
}

fn heartbeat() -> Interval {
    let mut beat = time::interval_at(time::Instant::now() + PING, PING);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat
}

fn failed(error: crate::error::Error) -> End {
    tracing::warn!(%error, "a realtime connection ends");
    End::Close(close_code::ERROR, "something went wrong on our side")
}
