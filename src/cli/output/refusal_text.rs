//! The text of a refusal in the language of the person who reads it.

use tonic::Status;
use tonic_types::StatusExt;

use super::statement::Lang;

/// The status with its message in this language, where the service gave it one.
pub(crate) fn in_language(status: Status, lang: Lang) -> Status {
    let chinese = status.get_details_localized_message().filter(|text| lang == Lang::Zh && text.locale == "zh-CN");
    match chinese {
        Some(text) => Status::with_details(status.code(), text.message, status.details().to_vec().into()),
        None => status,
    }
}
