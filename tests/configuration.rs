//! The configuration file: every fault is reported with its line, and command line flags override the file.

use onestop::config::{Config, LIMIT_KEYS, Layered};

use crate::support::claims::claim;
use crate::support::program::{Serve, onestop, run};

fn read(text: &str) -> Config {
    Config::from_toml("onestop.toml", text).expect("a valid configuration")
}

fn faults(text: &str) -> Vec<(usize, String)> {
    let faults = Config::from_toml("onestop.toml", text).expect_err("a refused configuration");
    faults.into_iter().map(|fault| (fault.line, fault.message)).collect()
}

/// The lines of the faults whose message starts with each of these texts, in order; no other fault exists.
fn assert_faults(text: &str, wanted: &[(usize, &str)]) {
    let found = faults(text);
    let matches = |((line, message), (wanted, start)): (&(usize, String), &(usize, &str))| {
        line == wanted && message.starts_with(start)
    };
    assert!(found.len() == wanted.len() && found.iter().zip(wanted).all(matches), "{found:?}");
}

#[test]
fn a_shown_configuration_reads_back_as_the_same() {
    let (code, shown, _) = run(&["config", "show"]);
    let config = read(&shown);
    assert_eq!((code, config.to_toml()), (Some(0), Config::default().to_toml()));
    assert_eq!(shown, Layered::default().to_toml());
    let limits = LIMIT_KEYS.iter().map(|limit| format!("{} = {}\n", limit.name, limit.min)).collect::<String>();
    let text = format!(
        "listen = \"0.0.0.0:1\"\nstore = 'a \"b\"'\npolicies = \"law\"\naccept_volatile = true\n[limits]\n{limits}"
    );
    let config = read(&text);
    assert!(
        config.limit_values().zip(LIMIT_KEYS).all(|((name, value), limit)| name == limit.name && value == limit.min)
    );
    assert_eq!(read(&config.to_toml()).to_toml(), config.to_toml());
}

#[test]
fn every_fault_is_reported_with_its_line() {
    let text = "listen = \"nowhere\"\nstore = 5\nspeed = \"fast\"\naccept_volatile = \"yes\"\nreplicas = 17\n\
                [limits]\nitems = 0\nitms = 7\nid_bytes = \"64\"\n";
    let wanted = [
        (1, "`listen` must be an address"),
        (2, "`store` must be a string in quotes"),
        (3, "unknown key `speed`; the known keys are listen, "),
        (4, "`accept_volatile` must be true or false"),
        (5, "`replicas` must be a whole number from 0 to 16"),
        (7, "`items` must be a whole number from 1 to 65535"),
        (8, "unknown limit `itms`; the known limits are in_flight, "),
        (9, "`id_bytes` must be a whole number from 16 to 256"),
    ];
    assert_faults(text, &wanted);
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("onestop.toml").display().to_string();
    std::fs::write(&file, text).expect("written");
    for command in
        [&["config", "check", &file][..], &["config", "show", "--config", &file], &["serve", "--config", &file]]
    {
        let (code, output, errors) = run(command);
        assert_eq!((code, output.as_str(), errors.lines().count()), (Some(1), "", 8), "{command:?}: {errors}");
        assert!(errors.starts_with(&format!("{file}:1: `listen`")), "{errors}");
    }
    assert_eq!(run(&["config", "check", "nowhere.toml"]).0, Some(2));
}

#[test]
fn an_unknown_key_is_reported_on_its_own_line_though_it_begins_another_key() {
    let text = "tls_certificate = \"c.pem\"\naccess_log = \"a.log\"\ntls = true\nstore = \"s\"\naccess = 1\nst = 2\n";
    let unknown = [(3, "unknown key `tls`;"), (5, "unknown key `access`;"), (6, "unknown key `st`;")];
    assert_faults(text, &unknown);
}

#[test]
fn a_key_in_a_comment_or_in_a_value_of_several_lines_is_not_taken_for_the_key() {
    assert_faults("# speed = 1\nstore = \"a\" # speed = 2\n\nspeed = 3\n", &[(4, "unknown key `speed`;")]);
    let text = "store = \"\"\"\nspeed = 1\nlisten = 2\n\"\"\"\nlisten = 3\n\"speed\" = 4\n";
    assert_faults(text, &[(5, "`listen` must be a string"), (6, "unknown key `speed`;")]);
}

#[test]
fn an_unknown_table_is_reported_on_the_line_of_its_header() {
    assert_faults("store = \"s\"\n\n[limit]\nitems = 5\n", &[(3, "unknown key `limit`;")]);
    assert_faults("limits.items = 5\nlimits.itms = 6\n", &[(2, "unknown limit `itms`;")]);
    assert_faults("\nlimits = 5\n", &[(2, "`limits` must be a table")]);
}

