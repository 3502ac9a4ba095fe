//! Fine-tuning: models of your own. <https://platform.openai.com/docs/api-reference/fine-tuning>

mod example;
mod files;
mod grader;
mod job;
mod metrics;
mod permission;
mod plot;
mod table;
mod training;
mod wait;

use openai_mcp_kernel::server::Definition;

/// The server.
pub static SERVER: Definition = Definition {
    domain: "fine-tuning",
    title: "OpenAI Fine-Tuning",
    summary: env!("CARGO_PKG_DESCRIPTION"),
    version: env!("CARGO_PKG_VERSION"),
    about: "Fine-tuning of OpenAI models. Upload a JSONL file with purpose fine-tune by the files server, then \
            fine-tune-create, which checks the file before it spends; fine-tune-wait follows the job, \
            fine-tune-metrics shows its curves and best checkpoint. Since 2026-07-02 OpenAI takes jobs only from \
            organizations that use fine-tuned models, and from 2027-01-06 none.",
    topics: "train models, jobs, checkpoints",
    tools: &[job::TOOLS, wait::TOOLS, metrics::TOOLS, permission::TOOLS, grader::TOOLS],
    ..Definition::PLAIN
};
