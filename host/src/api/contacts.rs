//! `/contacts`: the people who write. Everybody who serves sees and corrects them.

use std::collections::BTreeMap;

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    administer::administer,
    etag::{Conditions, IfMatch, IfNoneMatch, answer},
    extract::{Body, Path, Query},
    page::{Page, Paging},
    problem::{Answer, Problem},
    time::Time,
};
use crate::{
    account::Caller,
    app::SharedApp,
    error::{Error, Result},
    id::{ChannelId, ContactId},
    keeping,
    store::{
        Tx,
        contacts::Contact,
        events::{Actor, NewEvent},
    },
    user::clean_name,
};

/// Most labels, and most fields, of a contact.
const MAX_EACH: usize = 200;

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, change, erase))
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Contact)]
pub struct ContactView {
    #[schema(value_type = String)]
    pub id: ContactId,
    pub name: String,
    /// Where their picture is read, a square; none where no channel gave one.
    #[schema(required)]
    pub avatar: Option<String>,
    /// As each channel knows them.
    pub identities: Vec<IdentityView>,
    pub addresses: Vec<AddressView>,
    pub labels: Vec<String>,
    #[schema(value_type = Object)]
    pub fields: Value,
    pub blocked: bool,
    pub automatic_messages_blocked: bool,
    pub created_at: Time,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Identity)]
pub struct IdentityView {
    #[schema(value_type = String)]
    pub channel_id: ChannelId,
    pub external_id: String,
    pub name: String,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Address)]
pub struct AddressView {
    /// `phone`, `email`, `username`…
    pub kind: String,
    pub value: String,
}

async fn view(tx: &mut Tx, it: Contact) -> Result<ContactView> {
    let identities = tx
        .identities_of(it.workspace_id, it.id)
        .await?
        .into_iter()
        .map(|row| IdentityView {
            channel_id: row.channel_id,
            external_id: row.external_id,
            name: row.name,
        });
    let identities = identities.collect();
    let addresses = tx
        .addresses_of(it.workspace_id, it.id)
        .await?
        .into_iter()
        .map(|row| AddressView {
            kind: row.kind,
            value: row.value,
        });
    let picture = tx.portrait_of(it.workspace_id, it.id).await?;
    Ok(ContactView {
        avatar: picture.map(super::files::url),
        identities,
        addresses: addresses.collect(),
        labels: serde_json::from_str(&it.labels)?,
        fields: serde_json::from_str(&it.fields)?,
        id: it.id,
        name: it.name,
        blocked: it.blocked,
        automatic_messages_blocked: it.automatic_messages_blocked,
        created_at: Time(it.created_at),
    })
}

/// Which contacts.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Part of a name or address.
    pub q: Option<String>,
    /// At most 100.
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<String>,
}

/// Contacts by name.
#[utoipa::path(get, path = "/contacts", tag = "contacts", params(Which), responses((status = 200, body = Page<ContactView>)))]
async fn list(
    State(app): State<SharedApp>,
    caller: Caller,
    Query(which): Query<Which>,
) -> Answer<Json<Page<ContactView>>> {
    let paging = Paging {
        limit: which.limit,
        after: which.after,
    };
    let limit = paging.limit(50);
    let after: Option<(String, ContactId)> = paging.after()?;
    let after = after.as_ref().map(|(name, id)| (name.as_str(), *id));
    let mut tx = app.store.read().await?;
    let q = which.q.unwrap_or_default();
    let rows = tx
        .contacts(caller.workspace, &q, after, i64::from(limit) + 1)
        .await?;
    let page = Page::cut(rows, limit, |row| (row.name.clone(), row.id), |row| row);
    let mut items = Vec::with_capacity(page.items.len());
    for contact in page.items {
        items.push(view(&mut tx, contact).await?);
    }
    Ok(Json(Page {
        items,
        next: page.next,
    }))
}

/// One contact.
#[utoipa::path(get, path = "/contacts/{id}", tag = "contacts", params(("id" = String, Path), IfNoneMatch),
    responses((status = 200, body = ContactView), (status = 304), (status = 404, body = Problem)))]