#[test]
fn a_syntax_error_is_reported_with_line_and_column() {
    let faults = Config::from_toml("onestop.toml", "listen = \"127.0.0.1:1\"\nstore =\n").expect_err("a syntax error");
    assert!(faults[0].to_string().starts_with("onestop.toml:2:8: "), "{faults:?}");
    assert_eq!(self::faults("store = \"a\"\nstore = \"b\"\n")[0].0, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flags_override_the_file_and_the_file_overrides_the_defaults() {
    let directory = tempfile::tempdir().expect("a directory");
    let (file, store) = (directory.path().join("onestop.toml"), directory.path().join("of-the-file"));
    let text = format!("listen = \"127.0.0.1:0\"\nstore = \"{}\"\n[limits]\nitems = 2\n", store.display());
    std::fs::write(&file, text).expect("written");
    let mut command = onestop();
    command.args(["serve", "--create", "--config"]).arg(&file);
    let serve = Serve::spawn(command);
    let mut client = serve.with_tables().await;
    let mut bill = claim("C1", "P1", "1.00");
    bill.items = vec![bill.items[0].clone(); 3];
    let refused = client.settle(&bill, "R1", Vec::new()).await.expect_err("a refusal");
    assert!(refused.message().contains("claim.items holds 3 items; at most 2 are taken"), "{refused:?}");
    assert!(store.join("FORMAT").exists());
    assert_eq!(serve.end(), Some(0));
    let other = directory.path().join("of-the-flag");
    let mut command = onestop();
    command.args(["serve", "--create", "--config"]).arg(&file).arg("--store").arg(&other);
    assert_eq!(Serve::spawn(command).end(), Some(0));
    assert!(other.join("FORMAT").exists());
}

/// The origin that `config show` names above a key, and the line of the key.
fn shown(output: &str, key: &str) -> (String, String) {
    let lines: Vec<&str> = output.lines().collect();
    let at = lines.iter().position(|line| line.starts_with(&format!("{key} = "))).unwrap_or_else(|| panic!("{key}"));
    (lines[at - 1].to_owned(), lines[at].to_owned())
}

#[test]
fn the_command_line_overrides_the_environment_and_that_overrides_the_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("onestop.toml");
    std::fs::write(&file, "store = \"f\"\nreplicas = 1\npolicies = \"f\"\n[limits]\nitems = 5\nid_bytes = 20\n")
        .expect("written");
    let mut command = onestop();
    command.args(["config", "show", "--store", "c", "--config"]).arg(&file);
    command.envs([
        ("ONESTOP_STORE", "e"),
        ("ONESTOP_REPLICAS", "2"),
        ("ONESTOP_LIMITS_ITEMS", "7"),
        ("ONESTOP_ACCEPT_VOLATILE", "true"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://one"),
        ("ONESTOP_OTLP_ENDPOINT", "http://two"),
        ("OTEL_TRACES_SAMPLER", "always_on"),
    ]);
    let output = command.output().expect("the program runs");
    let output = String::from_utf8(output.stdout).expect("text");
    for (key, value, origin) in [
        ("store", "\"c\"", "command line"),
        ("replicas", "2", "environment variable ONESTOP_REPLICAS"),
        ("policies", "\"f\"", "file"),
        ("listen", "\"127.0.0.1:50051\"", "default"),
        ("accept_volatile", "true", "environment variable ONESTOP_ACCEPT_VOLATILE"),
        ("items", "7", "environment variable ONESTOP_LIMITS_ITEMS"),
        ("id_bytes", "20", "file"),
        ("otlp_endpoint", "\"http://two\"", "environment variable ONESTOP_OTLP_ENDPOINT"),
        ("otlp_traces_sampler", "\"always_on\"", "environment variable OTEL_TRACES_SAMPLER"),
    ] {
        assert_eq!(shown(&output, key), (format!("# Origin: {origin}"), format!("{key} = {value}")));
    }
}

#[test]
fn every_key_is_an_environment_variable_and_its_faults_name_the_variable() {
    let all = Layered::default();
    let keys = all.to_toml();
    let keys = keys.lines().filter_map(|line| line.trim_start_matches("# ").split_once(" = ")).map(|(key, _)| key);
    let keys: Vec<_> = keys.filter(|key| key.chars().all(|c| c.is_ascii_lowercase() || c == '_')).collect();
    assert!(keys.len() > 40, "{keys:?}");
    for key in keys {
        let names = [format!("ONESTOP_{}", key.to_uppercase()), format!("ONESTOP_LIMITS_{}", key.to_uppercase())];
        let read = Layered::read(None, |name| names.contains(&name.to_owned()).then(|| "\"0\nx = 1".to_owned()));
        match read {
            Err(faults) => assert!(names.contains(&faults[0].file), "{faults:?}"),
            Ok(read) => assert!(read.to_toml().contains("environment variable ONESTOP_"), "{key}"),
        }
    }
    let (code, _, errors) = {
        let mut command = onestop();
        let output = command.args(["config", "show"]).env("ONESTOP_LISTEN", "nowhere").output().expect("it runs");
        (output.status.code(), output.stdout, String::from_utf8(output.stderr).expect("text"))
    };
    assert_eq!(code, Some(1));
    assert!(errors.starts_with("ONESTOP_LISTEN:1: `listen` must be an address"), "{errors}");
}
