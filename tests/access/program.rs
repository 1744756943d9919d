//! The real program with TLS and callers, run as `onestop keys dev` prints.

use std::process::Command;

use crate::support::keys::Keys;
use crate::support::program::{Serve, onestop, run};

/// Runs a client command as a caller: exit code, output, errors.
fn run_as(keys: &Keys, role: &str, url: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command: Command = onestop();
    command.args(arguments).env("ONESTOP_SERVER", url).env("ONESTOP_CA", keys.file("ca.pem"));
    command.env("ONESTOP_CERTIFICATE", keys.file(&format!("{role}.pem")));
    let output = command.env("ONESTOP_KEY", keys.file(&format!("{role}.key"))).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The tables and claims of the demonstration.
const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/demo");

#[test]
fn the_keys_of_keys_dev_serve_import_settle_and_drain() {
    let place = tempfile::tempdir().expect("a directory");
    let keys = Keys::made();
    // A hospital of the demonstration instead of the one in other tests.
    let callers = keys.callers().replace("\"H3\"", "\"H3701001\"");
    keys.put_callers(&callers);
    let store = place.path().join("store");
    let mut command = onestop();
    command.args(["serve", "--create", "--listen", "127.0.0.1:0", "--operations", "127.0.0.1:0", "--config"]);
    command.arg(keys.file("onestop.toml")).arg("--store").arg(&store);
    let serve = Serve::spawn(command);
    let url = serve.url.replace("127.0.0.1", "localhost");
    assert!(url.starts_with("https://"), "{url}");
    let (code, _, errors) = run_as(&keys, "hospital", &url, &["import", DEMO]);
    assert!(code == Some(1) && errors.contains("NOT_PERMITTED"), "{code:?} {errors}");
    let (code, _, errors) = run_as(&keys, "registrar", &url, &["import", DEMO]);
    assert_eq!(code, Some(0), "{errors}");
    let (_, imports, _) = run_as(&keys, "auditor", &url, &["import", "--list", "--json"]);
    assert!(
        imports.lines().all(|line| line.contains("\"registrar\"")),
        "the log names the authenticated caller: {imports}"
    );
    let claims = std::fs::read_to_string(format!("{DEMO}/claims.ndjson")).expect("the claims");
    let own = claims.lines().filter(|line| line.contains("H3701001")).take(5);
    let own: String = own.map(|line| format!("{line}\n")).collect();
    let file = place.path().join("claims.ndjson").display().to_string();
    std::fs::write(&file, &own).expect("written");
    let (code, settled, errors) = run_as(&keys, "hospital", &url, &["settle", "--json", &file]);
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(settled.matches("\"settlement_id\"").count(), 5, "{settled}");
    let (code, _, errors) = run_as(&keys, "hospital", &url, &["policy", "list", "--server", &url]);
    assert_eq!(code, Some(0), "{errors}");
    let (code, _, errors) = run_as(&keys, "hospital", &url, &["drain"]);
    assert!(code == Some(1) && errors.contains("NOT_PERMITTED"), "{code:?} {errors}");
    let (code, output, errors) = run_as(&keys, "operator", &url, &["drain"]);
    assert_eq!((code, output.as_str()), (Some(0), "the server stops now: no call is in flight\n"), "{errors}");
    assert_eq!(serve.ended(), Some(0));
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(store.join("access.log")).expect("the log").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600, "only the owner may read the log");
}

#[test]
fn an_address_other_than_loopback_requires_callers_or_accept_anonymous() {
    let place = tempfile::tempdir().expect("a directory");
    let store = place.path().join("store").display().to_string();
    let (code, _, errors) = run(&["serve", "--listen", "0.0.0.0:0", "--store", &store]);
    assert_eq!(code, Some(1));
    assert!(errors.contains("beyond loopback") && errors.contains("onestop keys dev"), "{errors}");
    assert!(!place.path().join("store").exists(), "nothing was created");
    let mut command = onestop();
    command.args(["serve", "--create", "--listen", "0.0.0.0:0", "--accept-anonymous", "--store", &store]);
    assert_eq!(Serve::spawn(command).end(), Some(0));
}

#[test]
fn tls_files_that_do_not_fit_together_are_refused() {
    let (keys, place) = (Keys::made(), tempfile::tempdir().expect("a directory"));
    let path = |file: &str| keys.file(file).display().to_string();
    let (certificate, key) =
        (format!("tls_certificate = \"{}\"\n", path("server.pem")), format!("tls_key = \"{}\"\n", path("server.key")));
    let callers = format!("callers = \"{}\"\n", path("callers.toml"));
    let ca = |file: &str| format!("tls_client_ca = \"{}\"\n", path(file));
    let cases = [
        (certificate.clone(), "`tls_certificate` and `tls_key` require each other"),
        (callers.clone(), "`tls_client_ca` and `callers` require each other"),
        (ca("ca.pem") + &callers, "`tls_client_ca` requires `tls_certificate` and `tls_key`"),
        (
            certificate.clone() + &key.replace("server.key", "auditor.key") + &ca("ca.pem") + &callers,
            "server.pem (`tls_certificate`) with its `tls_key`: ",
        ),
        (certificate.clone() + &key + &ca("server.key") + &callers, "server.key (`tls_client_ca`): "),
        (certificate + &key + &ca("none.pem") + &callers, "none.pem (`tls_client_ca`): "),
    ];
    for (text, message) in cases {
        let file = place.path().join("onestop.toml");
        std::fs::write(&file, text).expect("written");
        let store = place.path().join("store").display().to_string();
        let listen = ["serve", "--listen", "127.0.0.1:0", "--config", &file.display().to_string(), "--store", &store];
        let (code, _, errors) = run(&listen);
        assert!(code == Some(1) && errors.contains(message), "{message}: {code:?} {errors}");
    }
    let again = keys.place().display().to_string();
    let (code, _, errors) = run(&["keys", "dev", &again]);
    assert!(code == Some(1) && errors.contains("is not empty"), "existing keys are not replaced: {errors}");
}

