//! `balcao:platform`: log, clock, random, settings, secrets, http, storage, collections, timers.

use std::time::Duration;

use crate::{
    bounds::cut,
    effect::{Collections, Effect, Storage, Timers},
    http::Request,
    secrets::Algorithm,
    services::{Aggregate, Listed, Query, refused},
    state::{CallState, invalid},
    wit::{
        Error, Instant, Subject, clock, collections, http, log, random, secrets, settings, storage,
        timers,
    },
};

/// Bytes of a key, name or id that a plugin may give.
const MAX_KEY: usize = 512;
/// Rows or keys in one answer.
const MAX_PAGE: u32 = 1_000;

/// The settings of one scope: its own values over the plugin's.
fn overlaid(settings: &str, own: &str) -> serde_json::Result<String> {
    let mut whole: serde_json::Map<String, serde_json::Value> = serde_json::from_str(settings)?;
    whole.extend(serde_json::from_str::<serde_json::Map<_, _>>(own)?);
    serde_json::to_string(&whole)
}

fn key_fits(key: &str) -> Result<(), Error> {
    if key.is_empty() || key.len() > MAX_KEY {
        return Err(invalid(format!(
            "a key has 1 to {MAX_KEY} bytes, this one {}",
            key.len()
        )));
    }
    Ok(())
}

fn is_json(text: &str) -> Result<(), Error> {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(invalid(format!("not JSON: {error}"))),
    }
}

impl log::Host for CallState {
    fn write(&mut self, level: String, message: String) -> wasmtime::Result<()> {
        self.enter()?;
        self.log(&level, &message);
        Ok(())
    }
}

impl clock::Host for CallState {
    fn now(&mut self) -> wasmtime::Result<Instant> {
        self.enter()?;
        Ok(self.context.now)
    }
}

impl random::Host for CallState {
    async fn bytes(&mut self, count: u32) -> wasmtime::Result<Vec<u8>> {
        self.enter()?;
        let mut bytes = vec![0; count.min(4096) as usize];
        self.context.chance.fill(&mut bytes);
        Ok(bytes)
    }
}

impl settings::Host for CallState {
    async fn workspace(&mut self) -> wasmtime::Result<String> {
        self.enter()?;
        Ok(self.context.settings.to_string())
    }

    async fn scoped(&mut self, of: Subject) -> wasmtime::Result<String> {
        self.enter()?;
        let own = self.context.services.scoped_settings(&of).await;
        // The import has no error to give: a store that cannot be read ends the call, which is tried again.
        let own = own.map_err(|error| wasmtime::Error::msg(error.message))?;
        Ok(match own {
            Some(own) => overlaid(&self.context.settings, &own)?,
            None => self.context.settings.to_string(),
        })
    }
}

impl secrets::Host for CallState {
    async fn exists(&mut self, name: String) -> wasmtime::Result<bool> {
        self.enter()?;
        Ok(self.context.secrets.exists(&name))
    }

    async fn handle(&mut self, name: String) -> wasmtime::Result<Result<String, Error>> {
        self.enter()?;
        let (chance, secrets) = (&self.context.chance, &self.context.secrets);
        let handle = self
            .http
            .handles(|handles| handles.handle(secrets, &name, &mut |bytes| chance.fill(bytes)));
        Ok(handle.map_err(|error| refused(error.code(), error.to_string())))
    }

    async fn hmac(
        &mut self,
        name: String,
        algorithm: String,
        data: Vec<u8>,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        self.enter()?;
        let secrets = &self.context.secrets;
        let hmac = Algorithm::parse(&algorithm)
            .and_then(|algorithm| secrets.hmac(&name, algorithm, &data));
        Ok(hmac.map_err(|error| refused(error.code(), error.to_string())))
    }

    async fn verify_hmac(
        &mut self,
        name: String,
        algorithm: String,
        data: Vec<u8>,
        hex: String,
    ) -> wasmtime::Result<Result<bool, Error>> {
        self.enter()?;
        let secrets = &self.context.secrets;
        let equal = Algorithm::parse(&algorithm)
            .and_then(|algorithm| secrets.verify_hmac(&name, algorithm, &data, &hex));
        Ok(equal.map_err(|error| refused(error.code(), error.to_string())))
    }

    async fn equals(
        &mut self,
        name: String,
        value: String,
    ) -> wasmtime::Result<Result<bool, Error>> {
        self.enter()?;
        let equal = self.context.secrets.equals(&name, value.as_bytes());
        Ok(equal.map_err(|error| refused(error.code(), error.to_string())))
    }
}

