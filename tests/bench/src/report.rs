//! The table of figures, for people and for programs.

use std::fmt;

use serde_json::{Value, json};

/// What a figure should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    /// At least this.
    AtLeast(f64),
    /// Less than this.
    Below(f64),
    /// Nothing was promised.
    None,
}

impl Target {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(target) => value >= target,
            Self::Below(target) => value < target,
            Self::None => true,
        }
    }

    fn value(self) -> Option<f64> {
        match self {
            Self::AtLeast(target) | Self::Below(target) => Some(target),
            Self::None => None,
        }
    }
}

/// One figure.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Which of the promised figures it belongs to.
    pub(crate) number: u8,
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) value: f64,
    pub(crate) target: Target,
    /// What it is compared with, in the same unit.
    pub(crate) peer: Option<(String, f64)>,
    pub(crate) note: String,
}

/// All figures of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    is_quick: bool,
    rows: Vec<Row>,
    skipped: Vec<(u8, String)>,
    notes: Vec<String>,
}

impl Report {
    pub(crate) fn new(is_quick: bool) -> Self {
        Self { is_quick, ..Self::default() }
    }

    pub(crate) fn add(&mut self, row: Row) {
        eprintln!("  {} {}: {} {}", row.number, row.name, shown(row.value), row.unit);
        self.rows.push(row);
    }

    /// A figure that could not be measured.
    pub(crate) fn skip(&mut self, number: u8, why: impl Into<String>) {
        let why = why.into();
        eprintln!("not run: {number} ({why})");
        self.skipped.push((number, why));
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Whether every figure was measured and is as promised.
    pub(crate) fn is_met(&self) -> bool {
        self.skipped.is_empty() && self.rows.iter().all(|row| row.target.is_met(row.value))
    }

    pub(crate) fn to_json(&self) -> Value {
        let row = |row: &Row| {
            let peer = row
                .peer
                .as_ref()
                .map(|(name, value)| json!({"name": name, "value": value, "ratio": ratio(row.value, *value)}));
            let kind = match row.target {
                Target::AtLeast(_) => Some("at_least"),
                Target::Below(_) => Some("below"),
                Target::None => None,
            };
            json!({
                "figure": row.number, "name": row.name, "unit": row.unit, "value": row.value,
                "target": row.target.value(), "target_kind": kind, "met": row.target.is_met(row.value),
                "peer": peer, "note": row.note,
            })
        };
        let skip = |(number, why): &(u8, String)| json!({"figure": number, "reason": why});
        json!({
            "quick": self.is_quick,
            "met": self.is_met(),
            "figures": self.rows.iter().map(row).collect::<Vec<_>>(),
            "not_run": self.skipped.iter().map(skip).collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }
}

fn ratio(value: f64, peer: f64) -> f64 {
    if peer > 0.0 { value / peer } else { 0.0 }
}

/// A number with as many digits as a reader needs, and thousands apart.
fn shown(value: f64) -> String {
    if value < 10.0 {
        return format!("{value:.3}");
    }
    if value < 1000.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = ["#", "figure", "unit", "measured", "target", "", "beside", "ratio"].map(str::to_owned);
        let mut lines = vec![header];
        for row in &self.rows {
            let target = match row.target {
                Target::AtLeast(target) => format!("≥ {}", shown(target)),
                Target::Below(target) => format!("< {}", shown(target)),
                Target::None => String::new(),
            };
            let verdict = match row.target {
                Target::None => "",
                target if target.is_met(row.value) => "met",
                _ => "MISSED",
            };
            let peer = row.peer.as_ref().map(|(name, value)| format!("{name}: {}", shown(*value)));
            let ratio = row.peer.as_ref().map(|(_, value)| format!("{:.2}", ratio(row.value, *value)));
            lines.push([
                row.number.to_string(),
                row.name.clone(),
                row.unit.to_owned(),
                shown(row.value),
                target,
                verdict.to_owned(),
                peer.unwrap_or_default(),
                ratio.unwrap_or_default(),
            ]);
        }
        let widths: Vec<usize> = (0..8)
            .map(|n| lines.iter().filter_map(|line| line.get(n)).map(|cell| cell.chars().count()).max().unwrap_or(0))
            .collect();
        for line in &lines {
            for (n, (cell, width)) in line.iter().zip(&widths).enumerate() {
                let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
                let (before, after) = if matches!(n, 3 | 4 | 7) { (pad.as_str(), "") } else { ("", pad.as_str()) };
                write!(f, "{before}{cell}{after}{}", if n < 7 { "  " } else { "" })?;
            }
            writeln!(f)?;
        }
        for (number, why) in &self.skipped {
            writeln!(f, "not run: {number}  ({why})")?;
        }
        for row in self.rows.iter().filter(|row| !row.note.is_empty()) {
            writeln!(f, "{} {}: {}", row.number, row.name, row.note)?;
        }
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        if self.is_quick {
            writeln!(f, "quick: small sizes; these numbers show that it runs, and are no figures")?;
        }
        Ok(())
    }
}
