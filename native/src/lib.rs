//! The kernel on a machine: HTTP, stdio, upstream client, files