impl http::Host for CallState {
    async fn send(
        &mut self,
        request: http::Request,
    ) -> wasmtime::Result<Result<http::Response, Error>> {
        self.enter()?;
        let request = Request {
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: request.body.into(),
            files: Vec::new(),
            timeout: request
                .timeout_ms
                .map(|ms| Duration::from_millis(u64::from(ms))),
        };
        let response = self.send_http(request).await;
        Ok(response.map(|response| http::Response {
            status: response.status,
            headers: response.headers,
            body: response.body.into(),
        }))
    }

    async fn call_key(&mut self) -> wasmtime::Result<String> {
        self.enter()?;
        Ok(self.context.key.clone())
    }
}

/// How the ids of contacts begin: the server's, and those of the workspace in memory.
const CONTACTS: [&str; 2] = ["ctc_", "con_"];

/// Whose data it is: a contact, or somebody of a channel who may be no contact yet, as `channel/external id`.
fn about_whom(channel: Option<&str>, about: Option<String>) -> Option<String> {
    let about = about?;
    match channel {
        Some(channel) if !CONTACTS.iter().any(|it| about.starts_with(it)) => {
            Some(format!("{channel}/{about}"))
        }
        _ => Some(about),
    }
}

impl CallState {
    async fn stored(&mut self, key: &str) -> Result<Option<String>, Error> {
        key_fits(key)?;
        if let Some(own) = self.view.storage.get(key) {
            return Ok(own.clone());
        }
        let found = self.context.services.storage_get(key).await?;
        // The first reading counts: a later one that differs must end in a conflict too.
        let revision = found.as_ref().map(|stored| stored.revision);
        self.reads.storage.entry(key.to_owned()).or_insert(revision);
        Ok(found.map(|stored| stored.value))
    }

    fn store(
        &mut self,
        key: String,
        value: String,
        ttl: Option<u32>,
        about: Option<String>,
    ) -> Result<(), Error> {
        key_fits(&key)?;
        let bound = self.context.limits.storage_value_bytes;
        if value.len() > bound {
            return Err(refused(
                "limit",
                format!(
                    "storage_value_bytes: a value may have {bound} bytes, this one has {}",
                    value.len()
                ),
            ));
        }
        is_json(&value)?;
        let bytes = key.len() + value.len();
        let effect = Storage::Set {
            key: key.clone(),
            value: value.clone(),
            ttl,
            about: about_whom(self.context.channel.as_deref(), about),
        };
        self.push(Effect::Storage(effect), bytes)?;
        self.view.storage.insert(key, Some(value));
        Ok(())
    }

    fn unstore(&mut self, key: String) -> Result<(), Error> {
        key_fits(&key)?;
        let bytes = key.len();
        self.push(Effect::Storage(Storage::Delete { key: key.clone() }), bytes)?;
        self.view.storage.insert(key, None);
        Ok(())
    }

    /// What is stored under the prefix, seen through the call's own writes.
    async fn listed(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<(String, String)>, Error> {
        let limit = limit.clamp(1, MAX_PAGE);
        let in_range = |key: &str| {
            key.starts_with(&prefix) && after.as_deref().is_none_or(|after| key > after)
        };
        // Own deletions shorten the page, so as many more are read.
        let deleted = self
            .view
            .storage
            .iter()
            .filter(|(key, value)| value.is_none() && in_range(key))
            .count();
        let wanted = limit.saturating_add(u32::try_from(deleted).unwrap_or(MAX_PAGE));
        let found = self
            .context
            .services
            .storage_list(&prefix, after.as_deref(), wanted)
            .await?;
        let complete = found.len() < wanted as usize;
        let last = found.last().map(|(key, _)| key.clone());
        self.reads.listed.push(Listed {
            prefix: prefix.clone(),
            after: after.clone(),
            limit: wanted,
            found: found
                .iter()
                .map(|(key, stored)| (key.clone(), stored.revision))
                .collect(),
        });
        let mut page: std::collections::BTreeMap<_, _> = found
            .into_iter()
            .map(|(key, stored)| (key, stored.value))
            .collect();
        for (key, value) in &self.view.storage {
            // Beyond the page's last key an own write might not be the next one.
            let covered = complete || last.as_ref().is_some_and(|last| key <= last);
            match value {
                Some(value) if in_range(key) && covered => {
                    drop(page.insert(key.clone(), value.clone()))
                }
                None => drop(page.remove(key)),
                Some(_) => {}
            }
        }
        Ok(page.into_iter().take(limit as usize).collect())
    }
}

impl storage::Host for CallState {
    async fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<String>, Error>> {
        self.enter()?;
        Ok(self.stored(&key).await)
    }

    async fn set(
        &mut self,
        key: String,
        value: String,
        ttl: Option<u32>,
        about: Option<String>,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        Ok(self.store(key, value, ttl, about))
    }

