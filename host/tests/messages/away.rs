//! The database is away for a moment, on PostgreSQL. The clock stands still, and no lease ends.

use serde_json::json;

use crate::{Scene, common::Server};

#[tokio::test]
async fn what_the_channel_took_is_sent_and_not_uncertain_though_it_could_not_be_written_at_once() {
    let test = "what_the_channel_took_is_sent_and_not_uncertain";
    let start = async |clock, change| Server::start_on_postgres_at(test, clock, change).await;
    let Some(scene) = Scene::set(start).await else {
        return;
    };
    let conversation = scene.served().await;
    scene.server.refuses("DELETE ON sends", 2).await;
    let said = json!({"text": "Sim"});
    scene.says(&scene.ana, &conversation, said, &["a1"]).await;
    assert_eq!(scene.provider.count("/send"), 1);
    scene.end().await;
}
