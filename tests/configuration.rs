//! The configuration file: checked whole, every fault by line; what it says holds, and the command line before it.

use onestop::config::{Config, LIMITS};

use crate::support::claims::claim;
use crate::support::program::{Serve, onestop, run};

fn faults(text: &str) -> Vec<(usize, String)> {
    Config::read(text).expect_err("faults").into_iter().map(|fault| (fault.line, fault.told)).collect()
}

#[test]
fn what_is_shown_is_read_as_the_same() {
    let (code, shown, _) = run(&["config", "show"]);
    let config = Config::read(&shown).expect("sound");
    assert_eq!((code, config.text()), (Some(0), Config::default().text()));
    assert_eq!(shown, config.text());
    let changed = LIMITS.iter().map(|limit| format!("{} = {}\n", limit.key, limit.least)).collect::<String>();
    let text = format!(
        "listen = \"0.0.0.0:1\"\nstore = 'a \"b\"'\npolicies = \"law\"\naccept_volatile = true\n[limits]\n{changed}"
    );
    let config = Config::read(&text).expect("sound");
    assert!(config.figures().zip(LIMITS).all(|((key, figure), limit)| key == limit.key && figure == limit.least));
    assert_eq!(Config::read(&config.text()).expect("sound").text(), config.text());
}

#[test]
fn every_fault_is_named_by_its_line() {
    let text = "listen = \"nowhere\"\nstore = 5\nspeed = \"fast\"\naccept_volatile = \"yes\"\n\n[limits]\nitems = 0\nitms = 7\nid_bytes = \"64\"\n";
    let told = faults(text);
    let wanted = [
        (1, "`listen` is not an address"),
        (2, "`store` is not a text in quotes"),
        (3, "`speed` is no key; the keys are "),
        (4, "`accept_volatile` is not true or false"),
        (7, "`items` is not a whole number from 1 to 65535"),
        (8, "`itms` is no limit; the limits are in_flight, "),
        (9, "`id_bytes` is not a whole number from 16 to 256"),
    ];
    assert_eq!(told.len(), wanted.len(), "{told:?}");
    assert!(
        told.iter().zip(wanted).all(|((line, told), (at, start))| *line == at && told.starts_with(start)),
        "{told:?}"
    );
    assert_eq!(faults("listen = \"127.0.0.1:1\"\nstore =\n")[0].0, 2);
    let place = tempfile::tempdir().expect("a directory");
    let file = place.path().join("onestop.toml").display().to_string();
    std::fs::write(&file, text).expect("written");
    for command in
        [&["config", "check", &file][..], &["config", "show", "--config", &file], &["serve", "--config", &file]]
    {
        let (code, output, errors) = run(command);
        assert_eq!((code, output.as_str(), errors.lines().count()), (Some(1), "", 7), "{command:?}: {errors}");
        assert!(errors.starts_with(&format!("{file}:1: `listen`")), "{errors}");
    }
    assert_eq!(run(&["config", "check", "nowhere.toml"]).0, Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_file_says_holds_and_the_command_line_comes_before_it() {
    let place = tempfile::tempdir().expect("a directory");
    let (file, own) = (place.path().join("onestop.toml"), place.path().join("of-the-file"));
    let text = format!("listen = \"127.0.0.1:0\"\nstore = \"{}\"\n[limits]\nitems = 2\n", own.display());
    std::fs::write(&file, text).expect("written");
    let mut command = onestop();
    command.args(["serve", "--config"]).arg(&file);
    let serve = Serve::spawn(command);
    let mut client = serve.with_tables().await;
    let mut bill = claim("C1", "P1", "1.00");
    bill.items = vec![bill.items[0].clone(); 3];
    let refused = client.settle(&bill, &"R1".into(), Vec::new()).await.expect_err("a refusal");
    assert!(refused.message().contains("claim.items holds 3 items; at most 2 are taken"), "{refused:?}");
    assert!(own.join("redb").exists());
    assert_eq!(serve.end(), Some(0));
    let other = place.path().join("of-the-line");
    let mut command = onestop();
    command.args(["serve", "--config"]).arg(&file).arg("--store").arg(&other);
    assert_eq!(Serve::spawn(command).end(), Some(0));
    assert!(other.join("redb").exists());
}
