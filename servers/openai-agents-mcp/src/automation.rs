//! Automations: input that is sent by a schedule.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::agent::{Agent, Environment, Input};
use openai_mcp_shapes::page::OrderedPage;

use crate::schedule;

tools![Create, List, Get, Modify, Delete, Pause, Resume];

/// Create an automation: input that a schedule sends to a session.
///
/// periodic takes expression and timezone, once run_at. next_runs tells when.
#[tool("agent-automation-create", POST "/agents/automations", run, open)]
struct Create {
    #[read]
    r#type: Option<Kind>,
    name: String,
    #[flatten]
    when: When,
    /// {type: new_session, agent_id or agent, environment, input, vault_ids, metadata}, or {type: existing_session,
    /// session_id, instructions}.
    target: Brief<Target>,
    metadata: Option<Metadata>,
}

#[shape(read)]
enum Kind {
    Periodic,
    Once,
}

/// When an automation runs.
#[shape]
struct When {
    /// Cron: minute hour day month weekday.
    expression: Option<String>,
    /// As Europe/Berlin.
    timezone: Option<String>,
    run_at: Option<Time>,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        let given = schedule::Given::read(&cx)?;
        let kind = match (&self.r#type, given.run_at.is_some(), given.expression.is_some()) {
            (Some(Kind::Periodic), ..) | (None, false, true) => "periodic",
            (Some(Kind::Once), ..) | (None, true, false) => "once",
            _ => {
                return Err(Error::argument(
                    "type",
                    "required: `periodic` with expression and timezone, or `once` with run_at",
                ));
            }
        };
        given.check(&cx, kind)?;
        let arguments = given.settled(&cx).set("type", kind);
        schedule::told(&cx, cx.send(&Self::SPEC, arguments)).await
    }
}

#[shape(tag = "type")]
enum Target {
    NewSession {
        agent_id: Option<String>,
        agent: Option<Agent>,
        environment: Environment,
        input: Input,
        metadata: Option<Nullable<Metadata>>,
        vault_ids: Option<Nullable<Vec<String>>>,
    },
    ExistingSession {
        session_id: String,
        instructions: String,
    },
}

/// List automations, of one session or of all.
#[tool("agent-automation-list", GET "/agents/automations")]
struct List {
    session_id: Option<String>,
    #[flatten]
    page: OrderedPage,
}

/// Get an automation, and when it runs next.
#[tool("agent-automation-get", GET "/agents/automations/{automation_id}", run)]
struct Get {
    automation_id: String,
}

impl Get {
    async fn run(self, cx: Context) -> Result<Output> {
        schedule::told(&cx, cx.send(&Self::SPEC, cx.arguments())).await
    }
}

/// Change an automation; what is left out stays.
#[tool("agent-automation-modify", POST "/agents/automations/{automation_id}", run, destroys, idempotent, open)]
struct Modify {
    automation_id: String,
    name: Option<String>,
    #[flatten]
    when: When,
    /// Replaces all of it, of the same type.
    target: Option<Brief<Target>>,
    /// Replaces all of it.
    metadata: Option<Metadata>,
}

impl Modify {
    async fn run(self, cx: Context) -> Result<Output> {
        let given = schedule::Given::read(&cx)?;
        given.check(&cx, "")?;
        schedule::told(&cx, cx.send(&Self::SPEC, given.settled(&cx))).await
    }
}

/// Delete an automation; sessions that it began stay.
#[tool("agent-automation-delete", DELETE "/agents/automations/{automation_id}")]
struct Delete {
    automation_id: String,
}

/// Pause an automation; what runs goes on.
#[tool("agent-automation-pause", POST "/agents/automations/{automation_id}/pause", idempotent)]
struct Pause {
    automation_id: String,
}

/// Resume an automation; one that ran once needs a new run_at first.
#[tool("agent-automation-resume", POST "/agents/automations/{automation_id}/resume", run, idempotent, open)]
struct Resume {
    automation_id: String,
}

impl Resume {
    async fn run(self, cx: Context) -> Result<Output> {
        schedule::told(&cx, cx.send(&Self::SPEC, cx.arguments())).await
    }
}
