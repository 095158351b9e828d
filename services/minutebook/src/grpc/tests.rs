//! A panic where an answer is worked out costs that answer, and nothing else: who asked is told, and reads and writes go
//! on. (A panic of the writer ends the program; the ledger's own tests show that.)

use std::path::Path;

use minutebook_domain::command::StateRecord;
use minutebook_domain::event::Actor;
use minutebook_domain::ids::RequestId;
use minutebook_domain::value::Name;
use minutebook_ledger::Options;
use tonic::Code;

use super::*;
use crate::server::{FoundOptions, found};

fn founded(data: &Path) -> Arc<App> {
    let name = |text| Name::new(text).expect("a name");
    let (name, zone) = (name("Paniek"), name("Europe/Amsterdam"));
    let options = FoundOptions { name, organisation: None, zone, origin: None, actor: Actor::default() };
    found(data, options).expect("founded");
    Arc::new(App::open(data, Options::default()).expect("opened"))
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

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_an_answer_costs_that_answer_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let app = founded(dir.path());
    for n in 1..=3 {
        let asked = query(&app, Lang::En, |_| -> Result<(), Fault> { panic!("on purpose") }).await;
        assert_eq!(asked.expect_err("no answer").code(), Code::Internal);
        let service = audit::Service(Arc::clone(&app));
        let proved = service.prove(Lang::En, |_| -> Result<(), Fault> { panic!("on purpose") }).await;
        assert_eq!(proved.expect_err("no answer").code(), Code::Internal);

        let (options, commands) = party(&format!("partij-{n}"));
        assert_eq!(app.submit(&options, commands).await.expect("recorded").first, n);
        let head = query(&app, Lang::En, |query| Ok(query.reader.head())).await.expect("an answer");
        assert_eq!((head, app.status().expect("a status").stopped), (n + 1, None));
    }
    app.close();
}
