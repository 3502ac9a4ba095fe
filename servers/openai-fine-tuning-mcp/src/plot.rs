//! Curves as a PNG: losses above, accuracies and rewards below.

use std::convert::Infallible;

use bytes::Bytes;
use openai_mcp_plots::{Canvas, LETTER};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::table::{Table, smooth};

const WIDTH: u32 = 960;
const HEIGHT: u32 = 360;
/// Curves of one chart, and points of one curve: more are not told apart.
const CURVES: usize = 5;
const POINTS: usize = 1000;
/// Points above which a curve is drawn faint, with its running mean over it.
const NOISY: usize = 100;
/// What a chart spans, as a part of its largest number, at the least: on less, places between the numbers that a machine
/// tells apart would be looked for without end.
const NARROWEST: f64 = 1e-9;
/// Longest name in a legend.
const NAME: usize = 48;
const COLOURS: [RGBColor; CURVES] = [
    RGBColor(31, 119, 180),
    RGBColor(214, 39, 40),
    RGBColor(255, 127, 14),
    RGBColor(44, 160, 44),
    RGBColor(148, 103, 189),
];

type Drawn<T> = Result<T, DrawingAreaErrorKind<Infallible>>;

struct Curve {
    name: String,
    points: Vec<(u64, f64)>,
    /// Of many points, their running mean.
    mean: Vec<(u64, f64)>,
}

/// Whether a metric is one that should rise.
pub(crate) fn rises(metric: &str) -> bool {
    metric.contains("accuracy") || (metric.contains("reward") && !metric.contains("unresponsive"))
}

/// The plot, if there is anything to draw.
pub(crate) fn draw(table: &Table) -> Option<Bytes> {
    let curve = |name: &String| {
        let points = table.points(name);
        let mean = if points.len() > NOISY { smooth(&points, points.len() / 40) } else { Vec::new() };
        let shown = name.chars().take(NAME).collect();
        Curve { name: shown, points: thin(points), mean: thin(mean) }
    };
    let group = |wanted: &dyn Fn(&str) -> bool| {
        let mut names: Vec<&String> = table.columns.iter().filter(|name| wanted(name)).collect();
        // Training has the same colour in every chart.
        names.sort_by_key(|name| !name.starts_with("train"));
        names.into_iter().map(curve).filter(|curve| !curve.points.is_empty()).take(CURVES).collect::<Vec<_>>()
    };
    let charts = vec![group(&|name| name.contains("loss")), group(&rises)];
    let charts: Vec<Vec<Curve>> = charts.into_iter().filter(|chart| !chart.is_empty()).collect();
    if charts.is_empty() {
        return None;
    }
    let height = HEIGHT * u32::try_from(charts.len()).unwrap_or(1);
    let mut canvas = Canvas::new(WIDTH, height);
    paint(&mut canvas, &charts).ok()?;
    canvas.png().map(Bytes::from)
}

/// At most `POINTS`: of each run of steps the least and the greatest, so that no spike is lost.
fn thin(points: Vec<(u64, f64)>) -> Vec<(u64, f64)> {
    if points.len() <= POINTS {
        return points;
    }
    let runs = points.chunks((2 * points.len()).div_ceil(POINTS));
    let ends = runs.flat_map(|run| {
        let compare = |a: &&(u64, f64), b: &&(u64, f64)| a.1.total_cmp(&b.1);
        let mut ends = [run.iter().min_by(compare).copied(), run.iter().max_by(compare).copied()];
        ends.sort_by_key(|end| end.map(|(step, _)| step));
        ends
    });
    ends.flatten().collect()
}

fn paint(canvas: &mut Canvas, charts: &[Vec<Curve>]) -> Drawn<()> {
    let area = canvas.into_drawing_area();
    for (part, chart) in area.split_evenly((charts.len(), 1)).iter().zip(charts) {
        paint_chart(part, chart)?;
    }
    area.present()
}

