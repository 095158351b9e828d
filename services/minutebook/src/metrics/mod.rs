//! What the program tells of itself to whoever watches it, in the way of Prometheus: [`Metrics`] is counted as requests
//! and subscriptions come and go, all else is looked at when somebody asks ([`observed`]). It has a listener of its own.
//!
//! No label holds anything that a client wrote: their values are the methods that there are, and the codes of answers.

mod listener;
mod observed;
mod process;
mod requests;
mod subscribers;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

pub(crate) use listener::Listener;
use observed::Observer;
pub(crate) use requests::observe;
use requests::{Method, Throttle};
pub(crate) use subscribers::Subscriber;
use subscribers::Subscribers;

use crate::app::App;

/// In how many seconds a request is answered, in each range.
const SECONDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// The names of labels, and their values.
type Labels<const N: usize, T = &'static str> = [(&'static str, T); N];
/// How long requests took, by method.
type Seconds = Family<Labels<1>, Histogram, fn() -> Histogram>;

/// What is counted while the program runs.
#[derive(Debug)]
pub(crate) struct Metrics {
    started: SystemTime,
    requests: Family<Labels<2>, Counter>,
    seconds: Seconds,
    refusals: Family<Labels<1, String>, Counter>,
    subscribers: Subscribers,
    lines: Throttle,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            started: SystemTime::now(),
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            refusals: Family::default(),
            subscribers: Subscribers::default(),
            lines: Throttle::default(),
        }
    }
}

impl Metrics {
    /// The subscriptions that are open.
    pub(crate) fn subscribers(&self) -> &Subscribers {
        &self.subscribers
    }

    /// Counts a request whose answer has ended, with the code of why it was refused.
    fn ended(&self, method: Method, status: &'static str, reason: Option<String>, took: Duration) {
        self.requests.get_or_create(&[("method", method.name), ("status", status)]).inc();
        // How long a stream lasts is up to its reader.
        if !method.is_stream {
            self.seconds.get_or_create(&[("method", method.name)]).observe(took.as_secs_f64());
        }
        if let Some(reason) = reason {
            self.refusals.get_or_create(&[("code", reason)]).inc();
        }
    }
}

/// Everything that is told of a program that serves a ledger.
fn registry(app: &Arc<App>) -> Registry {
    let metrics = app.metrics();
    let mut registry = Registry::with_prefix("minutebook");
    registry.register("build", "The program", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
    registry.register("requests", "Requests that were answered or given up", metrics.requests.clone());
    let help = "How long requests took, from their head to the end of the answer; streams are left out";
    registry.register_with_unit("request", help, Unit::Seconds, metrics.seconds.clone());
    registry.register("refusals", "Requests that were refused, by the code in their details", metrics.refusals.clone());
    registry.register_collector(Box::new(Observer::new(app)));
    registry
}
