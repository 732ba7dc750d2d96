//! HTTPS by a real nginx with a certificate of a private authority.

use e2e::{World, world::finish};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn openssl(folder: &Path, words: &str) {
    let mut command = Command::new("openssl");
    let output = command.args(words.split(' ')).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{words}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// An authority, and a certificate for 127.0.0.1 that it signed.
fn certificates(folder: &Path) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(folder, &format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=ship"));
    openssl(folder, &format!("req {key} -keyout srv.key -out srv.csr -subj /CN=mirror"));
    fs::write(folder.join("ext"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
        .unwrap();
    openssl(
        folder,
        "x509 -req -in srv.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
         -extfile ext -out srv.pem",
    );
}

fn nginx(folder: &Path, depot: &Path) -> (Nginx, u16) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let temps: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("{name}_temp_path {}/t-{name};\n", folder.display()))
        .collect();
    let user = if fs::metadata(folder).is_ok_and(|_| is_root()) { "user root;\n" } else { "" };
    let text = format!(
        "{user}daemon off;\nmaster_process off;\npid {0}/pid;\nerror_log {0}/error.log;\n\
         events {{}}\nhttp {{ access_log off;\n{temps}server {{ listen 127.0.0.1:{port} ssl;\n\
         ssl_certificate {0}/srv.pem;\nssl_certificate_key {0}/srv.key;\nroot {1};\n}} }}\n",
        folder.display(),
        depot.display()
    );
    fs::write(folder.join("nginx.conf"), text).unwrap();
    let mut command = Command::new("nginx");
    command.arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf"));
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let nginx = Nginx(child);
    let until = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let log = fs::read_to_string(folder.join("error.log")).unwrap_or_default();
        assert!(Instant::now() < until, "nginx does not listen\n{log}");
        std::thread::sleep(Duration::from_millis(20));
    }
    (nginx, port)
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout == b"0\n")
}

fn is_there(program: &str) -> bool {
    let found =
        Command::new(program).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
    found.is_ok()
}

#[test]
fn a_private_authority_is_believed_when_it_was_named() {
    if !is_there("nginx") || !is_there("openssl") {
        println!("skipped: nginx and openssl are needed");
        return;
    }
    let world = World::new();
    let folder = world.path("tls");
    fs::create_dir(&folder).unwrap();
    certificates(&folder);
    let (_nginx, port) = nginx(&folder, &world.depot());
    let url = format!("https://127.0.0.1:{port}/");
    let before = world.snapshot();
    let refused = world.run_from(&url, &["install", "--yes", "--json"]);
    refused.expect_error(4, "E_UNREACHABLE").says("no secure connection").says("--ca-file");
    let other = world.run_from(&url, &["install", "--yes", "--ca-file", "/etc/hostname"]);
    other.expect(2).says("PEM");
    before.assert_same(&world.snapshot());
    let ca = folder.join("ca.pem");
    world.run_from(&url, &["plan", "--ca-file", ca.to_str().unwrap()]).expect(0);
    let mut command = world.command(world.setup());
    command.env("OFFGRID_SETUP_SOURCE", &url).env("SSL_CERT_FILE", &ca);
    command.args(["install", "--yes"]);
    finish(command).expect(0);
}