fn paint_chart(area: &DrawingArea<&mut Canvas, Shift>, curves: &[Curve]) -> Drawn<()> {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let range = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    };
    let (left, right) = range(&mut points().map(|(step, _)| *step as f64));
    let (low, high) = range(&mut points().map(|(_, value)| *value));
    // A single point has a place too, and so has a level line.
    let narrow = right * NARROWEST;
    let (left, right) =
        if right - left > narrow { (left, right) } else { (left - narrow.max(1.0), right + narrow.max(1.0)) };
    let size = high.abs().max(low.abs());
    let pad = if high - low > size * NARROWEST { (high - low) * 0.05 } else { size.max(0.01) * 0.1 };
    let (bottom, top) = ((low - pad).max(0f64.min(low)), high + pad);
    let averaged = curves.iter().any(|curve| !curve.mean.is_empty());
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .margin_right(24)
        .x_label_area_size(44)
        .y_label_area_size(72)
        .build_cartesian_2d(left..right, bottom..top)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .bold_line_style(RGBColor(225, 225, 225))
        .x_desc(if averaged { "step (bold: running mean)" } else { "step" })
        .x_labels(10)
        .y_labels(6)
        // There is nothing between two steps.
        .x_label_formatter(&|step| {
            let whole = (step - step.round()).abs() < 1e-6;
            if whole { format!("{step:.0}") } else { String::new() }
        })
        .y_label_formatter(&|value| label(*value, top - bottom))
        .draw()?;
    let all = || curves.iter().zip(COLOURS);
    let faint =
        |curve: &Curve, colour: RGBColor| if curve.mean.is_empty() { colour.to_rgba() } else { colour.mix(0.25) };
    let lines = all().map(|(curve, colour)| (&curve.points, faint(curve, colour)));
    for (points, colour) in lines.chain(all().map(|(curve, colour)| (&curve.mean, colour.to_rgba()))) {
        // Each piece on its own: joints of a thick line would stick out of sharp bends, and of the chart.
        let points: Vec<(f64, f64)> = points.iter().map(|(step, value)| (*step as f64, *value)).collect();
        chart.draw_series(points.windows(2).map(|pair| PathElement::new(pair.to_vec(), colour.stroke_width(2))))?;
    }
    for (curve, colour) in all() {
        // Few points are no curve yet.
        if curve.points.len() <= 25 {
            let points = curve.points.iter().map(|(step, value)| (*step as f64, *value));
            chart.draw_series(points.map(|point| Circle::new(point, 3, colour.filled())))?;
        }
    }
    legend(area, curves)
}

/// Names beside strokes of their colours: where losses are high at first, and accuracies are low. The legend of plotters
/// would ask a browser how wide its letters are.
fn legend(area: &DrawingArea<&mut Canvas, Shift>, curves: &[Curve]) -> Drawn<()> {
    let size = |length: usize| i32::try_from(length).unwrap_or_default();
    let (line, letter) = (20, LETTER.cast_signed());
    let width = curves.iter().map(|curve| size(curve.name.len())).max().unwrap_or_default() * letter + 56;
    let height = size(curves.len()) * line + 8;
    let (wide, tall) = area.dim_in_pixel();
    let falls = curves.iter().all(|curve| curve.name.contains("loss"));
    let left = wide.cast_signed() - width - 32;
    let top = if falls { 20 } else { tall.cast_signed() - height - 64 };
    let frame = [(left, top), (left + width, top + height)];
    area.draw(&Rectangle::new(frame, WHITE.mix(0.85).filled()))?;
    area.draw(&Rectangle::new(frame, RGBColor(200, 200, 200)))?;
    for ((index, curve), colour) in curves.iter().enumerate().zip(COLOURS) {
        let middle = top + 4 + size(index) * line + line / 2;
        area.draw(&PathElement::new([(left + 10, middle), (left + 36, middle)], colour.stroke_width(3)))?;
        let style = ("sans-serif", 15).into_text_style(area).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(curve.name.as_str(), (left + 44, middle), style))?;
    }
    Ok(())
}

/// As many places as tell the lines of the grid apart, of a chart that spans `tall`.
fn label(value: f64, tall: f64) -> String {
    let places = 1.0 - tall.log10().floor();
    if value == 0.0 {
        return "0".into();
    }
    if value.abs() >= 1e6 || places > 5.0 {
        return format!("{value:.1e}");
    }
    let places = places.max(0.0) as usize;
    format!("{value:.places$}")
}
