//! `onestop health`, as a probe runs it.

use super::LoggedServer;
use crate::support::program::{onestop, run};

#[test]
fn health_is_zero_while_the_server_serves_and_names_the_reason_when_it_does_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = LoggedServer::start(directory.path(), &[]);
    for url in [&server.url, &server.operations] {
        assert_eq!(run(&["health", "--server", url]), (Some(0), "SERVING\n".to_owned(), String::new()));
    }
    let (code, output, _) = run(&["--json", "health", "--server", &server.url]);
    assert_eq!((code, output.as_str()), (Some(0), "{\"reason\":null,\"status\":\"SERVING\"}\n"));
    let service = "onestop.settlement.v1.SettlementService";
    assert_eq!(run(&["health", "--server", &server.url, "--service", service]).0, Some(0));
    let (code, output, errors) =
        run(&["health", "--server", &server.operations, "--service", "onestop.store/volatile"]);
    assert_eq!((code, output.as_str()), (Some(1), "NOT_SERVING\n"), "{errors}");
    let url = server.url.clone();
    server.end();
    let mut probe = onestop();
    assert_eq!(probe.args(["health", "--server", &url]).output().expect("it runs").status.code(), Some(3));
}
