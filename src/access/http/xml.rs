//! Answers in XML, read into a shape as those in JSON are.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde::de::DeserializeOwned;

/// Reads a document whose outermost element is called `root`, whatever its namespace. It has no
/// document type, and so no entities but those that every document has.
///
/// # Errors
/// Why it is none of that, without a word of what it holds.
pub(in crate::access) fn read<T: DeserializeOwned>(body: &[u8], root: &str) -> Result<T, String> {
    let text = std::str::from_utf8(body).map_err(|_| "is not UTF-8".to_owned())?;
    if outermost(text).as_deref() != Some(root) {
        return Err(format!("is not a `{root}` in XML"));
    }
    // What the parser has to say may quote the document.
    quick_xml::de::from_str(text).map_err(|_| format!("is a `{root}` of another shape"))
}

/// The name of the outermost element; None if there is none, or a document type before it.
pub(in crate::access) fn outermost(text: &str) -> Option<String> {
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) | Event::Empty(element) => {
                return Some(element.local_name().as_ref().to_owned());
            }
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Text(text) if text.trim().is_empty() => {}
            Event::Text(_)
            | Event::CData(_)
            | Event::GeneralRef(_)
            | Event::DocType(_)
            | Event::End(_)
            | Event::Eof => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        request_id: String,
        #[serde(default)]
        item_set: Set,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    struct Set {
        #[serde(default)]
        item: Vec<Item>,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Item {
        name: Option<String>,
    }

    fn answer(text: &str) -> Result<Answer, String> {
        read(text.as_bytes(), "Answer")
    }

    #[test]
    fn a_document_is_read_by_names_and_what_is_not_known_is_left_out() {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Answer xmlns=\"http://a/\">\n  \
                    <requestId>r&amp;1</requestId><new><deep>x</deep></new><itemSet>\
                    <item><name>a &lt;b&gt; &#233;</name><x/></item><item><name/></item><item/>\
                    </itemSet></Answer>";
        let names: Vec<Option<String>> =
            answer(text).unwrap().item_set.item.into_iter().map(|item| item.name).collect();
        assert_eq!(names, [Some("a <b> é".to_owned()), Some(String::new()), None]);
        let empty = "<Answer><requestId>r</requestId><itemSet/></Answer>";
        assert_eq!(answer(empty).unwrap().item_set, Set::default());
    }

    #[test]
    fn a_hostile_document_is_refused_in_words_of_ours() {
        let deep = format!("<Answer>{}", "<a>".repeat(200_000));
        let known = "<Answer><requestId>secret</requestId>";
        for text in [
            "",
            "<html><body>secret</body></html>",
            "{\"secret\": 1}",
            "<!DOCTYPE Answer [<!ENTITY a \"secret\">]><Answer><requestId>&a;</requestId></Answer>",
            "<Answer><requestId>&secret;</requestId></Answer>",
            "<Answer><requestId>a</requestId><requestId>secret</requestId></Answer>",
            "<Answer><itemSet/></Answer>",
            known,
            &format!("{known}<itemSet><item><name>"),
            &format!("{known}</Wrong>"),
            &deep,
        ] {
            let error = answer(text).unwrap_err();
            assert!(error.len() < 60 && !error.contains("secret"), "{error}");
        }
        assert!(read::<Answer>(b"<Answer>\xff</Answer>", "Answer").is_err());
    }
}
