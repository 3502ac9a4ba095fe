//! Stores in one's own clouds.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::OrderedPage;

tools![List, Create, Get, Delete, Validate];

/// List external stores.
#[tool("external-storage-list", GET "/organization/external_storage")]
struct List {
    project_id: Option<String>,
    #[flatten]
    page: OrderedPage,
}

/// Register an external store for a project.
#[tool("external-storage-create", POST "/organization/external_storage")]
struct Create {
    project_id: String,
    /// {type: aws, bucket, role_arn}, {type: azure, account_name, container, resource_group, subscription_id, tenant_id},
    /// {type: gcp, bucket, workload_identity_pool_id, workload_identity_project_number, workload_identity_provider_id} or
    /// {type: oci, bucket, region, tenancy_ocid}
    provider: Brief<Provider>,
}

/// Get an external store.
#[tool("external-storage-get", GET "/organization/external_storage/{external_storage_id}")]
struct Get {
    external_storage_id: String,
}

/// Disconnect an external store for good; what is in it stays there, unread.
#[tool("external-storage-delete", DELETE "/organization/external_storage/{external_storage_id}")]
struct Delete {
    external_storage_id: String,
}

/// Check that OpenAI can use an external store.
#[tool("external-storage-validate", POST "/organization/external_storage/{external_storage_id}/validate", open, idempotent)]
struct Validate {
    external_storage_id: String,
}

#[shape(tag = "type")]
enum Provider {
    /// Amazon S3.
    Aws(Aws),
    /// Azure Blob Storage.
    Azure(Azure),
    /// Google Cloud Storage.
    Gcp(Gcp),
    /// Oracle Object Storage.
    Oci(Oci),
}

#[shape]
struct Aws {
    bucket: String,
    role_arn: String,
}

#[shape]
struct Azure {
    account_name: String,
    container: String,
    resource_group: String,
    subscription_id: String,
    tenant_id: String,
}

#[shape]
struct Gcp {
    bucket: String,
    workload_identity_pool_id: String,
    workload_identity_project_number: String,
    workload_identity_provider_id: String,
}

#[shape]
struct Oci {
    bucket: String,
    region: String,
    tenancy_ocid: String,
}
