//! The files of a depot. Only names that a depot has are looked for: no folder
//! is listed, nothing hidden is served, and there is no way out of the folder.
//!
//! Blobs never change and go out by pieces from the disk. Everything else is
//! small and is read whole, so that tag and bytes are always of one file.

use super::{Shared, is_read, not_found};
use crate::depot::Depot;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_RANGE, IF_UNMODIFIED_SINCE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use offgrid_manifest::verify::LARGE_MAX;
use offgrid_manifest::{Digest, layout};
use std::sync::Arc;
use tower::ServiceExt;
use tower_http::services::ServeFile;

const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const NO_CACHE: &str = "no-cache";

/// Answers a request for a file.
pub(super) async fn file(State(depot): Shared, request: Request) -> Response {
    if !is_read(request.method()) {
        let allowed = [(ALLOW, "GET, HEAD")];
        return (StatusCode::METHOD_NOT_ALLOWED, allowed, "only GET and HEAD\n").into_response();
    }
    let Some(name) = name(request.uri().path()) else { return not_found() };
    let mut response = match blob(&name) {
        Some(digest) => from_disk(&depot, &name, digest, request).await,
        None => from_memory(depot, name.clone(), request).await,
    };
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The path in the depot, when it is one that a depot can have.
fn name(path: &str) -> Option<String> {
    let name = path.strip_prefix('/')?;
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    let parts: Vec<&str> = name.split('/').collect();
    let good = |part: &&str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(plain);
    if !parts.iter().all(good) {
        return None;
    }
    let known = match parts[..] {
        [file] => [
            layout::HEAD,
            layout::HEAD_COPY,
            layout::INSTALL,
            layout::INSTALL_SH,
            layout::INSTALL_PS1,
        ]
        .contains(&file),
        ["root" | "head", _] => true,
        ["channel" | "release", _, _] | ["blob", "sha256", _] => true,
        _ => false,
    };
    known.then(|| name.to_owned())
}

/// The digest, when the name is that of a blob.
fn blob(name: &str) -> Option<Digest> {
    name.strip_prefix("blob/sha256/")?.parse().ok()
}

/// For how long a name stands for the same bytes. All signatures but those of
/// roots are made anew when the keys change.
fn cache(name: &str) -> &'static str {
    let resigned = name.ends_with(".minisig") && !name.starts_with("root/");
    if resigned || !name.contains('/') { NO_CACHE } else { IMMUTABLE }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("json") => "application/json",
        Some("minisig" | "sh" | "ps1") => "text/plain; charset=utf-8",
        _ if name == layout::INSTALL => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn headers(name: &str, tag: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(ETAG, tag);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache(name)));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
    headers
}

/// Whether the client has these bytes already.
fn has(request: &HeaderMap, tag: &str) -> bool {
    let fits = |value: &HeaderValue| {
        value.to_str().is_ok_and(|list| {
            let mut tags = list.split(',').map(str::trim);
            tags.any(|found| found == "*" || found.trim_start_matches("W/") == tag)
        })
    };
    request.get_all(IF_NONE_MATCH).iter().any(fits)
}

fn unchanged(name: &str, tag: &str) -> Response {
    let mut headers = headers(name, tag);
    headers.remove(CONTENT_TYPE);
    (StatusCode::NOT_MODIFIED, headers).into_response()
}

async fn from_memory(depot: Arc<Depot>, name: String, request: Request) -> Response {
    let place = name.clone();
    let read = tokio::task::spawn_blocking(move || depot.read(&place, LARGE_MAX)).await;
    let bytes = match read {
        Ok(Ok(Some(bytes))) if bytes.len() as u64 <= LARGE_MAX => bytes,
        Ok(Ok(_)) => return not_found(),
        // A folder, or a file that the server may not read.
        Ok(Err(_)) | Err(_) => return not_found(),
    };
    let tag = format!("\"{}\"", Digest::of(&bytes));
    if has(request.headers(), &tag) {
        return unchanged(&name, &tag);
    }
    (StatusCode::OK, headers(&name, &tag), bytes).into_response()
}

async fn from_disk(depot: &Depot, name: &str, digest: Digest, mut request: Request) -> Response {
    let path = depot.path(name);
    if !tokio::fs::metadata(&path).await.is_ok_and(|metadata| metadata.is_file()) {
        return not_found();
    }
    let tag = format!("\"{digest}\"");
    if has(request.headers(), &tag) {
        return unchanged(name, &tag);
    }
    let asked = request.headers_mut();
    // The tag decides, times do not: a name stands for its bytes for ever.
    asked.remove(IF_MODIFIED_SINCE);
    asked.remove(IF_UNMODIFIED_SINCE);
    let other = asked.get(IF_RANGE).is_some_and(|wanted| wanted.as_bytes() != tag.as_bytes());
    // Several ranges in one answer are not made; the whole file is as good.
    let several = asked.get(RANGE).is_some_and(|range| range.as_bytes().contains(&b','));
    if other || several {
        asked.remove(RANGE);
    }
    let service = ServeFile::new(&path).with_buf_chunk_size(1 << 18);
    let Ok(response) = service.oneshot(request).await;
    let mut response = response.map(Body::new);
    let ok = response.status().is_success();
    let all = response.headers_mut();
    all.remove("last-modified");
    all.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if ok {
        all.extend(headers(name, &tag));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_a_depot_are_looked_for() {
        let hex = "a".repeat(64);
        for good in [
            "/head.json".to_owned(),
            "/install".to_owned(),
            "/root/1.json".to_owned(),
            format!("/blob/sha256/{hex}"),
            format!("/release/0.3.0-rc.1/{hex}.json.minisig"),
        ] {
            assert!(name(&good).is_some(), "{good}");
        }
        for bad in [
            "/",
            "//head.json",
            "/.depot/keys",
            "/root/.hidden",
            "/root/../head.json",
            "/root/%2e%2e",
            "/blob/sha256/..",
            "/blob/",
            "/blob/sha256/",
            "/etc/passwd",
            "/keys/root-1.key",
            "head.json",
            "/root/a\\b",
        ] {
            assert!(name(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn tags_are_compared_as_lists() {
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, HeaderValue::from_static("\"x\", W/\"y\""));
        assert!(has(&headers, "\"x\"") && has(&headers, "\"y\"") && !has(&headers, "\"z\""));
        headers.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
        assert!(has(&headers, "\"z\""));
    }
}