    async fn compare_and_set(
        &mut self,
        key: String,
        was: Option<String>,
        to: Option<String>,
    ) -> wasmtime::Result<Result<bool, Error>> {
        self.enter()?;
        let present = match self.stored(&key).await {
            Ok(present) => present,
            Err(error) => return Ok(Err(error)),
        };
        if present != was {
            return Ok(Ok(false));
        }
        let done = match to {
            Some(value) => self.store(key, value, None, None),
            None => self.unstore(key),
        };
        Ok(done.map(|()| true))
    }

    async fn delete(&mut self, key: String) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        Ok(self.unstore(key))
    }

    async fn list_keys(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<(String, String)>, Error>> {
        self.enter()?;
        Ok(self.listed(prefix, after, limit).await)
    }
}

impl collections::Host for CallState {
    async fn get(
        &mut self,
        collection: String,
        key: String,
    ) -> wasmtime::Result<Result<Option<String>, Error>> {
        self.enter()?;
        let at = (collection, key);
        if let Some(own) = self.view.rows.get(&at) {
            return Ok(Ok(own.clone()));
        }
        let found = match self.context.services.row(&at.0, &at.1).await {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        self.reads.rows.entry(at).or_insert_with(|| found.clone());
        Ok(Ok(found))
    }

    async fn put(
        &mut self,
        collection: String,
        key: String,
        row: String,
        about: Option<String>,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        let fits = key_fits(&collection).and_then(|()| key_fits(&key));
        let object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&row);
        if let Err(error) = fits.and_then(|()| {
            object.map_err(|error| invalid(format!("a row is a JSON object: {error}")))
        }) {
            return Ok(Err(error));
        }
        let bytes = key.len() + row.len();
        let effect = Collections::Put {
            collection: collection.clone(),
            key: key.clone(),
            row: row.clone(),
            about: about_whom(self.context.channel.as_deref(), about),
        };
        let pushed = self.push(Effect::Collections(effect), bytes);
        if pushed.is_ok() {
            self.view.rows.insert((collection, key), Some(row));
        }
        Ok(pushed)
    }

    async fn delete(
        &mut self,
        collection: String,
        key: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        let effect = Collections::Delete {
            collection: collection.clone(),
            key: key.clone(),
        };
        let pushed = self.push(Effect::Collections(effect), key.len());
        if pushed.is_ok() {
            self.view.rows.insert((collection, key), None);
        }
        Ok(pushed)
    }

    async fn query(
        &mut self,
        collection: String,
        conditions: Vec<collections::Condition>,
        order: String,
        descending: bool,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<collections::Entry>, Error>> {
        self.enter()?;
        let query = Query {
            collection,
            conditions,
            order,
            descending,
            after,
            limit: limit.clamp(1, MAX_PAGE),
        };
        Ok(self.context.services.query(&query).await)
    }

    async fn aggregate(
        &mut self,
        collection: String,
        conditions: Vec<collections::Condition>,
        by: Vec<String>,
        sum: Vec<String>,
    ) -> wasmtime::Result<Result<Vec<collections::Group>, Error>> {
        self.enter()?;
        Ok(self
            .context
            .services
            .aggregate(&Aggregate {
                collection,
                conditions,
                by,
                sum,
            })
            .await)
    }
}

impl timers::Host for CallState {
    async fn set(
        &mut self,
        name: String,
        at: Instant,
        about: Option<Subject>,
        payload: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        if let Err(error) = key_fits(&name) {
            return Ok(Err(error));
        }
        if let Some(about) = about
            .as_ref()
            .filter(|about| !matches!(about.kind.as_str(), "conversation" | "team" | "workspace"))
        {
            let kind = cut(&about.kind, 64);
            return Ok(Err(invalid(format!(
                "a timer is about a conversation, a team or the workspace, not `{kind}`"
            ))));
        }
        let bytes = name.len() + payload.len();
        Ok(self.push(
            Effect::Timers(Timers::Set {
                name,
                at,
                about,
                payload,
            }),
            bytes,
        ))
    }

    async fn cancel(&mut self, name: String) -> wasmtime::Result<Result<(), Error>> {
        self.enter()?;
        let bytes = name.len();
        Ok(self.push(Effect::Timers(Timers::Cancel { name }), bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::about_whom;

    #[test]
    fn a_connector_may_name_a_person_of_its_channel_who_is_no_contact_yet() {
        let of = |channel, about: &str| about_whom(channel, Some(about.into())).unwrap();
        assert_eq!(of(Some("chn_1"), "5511900000001"), "chn_1/5511900000001");
        assert_eq!(of(Some("chn_1"), "ctc_1"), "ctc_1");
        assert_eq!(of(None, "ctc_1"), "ctc_1");
        assert_eq!(about_whom(Some("chn_1"), None), None);
    }
}
