//! What commands print.

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use openai_mcp_native::say;

/// Prints the text of a command, or why there is none.
pub(crate) fn print(text: Result<String, String>) -> ExitCode {
    match text {
        Ok(text) => {
            let written = writeln!(std::io::stdout(), "{}", text.trim_end());
            match written.and_then(|()| std::io::stdout().flush()) {
                // A reader that has seen enough closes the pipe.
                Err(error) if error.kind() != ErrorKind::BrokenPipe => refuse(&format!("standard output: {error}")),
                _ => ExitCode::SUCCESS,
            }
        }
        Err(problem) => refuse(&problem),
    }
}

/// Prints a text as it is, for a command that may fail for other reasons.
///
/// # Errors
/// Standard output is closed.
pub(crate) fn write(text: &str) -> Result<(), String> {
    write!(std::io::stdout(), "{text}").map_err(|error| format!("standard output: {error}"))
}

/// Says why a command did nothing.
pub(crate) fn refuse(problem: &str) -> ExitCode {
    say(&format!("error: {problem}"));
    ExitCode::from(2)
}
