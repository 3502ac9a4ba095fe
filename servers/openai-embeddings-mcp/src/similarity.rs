//! How alike texts or vectors are.

use openai_mcp_kernel::prelude::*;
use serde_json::Map;

use crate::model::Model;
use crate::vector::{self, Dimensions};

tools![Similarity];

/// Most numbers of a matrix.
const MOST_CELLS: usize = 2500;

/// Compare texts or vectors, each with each other or with candidates.
///
/// Gives a matrix with a row per input.
#[tool("embedding-similarity", reads)]
struct Similarity {
    inputs: Vec<Input>,
    candidates: Option<Vec<Input>>,
    /// Default cosine. euclidean is a distance.
    metric: Option<Metric>,
    /// Default text-embedding-3-small.
    model: Option<String>,
    dimensions: Option<Dimensions>,
}

#[shape(read)]
enum Input {
    Text(String),
    Vector(Vec<f64>),
}

type Measure = fn(&[f32], &[f32]) -> f32;

#[shape(read)]
enum Metric {
    Cosine,
    Dot,
    Euclidean,
}

impl Similarity {
    async fn run(self, cx: Context) -> Result<Output> {
        let rows = self.inputs.len();
        let paired = self.candidates.is_none();
        let all: Vec<Input> = self.inputs.into_iter().chain(self.candidates.into_iter().flatten()).collect();
        let columns = if paired { rows } else { all.len() - rows };
        if rows == 0 || columns == 0 {
            return Err(Error::argument(if rows == 0 { "inputs" } else { "candidates" }, "expected at least one"));
        }
        if rows.saturating_mul(columns) > MOST_CELLS {
            let problem = format!(
                "expected a matrix of at most {MOST_CELLS} numbers, got {rows} × {columns}\n\
                 hint: to find the nearest of many, use embedding-search"
            );
            return Err(Error::argument("inputs", problem));
        }
        let texts: Vec<&str> = all.iter().filter_map(Input::text).collect();
        let model = Model::new(self.model, self.dimensions);
        let embedded = model.embed_all(&cx, &texts).await?;
        let mut result = Map::new();
        let mut tell = |name: &str, value: Value| result.insert(name.into(), value);
        if !texts.is_empty() {
            tell("model", embedded.model.as_str().into());
            tell("usage", embedded.usage());
        }
        let mut texts = embedded.vectors.into_iter();
        let vector = |input| match input {
            Input::Text(_) => texts.next().unwrap_or_default(),
            Input::Vector(numbers) => numbers.into_iter().map(|number| number as f32).collect(),
        };
        let vectors: Vec<Vec<f32>> = all.into_iter().map(vector).collect();
        let dimensions = vectors.first().map_or(0, Vec::len);
        if let Some(other) = vectors.iter().position(|vector| vector.len() != dimensions) {
            let place = if other < rows { format!("inputs[{other}]") } else { format!("candidates[{}]", other - rows) };
            let got = vectors.get(other).map_or(0, Vec::len);
            return Err(Error::argument(
                &place,
                format!("expected {dimensions} dimensions as inputs[0] has, got {got}"),
            ));
        }
        let (metric, measure): (_, Measure) = match self.metric.unwrap_or(Metric::Cosine) {
            Metric::Cosine => ("cosine", vector::cosine),
            Metric::Dot => ("dot", vector::dot),
            Metric::Euclidean => ("euclidean", vector::euclidean),
        };
        let (inputs, candidates) = vectors.split_at(rows);
        let columns = if paired { inputs } else { candidates };
        let row = |a: &Vec<f32>| -> Vec<f64> { columns.iter().map(|b| vector::rounded(measure(a, b))).collect() };
        tell("metric", metric.into());
        tell("dimensions", dimensions.into());
        tell("matrix", inputs.iter().map(row).collect());
        Ok(Output::json(&result.into()))
    }
}

impl Input {
    fn text(&self) -> Option<&str> {
        match self {
            Input::Text(text) => Some(text),
            Input::Vector(_) => None,
        }
    }
}
