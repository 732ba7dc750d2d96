//! The page at `/`: what this depot offers and how to install it. One file
//! without scripts, pictures or anything from elsewhere.

use super::Shared;
use crate::depot::Depot;
use crate::trust;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST};
use axum::response::{IntoResponse, Response};
use offgrid_manifest::verify::{self, LARGE_MAX};
use offgrid_manifest::{Channel, Id, Release, layout};
use std::collections::BTreeSet;
use std::fmt::Write;

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";
const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:0 auto;padding:2rem 1rem;\
color:light-dark(#1c1d1f,#e8e6e3);background:light-dark(#fff,#16181a)}\
h1{font-size:1.6rem;line-height:1.2;margin:0 0 .5rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}\
pre,code{font:.95rem/1.5 ui-monospace,monospace}\
pre{padding:.75rem 1rem;overflow-x:auto;border-radius:.4rem;margin:.25rem 0 1rem;\
background:light-dark(#f1f2f4,#24272a);border:1px solid light-dark(#d5d8dc,#3a3f44)}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .75rem .35rem 0;\
border-bottom:1px solid light-dark(#d5d8dc,#3a3f44);vertical-align:top}\
th{font-weight:600}p{margin:.5rem 0}.quiet{color:light-dark(#55595e,#a7abb0)}";

/// A channel that is offered, with its current release.
struct Offer {
    name: Id,
    channel: Channel,
    release: Release,
}

/// Answers `GET /`.
pub(super) async fn page(State(depot): Shared, request: Request) -> Response {
    let base = base(&request);
    let offers = tokio::task::spawn_blocking(move || offers(&depot)).await;
    let offers = offers.ok().and_then(Result::ok).unwrap_or_default();
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, html(&base, &offers)).into_response()
}

/// The address of this server as the client typed it. What is no host name is
/// not repeated.
fn base(request: &Request) -> String {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let host = request.uri().authority().map(|a| a.as_str()).or_else(|| header(HOST.as_str()));
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    let host = host.filter(|host| !host.is_empty() && host.chars().all(plain));
    let scheme = if header("x-forwarded-proto") == Some("https") { "https" } else { "http" };
    format!("{scheme}://{}", host.unwrap_or("localhost"))
}

/// What the head offers, verified; nothing when there is something wrong.
fn offers(depot: &Depot) -> Result<Vec<Offer>, trust::Error> {
    let roots = trust::roots(depot)?;
    let Some(head) = trust::head(depot, &roots)? else { return Ok(Vec::new()) };
    let mut offers = Vec::new();
    for (name, channel) in trust::channels(depot, &roots, &head)? {
        let Some(pin) = channel.releases.get(&channel.current) else { continue };
        let place = layout::release(&channel.current, &pin.sha256);
        let (bytes, _) = trust::signed(depot, &place, LARGE_MAX)?;
        // The channel that pins it was verified.
        if offgrid_manifest::Digest::of(&bytes) == pin.sha256 {
            let release = verify::unsigned_release(&bytes)?;
            offers.push(Offer { name, channel: (*channel).clone(), release });
        }
    }
    Ok(offers)
}

fn html(base: &str, offers: &[Offer]) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>OffGrid LLM</title>\n<style>{STYLE}</style>\n\
         <h1>OffGrid LLM</h1>\n<p>This server holds signed releases of OffGrid LLM.</p>\n"
    );
    if offers.is_empty() {
        page.push_str("<p>There is no release to offer yet.</p>\n");
        return page;
    }
    let base = escape(base);
    // Writing to a text cannot fail.
    let _ = write!(
        page,
        "<h2>Install</h2>\n<p>Linux and macOS, in a terminal:</p>\n\
         <pre>curl -fsSL {base}/install | sh</pre>\n<p>Windows, in PowerShell:</p>\n\
         <pre>irm {base}/install.ps1 | iex</pre>\n\
         <p class=\"quiet\">The script fetches one small program and stops when its digest or \
         signature is not the pinned one.</p>\n<h2>Channels</h2>\n<table>\n\
         <tr><th>Channel<th>Release<th>App<th>Engine<th>Valid until</tr>\n"
    );
    for Offer { name, channel, release } in offers {
        let cells = [
            name.to_string(),
            release.version.to_string(),
            release.app.clone(),
            release.engine.clone(),
            channel.expires.to_string(),
        ];
        page.push_str("<tr>");
        cells.iter().for_each(|cell| page.push_str(&format!("<td>{}", escape(cell))));
        page.push_str("</tr>\n");
    }
    page.push_str("</table>\n<h2>Platforms</h2>\n<ul>\n");
    let variants = offers.iter().flat_map(|offer| &offer.release.variants);
    let targets: BTreeSet<_> = variants.clone().map(|variant| variant.target).collect();
    for target in targets {
        let ids: BTreeSet<&str> = variants
            .clone()
            .filter(|variant| variant.target == target)
            .map(|variant| variant.id.as_str())
            .collect();
        let ids: Vec<String> = ids.into_iter().map(escape).collect();
        let _ = writeln!(page, "<li>{target}: {}", ids.join(", "));
    }
    page.push_str("</ul>\n<p class=\"quiet\"><a href=\"head.json\">head.json</a></p>\n");
    page
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_header_cannot_write_into_the_page() {
        let ask = |host: &str| {
            base(&Request::builder().uri("/").header(HOST, host).body(Default::default()).unwrap())
        };
        assert_eq!(ask("depot.lan:8080"), "http://depot.lan:8080");
        assert_eq!(ask("[::1]:80"), "http://[::1]:80");
        assert_eq!(ask("a\"><script>"), "http://localhost");
        assert_eq!(ask("a | sh; curl b"), "http://localhost");
        assert_eq!(escape("<a b='\"&'>"), "&lt;a b=&#39;&quot;&amp;&#39;&gt;");
    }
}
