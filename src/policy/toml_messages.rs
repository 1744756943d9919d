//! What the TOML parser says, in Chinese.

use std::borrow::Cow;

/// What the parser says, and the same in Chinese.
const MESSAGES: &[(&str, &str)] = &[
    ("`_` may only go between digits", "`_` 只能写在数字之间"),
    ("cannot recurse further; max recursion depth met", "嵌套层数过多"),
    ("recursion limit", "嵌套层数过多"),
    ("carriage return must be followed by newline", "回车符之后必须换行"),
    ("duplicate key", "同一个键写了两次"),
    ("extra `=`", "多了一个 `=`"),
    ("extra assignment between key-value pairs", "多了一个 `=`"),
    ("extra comma in array", "列表中多了一个逗号"),
    ("extra comma in inline table", "`{ }` 中多了一个逗号"),
    ("integers with a radix cannot be signed", "带进制前缀的整数不能有正负号"),
    ("invalid comment character", "备注中有不允许的字符"),
    ("invalid inline table element", "`{ }` 中有一项写法不对"),
    ("invalid key-value pair", "应写作 `键 = 值`"),
    ("invalid unquoted key", "键名只能含字母、数字、_ 和 -"),
    ("invalid value", "值的写法不对"),
    ("key with no value", "键没有值"),
    ("keys cannot be multi-line basic strings", "键名不能是多行文本"),
    ("keys cannot be multi-line literal strings", "键名不能是多行文本"),
    ("missing array opening", "列表缺少 `[`"),
    ("missing assignment between key-value pairs", "键与值之间缺少 `=`"),
    ("missing comma between array elements", "列表的两项之间缺少逗号"),
    ("missing comma between key-value pairs", "两项之间缺少逗号"),
    ("missing comment start", "备注之前缺少 `#`"),
    ("missing escaped value", "`\\` 之后缺少字符"),
    ("missing inline table opening", "缺少 `{`"),
    ("missing key for inline table element", "`{ }` 中有一项缺少键名"),
    ("missing opening quote", "缺少前引号"),
    ("missing table open", "表头缺少 `[`"),
    ("missing value for key", "键没有值"),
    ("missing value", "缺少值"),
    ("radix must be lowercase", "进制前缀应为小写"),
    ("redundant integer number prefix", "整数的进制前缀多余"),
    ("redundant numeric sign", "正负号多余"),
    ("string values must be quoted", "文本必须加英文引号"),
    ("too few unicode value digits", "字符编码的位数不足"),
    ("unclosed array table", "表头缺少 `]]`"),
    ("unclosed array", "列表缺少 `]`"),
    ("unclosed inline table", "缺少 `}`"),
    ("unclosed table", "表头缺少 `]`"),
    ("unexpected `=` in array", "列表中不应有 `=`"),
    ("unexpected content between comment and newline", "备注之后不应有其他内容"),
    ("unexpected content", "有多余的内容"),
    ("unexpected key or value", "有多余的内容"),
    ("unexpected leading zero", "数字不应以 0 开头"),
    ("unexpected sign", "正负号位置不对"),
    ("unquoted keys cannot be empty", "缺少键名"),
    ("invalid basic string", "引号内的文本写法不对"),
    ("invalid literal string", "引号内的文本写法不对"),
    ("invalid multi-line basic string", "多行文本的写法不对"),
    ("invalid multi-line literal string", "多行文本的写法不对"),
    ("invalid boolean", "应为 true 或 false"),
    ("invalid datetime", "日期的写法不对，应如 2017-06-15"),
    ("invalid date", "日期的写法不对，应如 2017-06-15"),
    ("invalid escape sequence", "`\\` 之后的字符不对"),
    ("invalid number", "数字的写法不对"),
    ("invalid float", "数字的写法不对"),
    ("invalid integer", "整数的写法不对"),
    ("invalid string", "文本的写法不对，应加英文引号"),
];

/// What the TOML parser says of a text, in Chinese: the sentence that its message begins with, and the signs that it
/// expects. A message that is not known says only that the line is no TOML.
pub(crate) fn toml_message_zh(message: &str) -> String {
    if let Some(known) = key_message_zh(message) {
        return known;
    }
    let (what, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let known = MESSAGES.iter().filter(|(en, _)| what.starts_with(en)).max_by_key(|(en, _)| en.len());
    let what: Cow<'_, str> = match known {
        Some((_, zh)) => (*zh).into(),
        None if what.starts_with("cannot extend value") => "此键已有值，不能再写下一级".into(),
        None => "写法不对".into(),
    };
    let signs: Vec<&str> = expected.split(", ").filter(|sign| sign.starts_with('`') && sign.ends_with('`')).collect();
    let expected = if signs.is_empty() { String::new() } else { format!("（此处应为 {}）", signs.join(" 或 ")) };
    format!("不是合格的 TOML：{what}{expected}")
}

/// What is said of a key that a table may not have, misses, or has with a value of another kind.
fn key_message_zh(message: &str) -> Option<String> {
    let named = |before: &str| message.strip_prefix(before)?.split('`').next().map(str::to_owned);
    if let Some(key) = named("unknown field `") {
        let expected = message.split_once(", expected ").map(|(_, list)| list.trim_start_matches("one of "));
        return Some(match expected {
            Some(list) => {
                format!("没有名为 `{key}` 的键；可用的键：{}", list.replace(", ", "、").replace(" or ", "、"))
            }
            None => format!("没有名为 `{key}` 的键"),
        });
    }
    if let Some(key) = named("missing field `") {
        return Some(format!("缺少键 `{key}`"));
    }
    let kind = message.strip_prefix("invalid type: ")?.split(',').next()?;
    Some(match kind {
        _ if kind.starts_with("integer") || kind.starts_with("floating") => "数字应加引号，如 \"1500\"".to_owned(),
        _ => "值的类型不对".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::toml_message_zh;

    #[test]
    fn the_longest_known_beginning_is_translated_and_expected_signs_are_kept() {
        assert_eq!(
            toml_message_zh("unclosed array table, expected `]]`"),
            "不是合格的 TOML：表头缺少 `]]`（此处应为 `]]`）"
        );
        assert_eq!(toml_message_zh("missing value for key, expected value"), "不是合格的 TOML：键没有值");
        assert_eq!(toml_message_zh("something new"), "不是合格的 TOML：写法不对");
    }
}
