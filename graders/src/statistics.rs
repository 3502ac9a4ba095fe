//! What results say beyond chance: rates with their intervals, and two runs compared item by item. All intervals are of
//! 95 %.
//!
//! Repeats of an item are averaged first: an item is what was drawn by chance, its repeats are not (Miller, "Adding Error
//! Bars to Evals", 2024). What had an error has no result and is left out; how many, the caller knows.

use std::collections::BTreeMap;

use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, StudentsT};

/// The normal distribution's quantile of 0.975.
const Z: f64 = 1.959_963_984_540_054;

/// A figure and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// The lower end of its interval.
    pub low: f64,
    /// The upper end of its interval.
    pub high: f64,
    /// Of how many items.
    pub items: usize,
    /// How the interval came about.
    pub method: Method,
}

/// How an interval came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Of a rate: Wilson's score interval (1927).
    Wilson,
    /// Of a mean: Student's t of the items' means.
    StudentT,
    /// Of a difference of rates of the same items: Bonett and Price's adjusted Wald interval (2012), which is fair to few
    /// items and to runs that do not differ.
    BonettPrice,
}

impl Method {
    /// Its name in results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Wilson => "wilson",
            Self::StudentT => "student_t",
            Self::BonettPrice => "bonett_price",
        }
    }
}

/// A rate of `passed` items in `items`; `None` without items.
#[must_use]
pub fn rate(passed: usize, items: usize) -> Option<Estimate> {
    if items == 0 {
        return None;
    }
    let (n, value) = (items as f64, passed as f64 / items as f64);
    let scale = 1.0 + Z * Z / n;
    let middle = (value + Z * Z / (2.0 * n)) / scale;
    let half = Z / scale * (value * (1.0 - value) / n + Z * Z / (4.0 * n * n)).sqrt();
    let low = if passed == 0 { 0.0 } else { middle - half };
    let high = if passed == items { 1.0 } else { middle + half };
    Some(Estimate { value, low, high, items, method: Method::Wilson })
}

/// A mean; `None` of fewer than two values, of which no spread can be told.
#[must_use]
pub fn mean(values: &[f64]) -> Option<Estimate> {
    let n = values.len() as f64;
    let value = values.iter().sum::<f64>() / n;
    let spread = values.iter().map(|one| (one - value).powi(2)).sum::<f64>() / (n - 1.0);
    let quantile = StudentsT::new(0.0, 1.0, n - 1.0).ok()?.inverse_cdf(0.975);
    let half = quantile * (spread / n).sqrt();
    Some(Estimate { value, low: value - half, high: value + half, items: values.len(), method: Method::StudentT })
}

/// The results of a run, or of one criterion of it, by item.
#[derive(Clone, Debug, Default)]
pub struct Results {
    items: BTreeMap<String, Repeats>,
}

/// The results of one item.
#[derive(Clone, Copy, Debug, Default)]
struct Repeats {
    count: usize,
    sum: f64,
}

impl Results {
    /// Takes in the result of one repeat of an item, whose key is the same in other runs: a score, or 1 for what passed
    /// and 0 for what did not.
    pub fn add(&mut self, item: &str, value: f64) {
        let repeats = self.items.entry(item.to_owned()).or_default();
        repeats.count += 1;
        repeats.sum += value;
    }

    /// The mean of each item's repeats.
    pub(crate) fn means(&self) -> impl Iterator<Item = (&str, f64)> {
        self.items.iter().map(|(item, repeats)| (item.as_str(), repeats.sum / repeats.count as f64))
    }

    /// The rate, or the mean where values lie between 0 and 1.
    #[must_use]
    pub fn estimate(&self) -> Option<Estimate> {
        let means: Vec<f64> = self.means().map(|(_, mean)| mean).collect();
        if means.iter().all(|mean| *mean == 0.0 || *mean == 1.0) {
            return rate(means.iter().filter(|mean| **mean == 1.0).count(), means.len());
        }
        mean(&means)
    }
}

/// Two runs compared by the items that both have.
#[derive(Clone, Debug, PartialEq)]
pub struct Paired {
    /// How much more the second has than the first.
    pub difference: Option<Estimate>,
    /// The chance of items won and lost that are as unequal, or more, if there were no difference: McNemar's exact test,
    /// which is the sign test of items that differ.
    pub p: f64,
    /// Items in which the second has more, the most won first.
    pub won: Vec<String>,
    /// Items in which it has less, the most lost first.
    pub lost: Vec<String>,
    /// How many items both have.
    pub items: usize,
    /// How many only the first has.
    pub only_first: usize,
    /// How many only the second has.
    pub only_second: usize,
}

/// Compares two runs item by item.
#[must_use]
pub fn paired(first: &Results, second: &Results) -> Paired {
    let others: BTreeMap<&str, f64> = second.means().collect();
    let both: Vec<(&str, f64, f64)> =
        first.means().filter_map(|(item, a)| Some((item, a, *others.get(item)?))).collect();
    let mut changed: Vec<(&str, f64)> = both.iter().map(|(item, a, b)| (*item, b - a)).collect();
    changed.sort_by(|(_, a), (_, b)| b.abs().total_cmp(&a.abs()));
    let of = |sign: fn(f64) -> bool| -> Vec<String> {
        changed.iter().filter(|(_, change)| sign(*change)).map(|(item, _)| (*item).to_owned()).collect()
    };
    let (won, lost) = (of(|change| change > 0.0), of(|change| change < 0.0));
    let whole = both.iter().all(|(_, a, b)| [a, b].iter().all(|one| **one == 0.0 || **one == 1.0));
    let difference = if whole {
        rate_difference(won.len(), lost.len(), both.len())
    } else {
        mean(&both.iter().map(|(_, a, b)| b - a).collect::<Vec<_>>())
    };
    Paired {
        difference,
        p: mcnemar(won.len(), lost.len()),
        only_first: first.items.len() - both.len(),
        only_second: second.items.len() - both.len(),
        items: both.len(),
        won,
        lost,
    }
}

/// McNemar's exact test, from both sides: the chance of `won` and `lost` that are as unequal, or more, if each were as
/// likely.
#[must_use]
pub fn mcnemar(won: usize, lost: usize) -> f64 {
    let Ok(flips) = Binomial::new(0.5, (won + lost) as u64) else { return 1.0 };
    (2.0 * flips.cdf(won.min(lost) as u64)).min(1.0)
}

fn rate_difference(won: usize, lost: usize, items: usize) -> Option<Estimate> {
    if items == 0 {
        return None;
    }
    let n = items as f64;
    let (gain, loss) = ((won as f64 + 1.0) / (n + 2.0), (lost as f64 + 1.0) / (n + 2.0));
    let half = Z * ((gain + loss - (gain - loss).powi(2)) / (n + 2.0)).sqrt();
    let value = (won as f64 - lost as f64) / n;
    let (low, high) = ((gain - loss - half).max(-1.0), (gain - loss + half).min(1.0));
    Some(Estimate { value, low, high, items, method: Method::BonettPrice })
}
