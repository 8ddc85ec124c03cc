//! Business hours over real HTTP, with a channel and the distribution as they are shipped: whoever writes while it is closed is told so, waits, and is
//! offered when it opens (FEATURES E2, C7).

#[macro_use]
mod common;

use std::time::Duration;

use balcao::{
    clock::{Clock, Instant},
    config::Config,
};
use common::{
    Client, Server,
    packages::{ask_to_enable, connector, enable},
    provider::{Answer, Provider},
    until_so, whatsapp,
};
use reqwest::{StatusCode, header};
use serde_json::{Value, json};

/// 2026-11-22T12:00:00Z, a Sunday, nine o'clock in São Paulo.
const NOON: Instant = 1_795_348_800_000_000;
const HOUR: Duration = Duration::from_secs(3_600);
const MINUTE: Duration = Duration::from_secs(60);
const SENDS: &str = "/v23.0/1/messages";
const TEXT: &str = "Estamos fechados. Voltamos segunda às 9h.";

on_both_scenes! {
    who_writes_while_it_is_closed_is_told_so_waits_and_is_offered_with_the_full_time_at_opening,
    without_the_reply_the_customer_waits_and_nothing_passes_on_over_night,
    an_answer_that_the_channel_refuses_is_shown_and_stops_nothing,
    hours_are_set_by_administrators_alone_with_tags_audit_and_each_wrong_field_named,
    what_hours_would_mean_is_shown_before_they_are_kept,
    the_reply_names_the_customer_the_team_and_when_it_opens_again,
}

type Change = Box<dyn FnOnce(&mut Config)>;

/// A server with a team of two agents whose conversations are distributed, and a channel whose provider is the test's; the clock stands still.
struct Scene {
    server: Server,
    provider: Provider,
    admin: Client,
    ana: Client,
    bia: Client,
    team: String,
    channel: String,
}

impl Scene {
    async fn set(start: impl AsyncFnOnce(Clock, Change) -> Option<Server>) -> Option<Self> {
        let (provider, address) = Provider::start().await;
        let change: Change = Box::new(move |config| {
            config.plugins_dir = connector().parent().expect("a folder").to_owned();
            config.dev.enabled = true;
            let stand_in = format!("http://{address}").parse().expect("a URL");
            config.dev.http_map.0 = vec![("graph.facebook.com".to_owned(), stand_in)];
        });
        let server = start(Clock::at(NOON), change).await?;
        let admin = server.admin().await;
        let team = json!({"name": "Vendas"});
        let team = admin
            .post("/teams", &team)
            .await
            .expect(StatusCode::CREATED);
        let team = team["id"].as_str().expect("an id").to_owned();
        let (ana_id, ana) = server.user(&admin, "Ana", "agent").await;
        server.app.clock.advance(Duration::from_secs(1));
        let (bia_id, bia) = server.user(&admin, "Bia", "agent").await;
        for id in [&ana_id, &bia_id] {
            let path = format!("/teams/{team}/members/{id}");
            let role = json!({"role": "agent"});
            admin.put(&path, &role).await.expect(StatusCode::OK);
        }
        enable(&admin, "whatsapp").await;
        let settings = json!({"app_secret": whatsapp::SECRET, "verify_token": "v", "access_token": "t-t-t-t", "phone_number_id": "1"});
        let channel =
            json!({"plugin_id": "whatsapp", "name": "Loja", "team_id": team, "settings": settings});
        let channel = admin.post("/channels", &channel).await;
        let channel = channel.expect(StatusCode::CREATED);
        let settings =
            json!({"teams": [team], "overflow": true, "limit_minutes": 10, "maximum_minutes": 25});
        ask_to_enable(&admin, "distribution", settings)
            .await
            .expect(StatusCode::OK);
        let sent = json!({"messaging_product": "whatsapp", "messages": [{"id": "wamid.reply"}]});
        let sent = Answer::bytes(sent.to_string().as_bytes());
        provider.answers(
            SENDS,
            vec![sent.with(header::CONTENT_TYPE, "application/json")],
        );
        Some(Self {
            server,
            provider,
            admin,
            ana,
            bia,
            team,
            channel: channel["id"].as_str().expect("an id").to_owned(),
        })
    }

    /// The team serves from nine to six but on weekends.
    async fn opens_on_weekdays(&self, change: impl FnOnce(&mut Value)) {
        let mut hours = hours();
        change(&mut hours);
        let path = format!("/teams/{}/hours", self.team);
        self.admin.put(&path, &hours).await.expect(StatusCode::OK);
    }

