//! Rates and scores of runs as a PNG.

use std::convert::Infallible;

use openai_mcp_plots::Canvas;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::runs::{Outcome, Run, Tally};

const WIDTH: i32 = 960;
/// Runs and criteria of one plot: more are not told apart.
const RUNS: usize = 5;
const CRITERIA: usize = 20;
/// Height of a run's bar, and what is between two criteria.
const BAR: i32 = 18;
const GAP: i32 = 16;
/// Where the rates begin and end, and the scores.
const RATES: (i32, i32) = (250, 590);
const SCORES: (i32, i32) = (660, 930);
const BINS: usize = 30;
const COLOURS: [RGBColor; RUNS] = [
    RGBColor(31, 119, 180),
    RGBColor(255, 127, 14),
    RGBColor(44, 160, 44),
    RGBColor(148, 103, 189),
    RGBColor(214, 39, 40),
];
const GREY: RGBColor = RGBColor(225, 225, 225);

type Area<'a> = DrawingArea<&'a mut Canvas, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<Infallible>>;

/// The rate of what passed with its interval, over all and by each criterion, and how scores lie where there are more than
/// two; `None` if there is nothing to draw.
#[must_use]
pub fn png(runs: &[Run<'_>]) -> Option<Vec<u8>> {
    let runs: Vec<(&str, Outcome)> = runs.iter().take(RUNS).map(|run| (run.title(), run.outcome())).collect();
    let mut names: Vec<Option<&str>> = vec![None];
    for name in runs.iter().flat_map(|(_, outcome)| outcome.criteria.keys()) {
        if !names.contains(&Some(name)) && names.len() <= CRITERIA {
            names.push(Some(name));
        }
    }
    // One criterion is all there is.
    if names.len() == 2 {
        names.remove(0);
    }
    let tally = |name: Option<&str>, outcome: &Outcome| match name {
        None => Some(outcome.all.clone()),
        Some(name) => outcome.criteria.get(name).cloned(),
    };
    let rows: Vec<Row> = names
        .into_iter()
        .map(|name| Row {
            name: name.unwrap_or("all criteria").to_owned(),
            tallies: runs.iter().map(|(_, outcome)| tally(name, outcome).unwrap_or_default()).collect(),
        })
        .filter(|row| row.tallies.iter().any(|tally| tally.rate().is_some()))
        .collect();
    if rows.is_empty() {
        return None;
    }
    let count = |length: usize| i32::try_from(length).unwrap_or_default();
    let row = count(runs.len()) * BAR + GAP;
    let top = 20 + count(runs.len()) * 20 + 24;
    let height = top + count(rows.len()) * row + 40;
    let mut canvas = Canvas::new(WIDTH.cast_unsigned(), height.cast_unsigned());
    let titles: Vec<&str> = runs.iter().map(|(title, _)| *title).collect();
    paint(&mut canvas, &titles, &rows, (top, row)).ok()?;
    canvas.png()
}

struct Row {
    name: String,
    /// Of each run.
    tallies: Vec<Tally>,
}

fn paint(canvas: &mut Canvas, titles: &[&str], rows: &[Row], (top, height): (i32, i32)) -> Drawn {
    let area = canvas.into_drawing_area();
    let bottom = top + height * i32::try_from(rows.len()).unwrap_or_default();
    for ((index, title), colour) in (0..).zip(titles).zip(COLOURS) {
        let y = 20 + index * 20;
        area.draw(&Rectangle::new([(20, y - 6), (44, y + 6)], colour.filled()))?;
        write(&area, title, (54, y), HPos::Left, 95)?;
    }
    write(&area, "passed, with 95 % interval", ((RATES.0 + RATES.1) / 2, top - 14), HPos::Center, 40)?;
    for tenth in 0..=4 {
        let x = RATES.0 + (RATES.1 - RATES.0) * tenth / 4;
        area.draw(&PathElement::new([(x, top), (x, bottom)], GREY))?;
        write(&area, &format!("{} %", tenth * 25), (x, bottom + 14), HPos::Center, 5)?;
    }
    for (at, row) in (0..).map(|index| top + index * height).zip(rows) {
        write(&area, &row.name, (RATES.0 - 12, at + (height - GAP) / 2 + GAP / 2), HPos::Right, 25)?;
        for ((index, tally), colour) in (0..).zip(&row.tallies).zip(COLOURS) {
            bar(&area, tally, at + GAP / 2 + index * BAR, colour)?;
        }
        scores(&area, row, at + GAP / 2, height - GAP)?;
    }
    area.present()
}

fn bar(area: &Area<'_>, tally: &Tally, top: i32, colour: RGBColor) -> Drawn {
    let Some(rate) = tally.rate() else { return Ok(()) };
    let x = |part: f64| RATES.0 + (f64::from(RATES.1 - RATES.0) * part.clamp(0.0, 1.0)).round() as i32;
    let (low, high, middle) = (x(rate.low), x(rate.high), top + BAR / 2);
    area.draw(&Rectangle::new([(RATES.0, top + 2), (x(rate.value), top + BAR - 2)], colour.mix(0.55).filled()))?;
    for line in [
        [(low, middle), (high, middle)],
        [(low, middle - 4), (low, middle + 4)],
        [(high, middle - 4), (high, middle + 4)],
    ] {
        area.draw(&PathElement::new(line, BLACK))?;
    }
    write(area, &format!("{:.0} %", rate.value * 100.0), (RATES.1 + 8, middle), HPos::Left, 6)
}

/// How the scores lie, each run's over the same span, if there are more than two of them.
fn scores(area: &Area<'_>, row: &Row, top: i32, height: i32) -> Drawn {
    let all: Vec<Vec<f64>> =
        row.tallies.iter().map(|tally| tally.scores.means().map(|(_, mean)| mean).collect()).collect();
    let mut values: Vec<f64> = all.iter().flatten().copied().collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let (Some(least), Some(most), 3..) = (values.first().copied(), values.last().copied(), values.len()) else {
        return Ok(());
    };
    let bin = |value: f64| (((value - least) / (most - least) * BINS as f64) as usize).min(BINS - 1);
    for ((index, values), colour) in (0..).zip(&all).zip(COLOURS) {
        let mut counts = [0_u32; BINS];
        for value in values {
            if let Some(count) = counts.get_mut(bin(*value)) {
                *count += 1;
            }
        }
        let highest = counts.iter().copied().max().unwrap_or_default().max(1);
        let bottom = top + (index + 1) * BAR - 1;
        for (at, count) in (0..).zip(counts).filter(|(_, count)| *count > 0) {
            let width = (SCORES.1 - SCORES.0) / BINS as i32;
            let left = SCORES.0 + at * width;
            let tall = (f64::from(count) / f64::from(highest) * f64::from(BAR - 3)).ceil() as i32;
            area.draw(&Rectangle::new([(left, bottom - tall), (left + width - 2, bottom)], colour.mix(0.7).filled()))?;
        }
        area.draw(&PathElement::new([(SCORES.0, bottom), (SCORES.1, bottom)], GREY))?;
    }
    let below = top + height + 5;
    write(area, &format!("{least:.2}"), (SCORES.0, below), HPos::Left, 8)?;
    write(area, "scores", ((SCORES.0 + SCORES.1) / 2, below), HPos::Center, 8)?;
    write(area, &format!("{most:.2}"), (SCORES.1, below), HPos::Right, 8)
}

fn write(area: &Area<'_>, text: &str, at: (i32, i32), side: HPos, letters: usize) -> Drawn {
    let mut shown: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(letters).collect();
    if text.chars().count() > letters {
        shown.pop();
        shown.push('~');
    }
    let style = ("sans-serif", 15).into_text_style(area).pos(Pos::new(side, VPos::Center));
    area.draw(&Text::new(shown, at, style))
}
