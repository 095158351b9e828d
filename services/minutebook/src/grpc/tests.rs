//! A panic where an answer is worked out costs that answer, and nothing else: who asked is told, and reads and writes go
//! on. (A panic of the writer ends the program; the ledger's own tests show that.) What waits for an event gets an
//! answer that has it, or is told that there will be none.

use std::path::Path;

use minutebook_domain::command::StateRecord;
use minutebook_domain::event::Actor;
use minutebook_domain::ids::RequestId;
use minutebook_domain::value::Name;
use minutebook_ledger::Options;
use tonic::Code;

use super::*;
use crate::serve::limits::Limits;
use crate::server::{FoundOptions, found};

fn founded(data: &Path) -> Arc<App> {
    let name = |text| Name::new(text).expect("a name");
    let (name, zone) = (name("Paniek"), name("Europe/Amsterdam"));
    let options = FoundOptions { name, organisation: None, zone, origin: None, actor: Actor::default() };
    found(data, options).expect("founded");
    Arc::new(App::open(data, Options::default(), &Limits::default()).expect("opened"))
}

/// What registers a party of that name.
fn party(name: &str) -> (WriteOptions, Vec<Command>) {
    let id = Id::new(name).expect("an id");
    let fields = serde_json::Map::from_iter([("name".to_owned(), name.into())]);
    let record = Record::read(Kind::Party, id, &fields).expect("a party");
    let state = StateRecord { agenda: None, record, effective: None, reason: None, expected_revision: None };
    let request_id = RequestId::new(name).expect("a name of a request");
    let actor = Actor::default();
    let options = WriteOptions { request_id, validate_only: false, actor, expected_revision: None, prove: false };
    (options, vec![Command::State(state)])
}

/// A query that has begun to wait for an event.
async fn waiting(app: &Arc<App>, position: Position) -> impl Future<Output = Result<Position, Status>> {
    let mut asked = Box::pin({
        let app = Arc::clone(app);
        async move { query(&app, Lang::En, Some(position), |query| Ok(query.position())).await }
    });
    tokio::select! {
        biased;
        answer = &mut asked => panic!("it did not wait: {answer:?}"),
        () = std::future::ready(()) => asked,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_waits_until_the_book_holds_the_event_that_it_is_to_see() {
    let dir = tempfile::tempdir().expect("a directory");
    let app = founded(dir.path());
    assert_eq!(query(&app, Lang::En, Some(0), |query| Ok(query.position())).await.expect("no need to wait"), 0);
    for n in 1..=20 {
        let asked = waiting(&app, n).await;
        let (options, commands) = party(&format!("partij-{n}"));
        let receipt = app.submit(&options, commands);
        assert_eq!(asked.await.expect("an answer"), n);
        assert_eq!(receipt.await.expect("recorded").first, n);
    }
    app.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_an_event_is_told_when_the_ledger_is_closed() {
    let dir = tempfile::tempdir().expect("a directory");
    let app = founded(dir.path());
    let asked = waiting(&app, Position::MAX).await;
    app.close();
    assert_eq!(asked.await.expect_err("no answer").code(), Code::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_an_answer_costs_that_answer_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let app = founded(dir.path());
    for n in 1..=3 {
        let asked = query(&app, Lang::En, None, |_| -> Result<(), Fault> { panic!("on purpose") }).await;
        assert_eq!(asked.expect_err("no answer").code(), Code::Internal);
        let service = audit::Service(Arc::clone(&app));
        let proved = service.prove(Lang::En, None, |_| -> Result<(), Fault> { panic!("on purpose") }).await;
        assert_eq!(proved.expect_err("no answer").code(), Code::Internal);

        let (options, commands) = party(&format!("partij-{n}"));
        assert_eq!(app.submit(&options, commands).await.expect("recorded").first, n);
        let head = query(&app, Lang::En, None, |query| Ok(query.reader.head())).await.expect("an answer");
        assert_eq!((head, app.status().expect("a status").stopped), (n + 1, None));
    }
    app.close();
}
