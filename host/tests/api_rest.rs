//! What DESIGN §9 says of the REST API, over real HTTP.

mod common;

/// Makes a test for each database of a function of a `Stage`.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::common::hesitant::Stage::on_sqlite().await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                let stage = crate::common::hesitant::Stage::on_postgres(stringify!($name)).await;
                if let Some(stage) = stage {
                    super::$name(stage).await;
                }
            })+
        }
    };
}

#[path = "rest/apps.rs"]
mod apps;
#[path = "rest/beginning.rs"]
mod beginning;
#[path = "rest/consent.rs"]
mod consent;
#[path = "rest/live.rs"]
mod live;
#[path = "rest/once.rs"]
mod once;
#[path = "rest/patience.rs"]
mod patience;
#[path = "rest/people.rs"]
mod people;
#[path = "rest/tags.rs"]
mod tags;
#[path = "rest/tokens.rs"]
mod tokens;
