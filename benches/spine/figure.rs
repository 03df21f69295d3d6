//! Series of measurements, and the table that they end in.

use std::fmt;
use std::time::Duration;

/// Measurements of one kind, in one unit.
#[derive(Debug, Default, Clone)]
pub struct Series(Vec<f64>);

impl Series {
    pub fn add(&mut self, value: f64) {
        self.0.push(value);
    }

    pub fn add_ms(&mut self, time: Duration) {
        self.add(time.as_secs_f64() * 1e3);
    }

    pub fn extend(&mut self, more: &Self) {
        self.0.extend(&more.0);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The value below which this share of the series lies; by the nearest rank.
    pub fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted
            .get(rank.saturating_sub(1))
            .copied()
            .unwrap_or(f64::NAN)
    }

    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

/// One figure.
struct Row {
    what: String,
    goal: Option<f64>,
    unit: &'static str,
    series: Series,
}

/// All figures of a run.
#[derive(Default)]
pub struct Table(Vec<Row>);

impl Table {
    /// A figure whose median must not be above the goal; without a goal it only explains another.
    pub fn row(
        &mut self,
        what: impl Into<String>,
        goal: Option<f64>,
        unit: &'static str,
        series: Series,
    ) {
        let row = Row {
            what: what.into(),
            goal,
            unit,
            series,
        };
        println!("{row}");
        self.0.push(row);
    }

    /// The same for a single value.
    pub fn value(
        &mut self,
        what: impl Into<String>,
        goal: Option<f64>,
        unit: &'static str,
        value: f64,
    ) {
        self.row(what, goal, unit, Series(vec![value]));
    }

    pub fn missed(&self) -> bool {
        self.0.iter().any(|row| row.verdict() == "MISSED")
    }
}

impl Row {
    fn verdict(&self) -> &'static str {
        match self.goal {
            None => "",
            Some(goal) if self.series.median() <= goal => "met",
            Some(_) => "MISSED",
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let goal = self.goal.map_or(String::new(), |goal| format!("<= {goal}"));
        write!(
            f,
            "{:<64} {:>9} {:>10.2} {:>10.2} {:>10.2} {:<6} {:>4}  {}",
            self.what,
            goal,
            self.series.median(),
            self.series.quantile(0.95),
            self.series.quantile(1.0),
            self.unit,
            self.series.len(),
            self.verdict()
        )
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<64} {:>9} {:>10} {:>10} {:>10} {:<6} {:>4}  verdict",
            "figure", "goal", "median", "p95", "max", "unit", "n"
        )?;
        for row in &self.0 {
            writeln!(f, "{row}")?;
        }
        Ok(())
    }
}

pub fn load() -> String {
    std::fs::read_to_string("/proc/loadavg")
        .unwrap_or_default()
        .split_whitespace()
        .take(3)
        .collect::<Vec<_>>()
        .join(" ")
}

/// What must be known to compare with another run.
pub fn say_machine() -> anyhow::Result<()> {
    let program = segue_tests::machine::binary()?;
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let cpu = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown", |(_, model)| model.trim());
    println!(
        "processors {} ({model}), kernel {}, load {}\nprogram {} ({} bytes)",
        std::thread::available_parallelism()?,
        kernel.trim(),
        load(),
        program.display(),
        std::fs::metadata(&program)?.len()
    );
    Ok(())
}
