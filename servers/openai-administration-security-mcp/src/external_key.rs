//! Keys in one's own key management (KMS), with which OpenAI encrypts.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::OrderedPage;

tools![List, Create, Get, Delete, Validate];

/// List external keys.
#[tool("external-key-list", GET "/organization/external_keys")]
struct List {
    purpose: Option<Purpose>,
    #[flatten]
    page: OrderedPage,
}

/// Register a key of an own KMS, with which OpenAI encrypts.
///
/// aws needs external_id, kms_arn, role_arn; azure key_name, tenant_id, vault_uri; gcp audience, kms_*,
/// workload_identity_*; oci key_ocid, region, vault_ocid; none a version.
#[tool("external-key-create", POST "/organization/external_keys", run)]
struct Create {
    name: String,
    #[read]
    r#type: Kms,
    purpose: Option<Purpose>,
    external_id: Option<String>,
    kms_arn: Option<String>,
    role_arn: Option<String>,
    key_name: Option<String>,
    key_version: Option<String>,
    tenant_id: Option<String>,
    vault_uri: Option<String>,
    audience: Option<String>,
    kms_key_location: Option<String>,
    kms_key_name: Option<String>,
    kms_key_ring_name: Option<String>,
    kms_key_version: Option<String>,
    kms_project_id: Option<String>,
    workload_identity_pool_id: Option<String>,
    workload_identity_project_number: Option<String>,
    workload_identity_provider_id: Option<String>,
    key_ocid: Option<String>,
    key_version_ocid: Option<String>,
    region: Option<String>,
    vault_ocid: Option<String>,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        let (kind, needed, may) = self.r#type.fields();
        let given: Vec<String> = cx.arguments().members()?.names().map(str::to_owned).collect();
        let mut faults: Vec<String> = needed
            .iter()
            .filter(|name| !given.iter().any(|given| given == *name))
            .map(|name| format!("`{name}`: required for `{kind}`"))
            .collect();
        let common = ["name", "type", "purpose"];
        let fits = |name: &str| common.iter().chain(needed).chain(may).any(|known| *known == name);
        faults.extend(given.iter().filter(|name| !fits(name)).map(|name| format!("`{name}`: not for `{kind}`")));
        if !faults.is_empty() {
            return Err(Error::new(Kind::Arguments, faults.join("\n")));
        }
        cx.send(&Self::SPEC, cx.arguments()).bytes().await.map(Output::Json)
    }
}

#[shape(read)]
enum Kms {
    Aws,
    Azure,
    Gcp,
    Oci,
}

impl Kms {
    /// Its name, what has to be said of its keys, and what may be.
    fn fields(&self) -> (&'static str, &'static [&'static str], &'static [&'static str]) {
        match self {
            Kms::Aws => ("aws", &["external_id", "kms_arn", "role_arn"], &[]),
            Kms::Azure => ("azure", &["key_name", "tenant_id", "vault_uri"], &["key_version"]),
            Kms::Gcp => (
                "gcp",
                &[
                    "audience",
                    "kms_key_location",
                    "kms_key_name",
                    "kms_key_ring_name",
                    "kms_project_id",
                    "workload_identity_pool_id",
                    "workload_identity_project_number",
                    "workload_identity_provider_id",
                ],
                &["kms_key_version"],
            ),
            Kms::Oci => ("oci", &["key_ocid", "region", "vault_ocid"], &["key_version_ocid"]),
        }
    }
}

/// Get an external key.
#[tool("external-key-get", GET "/organization/external_keys/{external_key_id}")]
struct Get {
    external_key_id: String,
}

/// Delete an external key for good: what it encrypts cannot be read any more.
#[tool("external-key-delete", DELETE "/organization/external_keys/{external_key_id}")]
struct Delete {
    external_key_id: String,
}

/// Check that OpenAI can use an external key.
#[tool("external-key-validate", POST "/organization/external_keys/{external_key_id}/validate", open, idempotent)]
struct Validate {
    external_key_id: String,
}

#[shape]
enum Purpose {
    Ekm,
    PspDecryption,
}
