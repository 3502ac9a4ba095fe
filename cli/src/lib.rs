//! Every server, for whatever takes them all.

use openai_mcp_door::Door;
use openai_mcp_kernel::server::Definition;
use openai_mcp_native::run::Face;

/// What stands before all of them.
pub static DOOR: Face = Face { definition: &EVERYTHING, make: |servers| Box::new(Door::new(servers)) };

static EVERYTHING: Definition = Definition {
    title: "OpenAI",
    summary: env!("CARGO_PKG_DESCRIPTION"),
    version: env!("CARGO_PKG_VERSION"),
    about: openai_mcp_door::ABOUT,
    ..Definition::PLAIN
};

/// Every server there is, in the order of their domains.
pub static SERVERS: &[&Definition] = &[
    &openai_administration_access_mcp::SERVER,
    &openai_administration_organization_mcp::SERVER,
    &openai_administration_projects_mcp::SERVER,
    &openai_administration_security_mcp::SERVER,
    &openai_administration_usage_mcp::SERVER,
    &openai_agent_sessions_mcp::SERVER,
    &openai_agent_vaults_mcp::SERVER,
    &openai_agents_mcp::SERVER,
    &openai_assistants_mcp::SERVER,
    &openai_audio_mcp::SERVER,
    &openai_batches_mcp::SERVER,
    &openai_chat_mcp::SERVER,
    &openai_chatkit_mcp::SERVER,
    &openai_completions_mcp::SERVER,
    &openai_containers_mcp::SERVER,
    &openai_conversations_mcp::SERVER,
    &openai_decisions_mcp::SERVER,
    &openai_embeddings_mcp::SERVER,
    &openai_evals_mcp::SERVER,
    &openai_files_mcp::SERVER,
    &openai_fine_tuning_mcp::SERVER,
    &openai_images_mcp::SERVER,
    &openai_live_mcp::SERVER,
    &openai_models_mcp::SERVER,
    &openai_moderation_mcp::SERVER,
    &openai_realtime_mcp::SERVER,
    &openai_responses_mcp::SERVER,
    &openai_safety_mcp::SERVER,
    &openai_skills_mcp::SERVER,
    &openai_uploads_mcp::SERVER,
    &openai_vector_store_mcp::SERVER,
    &openai_videos_mcp::SERVER,
    &openai_webhooks_mcp::SERVER,
];
