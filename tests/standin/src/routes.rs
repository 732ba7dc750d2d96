//! The endpoints. Owns what each path answers, upstream's traps included;
//! never starts a process itself (`engine`) nor reads a socket (`serve`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde_json::{Value, json};

use crate::engine::Engines;
use crate::http::{Answer, Request};
use crate::settings::Settings;
use crate::{models, ui, version};

/// What any unknown path gets: 200, an old version, and JSON that ends too
/// early. An installer that trusts the status alone falls into this.
const TRAP: &str = r#"{"name":"OffGrid LLM stand-in","version":"0.2.10","endpoints":{"#;

/// What all requests share.
pub(crate) struct App {
    pub(crate) settings: Arc<Settings>,
    pub(crate) engines: Engines,
    pub(crate) since: Instant,
    pub(crate) requests: AtomicU64,
}

/// What to do about a request.
pub(crate) enum Reply {
    Own(Answer),
    /// Let the engine on this port answer.
    Engine(u16),
}

pub(crate) fn reply(app: &App, request: &Request) -> Reply {
    app.requests.fetch_add(1, Ordering::Relaxed);
    Reply::Own(match request.path.as_str() {
        "/livez" => Answer::text(200, "ok"),
        "/readyz" | "/ready" => ready(app),
        "/health" => health(app),
        "/metrics" => metrics(app),
        "/v1/models" => Answer::json(200, &models::to_json(&models::list(&app.settings.models))),
        "/v1/chat/completions" | "/v1/completions" => return complete(app, request),
        "/" | "/ui" => ui::answer(""),
        path => match path.strip_prefix("/ui/") {
            Some(rest) => ui::answer(rest),
            None => Answer { content_type: "application/json", ..Answer::text(200, TRAP) },
        },
    })
}

/// Ready means a model, so a fresh install is not ready and still healthy.
fn ready(app: &App) -> Answer {
    match models::list(&app.settings.models).len() {
        0 => Answer::json(503, &json!({ "ready": false, "reason": "no models", "standin": true })),
        count => Answer::json(200, &json!({ "ready": true, "models": count, "standin": true })),
    }
}

/// Always healthy: it says nothing about an engine.
fn health(app: &App) -> Answer {
    let body = json!({
        "status": "healthy",
        "version": version::of_working_folder(),
        "standin": true,
        "uptime_seconds": app.since.elapsed().as_secs(),
    });
    Answer::json(200, &body)
}

fn metrics(app: &App) -> Answer {
    let lines = format!(
        "# OffGrid LLM stand-in\n\
         # TYPE offgrid_requests_total counter\noffgrid_requests_total {}\n\
         # TYPE offgrid_uptime_seconds gauge\noffgrid_uptime_seconds {}\n\
         # TYPE offgrid_models gauge\noffgrid_models {}\n",
        app.requests.load(Ordering::Relaxed),
        app.since.elapsed().as_secs(),
        models::list(&app.settings.models).len(),
    );
    Answer::text(200, lines)
}

fn complete(app: &App, request: &Request) -> Reply {
    let own = |status, message: &str| Reply::Own(Answer::error(status, message));
    if request.method != "POST" {
        return own(405, "this path wants POST");
    }
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        return own(400, "the body is not JSON");
    };
    let found = models::list(&app.settings.models);
    let default = app.settings.default_model.as_deref();
    let Some(model) = models::choose(&found, body["model"].as_str(), default) else {
        let folder = app.settings.models.display();
        return own(503, &format!("stand-in: no models in {folder}"));
    };
    match app.engines.port_for(model) {
        Ok(port) => Reply::Engine(port),
        Err(failure) => own(503, &format!("stand-in: {failure}")),
    }
}
