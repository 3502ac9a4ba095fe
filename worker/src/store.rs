//! The store of a Worker: the D1 database that is bound to it as `STORE`.

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _, ready};
use js_sys::{Array, ArrayBuffer, Number, Object, Promise, Reflect, Uint8Array};
use openai_mcp_kernel::error::{Error, Kind, Result};
use openai_mcp_kernel::sql::{Datum, Row, Rows, Statement};
use wasm_bindgen::prelude::*;

use crate::fetch::settled;

/// How a Worker runs a batch on what is bound as `STORE`. Behind a pointer, so that a Worker without state does not
/// carry it.
pub type Query = fn(&JsValue, Vec<Statement>) -> BoxFuture<'static, Result<Vec<Rows>>>;

/// <https://developers.cloudflare.com/d1/worker-api/d1-database/>
#[wasm_bindgen]
extern "C" {
    type Database;

    #[wasm_bindgen(method, catch)]
    fn prepare(this: &Database, text: &str) -> Result<Prepared, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn batch(this: &Database, statements: &Array) -> Result<Promise, JsValue>;

    type Prepared;

    #[wasm_bindgen(method, catch, variadic)]
    fn bind(this: &Prepared, values: &Array) -> Result<Prepared, JsValue>;
}

/// Runs statements in one transaction.
pub fn query(bound: &JsValue, statements: Vec<Statement>) -> BoxFuture<'static, Result<Vec<Rows>>> {
    if !bound.is_object() {
        let text = "this Worker has no database to keep anything in\n\
                    hint: bind a D1 database as `STORE` under `d1_databases` in wrangler.jsonc, and deploy again";
        return ready(Err(Error::new(Kind::Store, text))).boxed();
    }
    let answer = send(bound.unchecked_ref(), &statements);
    async {
        let answer = settled(answer.map_err(refused)?).await.map_err(refused)?;
        Array::from(&answer).iter().map(|result| rows(&result).map_err(refused)).collect()
    }
    .boxed()
}

fn send(database: &Database, statements: &[Statement]) -> Result<Promise, JsValue> {
    let batch = Array::new();
    for statement in statements {
        let values: Array = statement.values.iter().map(bound).collect();
        batch.push(&database.prepare(&statement.text)?.bind(&values)?.into());
    }
    database.batch(&batch)
}

fn bound(value: &Datum) -> JsValue {
    match value {
        Datum::Null => JsValue::NULL,
        Datum::Integer(number) => (*number as f64).into(),
        Datum::Real(number) => (*number).into(),
        Datum::Text(text) => text.into(),
        Datum::Blob(bytes) => Uint8Array::from(&**bytes).buffer().into(),
    }
}

/// Rows come as objects, whose members stand in the order of the columns.
fn rows(result: &JsValue) -> Result<Rows, JsValue> {
    let found = Array::from(&Reflect::get(result, &"results".into())?);
    let changes = Reflect::get(&Reflect::get(result, &"meta".into())?, &"changes".into())?;
    let rows = found.iter().map(|row| Row(Object::values(row.unchecked_ref()).iter().map(datum).collect())).collect();
    Ok(Rows { rows, changed: changes.as_f64().unwrap_or_default() as u64 })
}

fn datum(value: JsValue) -> Datum {
    if let Some(number) = value.as_f64() {
        return if Number::is_safe_integer(&value) { Datum::Integer(number as i64) } else { Datum::Real(number) };
    }
    if let Some(text) = value.as_string() {
        return Datum::Text(text);
    }
    // D1 gives bytes as an array of numbers.
    if value.is_instance_of::<ArrayBuffer>() || Array::is_array(&value) {
        return Datum::Blob(Bytes::from(Uint8Array::new(&value).to_vec()));
    }
    Datum::Null
}

fn refused(error: JsValue) -> Error {
    let text = String::from(error.unchecked_ref::<Object>().to_string());
    let text = text.trim_start_matches("Error: ").trim_start_matches("D1_ERROR: ");
    Error::new(Kind::Store, format!("the store refused a statement: {text}"))
}
