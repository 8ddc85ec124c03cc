//! A desk to work at: people, a team, a channel whose contacts write.

use std::sync::Arc;

use balcao::{
    channel::{Channel, HealthState},
    id::{ChannelId, WorkspaceId},
    ingest::{Ingest, NoSignals, Parts},
};
use balcao_runtime::{
    effect::Inbox,
    wit::{Content, inbox},
};
use reqwest::StatusCode;
use serde_json::json;

use super::{Client, Server};

/// A workspace with a team of two agents and a supervisor, and a channel whose conversations come to it.
pub struct Desk {
    pub workspace: WorkspaceId,
    pub channel: ChannelId,
    pub ingest: Ingest,
    pub admin: Client,
    pub ana: Client,
    pub ana_id: String,
    pub bia: Client,
    pub sue: Client,
    pub team: String,
    pub at: i64,
}

impl Desk {
    /// Its people go on at a server that was started anew over the same data.
    pub fn look_at(&mut self, server: &Server) {
        for person in [&mut self.admin, &mut self.ana, &mut self.bia, &mut self.sue] {
            person.base = format!("http://{}", server.address);
        }
    }

    pub async fn set(server: &Server) -> Self {
        let admin = server.admin().await;
        let me = admin.get("/session").await.expect(StatusCode::OK);
        let team = admin
            .post("/teams", &json!({"name": "Vendas"}))
            .await
            .expect(StatusCode::CREATED);
        let team = team["id"].as_str().unwrap().to_owned();
        let (ana_id, ana) = server.user(&admin, "Ana", "agent").await;
        let (bia_id, bia) = server.user(&admin, "Bia", "agent").await;
        let (sue_id, sue) = server.user(&admin, "Sue", "supervisor").await;
        for (id, role) in [
            (&ana_id, "agent"),
            (&bia_id, "agent"),
            (&sue_id, "supervisor"),
        ] {
            let path = format!("/teams/{team}/members/{id}");
            admin
                .put(&path, &json!({"role": role}))
                .await
                .expect(StatusCode::OK);
        }
        let app = &server.app;
        let channel = Channel {
            workspace_id: me["workspace"]["id"].as_str().unwrap().parse().unwrap(),
            id: app.ids.mint(),
            plugin_id: "example".into(),
            name: "Loja".into(),
            team_id: Some(team.parse().unwrap()),
            settings: "{}".into(),
            enabled: true,
            health_state: HealthState::Connected,
            health_message: String::new(),
            health_by: String::new(),
            capabilities: None,
            account: None,
            max_file_bytes: None,
            created_at: app.clock.now(),
        };
        let mut tx = app.store.write(channel.workspace_id).await.unwrap();
        tx.insert_channel(&channel).await.unwrap();
        tx.commit().await.unwrap();
        let ingest = Ingest::start(Parts {
            store: app.store.clone(),
            ids: app.ids.clone(),
            clock: app.clock.clone(),
            subscriptions: Arc::clone(&app.subscriptions),
            signals: Arc::new(NoSignals),
        })
        .unwrap();
        let (workspace, channel, at) = (channel.workspace_id, channel.id, app.clock.now());
        Self {
            workspace,
            channel,
            ingest,
            admin,
            ana,
            ana_id,
            bia,
            sue,
            team,
            at,
        }
    }

    /// A contact writes; gives the conversation.
    pub async fn hears(&self, from: &str, text: &str) -> String {
        let content = Content {
            kind: "text".into(),
            text: text.into(),
            attachments: Vec::new(),
            extra: String::new(),
        };
        let sender = inbox::Person {
            external_id: from.into(),
            aliases: vec![("phone".into(), format!("+{from}"))],
            name: format!("Cliente {from}"),
            avatar: String::new(),
            extra: String::new(),
        };
        let message = inbox::Inbound {
            external_id: format!("{from} {text}"),
            thread: from.into(),
            sender,
            outgoing: false,
            at: self.at,
            content,
            reply_to: None,
            extra: String::new(),
        };
        let items = vec![Inbox::Message {
            event_key: message.external_id.clone(),
            message,
        }];
        let done = self
            .ingest
            .submit(self.workspace, self.channel, "example", items, self.at)
            .await
            .unwrap();
        assert_eq!(done.rejected, []);
        done.messages[0].0.to_string()
    }

    pub async fn folder(&self, client: &Client, folder: &str) -> Vec<String> {
        let page = client
            .get(&format!("/conversations?folder={folder}"))
            .await
            .expect(StatusCode::OK);
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["id"].as_str().unwrap().to_owned())
            .collect()
    }
}
