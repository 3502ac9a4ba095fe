//! Tables for spreadsheets, as CSV (<https://www.rfc-editor.org/rfc/rfc4180#section-2>).
//!
//! The library for CSV tells numbers from words when it writes, for which a Worker would carry 14 KB.

/// How formulas begin, also in East Asian letters, and what spreadsheets pass over in front of one.
/// <https://owasp.org/www-community/attacks/CSV_Injection>
const BEFORE_FORMULAS: [char; 11] = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r', '\n'];

/// What stands in a cell.
#[derive(Clone, Debug)]
pub enum Cell {
    /// What somebody called something or said. If a spreadsheet might take it for a formula, it is written with an apostrophe
    /// in front.
    Text(String),
    /// A number of ours, which may begin with a minus sign; or nothing.
    Number(String),
}

/// Appends a line of a table that has several columns.
pub fn push_line(table: &mut String, cells: impl IntoIterator<Item = Cell>) {
    for (index, cell) in cells.into_iter().enumerate() {
        if index > 0 {
            table.push(',');
        }
        let text = match cell {
            Cell::Text(text) if text.starts_with(BEFORE_FORMULAS) => format!("'{text}"),
            Cell::Text(text) | Cell::Number(text) => text,
        };
        if text.contains(['"', ',', '\n', '\r']) {
            table.extend(["\"", &text.replace('"', "\"\""), "\""]);
        } else {
            table.push_str(&text);
        }
    }
    table.push('\n');
}