    /// A contact writes; gives the conversation once it is seen.
    async fn hears(&self, id: &str) -> String {
        let seconds = self.server.app.clock.now() / 1_000_000;
        let message = json!({"from": "5511911110000", "id": format!("wamid.{id}"), "timestamp": seconds.to_string(),
            "type": "text", "text": {"body": id}});
        whatsapp::brings(&self.server.client(), &self.channel, &message).await;
        until_so("it is seen", async || {
            self.queue(&self.admin).await.len() == 1
        })
        .await;
        self.queue(&self.admin).await.remove(0)
    }

    /// What waits, as that person sees it: in Novos, or as an administrator in Outros once it is offered.
    async fn queue(&self, who: &Client) -> Vec<String> {
        let mut found = Vec::new();
        for folder in ["queued", "others"] {
            let page = who.get(&format!("/conversations?folder={folder}")).await;
            if page.status == StatusCode::OK {
                let page = page.expect(StatusCode::OK);
                let items = page["items"].as_array().expect("items").iter();
                found.extend(items.map(|it| it["id"].as_str().expect("an id").to_owned()));
            }
        }
        found
    }

    /// To whom it is offered and until when.
    async fn offer(&self, conversation: &str) -> Option<(String, Option<String>)> {
        let path = format!("/conversations/{conversation}");
        let offer = self.admin.get(&path).await.expect(StatusCode::OK)["offer"].clone();
        let name = offer["agent"]["name"].as_str()?.to_owned();
        Some((name, offer["deadline"].as_str().map(str::to_owned)))
    }

    async fn is_offered(&self, conversation: &str, to: &str, until: Option<&str>) {
        let expected = Some((to.to_owned(), until.map(str::to_owned)));
        until_so(&format!("{expected:?}"), async || {
            self.offer(conversation).await == expected
        })
        .await;
    }

    /// Nothing is due in any lane: whatever happened was told, and nothing came of it.
    async fn is_quiet(&self) {
        until_so("nothing is due", async || {
            let mut tx = self.server.app.store.read().await.expect("reads");
            let next = tx.next_lane_at().await.expect("reads");
            next.is_none_or(|at| at > self.server.app.clock.now())
        })
        .await;
    }

    /// The conversation's messages: who wrote, what, how far it is.
    async fn said(&self, conversation: &str) -> Vec<(String, String, String)> {
        let path = format!("/conversations/{conversation}/timeline");
        let page = self.admin.get(&path).await.expect(StatusCode::OK);
        let items = page["items"].as_array().expect("items").iter();
        let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
        let messages = items.filter(|it| it["type"] == "message");
        messages
            .map(|it| {
                (
                    text(&it["author"]["kind"]),
                    text(&it["text"]),
                    text(&it["state"]),
                )
            })
            .collect()
    }

    async fn opening(&self, conversation: &str) -> Value {
        let path = format!("/conversations/{conversation}/hours");
        self.ana.get(&path).await.expect(StatusCode::OK)
    }

    fn pass_until(&self, at: &str) {
        let at = at
            .parse::<jiff::Timestamp>()
            .expect("a time")
            .as_microsecond();
        let clock = &self.server.app.clock;
        let micros = u64::try_from(at - clock.now()).expect("time goes on");
        clock.advance(Duration::from_micros(micros));
    }

    async fn end(self) {
        self.server.end().await;
    }
}

fn hours() -> Value {
    let day = json!([{"from": "09:00", "until": "18:00"}]);
    json!({
        "enabled": true,
        "time_zone": "America/Sao_Paulo",
        "week": {"monday": day, "tuesday": day, "wednesday": day, "thursday": day, "friday": day, "saturday": [], "sunday": []},
        "holidays": [],
        "reply": {"enabled": true, "text": TEXT},
    })
}

fn one(author: &str, text: &str, state: &str) -> (String, String, String) {
    (author.to_owned(), text.to_owned(), state.to_owned())
}

async fn who_writes_while_it_is_closed_is_told_so_waits_and_is_offered_with_the_full_time_at_opening(
    scene: Scene,
) {
    scene.opens_on_weekdays(|_| {}).await;
    let id = scene.hears("oi").await;
    let told = [
        one("contact", "oi", "received"),
        one("system", TEXT, "sent"),
    ];
    until_so("the customer is told", async || {
        scene.said(&id).await == told
    })
    .await;
    scene.hears("alguém aí?").await;
    scene.is_quiet().await;
    assert_eq!(scene.offer(&id).await, None);
    assert_eq!(scene.provider.count(SENDS), 1);
    // While it is closed whoever looks may serve.
    for agent in [&scene.ana, &scene.bia] {
        assert_eq!(scene.queue(agent).await, [id.as_str()]);
    }
    assert_eq!(
        scene.opening(&id).await,
        json!({"open": false, "changes_at": "2026-11-23T12:00:00.000000Z", "time_zone": "America/Sao_Paulo", "replies": true})
    );
    scene.pass_until("2026-11-23T11:59:59Z");
    scene.is_quiet().await;
    assert_eq!(scene.offer(&id).await, None);

    scene.pass_until("2026-11-23T12:00:00Z");
    scene
        .is_offered(&id, "Ana", Some("2026-11-23T12:10:00.000000Z"))
        .await;
    assert!(scene.queue(&scene.bia).await.is_empty());
    assert_eq!(scene.said(&id).await.len(), 3);
    let mut tx = scene.server.app.store.read().await.expect("reads");
    let workspace = common::workspace_of(&scene.admin).await;
    let events = tx.events_after(workspace, 0, 1_000).await.expect("reads");
    drop(tx);
    let offered = events.iter().filter(|it| it.kind == "conversation.offered");
    assert_eq!(offered.count(), 1);
    scene.end().await;
}

