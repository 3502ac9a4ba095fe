//! What a hosted agent is, and where it works. <https://developers.openai.com/api/docs/guides/agents-api>

use openai_mcp_kernel::prelude::*;

use crate::words::{Effort, Level};

/// What an agent works with; what all of it means is told where agents are made.
#[shape]
pub struct Agent {
    /// The model.
    pub model: Option<String>,
    #[flatten]
    settings: Settings,
}

/// What an agent is besides its model.
#[shape]
pub struct Settings {
    /// Added to OpenAI's own.
    instructions: Option<Nullable<String>>,
    tools: Option<Nullable<Vec<Tool>>>,
    reasoning: Option<Nullable<Reasoning>>,
    text: Option<Nullable<TextOptions>>,
    /// Subagents. Default off.
    multi_agent: Option<Nullable<MultiAgent>>,
    service_tier: Option<Nullable<ServiceTier>>,
    /// In the background if async.
    compaction: Option<Nullable<Compaction>>,
    experimental: Option<Experimental>,
}

/// What an agent can use.
#[shape(tag = "type", open)]
pub enum Tool {
    /// The caller's own: it is asked for by a required action.
    Function {
        /// Of the function.
        name: String,
        /// What it does.
        description: String,
        /// JSON Schema.
        parameters: JsonObject,
    },
    /// Finds functions with `defer_loading`.
    ToolSearch {},
    /// Code that calls tools.
    ProgrammaticToolCalling {},
    /// Tools of a server.
    Mcp {
        /// Names it in calls.
        server_label: String,
        /// How it is reached.
        transport: Transport,
        /// Default: all.
        allowed_tools: Option<Vec<String>>,
        /// Of a vault; needed where several fit.
        credential_id: Option<String>,
    },
    /// The web.
    WebSearch {},
    /// A browser.
    ComputerUse {},
    /// Wakes itself up.
    Automations {},
}

/// How an MCP server is reached.
#[shape(tag = "type", open)]
pub enum Transport {
    /// By URL.
    Http {
        /// Of the server.
        server_url: String,
    },
    /// As a process of the environment.
    Stdio {
        /// The program.
        command: String,
        /// Its folder.
        cwd: String,
        /// Its arguments.
        args: Option<Vec<String>>,
    },
}

/// How much it thinks, and tells of that.
#[shape]
pub struct Reasoning {
    effort: Option<Nullable<Effort>>,
    summary: Option<Nullable<Summary>>,
}

#[shape]
enum Summary {
    Concise,
    Detailed,
    Auto,
}

/// How it writes.
#[shape]
pub struct TextOptions {
    format: Option<Nullable<TextFormat>>,
    verbosity: Option<Nullable<Level>>,
}

#[shape(tag = "type")]
enum TextFormat {
    Text {},
    JsonSchema { schema: JsonObject },
}

/// Whether there are subagents.
#[shape]
pub struct MultiAgent {
    enabled: bool,
    /// Default 6.
    max_concurrent_subagents: Option<u32>,
}

/// How fast, for how much.
#[shape]
pub enum ServiceTier {
    /// OpenAI chooses.
    Auto,
    /// The usual.
    Default,
    /// Slower and cheaper.
    Flex,
    /// Faster.
    Priority,
    /// Faster.
    Fast,
    /// Fastest.
    Ultrafast,
}

/// How long contexts are made shorter.
#[shape]
pub struct Compaction {
    r#async: Option<Nullable<bool>>,
}

/// What may change any day.
#[shape]
pub struct Experimental {
    /// Tells it the time now and then.
    time_awareness: Option<bool>,
}

/// Where an agent works.
#[shape(tag = "type")]
pub enum Environment {
    /// Nowhere: it talks alone.
    None {},
    /// A machine of OpenAI's.
    OpenaiHosted {
        /// One that is there.
        environment_id: Option<String>,
        /// Made from this.
        environment_template_id: Option<String>,
        /// Default medium.
        container_size: Option<Size>,
        /// What is in it.
        #[flatten]
        machine: Machine,
    },
    /// A machine of the caller's.
    SelfHosted {
        /// Absolute.
        workspace_directory: String,
        /// Where plugins and skills are.
        capability_directories: Option<Nullable<Vec<String>>>,
    },
}

#[shape]
enum Size {
    Small,
    Medium,
    Large,
}

/// What is in a machine of OpenAI's.
#[shape]
pub struct Machine {
    /// There before the agent starts.
    files: Option<Nullable<Vec<File>>>,
    packages: Option<Nullable<Packages>>,
    network: Option<Nullable<Network>>,
    /// Variables. Not for secrets: those go into vaults.
    env: Option<Nullable<JsonObject>>,
    setup_commands: Option<Nullable<Vec<Command>>>,
    skills: Option<Nullable<Vec<Skill>>>,
    plugins: Option<Nullable<Vec<Brief<Plugin>>>>,
    capability_directories: Option<Nullable<Vec<String>>>,
    desktop: Option<Nullable<Desktop>>,
}

/// A file of an environment.
#[shape(tag = "type")]
pub enum File {
    /// An uploaded one.
    FileId {
        /// In /workspace.
        path: String,
        /// Of the upload.
        file_id: String,
    },
    /// Its content.
    Inline {
        /// In /workspace.
        path: String,
        /// Base64.
        data: String,
    },
}

#[shape]
struct Packages {
    python: Option<Nullable<Vec<String>>>,
    npm: Option<Nullable<Vec<String>>>,
    system: Option<Nullable<Vec<String>>>,
}

#[shape]
struct Network {
    access: Access,
    /// With restricted; either.
    allowed_domains: Option<Nullable<Vec<String>>>,
    blocked_domains: Option<Nullable<Vec<String>>>,
}

#[shape]
enum Access {
    Enabled,
    Disabled,
    Restricted,
}

#[shape]
struct Command {
    command: String,
    /// Default /workspace.
    cwd: Option<String>,
}

#[shape(tag = "type")]
enum Skill {
    SkillReference { skill_id: String, version: Option<String> },
    Inline { name: String, description: String, source: Zip },
}

#[shape(tag = "type")]
enum Plugin {
    Inline { name: String, description: String, source: Zip },
}

/// As of responses: type base64, media_type application/zip, data.
#[shape(open)]
struct Zip {}

#[shape]
struct Desktop {
    enabled: bool,
}

/// A message of the user's.
#[shape]
pub struct Message {
    role: User,
    content: Vec<Part>,
    r#type: Option<MessageType>,
}

#[shape]
enum User {
    User,
}

#[shape]
enum MessageType {
    Message,
}

/// A part of a message.
#[shape(tag = "type")]
pub enum Part {
    /// Text.
    InputText {
        /// The text.
        text: String,
    },
    /// An image.
    InputImage {
        /// URL, or data URL.
        image_url: String,
    },
}

/// A text, or messages.
#[shape]
pub enum Input {
    /// One message's text.
    Text(String),
    /// Messages.
    Messages(Vec<Message>),
}
