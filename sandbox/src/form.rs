//! Multipart forms.

use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};
use axum::http::StatusCode;

use crate::content::Content;
use crate::error::{Error, Result};
use crate::params::Params;

/// A form: its fields, and its files in their order.
pub(crate) struct Form {
    pub(crate) params: Params,
    pub(crate) files: Vec<Upload>,
}

/// A file of a form.
pub(crate) struct Upload {
    /// The field that it came in.
    pub(crate) name: String,
    pub(crate) filename: String,
    /// What the caller says that it is.
    pub(crate) kind: Option<String>,
    pub(crate) content: Content,
    /// Its whole length, even if not all of it was kept.
    pub(crate) bytes: u64,
}

impl Form {
    /// Reads a form. Of a file no more than `most` bytes are kept; it is read to its end all the same, since a client
    /// that is still sending would see a broken connection in place of the answer.
    pub(crate) async fn read(mut form: Multipart, most: u64) -> Result<Self> {
        let (mut fields, mut files) = (Vec::new(), Vec::new());
        while let Some(field) = form.next_field().await.map_err(broken)? {
            let name = field.name().unwrap_or_default().to_owned();
            match field.file_name().map(str::to_owned) {
                Some(filename) => files.push(receive(name, filename, field, most).await?),
                None => fields.push((name, field.text().await.map_err(broken)?)),
            }
        }
        Ok(Self { params: Params::query(fields), files })
    }

    /// Takes the file of a field, which must be there.
    pub(crate) fn file(&mut self, name: &str, most: u64) -> Result<Upload> {
        if self.params.mentions(name) {
            let message = format!("Invalid type for '{name}': expected a file, but got a string instead.");
            return Err(Error::invalid(name, "invalid_type", message));
        }
        let at = self.params.required(name, self.files.iter().position(|file| file.name == name))?;
        let file = self.files.swap_remove(at);
        if file.bytes > most {
            let message = format!("{name}: Maximum content size limit ({most}) exceeded ({} bytes read)", file.bytes);
            return Err(Error::new(StatusCode::PAYLOAD_TOO_LARGE, message).param(name));
        }
        Ok(file)
    }

    /// Refuses what nobody has read.
    pub(crate) fn finish(self) -> Result<()> {
        if let Some(Upload { name, .. }) = self.files.first() {
            return Err(Error::invalid(name, "unknown_parameter", format!("Unknown parameter: '{name}'.")));
        }
        self.params.finish()
    }
}

async fn receive(name: String, filename: String, mut field: Field<'_>, most: u64) -> Result<Upload> {
    let kind = field.content_type().map(str::to_owned);
    let (content, mut bytes) = (Content::default(), 0);
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        bytes += chunk.len() as u64;
        if bytes <= most {
            content.append(&chunk).map_err(|fault| {
                let message = format!("The sandbox could not store the file: {fault}.");
                Error::new(StatusCode::INTERNAL_SERVER_ERROR, message)
            })?;
        }
    }
    Ok(Upload { name, filename, kind, content, bytes })
}

fn broken(fault: MultipartError) -> Error {
    Error::new(fault.status(), fault.body_text())
}