async fn show(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<ContactId>,
    conditions: Conditions,
) -> Answer<Response> {
    let mut tx = app.store.read().await?;
    let contact = tx
        .contact(caller.workspace, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    conditions.show(&view(&mut tx, contact).await?)
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedContact {
    pub name: Option<String>,
    pub labels: Option<Vec<String>>,
    /// All of them.
    #[schema(value_type = Option<Object>)]
    pub fields: Option<BTreeMap<String, Value>>,
    pub blocked: Option<bool>,
    pub automatic_messages_blocked: Option<bool>,
}

/// Correct a contact.
#[utoipa::path(patch, path = "/contacts/{id}", tag = "contacts", params(("id" = String, Path), IfMatch), request_body = ChangedContact,
    responses((status = 200, body = ContactView), (status = 404, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
async fn change(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<ContactId>,
    conditions: Conditions,
    Body(asked): Body<ChangedContact>,
) -> Answer<Response> {
    let mut tx = app.store.write(caller.workspace).await?;
    let mut contact = tx
        .contact(caller.workspace, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    conditions.require(&view(&mut tx, contact.clone()).await?)?;
    merge(&caller, &mut contact, asked)?;
    tx.update_contact(&contact).await?;
    let event = NewEvent::new("contact.changed")
        .subject("contact", id)
        .by(&Actor::user(caller.user));
    tx.append(app.scope(caller.workspace), vec![event]).await?;
    let view = view(&mut tx, contact).await?;
    tx.commit().await?;
    answer(StatusCode::OK, &view)
}

/// Erase a contact for good: their conversations and files, and what every app keeps about them. Administrators only; open conversations are to be
/// concluded first.
#[utoipa::path(delete, path = "/contacts/{id}", tag = "contacts", params(("id" = String, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn erase(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<ContactId>,
) -> Answer<StatusCode> {
    caller.require_admin()?;
    let mut tx = app.store.write(caller.workspace).await?;
    match tx.erase_contact(app.scope(caller.workspace), id).await {
        Err(Error::State(_)) => {
            return Err(Problem::state(caller.say(
                "Conclua antes as conversas abertas deste contato.",
                "Conclude this contact's open conversations first.",
            )));
        }
        erased => erased?,
    }
    let event = NewEvent::new("contact.erased").subject("contact", id);
    administer(&app, &mut tx, &caller, event, ("contact.erase", json!({}))).await?;
    tx.commit().await?;
    if let Err(error) = keeping::remove_loose(&app).await {
        // Noted: they go with a later purge.
        tracing::warn!("files of an erased contact could not be removed: {error}");
    }
    Ok(StatusCode::NO_CONTENT)
}

fn merge(caller: &Caller, contact: &mut Contact, asked: ChangedContact) -> Answer<()> {
    if let Some(name) = asked.name {
        contact.name = clean_name(&name).ok_or_else(|| {
            Problem::field(
                "name",
                caller.say(
                    "deve ter uma linha, de 1 a 100 caracteres",
                    "must be one line of 1 to 100 characters",
                ),
            )
        })?;
    }
    if let Some(labels) = asked.labels {
        let clean: Option<Vec<String>> = labels.iter().map(|label| clean_name(label)).collect();
        let clean = clean
            .filter(|labels| labels.len() <= MAX_EACH)
            .ok_or_else(|| {
                Problem::field(
                    "labels",
                    caller.say(
                        "devem ser no máximo 200, cada uma com 1 a 100 caracteres em uma linha",
                        "must be at most 200, each one line of 1 to 100 characters",
                    ),
                )
            })?;
        contact.labels = serde_json::to_string(&clean).map_err(Error::from)?;
    }
    if let Some(fields) = asked.fields {
        if fields.len() > MAX_EACH
            || fields
                .keys()
                .any(|name| clean_name(name).as_deref() != Some(name))
        {
            return Err(Problem::field(
                "fields",
                caller.say(
                    "devem ser no máximo 200, cada um com um nome de uma linha",
                    "must be at most 200, each with a name of one line",
                ),
            ));
        }
        contact.fields = serde_json::to_string(&fields).map_err(Error::from)?;
    }
    contact.blocked = asked.blocked.unwrap_or(contact.blocked);
    contact.automatic_messages_blocked = asked
        .automatic_messages_blocked
        .unwrap_or(contact.automatic_messages_blocked);
    Ok(())
}