async fn without_the_reply_the_customer_waits_and_nothing_passes_on_over_night(scene: Scene) {
    // Monday, five minutes before it closes.
    scene.pass_until("2026-11-23T20:55:00Z");
    scene
        .opens_on_weekdays(|it| it["reply"] = json!({"enabled": false, "text": ""}))
        .await;
    let id = scene.hears("oi").await;
    scene
        .is_offered(&id, "Ana", Some("2026-11-23T21:05:00.000000Z"))
        .await;
    // Its time is over after closing: it stays where it is, and no time runs.
    scene.pass_until("2026-11-23T21:05:00Z");
    scene.is_offered(&id, "Ana", None).await;
    scene.pass_until("2026-11-24T03:00:00Z");
    scene.hears("alguém aí?").await;
    scene.is_quiet().await;
    assert_eq!(scene.offer(&id).await, Some(("Ana".to_owned(), None)));
    scene.pass_until("2026-11-24T12:00:00Z");
    scene
        .is_offered(&id, "Ana", Some("2026-11-24T12:10:00.000000Z"))
        .await;
    scene.server.app.clock.advance(10 * MINUTE);
    scene
        .is_offered(&id, "Bia", Some("2026-11-24T12:20:00.000000Z"))
        .await;
    assert_eq!(scene.provider.count(SENDS), 0);
    scene.end().await;
}

async fn an_answer_that_the_channel_refuses_is_shown_and_stops_nothing(scene: Scene) {
    let error =
        json!({"error": {"message": "Recipient is not in the allowed list", "code": 131_030}});
    let refused = Answer::bytes(error.to_string().as_bytes()).refusing(400);
    scene.provider.answers(SENDS, vec![refused]);
    scene.opens_on_weekdays(|_| {}).await;
    let id = scene.hears("oi").await;
    let told = [
        one("contact", "oi", "received"),
        one("system", TEXT, "failed"),
    ];
    until_so("it has failed", async || scene.said(&id).await == told).await;
    scene.server.app.clock.advance(HOUR);
    scene.hears("alguém aí?").await;
    scene.pass_until("2026-11-23T12:00:00Z");
    scene
        .is_offered(&id, "Ana", Some("2026-11-23T12:10:00.000000Z"))
        .await;
    assert_eq!(scene.said(&id).await.len(), 3);
    scene.end().await;
}

