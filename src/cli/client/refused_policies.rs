//! The faults for which a server refuses policy files, printed as `policy check` prints them: a line each, and one line for
//! the same fault on several lines of a file.

use tonic::Status;
use tonic_types::StatusExt;

use crate::cli::error::refusal::{FieldViolation, field_violations};
use crate::cli::exit::CommandError;
use crate::cli::output::statement::Lang;
use crate::domain::file_fault::FileFault;

/// The error of an activation that was refused.
pub(super) fn refused_policies(status: Status, lang: Lang) -> CommandError {
    let violations = field_violations(&status);
    let messages = match lang {
        Lang::En => violations.iter().map(|violation| violation.message.clone()).collect(),
        Lang::Zh => chinese_messages(&status, &violations),
    };
    let faults: Option<Vec<FileFault>> =
        violations.iter().zip(messages).map(|(violation, message)| file_fault(violation, message)).collect();
    match faults {
        Some(faults) if !faults.is_empty() => CommandError::FileFaults(grouped(faults, lang).into()),
        _ => status.into(),
    }
}

/// A fault whose field is a file and a line.
fn file_fault(violation: &FieldViolation, message: String) -> Option<FileFault> {
    let (file, line) = violation.field.rsplit_once(':')?;
    Some(FileFault::new(file, line.parse().ok()?, message))
}

/// The message of each fault in the Chinese text of the status, in which each fault begins with its field.
fn chinese_messages(status: &Status, violations: &[FieldViolation]) -> Vec<String> {
    let text = status.get_details_localized_message().map(|text| text.message).unwrap_or_default();
    let mut rest = text.as_str();
    let mut begun: Vec<&str> = Vec::with_capacity(violations.len() + 1);
    for violation in violations {
        let field = format!("{} ", violation.field);
        let Some((before, after)) = rest.split_once(&field) else {
            return violations.iter().map(|violation| violation.message.clone()).collect();
        };
        begun.push(before);
        rest = after;
    }
    begun.push(rest);
    begun.iter().skip(1).map(|message| message.trim_end_matches('；').to_owned()).collect()
}

/// The faults, of which those with the same message in the same file are one that names its further lines.
fn grouped(faults: Vec<FileFault>, lang: Lang) -> Vec<FileFault> {
    let mut groups: Vec<(FileFault, Vec<usize>)> = Vec::new();
    for fault in faults {
        let same =
            |(first, _): &&mut (FileFault, Vec<usize>)| first.file == fault.file && first.message == fault.message;
        match groups.iter_mut().find(same) {
            Some((_, lines)) => lines.push(fault.line),
            None => groups.push((fault, Vec::new())),
        }
    }
    let named = |(fault, lines): (FileFault, Vec<usize>)| {
        if lines.is_empty() {
            return fault;
        }
        let lines: Vec<String> = lines.iter().map(usize::to_string).collect();
        let message = match lang {
            Lang::En => format!("{}; also on line {}", fault.message, lines.join(", ")),
            Lang::Zh => format!("{}；另见第 {} 行", fault.message, lines.join("、")),
        };
        FileFault { message, ..fault }
    };
    groups.into_iter().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_fault_on_several_lines_is_one() {
        let fault = |file: &str, line, message: &str| FileFault::new(file, line, message);
        let faults =
            vec![fault("a", 1, "x"), fault("a", 2, "y"), fault("a", 7, "x"), fault("b", 1, "x"), fault("a", 9, "x")];
        let lines = |lang| grouped(faults.clone(), lang).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(lines(Lang::En), ["a:1: x; also on line 7, 9", "a:2: y", "b:1: x"]);
        assert_eq!(lines(Lang::Zh)[0], "a:1: x；另见第 7、9 行");
    }
}
