//! The domains of the API, a file or a folder each. A new one is a file here, and a line in [`routes`].

mod administration;
mod agents;
mod audio;
mod batches;
mod chat;
mod chatkit;
mod completions;
mod containers;
mod conversations;
mod decisions;
mod embeddings;
mod files;
mod filter;
mod fine_tuning;
mod history;
mod images;
mod items;
mod live;
mod models;
mod moderations;
mod realtime;
mod responses;
mod safety;
mod skills;
mod tools;
mod uploads;
mod vaults;
mod vector_stores;
mod webhooks;

use axum::Router;
use axum::middleware::from_fn;

use crate::auth;

pub(crate) fn routes() -> Router {
    let requests = Router::new()
        .merge(agents::routes())
        .merge(audio::routes())
        .merge(chat::routes())
        .merge(chatkit::routes())
        .merge(completions::routes())
        .merge(containers::routes())
        .merge(conversations::routes())
        .merge(decisions::routes())
        .merge(embeddings::routes())
        .merge(files::routes())
        .merge(fine_tuning::routes())
        .merge(images::routes())
        .merge(models::routes())
        .merge(live::routes())
        .merge(moderations::routes())
        .merge(realtime::routes())
        .merge(responses::routes())
        .merge(safety::routes())
        .merge(skills::routes())
        .merge(uploads::routes())
        .merge(vaults::routes())
        .merge(vector_stores::routes())
        .merge(webhooks::routes());
    let of_projects = requests.clone().merge(batches::routes(requests)).route_layer(from_fn(auth::project));
    let of_admins = administration::routes().merge(fine_tuning::permissions()).route_layer(from_fn(auth::admin));
    of_projects.merge(of_admins)
}
