//! Stacked bars as a PNG: a chart for each table.

use std::convert::Infallible;

use bytes::Bytes;
use openai_mcp_plots::{Canvas, LETTER};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use rust_decimal::prelude::ToPrimitive as _;

use crate::range::Column;
use crate::show::Look;
use crate::table::{Row, shorten};

/// Size of a chart, in pixels.
const WIDTH: u32 = 960;
const HEIGHT: u32 = 360;
/// Height of a line of a legend.
const LINE: i32 = 20;
/// One for each row; the last is of all others.
const COLOURS: [RGBColor; 9] = [
    RGBColor(31, 119, 180),
    RGBColor(214, 39, 40),
    RGBColor(255, 127, 14),
    RGBColor(44, 160, 44),
    RGBColor(148, 103, 189),
    RGBColor(140, 86, 75),
    RGBColor(227, 119, 194),
    RGBColor(23, 190, 207),
    RGBColor(127, 127, 127),
];
/// Rows of a chart that have a colour of their own.
const ROWS: usize = COLOURS.len() - 1;
/// Most charts of a picture.
const CHARTS: usize = 4;
const MARGIN: i32 = 12;

type Drawn<T> = Result<T, DrawingAreaErrorKind<Infallible>>;
type Area<'a> = DrawingArea<&'a mut Canvas, Shift>;

/// What a chart shows.
pub(crate) struct Chart {
    /// What its numbers are.
    title: String,
    labels: Vec<String>,
    /// Names with a value for each label.
    series: Vec<(String, Vec<f64>)>,
}

impl Chart {
    pub(crate) fn new(title: String, columns: &[Column], rows: &[Row], look: &Look<'_>) -> Self {
        let values = |row: &Row| (0..columns.len()).map(|at| row.at(at).to_f64().unwrap_or_default()).collect();
        let (rows, others) = shorten(rows, ROWS);
        let mut series: Vec<(String, Vec<f64>)> = rows.iter().map(|row| (look.name(&row.key), values(row))).collect();
        series.extend(others.map(|(count, row)| (format!("{count} others"), values(&row))));
        Chart { title, labels: columns.iter().map(|column| column.label.clone()).collect(), series }
    }
}

/// The picture, if there is anything to draw.
pub(crate) fn draw(charts: &[Chart]) -> Option<Bytes> {
    let charts: Vec<&Chart> = charts.iter().filter(|chart| !chart.labels.is_empty()).take(CHARTS).collect();
    if charts.is_empty() {
        return None;
    }
    let mut canvas = Canvas::new(WIDTH, HEIGHT * u32::try_from(charts.len()).unwrap_or(1));
    paint_all(&mut canvas, &charts).ok()?;
    canvas.png().map(Bytes::from)
}

fn paint_all(canvas: &mut Canvas, charts: &[&Chart]) -> Drawn<()> {
    let area = canvas.into_drawing_area();
    for (part, chart) in area.split_evenly((charts.len(), 1)).iter().zip(charts) {
        paint(part, chart)?;
    }
    area.present()
}

fn paint(area: &Area<'_>, chart: &Chart) -> Drawn<()> {
    let top = legend(area, chart)?;
    // Costs that are given back lie below zero.
    let sums = |positive: bool| {
        (0..chart.labels.len()).map(move |at| {
            let values = chart.series.iter().filter_map(|(_, values)| values.get(at)).copied();
            values.filter(|value| (*value > 0.0) == positive).sum::<f64>()
        })
    };
    let (low, high) = (sums(false).fold(0.0, f64::min), sums(true).fold(0.0, f64::max));
    let high = if high - low > 0.0 { high } else { low + 1.0 };
    let pad = (high - low) * 0.05;
    let bottom = if low < 0.0 { low - pad } else { 0.0 };
    let count = chart.labels.len() as f64;
    let mut drawn = ChartBuilder::on(area)
        .margin(MARGIN)
        .margin_top(top)
        .margin_right(24)
        .x_label_area_size(32)
        .y_label_area_size(80)
        .build_cartesian_2d(-0.6..count - 0.4, bottom..high + pad)?;
    let name = |at: &f64| {
        let whole = (at - at.round()).abs() < 1e-6 && *at > -0.5;
        let label = whole.then(|| chart.labels.get(at.round() as usize)).flatten();
        // The year is told beside the picture.
        label.map(|label| label.get(5..16.min(label.len())).filter(|rest| rest.len() > 2).unwrap_or(label).to_owned())
    };
    drawn
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(WHITE)
        .bold_line_style(RGBColor(225, 225, 225))
        .x_labels(12)
        .y_labels(6)
        .x_label_formatter(&|at| name(at).unwrap_or_default())
        .y_label_formatter(&|value| brief(*value))
        .draw()?;
    let mut ends = vec![(0.0, 0.0); chart.labels.len()];
    for ((_, values), colour) in chart.series.iter().zip(colours(chart)) {
        let bars = values.iter().zip(&mut ends).enumerate().filter(|(_, (value, _))| **value != 0.0);
        let bars = bars.map(|(at, (value, (below, above)))| {
            let end = if *value > 0.0 { above } else { below };
            let from = *end;
            *end += value;
            Rectangle::new([(at as f64 - 0.4, from), (at as f64 + 0.4, *end)], colour.filled())
        });
        drawn.draw_series(bars)?;
    }
    Ok(())
}

/// The others have the last colour, however few rows there are.
fn colours(chart: &Chart) -> impl Iterator<Item = RGBColor> {
    let others = chart.series.len() > ROWS;
    let [own @ .., last] = COLOURS;
    own.into_iter().take(if others { ROWS } else { chart.series.len() }).chain([last])
}

/// A name beside a stroke of its colour, with its upper left corner there. The legend of plotters would ask a browser how wide
/// its letters are.
fn entry(area: &Area<'_>, name: &str, colour: RGBColor, (left, top): (i32, i32)) -> Drawn<()> {
    let middle = top + LINE / 2;
    area.draw(&PathElement::new([(left + 10, middle), (left + 36, middle)], colour.stroke_width(3)))?;
    let style = ("sans-serif", 15).into_text_style(area).pos(Pos::new(HPos::Left, VPos::Center));
    area.draw(&Text::new(name, (left + 44, middle), style))
}

/// What the numbers are, and names beside strokes of their colours, in as many lines as that takes; how high they are.
fn legend(area: &Area<'_>, chart: &Chart) -> Drawn<i32> {
    let (wide, _) = area.dim_in_pixel();
    let style = ("sans-serif", 15).into_text_style(area).pos(Pos::new(HPos::Left, VPos::Top));
    area.draw(&Text::new(chart.title.as_str(), (MARGIN, MARGIN), style))?;
    let (mut left, mut top) = (MARGIN, MARGIN + LINE);
    for ((name, _), colour) in chart.series.iter().zip(colours(chart)) {
        let letters = i32::try_from(name.chars().count()).unwrap_or_default();
        let width = letters * LETTER.cast_signed() + 56;
        if left > MARGIN && left + width > wide.cast_signed() - MARGIN {
            (left, top) = (MARGIN, top + LINE);
        }
        entry(area, name, colour, (left, top))?;
        left += width;
    }
    Ok(top + LINE + MARGIN)
}

/// As `1.5M`.
fn brief(value: f64) -> String {
    let (part, unit) = match value.abs() {
        size if size >= 1e12 => (value / 1e12, "T"),
        size if size >= 1e9 => (value / 1e9, "G"),
        size if size >= 1e6 => (value / 1e6, "M"),
        size if size >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = format!("{part:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{}{unit}", if text.is_empty() || text == "-0" { "0" } else { text })
}
