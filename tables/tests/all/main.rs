//! Tables are read as they were meant.
#![allow(clippy::unwrap_used)]

use openai_mcp_tables::{Cell, push_line};

fn read(table: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(table.as_bytes());
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
fn texts_are_read_as_they_were() {
    let lines = [
        ["a", "b, c", ""],
        ["\"", "d\r\ne\nf\rg", "h \"i\","],
        ["", "\u{feff}", "\0"],
        [" ", "'", "漢 = 1"],
        ["", "", ""],
    ];
    let mut table = String::new();
    for line in lines {
        push_line(&mut table, line.map(|text| Cell::Text(text.to_owned())));
    }
    assert_eq!(read(&table), lines);
}

#[test]
fn no_text_is_taken_for_a_formula_and_numbers_stay_numbers() {
    let formulas = ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠a"];
    let mut table = String::new();
    for formula in formulas {
        push_line(&mut table, [Cell::Text(formula.to_owned()), Cell::Number("-1.5".to_owned())]);
    }
    assert_eq!(read(&table), formulas.map(|formula| [format!("'{formula}"), "-1.5".to_owned()]));
}
