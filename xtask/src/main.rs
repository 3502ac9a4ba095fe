//! Project tasks: `cargo xtask TASK`.

mod apart;
mod api;
mod fuzz;
mod layers;
mod new;
mod programs;
mod test;
mod tidy;
mod tools;
mod worker;
mod workspace;
mod wrangler;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Project tasks")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Compare the tools with what the official SDK can request
    Api(api::Options),
    /// Make the folder of a server to come, with declarations of its requests
    New(new::Options),
    /// Measure the servers beside a bare reverse proxy
    Bench(apart::Words),
    /// Fetch what the tests need, then run every check of the project
    Test(test::Options),
    /// Run the tests and rewrite their goldens with what came out
    Bless(test::Options),
    /// Look for inputs that break what strangers reach, for as long as you like
    Fuzz(fuzz::Options),
    /// Build programs and make packages of them
    Dist(apart::Words),
    /// Check the invariants that only the text of the code shows
    Tidy,
    /// Build, serve and deploy the Cloudflare Workers
    #[command(subcommand)]
    Worker(worker::Task),
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Api(options) => api::run(&options),
        Task::New(options) => new::run(&options),
        Task::Bench(words) => apart::bench(&words),
        Task::Test(options) => test::run(&options, false),
        Task::Bless(options) => test::run(&options, true),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Dist(words) => apart::dist(&words),
        Task::Tidy => tidy::run(),
        Task::Worker(task) => worker::run(&task),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The causes on one line: a backtrace of the task runner says nothing about a failed step.
            let _ = writeln!(std::io::stderr(), "\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
