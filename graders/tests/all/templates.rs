use openai_mcp_graders::Names;
use openai_mcp_graders::template::{check, lookup, render, render_within, sample};
use serde_json::{Map, Value, json};

fn rendered(template: &str) -> Result<String, String> {
    let item = json!({
        "a": {"b": [1.5, "two", null, {"c": true}]}, "text": "{{item.secret}}", "secret": "s", "ключ": "д", "n": 3, "none": null,
        "arguments": "{\"city\": \"Oslo\", \"list\": [[1, 2]]}"
    });
    let calls = json!([{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{\"symbols\": [\"A\", \"B\"]}"}}]);
    let sample = sample("{\"label\": \"x\"}", Some(calls), Map::new());
    render(template, Names { item: &item, sample: Some(&sample) }).map_err(|unknown| unknown.to_string())
}

#[test]
fn a_path_is_replaced_by_its_value() {
    for (template, expected) in [
        ("", ""),
        ("no braces } {", "no braces } {"),
        ("{{item.n}}{{ item.n }}{{\titem . n\n}}", "333"),
        ("{{item.a.b[0]}} {{item.a.b[1]}} {{item.a.b[ 3 ].c}}", "1.5 two true"),
        ("{{item.a.b}}", r#"[1.5,"two",null,{"c":true}]"#),
        ("{{item.none}}|{{item.ключ}}", "null|д"),
        // What was put in is no template.
        ("{{item.text}}", "{{item.secret}}"),
        // The path goes on into a text that is JSON.
        ("{{item.arguments.city}} {{item.arguments.list[0][1]}}", "Oslo 2"),
        ("{{sample.output_tools[0].function.arguments.symbols}}", r#"["A","B"]"#),
        ("{{sample.output_text}} {{sample.output_json.label}} {{sample.output_text.label}}", r#"{"label": "x"} x x"#),
    ] {
        assert_eq!(rendered(template).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn a_path_that_leads_nowhere_is_an_error_that_names_it() {
    for (template, expected) in [
        ("{{item.x}}", "`item.x`: there is no `x`"),
        ("{{item.a.b[4]}}", "`item.a.b[4]`: there is no [4]"),
        ("{{item.a.c[0]}}", "`item.a.c[0]`: there is no `c`"),
        ("{{item.secret.x}}", "`item.secret.x`: no JSON to take `x` of"),
        ("{{item.n.x}}", "`item.n.x`: there is no `x`"),
        ("{{sample.choices[0]}}", "`sample.choices[0]`: there is no `choices`"),
    ] {
        assert_eq!(rendered(template), Err(expected.to_owned()));
    }
    let item = json!({});
    let unknown = lookup("sample.output_text", Names { item: &item, sample: None }).unwrap_err();
    assert_eq!(unknown.to_string(), "`sample.output_text`: there is no sample here");
}

#[test]
fn a_template_is_checked_before_there_is_data() {
    for fine in ["", "{{item.a[0].b}} {{sample.output_text}}", "{{item}}", "a } b }}"] {
        assert_eq!(check(fine, true), Ok(()), "{fine}");
    }
    for (template, expected) in [
        ("{{item.a", "`{{` without `}}`: `item.a`"),
        ("{{items.a}}", "`items.a`: a path begins with `item` or `sample`"),
        ("{{}}", "``: a name is missing"),
        ("{{item..a}}", "`item..a`: a name is missing"),
        ("{{item[x]}}", "`item[x]`: brackets hold the number of an element, as in `[0]`"),
        ("{{item.a[0]b}}", "`item.a[0]b`: brackets hold the number of an element, as in `[0]`"),
    ] {
        assert_eq!(check(template, true), Err(expected.to_owned()));
    }
    let without = check("{{sample.output_text}}", false).unwrap_err();
    assert!(without.contains("include_sample_schema"), "{without}");
}

#[test]
fn messages_are_rendered_at_every_depth() {
    let item = json!({"q": "why", "url": "data:image/png;base64,AA"});
    let names = Names { item: &item, sample: None };
    let messages = json!([{"role": "user", "content": [{"type": "input_text", "text": "{{item.q}}?"}, {"type": "input_image", "image_url": "{{item.url}}"}]}]);
    let expected = json!([{"role": "user", "content": [{"type": "input_text", "text": "why?"}, {"type": "input_image", "image_url": "data:image/png;base64,AA"}]}]);
    assert_eq!(render_within(&messages, names), Ok(expected));
    assert!(render_within(&json!({"a": ["{{item.x}}"]}), names).is_err());
}

#[test]
fn a_path_leads_to_a_value() {
    let item = json!({"trajectory": [{"role": "user"}], "text": "[1]"});
    let names = Names { item: &item, sample: None };
    assert_eq!(lookup(" item.trajectory ", names).unwrap().as_ref(), &json!([{"role": "user"}]));
    assert_eq!(lookup("item.text[0]", names).map(std::borrow::Cow::into_owned), Ok(Value::from(1)));
}

#[test]
fn a_template_comes_to_a_bounded_text() {
    let item = json!({"a": "x".repeat(100_000), "j": format!("[\"{}\"]", "x".repeat(100_000))});
    let names = Names { item: &item, sample: None };
    let too_much = |path: &str| Err(format!("`{path}`: the text comes to more than 8388608 bytes"));
    let text = |template: &str| render(template, names).map_err(|unknown| unknown.to_string());
    assert_eq!(text(&"{{item.a}}".repeat(80)).map(|text| text.len()), Ok(8_000_000));
    assert_eq!(text(&"{{item.a}}".repeat(100)).map(|text| text.len()), too_much("item.a"));
    // Nor is JSON read without end that comes to little.
    assert_eq!(text(&"{{item.j[0]}}".repeat(100)).map(|text| text.len()), too_much("item.j[0]"));
    // All messages together are one text.
    let messages = json!(vec![json!({"role": "user", "content": "{{item.a}}"}); 100]);
    let within = render_within(&messages, names).map_err(|unknown| unknown.to_string());
    assert_eq!(within.map(|_| 0), too_much("item.a"));
}
