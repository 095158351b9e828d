//! One event as a `CloudEvent` (<https://cloudevents.io>, version 1.0, structured mode): where it is and what it is about,
//! and only on request what it says. Whoever handles it further asks the ledger for the rest.

use minutebook_client::Event;
use minutebook_domain::value::Value;
use minutebook_proto::{decode_event, key_to_pb};
use serde_json::{Map, json};

use super::json;
use super::subscribe::event_value;

/// An event of the ledger with that id.
pub(super) fn cloud_event(event: &Event, ledger: &str, full: bool) -> Value {
    let value = event_value(event);
    let stated = |name: &str| value.get(name).cloned().unwrap_or_default();
    let about = decode_event(&event.bytes).ok().and_then(|recorded| recorded.event.payload.about());
    let mut map = Map::new();
    let mut put = |name: &str, value: Value| map.insert(name.to_owned(), value);
    put("specversion", "1.0".into());
    put("id", format!("{ledger}/{}", event.position).into());
    put("source", format!("urn:minutebook:{ledger}").into());
    // Content that only holders of a key can read, and events of newer programs, have no name here.
    put("type", format!("minutebook.v1.{}", event.name().unwrap_or("Event")).into());
    if let Some(key) = &about {
        put("subject", key.path().replacen(' ', "/", 1).into());
    }
    put("time", stated("recorded_at"));
    put("datacontenttype", "application/json".into());
    let record = about.map(|key| Value::Object(json::key("kind", Some(&key_to_pb(&key)))));
    let thin = json!({
        "position": event.position,
        "agenda": stated("agenda"),
        "record": record,
        "decision": stated("decision"),
        "effective": stated("effective"),
    });
    put("data", if full { value } else { thin });
    map.into()
}
