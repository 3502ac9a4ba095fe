//! Credentials of a vault: what tells of them, and secrets that go in alone.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::OrderedPage;

use crate::secret::{self, Secret};
use crate::wanted::Wanted;

tools![Create, List, Get, Modify, Delete];

/// Put a credential into a vault.
#[tool("vault-credential-create", POST "/vaults/{vault_id}/credentials", run)]
struct Create {
    vault_id: String,
    name: Text<1, 256>,
    /// A secret is a text, or {"env": NAME} or {"path"} of where it is.
    auth: Hidden<Auth>,
    metadata: Option<Metadata>,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        secret::send(&cx, &Self::SPEC).await
    }
}

/// List the credentials of a vault, without their secrets.
#[tool("vault-credential-list", GET "/vaults/{vault_id}/credentials")]
struct List {
    vault_id: String,
    #[flatten]
    wanted: Wanted,
    #[flatten]
    page: OrderedPage,
}

/// Get a credential, without its secret.
#[tool("vault-credential-get", GET "/vaults/{vault_id}/credentials/{credential_id}")]
struct Get {
    vault_id: String,
    credential_id: String,
}

/// Replace a credential's secret or its metadata; what is left out stays.
#[tool("vault-credential-modify", POST "/vaults/{vault_id}/credentials/{credential_id}", run, destroys, idempotent)]
struct Modify {
    vault_id: String,
    credential_id: String,
    /// Its type, and what is new of what vault-credential-create takes.
    auth: Option<Hidden<Brief<Rotation>>>,
    /// Replaces all of it.
    metadata: Option<Metadata>,
}

impl Modify {
    async fn run(self, cx: Context) -> Result<Output> {
        secret::send(&cx, &Self::SPEC).await
    }
}

/// Delete a credential.
#[tool("vault-credential-delete", DELETE "/vaults/{vault_id}/credentials/{credential_id}")]
struct Delete {
    vault_id: String,
    credential_id: String,
}

#[shape(tag = "type")]
enum Auth {
    /// A token for an MCP server, renewed where `refresh` says how.
    McpOauth {
        mcp_server_url: String,
        access_token: Secret,
        /// ISO 8601.
        expires_at: Option<String>,
        refresh: Option<Refresh>,
    },
    /// A token for an MCP server, as it is.
    #[wire("static_bearer")]
    Bearer { mcp_server_url: String, token: Secret },
    /// A variable of hosted environments, in whose place the secret goes out to the hosts allowed.
    EnvironmentVariable { secret_name: String, secret_value: Secret, networking: Networking },
}

#[shape]
struct Refresh {
    client_id: String,
    refresh_token: Secret,
    token_endpoint: String,
    token_endpoint_auth: ClientAuth,
    resource: Option<String>,
    scope: Option<String>,
}

#[shape(tag = "type")]
enum ClientAuth {
    None {},
    ClientSecretBasic { client_secret: Secret },
    ClientSecretPost { client_secret: Secret },
}

#[shape(tag = "type")]
enum Networking {
    /// What the environment's network allows.
    Unrestricted {},
    Limited {
        /// At most 16.
        allowed_hosts: ListOf<String, 1, 16>,
    },
}

#[shape(tag = "type")]
enum Rotation {
    McpOauth {
        access_token: Option<Secret>,
        expires_at: Option<Nullable<String>>,
        refresh: Option<Renewal>,
    },
    #[wire("static_bearer")]
    Bearer {
        token: Secret,
    },
    EnvironmentVariable {
        secret_value: Secret,
    },
}

#[shape]
struct Renewal {
    refresh_token: Option<Secret>,
    scope: Option<Nullable<String>>,
    token_endpoint_auth: Option<ClientRenewal>,
}

#[shape(tag = "type")]
enum ClientRenewal {
    ClientSecretBasic { client_secret: Option<Secret> },
    ClientSecretPost { client_secret: Option<Secret> },
}
