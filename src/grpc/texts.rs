//! What people read of a refusal, in English and in Chinese: one table. What is wrong with a field is said in English by the
//! layer that finds it, with its figures, and in Chinese here, by its reason.

use tonic::Code;

use crate::domain::fault::FaultReason;

use super::status::Reason;

/// The locale of the Chinese texts.
pub(super) const CHINESE: &str = "zh-CN";

/// A text in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Text {
    /// English.
    pub en: &'static str,
    /// Chinese.
    pub zh: &'static str,
}

macro_rules! texts {
    ($($reason:ident: $en:literal, $zh:literal;)*) => {
        impl Reason {
            /// What a refusal with this reason says.
            pub(super) const fn text(self) -> Text {
                match self { $(Reason::$reason => Text { en: $en, zh: $zh }),* }
            }
        }
    };
}

texts! {
    CallerUnknown: "the certificate does not identify exactly one known caller", "本服务不认识该客户端证书的持有者";
    NotPermitted: "the caller may not make this call, or not for this hospital", "调用方无权进行此调用，或无权代表该医疗机构";
    CallerLimit: "the caller asks for more than it may, at once or a second; nothing was done", "调用方超出其并发数或每秒调用数的限额；未作任何处理，请稍后重试";
    Overloaded: "more calls are in flight than the service takes; nothing was done", "在途调用已达服务上限；未作任何处理，请稍后重试";
    DiskFull: "the disk of the store is nearly full, so that the service takes no commits; reads go on; nothing was committed", "存储磁盘将满，暂不接受提交，查询照常；未提交任何内容";
    MessageTooLarge: "the request message is larger than the size limit", "请求消息超过大小上限";
    RequestTimedOut: "the request, or the next message of a stream, did not arrive in time; what was answered stands, nothing else was done: send it again", "请求或数据流的下一条消息未按时到达；已答复的仍然有效，其余未作处理，请重新发送";
    HeadersTooLarge: "the request headers are larger than the size limit", "请求头超过大小上限";
    UndecodableMessage: "the message cannot be decoded", "请求消息无法解码";
    UnsupportedCompression: "the message is compressed in another way than gzip", "请求消息的压缩方式不是 gzip，本服务不支持";
    UnknownCall: "there is no such call", "没有此调用";
    Stopping: "the server stops; send what was not answered again", "服务正在停止；请将未得到答复的请求重新发送";
    ImportRunning: "another import is being taken; nothing of this one was: send it again later", "另一导入正在进行；本次导入未被接收，请稍后重新发送";
    ImportStopped: "the import stopped before its end; what it took of persons is whole: send the same import again", "导入在完成前停止；已写入的人员数据均完整，请重新发送同一导入";
    RequestFenced: "the request id was fenced: it may never commit", "该请求号已被封存，不会再提交";
    RequestIdReused: "the request id was used before with other content", "该请求号已用于其他内容";
    ClaimSettled: "the claim is settled and not reversed", "该就诊已结算，且未冲正";
    ClaimOfAnotherPerson: "the claim id belongs to another person", "该就诊编号属于另一参保人";
    NotFound: "not found, or not found for this hospital and person", "未找到，或不属于该医疗机构与参保人";
    AlreadyReversed: "the settlement of the claim is reversed already", "该就诊的结算已冲正";
    LaterSettlements: "later settlements of the benefit year stand; reverse them first, newest first", "本待遇年度内有其后的有效结算；请由新到旧先行冲正，或申请重新结算";
    InvalidRequest: "the request is faulty", "请求内容有误";
    InvalidQuote: "the quote is none that the caller was given for this claim, or has expired", "预结算凭证不是为该调用方和该内容出具的，或已过期";
    NotEligible: "hospital or person does not qualify on the day of discharge", "医疗机构或参保人在出院日不符合结算条件";
    UnknownItem: "the catalogue does not hold every code", "有项目不在目录内";
    NoPolicy: "no policy is in force", "没有适用的政策";
    CannotDecideAgain: "a settlement could not be settled as the tables and policies are today; nothing was changed", "按现行参考表和政策，有结算不能重新作出；未作任何更改";
    PoliciesRefused: "the policy files are refused; the book in use stays", "政策文件未通过检查；仍使用原有政策";
    MonthNotClosable: "the month cannot be closed now; nothing changed", "该月目前不能月结；未作任何更改";
    QuoteChanged: "the split is no longer the one that the quote showed; the details hold the new one", "结算结果与预结算不一致；详情内为新的结果";
    BackupUnavailable: "the store is on Redis, which is backed up as Redis is", "存储在 Redis 上，请按 Redis 的方式备份";
    BackupNotContinued: "the store does not continue this backup", "本存储不能接续该备份";
    FeedNotContinued: "the journal does not hold the entry of the cursor: the store was restored to an earlier moment, and what came after it is gone; go on with an older cursor, of an entry that both hold, or from the first entry, and compare by entry_id", "日志中没有该游标所指的条目：存储已恢复到更早的时点，其后的条目不复存在；请改用更早的、双方均有的条目的游标，或从第一条起重新读取，并按 entry_id 核对";
    Conflict: "other claims of this person kept winning; nothing was committed", "该参保人的其他结算同时提交；本次未提交，请以相同请求号重试";
    StoreUnavailable: "the store cannot be reached or takes no writes; nothing was committed", "存储不可用；未提交任何内容，请以相同请求号重试";
    OutcomeUnknown: "it may have been committed; send the same request again, or ask the outcome", "可能已提交；请以相同请求号重新发送，或查询结果";
    DeadlinePassed: "the deadline passed first; it may have been committed: send the same request again, or ask the outcome", "已过时限，可能已提交；请以相同请求号重新发送，或查询结果";
    Panicked: "the service failed inside; whether it committed is unknown: send the same request again, or ask the outcome", "服务内部出错，是否已提交未知；请以相同请求号重新发送，或查询结果";
    Invariant: "a check failed inside; nothing was committed", "服务内部检查未通过；未提交任何内容";
}

