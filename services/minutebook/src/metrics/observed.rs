//! What is looked at when somebody asks: the ledger, its files, the subscriptions and the process.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use minutebook_ledger::{Commits, Distribution, Observed, Status};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use super::process;
use crate::app::App;

/// Looks at the program.
#[derive(Debug)]
pub(super) struct Observer(Arc<App>);

impl Observer {
    pub(super) fn new(app: &Arc<App>) -> Self {
        Self(Arc::clone(app))
    }
}

impl Collector for Observer {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        page.process(&self.0)?;
        let seen = self.0.status().and_then(|status| Ok((status, self.0.observed()?)));
        // While the ledger is rebuilt there is nothing to tell of it.
        page.gauge(
            "rebuilding",
            "1 while the ledger is rebuilt and neither takes nor answers anything",
            seen.is_err(),
        )?;
        let Ok((status, observed)) = seen else { return Ok(()) };
        page.commits(&observed.commits)?;
        page.waiting(&status, &observed)?;
        page.kept(&self.0, &status, &observed)?;
        page.subscribers(&self.0, &status)
    }
}

/// Where it is written.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn describe<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        unit: Option<&'s Unit>,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        // A registry ends what it says of its own metrics so.
        self.0.encode_descriptor(name, &format!("{help}."), unit, kind)
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Into<Value>) -> fmt::Result {
        self.gauge_in(None, name, help, value)
    }

    fn gauge_in(&mut self, unit: Option<&Unit>, name: &str, help: &str, value: impl Into<Value>) -> fmt::Result {
        let metric = self.describe(name, help, unit, MetricType::Gauge)?;
        match value.into() {
            Value::Whole(value) => ConstGauge::new(value).encode(metric),
            Value::Real(value) => ConstGauge::new(value).encode(metric),
        }
    }

    fn counter(&mut self, unit: Option<&Unit>, name: &str, help: &str, value: u64) -> fmt::Result {
        let metric = self.describe(name, help, unit, MetricType::Counter)?;
        ConstCounter::new(value).encode(metric)
    }

    fn histogram(
        &mut self,
        (unit, real): (Option<&Unit>, fn(u64) -> f64),
        name: &str,
        help: &str,
        values: &Distribution,
    ) -> fmt::Result {
        let mut metric = self.describe(name, help, unit, MetricType::Histogram)?;
        let bound = |bound: Option<u64>| bound.map_or(f64::INFINITY, real);
        let ranges: Vec<_> = values.ranges.iter().map(|(last, count)| (bound(*last), *count)).collect();
        metric.encode_histogram::<NoLabelSet>(real(values.sum), values.count(), &ranges, None)
    }

    fn process(&mut self, app: &App) -> fmt::Result {
        let started = app.metrics().started.duration_since(UNIX_EPOCH).unwrap_or_default();
        let help = "When the program was started, since 1970";
        self.gauge_in(Some(&Unit::Seconds), "process_start_time", help, started.as_secs_f64())?;
        if let Some(bytes) = process::resident_bytes() {
            self.gauge_in(
                Some(&Unit::Bytes),
                "process_resident_memory",
                "Memory of the process in the machine",
                bytes,
            )?;
        }
        if let Some(open) = process::open_fds() {
            self.gauge("process_open_fds", "Files and connections that are open", open)?;
        }
        if let Some(most) = process::max_fds() {
            self.gauge("process_max_fds", "Files and connections that may be open", most)?;
        }
        Ok(())
    }

    fn commits(&mut self, commits: &Commits) -> fmt::Result {
        let Commits { submissions, events, append_us, bytes } = commits;
        self.counter(None, "commits", "Groups of requests that were written and synced together", events.count())?;
        self.counter(None, "events_recorded", "Events that were recorded since the start", events.sum)?;
        self.counter(Some(&Unit::Bytes), "appended", "What was written to the journal since the start", *bytes)?;
        self.histogram((None, whole), "commit_submissions", "Requests that one commit answered", submissions)?;
        self.histogram((None, whole), "commit_events", "Events that one commit recorded", events)?;
        let help = "How long one commit took to be written and synced (fdatasync)";
        self.histogram((Some(&Unit::Seconds), micros), "append", help, append_us)
    }

    fn waiting(&mut self, status: &Status, observed: &Observed) -> fmt::Result {
        let stops = status.stopped.is_some() || status.newer.is_some();
        self.gauge("writer_stopped", "1 when nothing is recorded any more until a restart", stops)?;
        self.gauge("queue_depth", "Requests that wait for the writer", observed.waiting)?;
        self.gauge("queue_limit", "Requests that may wait; one more is refused as OVERLOADED", observed.waiting_limit)
    }

    fn kept(&mut self, app: &App, status: &Status, observed: &Observed) -> fmt::Result {
        let help = "1 when the store is not used and answers come from the journal";
        self.gauge("store_degraded", help, status.degraded.is_some())?;
        let lag = status.head.saturating_sub(status.applied);
        self.gauge("store_lag_events", "Durable events that the store does not have yet", lag)?;
        let help = "What waits in memory to be written to the store";
        self.gauge_in(Some(&Unit::Bytes), "store_lag", help, observed.lag_bytes)?;
        self.gauge_in(
            Some(&Unit::Bytes),
            "journal",
            "The files of the journal, with the room that is made ahead",
            app.journal_bytes(),
        )?;
        self.gauge_in(Some(&Unit::Bytes), "store", "The files of the store", app.store_bytes())?;
        if let Some(signed) = observed.signed {
            self.gauge("unsigned_events", "Durable events that no checkpoint is over yet", signed.unsigned)?;
            if let Some(age) = signed.checkpoint_age {
                let help = "Since when the last checkpoint is there; it grows while nothing is recorded";
                self.gauge_in(Some(&Unit::Seconds), "checkpoint_age", help, age.as_secs_f64())?;
            }
        }
        // A ledger that needs a newer program has no book.
        if let Ok(book) = app.reader().map_err(drop).and_then(|reader| reader.book().map_err(drop)) {
            let (records, marks) = book.size();
            self.gauge("book_events", "Events in the book", book.head())?;
            self.gauge("book_records", "Records in the book", records)?;
            self.gauge("book_marks", "Steps in the history of the records in the book", marks)?;
        }
        Ok(())
    }

    fn subscribers(&mut self, app: &App, status: &Status) -> fmt::Result {
        let behind = app.metrics().subscribers.behind(status.head);
        self.counter(None, "subscriptions", "Subscriptions that were begun", behind.entered)?;
        self.gauge("subscribers", "Subscriptions that are open", behind.open)?;
        let help = "Events that the slowest open subscription still has to pass";
        self.gauge("subscriber_lag_largest_events", help, behind.largest)?;
        let help = "Events that all open subscriptions still have to pass, added up";
        self.gauge("subscriber_lag_summed_events", help, behind.summed)
    }
}

/// A value of a gauge.
enum Value {
    Whole(u64),
    Real(f64),
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Whole(u64::try_from(value).unwrap_or(u64::MAX))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Whole(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

/// A count as the number that a histogram has; counts here are far below 2^53.
#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "counts are small")]
fn whole(count: u64) -> f64 {
    count as f64
}

fn micros(count: u64) -> f64 {
    Duration::from_micros(count).as_secs_f64()
}