#[test]
fn a_client_without_tls_or_certificate_or_with_tls_that_the_server_has_not_is_told_so() {
    let place = tempfile::tempdir().expect("a directory");
    let keys = Keys::made();
    let mut command = onestop();
    command.args(["serve", "--create", "--listen", "127.0.0.1:0", "--operations", "127.0.0.1:0", "--config"]);
    command.arg(keys.file("onestop.toml"));
    let serve = Serve::spawn({
        command.arg("--store").arg(place.path().join("store"));
        command
    });
    let secured = serve.url.replace("127.0.0.1", "localhost");
    let plain = secured.replace("https://", "http://");
    let (code, _, errors) = run(&["account", "P1", "--year", "2017", "--server", &plain]);
    assert!(code == Some(3) && errors.contains("call it as https:// with --ca"), "{code:?} {errors}");
    let ca = keys.file("ca.pem").display().to_string();
    let (code, _, errors) = run(&["account", "P1", "--year", "2017", "--server", &secured, "--ca", &ca]);
    assert!(code == Some(3) && errors.contains("present one with --certificate and --key"), "{code:?} {errors}");
    let without_tls = Serve::start(&place.path().join("other"), &[]);
    let url = without_tls.url.replace("http://", "https://");
    let (code, _, errors) = run(&["account", "P1", "--year", "2017", "--server", &url, "--ca", &ca]);
    assert!(code == Some(3) && errors.contains("call it as http://"), "{code:?} {errors}");
}

/// Clients of any make read why their connection ends.
#[test]
fn the_server_itself_says_that_it_requires_tls() {
    use std::io::{Read, Write};
    let place = tempfile::tempdir().expect("a directory");
    let keys = Keys::made();
    let mut command = onestop();
    command.args(["serve", "--create", "--listen", "127.0.0.1:0", "--operations", "127.0.0.1:0", "--config"]);
    command.arg(keys.file("onestop.toml")).arg("--store").arg(place.path().join("store"));
    let serve = Serve::spawn(command);
    let answer = |request: &str| {
        let mut stream = std::net::TcpStream::connect(serve.url.trim_start_matches("https://")).expect("a connection");
        stream.write_all(request.as_bytes()).expect("written");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("the end");
        answer
    };
    let preface = answer("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    let (settings, goaway) = preface.split_at(9);
    assert_eq!(settings, [0, 0, 0, 4, 0, 0, 0, 0, 0], "empty settings");
    // INADEQUATE_SECURITY is 12.
    assert_eq!((goaway[3], &goaway[9..17]), (7, &[0, 0, 0, 0, 0, 0, 0, 12][..]));
    assert_eq!(String::from_utf8_lossy(&goaway[17..]), "this server requires TLS");
    let http = String::from_utf8(answer("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")).expect("text");
    assert!(http.starts_with("HTTP/1.1 400 Bad Request\r\n") && http.ends_with("\r\n\r\nthis server requires TLS\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_access_log_is_beside_the_store_or_the_secret_wherever_the_server_is_started() {
    let redis = crate::support::redis_server::RedisServer::shared();
    for (configured, name) in [(None, "access.log"), (Some("who.log"), "who.log")] {
        let (place, elsewhere) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
        let secret = place.path().join("secret");
        onestop::store::secret_file::create(&secret).expect("a secret");
        let store = place.path().join("store");
        let embedded = (store.display().to_string(), store.join(name));
        for (store, expected) in [embedded, (redis.url(), place.path().join(name))] {
            let mut command = onestop();
            command.args(["serve", "--create", "--listen", "127.0.0.1:0", "--store", &store]).current_dir(&elsewhere);
            if store.starts_with("redis") {
                command.arg("--secret").arg(&secret);
            }
            command.envs(configured.map(|path| ("ONESTOP_ACCESS_LOG", path)));
            let serve = Serve::spawn(command);
            let mut client = serve.with_tables().await;
            client.quote(&crate::support::claims::claim("C", "P1", "1.00")).await.expect("a quote");
            assert_eq!(std::fs::read_to_string(&expected).expect("a log").lines().count(), 1, "{}", expected.display());
        }
        assert_eq!(std::fs::read_dir(elsewhere.path()).expect("a directory").count(), 0);
    }
}
