//! Data retention and service tiers of a project.

use openai_mcp_kernel::prelude::*;

tools![Retention, SetRetention, Tiers, SetTiers];

/// Get how long a project's data is kept.
#[tool("project-data-retention-get", GET "/organization/projects/{project_id}/data_retention")]
struct Retention {
    project_id: String,
}

/// Change how long a project's data is kept; data let go stays gone.
#[tool("project-data-retention-modify", POST "/organization/projects/{project_id}/data_retention", destroys, idempotent)]
struct SetRetention {
    project_id: String,
    retention_type: ProjectRetention,
}

/// Get the service tiers of a project.
#[tool("project-service-tiers-get", GET "/organization/projects/{project_id}/service_tier_settings")]
struct Tiers {
    project_id: String,
}

/// Change a project's usual service tier and those it may choose.
#[tool("project-service-tiers-modify", POST "/organization/projects/{project_id}/service_tier_settings", destroys, idempotent)]
struct SetTiers {
    project_id: String,
    /// Of calls that name none.
    default: Option<DefaultTier>,
    /// [] is standard alone; all takes in those to come.
    enabled_tiers: Option<Enabled>,
}

#[shape]
enum ProjectRetention {
    OrganizationDefault,
    None,
    ZeroDataRetention,
    ModifiedAbuseMonitoring,
    EnhancedZeroDataRetention,
    EnhancedModifiedAbuseMonitoring,
}

#[shape]
enum DefaultTier {
    Standard,
    Fast,
    Scale,
}

#[shape]
enum Enabled {
    All(All),
    Some(Vec<OptionalTier>),
}

#[shape]
enum All {
    All,
}

#[shape]
enum OptionalTier {
    Flex,
    Fast,
    Ultrafast,
}
