//! What a command for officials says in Chinese when it fails in one of the ways that they meet: a file that cannot be read,
//! a server that does not answer.

use super::exit::CommandError;
use super::output::statement::Lang;
use crate::policy::io_error_in_chinese;

use super::error::client::{ClientError, described};
use super::output::refusal_text::in_language;

impl Lang {
    /// The error in this language, where it has a text in it.
    pub(crate) fn command_error(self, error: CommandError) -> CommandError {
        match (self, chinese_lines(&error)) {
            (Lang::Zh, Some(lines)) => CommandError::InChinese { lines, error: Box::new(error) },
            _ => error,
        }
    }
}

fn chinese_lines(error: &CommandError) -> Option<Vec<String>> {
    Some(match error {
        CommandError::File { path, error } => {
            vec![format!("{}：无法读取或写入：{}", path.display(), io_error_in_chinese(error))]
        }
        CommandError::FileFaults(faults) => Lang::Zh.faults(faults.clone()).lines(),
        CommandError::Client(error) => vec![client_error(error)?],
        CommandError::Differs(differences) => vec![format!("{differences} 处不一致")],
        _ => return None,
    })
}

fn client_error(error: &ClientError) -> Option<String> {
    Some(match error {
        ClientError::Unreachable { url, tls_cause: None } => format!("{url} 没有服务应答"),
        ClientError::Unreachable { url, tls_cause: Some(cause) } => {
            format!("{url} 没有服务应答，或 TLS 连接失败：{cause}；服务未启用 TLS 时，地址以 http:// 开头")
        }
        ClientError::InvalidUrl { url, error } => format!("服务地址 {url} 不正确：{error}"),
        ClientError::NoAuthority { url } => format!("{url}：https 须用 --ca（或 ONESTOP_CA）给出服务证书的签发机构"),
        ClientError::KeyFile { path, error } => {
            format!("无法读取证书或密钥 {}：{}", path.display(), io_error_in_chinese(error))
        }
        ClientError::Refused(status) | ClientError::OutcomeUnknown(status) => {
            described(&in_language((**status).clone(), Lang::Zh))
        }
        ClientError::RetriesExhausted(status) => {
            let status = in_language((**status).clone(), Lang::Zh);
            format!("{}；请再次运行同一命令", described(&status))
        }
        ClientError::UnexpectedAnswer => "服务的应答与所发内容不符".to_owned(),
        _ => return None,
    })
}
