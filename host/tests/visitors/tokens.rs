//! By what a browser is known again, and for how long.

use crate::common::{Server, packages::connect};
use crate::{Browser, DAY, PICTURE, SECOND, SITE, answers, served};
use balcao::jobs;
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::time::Duration;

on_both! {
    a_token_is_good_for_its_own_channel_for_90_days_and_another_is_given_after_a_day,
    a_database_that_is_away_makes_nobody_of_no_visitor,
    what_is_kept_of_visitors_for_a_time_is_forgotten_after_it,
}

/// Whoever is told that their token is not good begins anew, and does not see what was said before.
async fn a_database_that_is_away_makes_nobody_of_no_visitor(server: Server) {
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let browser = Browser::open(&server, &channel).await;
    let open = json!({"token": browser.token});
    let away = "ALTER TABLE visitor_tokens RENAME TO away";
    server.beside(away).await;
    // Parked, as the script knows by the empty answer: nobody new.
    let opened = browser.ask("open", &open).await;
    assert_eq!((opened.status.as_u16(), opened.text.as_str()), (200, ""));
    let typing = browser.ask("typing", &json!({})).await;
    assert_eq!(typing.problem(503), "unavailable");
    let bearer = format!("Bearer {}", browser.token);
    let headers = [("origin", SITE), ("authorization", bearer.as_str())];
    let upload = format!("/hooks/{channel}/_/upload");
    let upload = server
        .client()
        .raw(Method::POST, &upload, &headers, Vec::new())
        .await;
    assert_eq!(upload.problem(500), "internal");
    server
        .beside("ALTER TABLE away RENAME TO visitor_tokens")
        .await;
    let again = browser.ask("open", &open).await.expect(StatusCode::OK);
    assert_eq!(
        (&again["known"], &again["visitor"]),
        (&json!(true), &json!(browser.visitor.to_string()))
    );
    server.end().await;
}

async fn a_token_is_good_for_its_own_channel_for_90_days_and_another_is_given_after_a_day(
    server: Server,
) {
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let asked = json!({"plugin_id": "widget", "name": "Outra", "team_id": null, "settings": {}});
    let other = admin
        .post("/channels", &asked)
        .await
        .expect(StatusCode::CREATED);
    let other = other["id"].as_str().unwrap();
    let mut browser = Browser::open(&server, &channel).await;
    let again = browser
        .ask("open", &json!({"token": browser.token}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(again["known"], true);
    assert_eq!(again["visitor"], *browser.visitor);
    assert_eq!(again["token"], *browser.token, "fresh enough");

    let stream = async |channel: &str, token: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("origin", SITE), ("authorization", bearer.as_str())];
        let path = format!("/hooks/{channel}/_/upload");
        server
            .client()
            .raw(Method::POST, &path, &headers, Vec::new())
            .await
    };
    let good = browser.token.clone();
    // With a token that is good only the form is missing.
    assert_ne!(
        stream(&channel, &good).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(stream(other, &good).await.problem(401), "unauthenticated");
    let last = if good.ends_with('A') { "B" } else { "A" };
    let forged = format!("{}{last}", &good[..good.len() - 1]);
    for bad in [forged.as_str(), "", "abc", &good[..20]] {
        let reply = stream(&channel, bad).await;
        assert_eq!(reply.problem(401), "unauthenticated", "{bad}");
    }
    let elsewhere = Browser::at(&server, other, SITE);
    let new = elsewhere
        .ask("open", &json!({"token": good}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(new["known"], false, "another channel's visitor is nobody's");

    server.app.clock.advance(2 * DAY);
    let renewed = browser
        .ask("open", &json!({"token": good}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(renewed["visitor"], *browser.visitor);
    assert_ne!(renewed["token"], good);
    assert_eq!(
        browser.get("history").await.status,
        StatusCode::OK,
        "the old one for a while"
    );
    browser.is(&renewed);
    // The browser has the new one: whoever has an old one is nobody.
    let back = browser
        .ask("open", &json!({"token": browser.token}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(back["visitor"], *browser.visitor);
    assert_eq!(
        stream(&channel, &good).await.problem(401),
        "unauthenticated"
    );
    let replayed = browser
        .ask("open", &json!({"token": good}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(replayed["known"], false);
    assert_ne!(replayed["visitor"], *browser.visitor);
    server.app.clock.advance(88 * DAY);
    assert_eq!(browser.get("history").await.status, StatusCode::OK);
    server.app.clock.advance(2 * DAY);
    assert_eq!(
        browser.get("history").await.status,
        StatusCode::UNAUTHORIZED
    );
    server.end().await;
}

async fn what_is_kept_of_visitors_for_a_time_is_forgotten_after_it(server: Server) {
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let mut browser = Browser::open(&server, &channel).await;
    browser.uploads(PICTURE).await.expect(StatusCode::CREATED);
    browser
        .says("c-00000001", "Olá")
        .await
        .expect(StatusCode::OK);
    let conversation = served(&admin).await;
    answers(&admin, &conversation, "Bom dia").await;
    let rows = async |of| match of {
        "pushed" => server.number("SELECT COUNT(*) FROM visitor_events").await > 0,
        "uploads" => server.number("SELECT COUNT(*) FROM visitor_uploads").await > 0,
        _ => server.number("SELECT COUNT(*) FROM visitor_tokens").await > 0,
    };
    let left = async || {
        jobs::purge::look(&server.app).await.unwrap();
        [
            rows("pushed").await,
            rows("uploads").await,
            rows("tokens").await,
        ]
    };
    assert_eq!(left().await, [true, true, false]);
    server.app.clock.advance(Duration::from_secs(3_601));
    assert_eq!(left().await, [false, true, false], "an hour");
    server.app.clock.advance(DAY);
    // Another token, and it has come back: the earlier one is over.
    for _ in 0..2 {
        let known = json!({"token": browser.token});
        let opened = browser.ask("open", &known).await;
        browser.is(&opened.expect(StatusCode::OK));
    }
    assert_eq!(left().await, [false, false, true], "a day");
    server.app.clock.advance(90 * DAY + SECOND);
    assert_eq!(left().await, [false, false, false], "a token's time");
    server.end().await;
}
