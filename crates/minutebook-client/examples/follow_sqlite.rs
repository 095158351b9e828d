//! A follower that keeps an agenda in `SQLite`: each item with the title that was recorded last.
//!
//! ```sh
//! cargo run -p minutebook-client --example follow_sqlite -- \
//!   127.0.0.1:7468 agenda.sqlite krimp-en-leefbaarheid [--key VERIFIER-KEY] [--until-caught-up]
//! ```
//!
//! What the events come to and how far the follower is are written in one transaction. So whatever happens, each event
//! has its effect exactly once: a follower that is killed goes on after the last request whose effect is there. With the
//! key it takes only what is proved to be in the log.
//!
//! It keeps what was recorded last of an item. How an agenda reads on a given day, with what was recorded late in its
//! place, is a question for `AgendaService.GetAgenda`.

use std::error::Error;

use minutebook_client::pb::event::Payload;
use minutebook_client::pb::record::Record;
use minutebook_client::{Batch, Client, Follower, Kept, Start, Told, pb};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

/// The newest reader that this program was written for (`min_reader` of an event).
const READER: u32 = 1;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS items (
        kind TEXT NOT NULL, id TEXT NOT NULL, title TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (kind, id)
    );
    CREATE TABLE IF NOT EXISTS follower (only INTEGER PRIMARY KEY CHECK (only = 1), kept TEXT NOT NULL);
";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(file), Some(agenda)) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("say which server, which file and which agenda".into());
    };
    let (mut key, mut until_caught_up) = (None, false);
    while let Some(option) = arguments.next() {
        match option.as_str() {
            "--key" => key = Some(arguments.next().unwrap_or_default().parse()?),
            "--until-caught-up" => until_caught_up = true,
            _ => return Err(format!("`{option}` is no option").into()),
        }
    }
    let mut database = Connection::open(file)?;
    database.execute_batch(TABLES)?;

    let client = Client::connect_later(&address)?;
    let follower = match kept(&database)? {
        Some(kept) => client.resume(kept),
        None => client.follow(Start::Beginning),
    };
    let mut follower = follower.filter(pb::EventFilter { agendas: vec![agenda], ..pb::EventFilter::default() });
    if let Some(key) = key {
        follower = follower.verified_by(key);
    }
    follow(&mut follower, &mut database, until_caught_up).await
}

/// Follows for ever, or until everything that is there has been dealt with.
async fn follow(follower: &mut Follower, database: &mut Connection, until_caught_up: bool) -> Result<()> {
    loop {
        let told = follower.next().await?;
        // The database waits for the disk, and this program has nothing else to do meanwhile.
        let transaction = database.transaction()?;
        if let Told::Events(batch) = &told {
            apply(&transaction, batch)?;
        }
        if let Some(kept) = follower.kept() {
            keep(&transaction, kept)?;
        }
        transaction.commit()?;
        match told {
            Told::CaughtUp(position) => {
                show(database, position)?;
                if until_caught_up {
                    return Ok(());
                }
            }
            Told::Events(batch) => eprintln!("at position {}", batch.position),
            Told::Interrupted(why) => eprintln!("connecting again: {why}"),
            Told::Checkpoint(_) => {}
        }
    }
}

/// What the events of whole requests come to.
fn apply(transaction: &Transaction<'_>, batch: &Batch) -> Result<()> {
    for event in &batch.events {
        let decoded = event.decode()?;
        if decoded.min_reader > READER {
            return Err(format!("event {} needs a newer program than this", event.position).into());
        }
        // Sealed events, and names of events that only newer programs know, are passed over.
        let Some(payload) = decoded.payload else { continue };
        match payload {
            Payload::ItemAdded(pb::ItemAdded { item, .. })
            | Payload::ItemChanged(pb::ItemChanged { item, .. })
            | Payload::ItemReinstated(pb::ItemReinstated { item, .. })
            | Payload::ErratumRecorded(pb::ErratumRecorded { record: item, .. }) => {
                put(transaction, item, event.position)?;
            }
            Payload::ItemDropped(item) => remove(transaction, item.kind(), &item.id)?,
            Payload::ItemSuspended(item) => remove(transaction, item.kind(), &item.id)?,
            Payload::ItemSplit(split) => remove(transaction, pb::Kind::Action, &split.from)?,
            Payload::ItemMerged(merged) => {
                merged.from.iter().try_for_each(|id| remove(transaction, pb::Kind::Action, id))?;
            }
            // What is not about an item.
            _ => {}
        }
    }
    Ok(())
}

fn put(transaction: &Transaction<'_>, record: Option<pb::Record>, position: u64) -> Result<()> {
    let (kind, id, title) = match record.and_then(|record| record.record) {
        Some(Record::Theme(theme)) => (pb::Kind::Theme, theme.id, theme.title),
        Some(Record::Subtask(subtask)) => (pb::Kind::Subtask, subtask.id, subtask.title),
        Some(Record::PolicyItem(item)) => (pb::Kind::PolicyItem, item.id, item.title),
        Some(Record::Action(action)) => (pb::Kind::Action, action.id, action.title),
        _ => return Ok(()),
    };
    let values = params![name(kind), id, title, i64::try_from(position)?];
    transaction.execute("INSERT OR REPLACE INTO items (kind, id, title, position) VALUES (?, ?, ?, ?)", values)?;
    Ok(())
}

fn remove(transaction: &Transaction<'_>, kind: pb::Kind, id: &str) -> Result<()> {
    transaction.execute("DELETE FROM items WHERE kind = ? AND id = ?", params![name(kind), id])?;
    Ok(())
}

/// `KIND_POLICY_ITEM` as `policy item`.
fn name(kind: pb::Kind) -> String {
    kind.as_str_name().trim_start_matches("KIND_").replace('_', " ").to_lowercase()
}

/// How far the follower was.
fn kept(database: &Connection) -> Result<Option<Kept>> {
    let text = database.query_row("SELECT kept FROM follower", [], |row| row.get::<_, String>(0)).optional()?;
    Ok(text.map(|text| text.parse()).transpose()?)
}

fn keep(transaction: &Transaction<'_>, kept: &Kept) -> Result<()> {
    transaction.execute("INSERT OR REPLACE INTO follower (only, kept) VALUES (1, ?)", [kept.to_string()])?;
    Ok(())
}

/// Prints the agenda's items with their titles.
fn show(database: &Connection, position: u64) -> Result<()> {
    let mut statement = database.prepare("SELECT kind, id, title FROM items ORDER BY kind, id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (kind, id, title): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        println!("{kind} {id}: {title}");
    }
    println!("as recorded up to event {position}");
    Ok(())
}