/// What is wrong with a field, in Chinese.
pub(crate) const fn fault_in_chinese(reason: FaultReason) -> &'static str {
    match reason {
        FaultReason::Missing => "缺少此项",
        FaultReason::MustBeEmpty => "此处不应填写",
        FaultReason::Repeated => "重复列出",
        FaultReason::TooLong => "超过长度上限",
        FaultReason::WhiteSpace => "首尾含有空白",
        FaultReason::ControlCharacter => "含有控制字符",
        FaultReason::TooMany => "数目过多",
        FaultReason::TooLarge => "数值超过上限",
        FaultReason::Negative => "不应为负数",
        FaultReason::NotADay => "不是有效日期",
        FaultReason::MonthNotOver => "该月尚未结束",
        FaultReason::MonthOutOfOrder => "应先关闭更早的月份",
        FaultReason::Unreadable => "无法识别",
        FaultReason::Expired => "已过期",
        FaultReason::NotAuthentic => "不是本服务为该调用方和该请求出具的",
        FaultReason::TooManyDecimals => "小数位数过多",
        FaultReason::UnknownWord => "不是已知的取值",
        FaultReason::DischargedBeforeAdmitted => "出院日早于入院日",
        FaultReason::DischargedAfterToday => "出院日晚于今日",
        FaultReason::StayTooLong => "住院天数超过上限",
        FaultReason::UnlikeSign => "金额与数量的正负不一致",
        FaultReason::AmountMismatch => "金额不等于数量乘以单价",
        FaultReason::TotalMismatch => "总额不等于各项目之和",
        FaultReason::OutsideStay => "日期不在住院期间内",
        FaultReason::RefundsExceedCharges => "退费超过已收费用",
        FaultReason::UnknownHospital => "没有该医疗机构",
        FaultReason::NotDesignated => "当日不是定点医药机构",
        FaultReason::UnknownPerson => "没有该人的参保记录",
        FaultReason::NotEnrolled => "当日未参保",
        FaultReason::NotApproved => "当日没有相应的待遇认定",
        FaultReason::NotInCatalogue => "当日目录内没有该编码",
        FaultReason::NotContinuable => "所接续的结算不能接续",
        FaultReason::NoPolicyInForce => "没有适用的政策",
        FaultReason::AnotherBenefitYear => "待遇年度将改变",
        FaultReason::Overlap => "与另一行的有效期重叠",
        FaultReason::Differs => "与首次使用该请求号的请求不一致",
        FaultReason::DifferingRows => "同一主键的两行内容不一致",
    }
}

/// The path of a field, with its name in Chinese before it where people know it by that.
pub(super) fn field_in_chinese(field: &str) -> String {
    let name = match field {
        "claim.person_id" => "参保人",
        "claim.hospital_id" => "医疗机构",
        "claim.admitted" => "入院日",
        "claim.discharged" => "出院日",
        "claim.visit" => "就医类别",
        "claim.total" => "总额",
        _ => return field.to_owned(),
    };
    format!("{name}（{field}）")
}

/// What a status of the framework says in Chinese, which carries no reason of this service.
pub(super) const fn code_in_chinese(code: Code) -> &'static str {
    match code {
        Code::Ok => "成功",
        Code::Cancelled => "调用已取消",
        Code::InvalidArgument => "请求内容有误",
        Code::DeadlineExceeded => "已过时限",
        Code::NotFound => "未找到",
        Code::AlreadyExists => "已存在",
        Code::PermissionDenied => "无权进行此调用",
        Code::ResourceExhausted => "资源不足，请稍后重试",
        Code::FailedPrecondition => "当前状态不允许此调用",
        Code::Aborted => "调用已中止，请重试",
        Code::OutOfRange => "超出范围",
        Code::Unimplemented => "没有此调用",
        Code::Unavailable => "服务不可用，请稍后重试",
        Code::DataLoss => "数据丢失",
        Code::Unauthenticated => "未能识别调用方",
        Code::Unknown | Code::Internal => "服务内部出错",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn is_chinese(text: &str) -> bool {
        text.chars().any(|character| ('\u{4e00}'..='\u{9fff}').contains(&character))
    }

    #[test]
    fn every_reason_has_a_text_of_its_own_in_both_languages() {
        let texts: Vec<Text> = Reason::ALL.iter().map(|reason| reason.text()).collect();
        assert!(texts.iter().all(|text| text.en.is_ascii() && !text.en.is_empty() && is_chinese(text.zh)));
        for each in [|text: &Text| text.en, |text: &Text| text.zh] {
            assert_eq!(texts.iter().map(each).collect::<HashSet<_>>().len(), Reason::ALL.len());
        }
        let faults: HashSet<_> = FaultReason::ALL.iter().map(|reason| fault_in_chinese(*reason)).collect();
        assert!(faults.iter().all(|text| is_chinese(text)));
        assert_eq!(faults.len(), FaultReason::ALL.len(), "each fault has a text of its own");
        assert!((0..17).all(|code| is_chinese(code_in_chinese(Code::from_i32(code)))));
    }
}