async fn hours_are_set_by_administrators_alone_with_tags_audit_and_each_wrong_field_named(
    scene: Scene,
) {
    for (kind, id) in [("team", &scene.team), ("channel", &scene.channel)] {
        let path = format!("/{kind}s/{id}/hours");
        let first = scene.ana.get(&path).await;
        let tag = first.header("etag").expect("a tag").to_owned();
        let usual = first.expect(StatusCode::OK);
        assert_eq!(
            (
                &usual["enabled"],
                &usual["time_zone"],
                &usual["week"]["friday"]
            ),
            (
                &json!(false),
                &json!("America/Sao_Paulo"),
                &json!([{"from": "09:00", "until": "18:00"}])
            )
        );
        let text = usual["reply"]["text"].as_str().expect("a text");
        assert!(
            text.starts_with("Olá, {{nome}}! Recebemos a sua mensagem."),
            "{text}"
        );
        assert_eq!(scene.ana.put(&path, &hours()).await.problem(403), "denied");
        let admin = scene.admin.with("if-match", &tag);
        let set = admin.put(&path, &hours()).await;
        assert_eq!(
            set.header("etag"),
            scene.ana.get(&path).await.header("etag")
        );
        assert_eq!(set.expect(StatusCode::OK), hours());
        assert_eq!(
            admin.put(&path, &usual).await.problem(412),
            "precondition_failed"
        );
        assert_eq!(scene.ana.get(&path).await.expect(StatusCode::OK), hours());

        let mut wrong = hours();
        wrong["time_zone"] = json!("Lua/Mar_da_Tranquilidade");
        wrong["week"]["monday"] =
            json!([{"from": "09:00", "until": "12:00"}, {"from": "11:00", "until": "18:00"}]);
        wrong["reply"]["text"] = json!("  ");
        let reply = scene.admin.put(&path, &wrong).await;
        let problem: Value = serde_json::from_str(&reply.text).expect("JSON");
        assert_eq!(reply.problem(422), "invalid");
        assert_eq!(
            problem["errors"],
            json!({"time_zone": "fuso horário desconhecido", "week.monday.1": "este intervalo começa antes de o anterior terminar",
                "reply.text": "preencha este campo"})
        );
        wrong = hours();
        wrong["week"]["monday"][0]["from"] = json!("9h");
        assert_eq!(scene.admin.put(&path, &wrong).await.problem(422), "invalid");
        assert_eq!(scene.admin.get(&path).await.expect(StatusCode::OK), hours());
        let workspace = common::workspace_of(&scene.admin).await;
        let mut tx = scene.server.app.store.read().await.expect("reads");
        let events = tx.events_after(workspace, 0, 1_000).await.expect("reads");
        let changed = events
            .iter()
            .filter(|it| it.kind == format!("{kind}.hours-changed"));
        let changed: Vec<_> = changed.map(|it| it.subject_id.as_deref()).collect();
        assert_eq!(changed, [Some(id.as_str())]);
        let act = format!("{kind}.hours");
        assert!(
            tx.was_done(workspace, &act, (kind, id))
                .await
                .expect("reads")
        );
    }
    let nobodys = format!("/teams/{}/hours", scene.team.replace("tem_0", "tem_1"));
    assert_eq!(scene.admin.get(&nobodys).await.problem(404), "not_found");
    assert_eq!(
        scene.admin.put(&nobodys, &hours()).await.problem(404),
        "not_found"
    );
    scene.end().await;
}

async fn the_reply_names_the_customer_the_team_and_when_it_opens_again(scene: Scene) {
    // The team has no hours of its own: the channel's count.
    let mut set = hours();
    set["holidays"] = json!([{"date": "2026-11-23", "name": "Feriado", "intervals": [{"from": "13:30", "until": "18:00"}]}]);
    set["reply"]["text"] = json!("Oi, {{nome}}! {{equipe}} volta {{reabertura}}. {{fila}}");
    let path = format!("/channels/{}/hours", scene.channel);
    let wrong = scene.admin.put(&path, &set).await;
    assert!(
        wrong.text.contains("há uma variável que não existe"),
        "{}",
        wrong.text
    );
    assert_eq!(wrong.problem(422), "invalid");
    set["reply"]["text"] = json!("Oi, {{nome}}! {{equipe}} volta {{reabertura}}.");
    scene.admin.put(&path, &set).await.expect(StatusCode::OK);
    let id = scene.hears("oi").await;
    let told = [
        one("contact", "oi", "received"),
        one(
            "system",
            "Oi, Cliente! Vendas volta amanhã às 13h30.",
            "sent",
        ),
    ];
    until_so("the customer is told", async || {
        scene.said(&id).await == told
    })
    .await;
    scene.end().await;
}

async fn what_hours_would_mean_is_shown_before_they_are_kept(scene: Scene) {
    let shown = async |change: &dyn Fn(&mut Value)| {
        let mut hours = hours();
        change(&mut hours);
        let reply = scene.admin.post("/hours/preview", &hours).await;
        let shown = reply.expect(StatusCode::OK);
        (shown["open"].clone(), shown["changes_at"].clone())
    };
    let closed = (json!(false), json!("2026-11-23T12:00:00.000000Z"));
    assert_eq!(shown(&|_| {}).await, closed);
    let holiday = json!([{"date": "2026-11-23", "name": "Feriado"}]);
    let next = (json!(false), json!("2026-11-24T12:00:00.000000Z"));
    assert_eq!(shown(&|it| it["holidays"] = holiday.clone()).await, next);
    let sunday = json!([{"from": "08:00", "until": "10:00"}]);
    let open = (json!(true), json!("2026-11-22T13:00:00.000000Z"));
    assert_eq!(
        shown(&|it| it["week"]["sunday"] = sunday.clone()).await,
        open
    );
    assert_eq!(
        shown(&|it| it["enabled"] = json!(false)).await,
        (json!(true), Value::Null)
    );
    let path = format!("/teams/{}/hours", scene.team);
    let kept = scene.admin.get(&path).await.expect(StatusCode::OK);
    assert_eq!(kept["enabled"], json!(false));
    scene.end().await;
}
