//! Schemas as people write them, made strict, and answers made theirs again.

use openai_mcp_kernel::json::Node;
use openai_mcp_kernel::strict::{strict, without_added_nulls};
use serde_json::json;

fn made_strict(schema: &str) -> Result<String, Vec<String>> {
    strict(&Node::parse(schema).unwrap()).map(|schema| schema.to_json())
}

#[test]
fn a_schema_as_people_write_it_becomes_a_strict_one() {
    let cases = [
        (
            r#"{"properties":{"b":{"type":"string"},"a":{"type":"integer","default":1}},"required":["b"]}"#,
            r#"{"type":"object","properties":{"b":{"type":"string"},"a":{"type":["integer","null"]}},"required":["b","a"],"additionalProperties":false}"#,
        ),
        (
            r##"{"$schema":"x","type":"object","properties":{"a":{"enum":["x","y"]},"b":{"const":1},"c":{"$ref":"#/$defs/d"},"d":{"$ref":"#/$defs/d","description":"D"}},"$defs":{"d":{"type":"object","properties":{}}}}"##,
            r##"{"type":"object","properties":{"a":{"type":["null","string"],"enum":["x","y",null]},"b":{"anyOf":[{"type":"integer","const":1},{"type":"null"}]},"c":{"anyOf":[{"$ref":"#/$defs/d"},{"type":"null"}]},"d":{"anyOf":[{"$ref":"#/$defs/d"},{"type":"null"}],"description":"D"}},"$defs":{"d":{"type":"object","properties":{},"required":[],"additionalProperties":false}},"required":["a","b","c","d"],"additionalProperties":false}"##,
        ),
        (
            r#"{"type":"object","properties":{"a":{"oneOf":[{"type":"string","format":"uri"},{"allOf":[{"type":"number"}]}]},"l":{"items":{"type":"string","format":"date"},"uniqueItems":true}},"required":["a","l"],"additionalProperties":true}"#,
            r#"{"type":"object","properties":{"a":{"anyOf":[{"type":"string"},{"type":"number"}]},"l":{"type":"array","items":{"type":"string","format":"date"}}},"required":["a","l"],"additionalProperties":false}"#,
        ),
        // What is strict stays as it is, and a property may have the name of a keyword.
        (
            r#"{"type":"object","properties":{"items":{"anyOf":[{"type":"string"},{"type":"null"}]}},"required":["items"],"additionalProperties":false}"#,
            r#"{"type":"object","properties":{"items":{"anyOf":[{"type":"string"},{"type":"null"}]}},"required":["items"],"additionalProperties":false}"#,
        ),
    ];
    for (given, expected) in cases {
        assert_eq!(made_strict(given).as_deref(), Ok(expected), "{given}");
        assert_eq!(made_strict(expected).as_deref(), Ok(expected), "made strict again");
    }
}

#[test]
fn what_cannot_be_strict_is_told() {
    let cases = [
        (r#"{"type":"array","items":{"type":"string"}}"#, "the root: expected `type` \"object\" and no alternatives"),
        (r#"{"type":"object"}"#, "the root: expected an object with `properties`: strict mode has no open maps"),
        (r#"{"properties":{"a":{"type":"array"}}}"#, "properties.a: an array needs `items`"),
        (r#"{"properties":{"a":{}}}"#, "properties.a: expected a `type`"),
        (
            r#"{"properties":{"a":{"patternProperties":{"x":true},"type":"object","properties":{}}}}"#,
            "properties.a: strict mode has no `patternProperties`",
        ),
        (
            r#"{"properties":{"a":{"type":"object","additionalProperties":{"type":"string"}}}}"#,
            "properties.a: strict mode has no open maps: make a list of objects with key and value of it",
        ),
        (
            r#"{"properties":{"a":{"allOf":[{"type":"string"},{"minLength":1}]}},"required":["a"]}"#,
            "properties.a: strict mode has no `allOf`: put its schemas together into one",
        ),
        (r#"{"properties":{},"required":["x"]}"#, "the root: `required` names `x`, which is not among the properties"),
    ];
    for (given, expected) in cases {
        assert_eq!(made_strict(given).unwrap_err()[0], expected, "{given}");
    }
    let deep =
        (0..12).fold(r#"{"type":"string"}"#.to_owned(), |inner, _| format!(r#"{{"properties":{{"a":{inner}}}}}"#));
    assert!(made_strict(&deep).unwrap_err()[0].ends_with("expected at most 10 objects within each other"));
}

#[test]
fn nulls_that_were_not_asked_for_are_taken_out() {
    let schema = json!({
        "properties": {
            "a": {"type": "string"},
            "b": {"type": ["string", "null"]},
            "c": {"anyOf": [{"properties": {"x": {"type": "integer"}}, "required": ["x"]}, {"$ref": "#/$defs/y"}]},
            "d": {"type": "array", "items": {"$ref": "#/$defs/y"}},
            "e": {"type": "null"},
        },
        "required": ["e"],
        "$defs": {"y": {"properties": {"y": {"type": "integer"}, "z": {"type": "integer"}}, "required": ["y"]}},
    });
    let mut answer =
        Node::parse(r#"{"d":[{"y":1,"z":null}],"c":{"y":2,"z":null},"b":null,"a":null,"e":null,"more":null}"#).unwrap();
    without_added_nulls(&schema, &mut answer);
    assert_eq!(answer.to_json(), r#"{"d":[{"y":1}],"c":{"y":2},"b":null,"e":null,"more":null}"#);

    // One that asks for more than a machine can do ends.
    let itself = json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}], "required": ["x"]});
    let mut answer = Node::parse(r#"{"a":null}"#).unwrap();
    without_added_nulls(&itself, &mut answer);
    assert_eq!(answer.to_json(), r#"{"a":null}"#);
}
