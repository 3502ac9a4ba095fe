//! Our check of values against schemas, beside a library that checks everything but is too large for a Worker.

use openai_mcp_kernel::json_schema::faults;
use serde_json::{Value, json};

/// Values of every kind, to be checked against every schema.
fn values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(1.0),
        json!(2.5),
        json!(-3),
        json!(9007199254740993u64),
        json!(""),
        json!("a"),
        json!("grün 🦀"),
        json!([]),
        json!([1]),
        json!([1, 1.0]),
        json!(["a", 2, null]),
        json!({}),
        json!({"a": 1}),
        json!({"a": "x", "b": null}),
        json!({"a": {"a": {"a": 5}}}),
        json!({"kind": "cat", "lives": 9}),
        json!({"kind": "dog", "lives": 9}),
        json!({"a": [{"b": 1}, {"b": "x"}]}),
    ]
}

fn schemas() -> Vec<Value> {
    let tree = json!({"type": "object", "properties": {"a": {"anyOf": [{"$ref": "#"}, {"type": "integer"}]}}});
    vec![
        json!({}),
        json!(true),
        json!(false),
        json!({"type": "integer"}),
        json!({"type": "number"}),
        json!({"type": ["string", "null"]}),
        json!({"type": "boolean"}),
        json!({"enum": [1, "a", null, [1]]}),
        json!({"const": 1}),
        json!({"const": {"a": 1.0}}),
        json!({"minimum": 1, "maximum": 2}),
        json!({"exclusiveMinimum": 0, "exclusiveMaximum": 2.5}),
        json!({"multipleOf": 0.5}),
        json!({"multipleOf": 3}),
        json!({"minLength": 1, "maxLength": 6}),
        json!({"maxLength": 5}),
        json!({"items": {"type": "integer"}}),
        json!({"prefixItems": [{"type": "string"}, {"type": "integer"}], "items": false}),
        json!({"minItems": 1, "maxItems": 2}),
        json!({"uniqueItems": true}),
        json!({"properties": {"a": {"type": "integer"}}, "required": ["a"]}),
        json!({"properties": {"a": true}, "additionalProperties": false}),
        json!({"additionalProperties": {"type": "integer"}}),
        json!({"minProperties": 1, "maxProperties": 1}),
        json!({"propertyNames": {"maxLength": 1}}),
        json!({"dependentRequired": {"b": ["c"]}}),
        json!({"allOf": [{"type": "object"}, {"required": ["a"]}]}),
        json!({"anyOf": [{"type": "string"}, {"type": "object", "required": ["kind"]}]}),
        json!({"oneOf": [{"type": "integer"}, {"minimum": 1}]}),
        json!({"not": {"type": "string"}}),
        json!({"if": {"required": ["kind"]}, "then": {"properties": {"kind": {"const": "cat"}}}, "else": {"type": "object"}}),
        json!({"$ref": "#/$defs/pet", "$defs": {"pet": {"properties": {"kind": {"enum": ["cat"]}}}}}),
        json!({"properties": {"a": {"type": "array", "items": {"properties": {"b": {"type": "integer"}}}}}}),
        json!({"patternProperties": {"^a$": {}}, "properties": {"b": {"type": "null"}}}),
        tree,
    ]
}

#[test]
fn what_fits_is_what_fits_by_the_library() {
    let mut checked = 0;
    for schema in schemas() {
        let library = jsonschema::validator_for(&schema).unwrap();
        for value in values() {
            let ours = faults(&schema, &value);
            assert_eq!(ours.is_empty(), library.is_valid(&value), "{schema} of {value}: {ours:?}");
            checked += 1;
        }
    }
    assert!(checked > 700);
}

#[test]
fn faults_say_where_and_what() {
    let schema = json!({
        "type": "object",
        "properties": {
            "place": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
            "days": {"type": "array", "items": {"type": "integer", "maximum": 7}},
            "pet": {"anyOf": [
                {"type": "null"},
                {"type": "object", "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}},
            ]},
        },
        "additionalProperties": false,
    });
    let value = json!({"place": {}, "days": [1, 8, "x"], "pet": {"kind": "cat", "lives": "nine"}, "more": 1});
    let told = faults(&schema, &value);
    let expected = [
        "`days[1]`: expected at most 7, got 8",
        "`days[2]`: expected an integer, got a string",
        "`more`: unknown property",
        "`pet.lives`: expected an integer, got a string",
        "`place.city`: required",
    ];
    assert_eq!(told, expected);
    assert_eq!(
        faults(&json!({"anyOf": [{"type": "string"}, {"type": "null"}]}), &json!(1)),
        ["fits none of the 2 alternatives, got an integer"]
    );
    assert_eq!(faults(&json!({"type": ["string", "null"]}), &json!([])), ["expected a string or null, got an array"]);
}

#[test]
fn a_schema_that_only_refers_to_itself_ends() {
    assert_eq!(faults(&json!({"$ref": "#"}), &json!(1)), [] as [&str; 0]);
    let many = json!({"items": {"type": "integer"}});
    assert_eq!(faults(&many, &Value::from(vec!["x"; 50])).len(), 10);
}

#[test]
fn a_schema_that_asks_for_more_than_a_machine_can_do_ends() {
    let itself = json!([{"$ref": "#"}, {"$ref": "#"}]);
    let endless = [
        json!({"allOf": itself.clone()}),
        json!({"oneOf": itself.clone()}),
        json!({"anyOf": itself.clone(), "required": ["x"]}),
        json!({"not": {"allOf": itself}}),
    ];
    for schema in endless {
        let told = faults(&schema, &json!({}));
        assert_eq!(told.last().unwrap(), "not checked to the end: the schema asks for too many steps", "{schema}");
    }
    let different: Value = (0..20_000).collect();
    assert_eq!(faults(&json!({"uniqueItems": true}), &different).len(), 1);
    let long = json!({"items": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}});
    assert_eq!(faults(&long, &Value::from(vec![json!({"a": "x"}); 50_000])), [] as [&str; 0]);
}

#[test]
fn faults_show_the_beginning_of_long_values() {
    let words: Vec<String> = (0..1000).map(|n| format!("wörd {n}")).collect();
    let told = faults(&json!({"enum": words}), &json!("x".repeat(100_000)));
    assert!(told[0].starts_with("expected one of [\"wörd 0\",\"wörd 1\","), "{told:?}");
    assert!(told[0].len() < 500 && told[0].ends_with('…'), "{told:?}");
}

#[test]
fn what_is_long_counts_as_many_steps() {
    const UNCHECKED: &str = "not checked to the end: the schema asks for too many steps";
    let items = Value::from(vec![1; 2000]);
    let long_reference = json!({"items": {"$ref": format!("#/{}", "x".repeat(1_000_000))}});
    assert_eq!(faults(&long_reference, &items), [UNCHECKED]);
    let kinds = json!({"items": {"type": vec!["string"; 1000]}});
    let told = faults(&kinds, &items);
    assert!(told.len() == 10 && told[0].len() < 200, "{told:?}");

    let known: Value = (0..10_000).collect();
    let mut almost = known.clone();
    almost[9999] = "x".into();
    let same =
        json!({"$defs": {"known": {"const": known}}, "allOf": vec![json!({"not": {"$ref": "#/$defs/known"}}); 1000]});
    assert_eq!(faults(&same, &almost), [UNCHECKED]);
    let twins = json!({"uniqueItems": true});
    assert_eq!(
        faults(&twins, &Value::from(vec![almost.clone(), known.clone(), almost])),
        ["`[2]`: an item for the second time"]
    );
}

#[test]
fn faults_show_the_beginning_of_long_names() {
    let name = "é".repeat(50_000);
    let members: serde_json::Map<String, Value> = (0..20_000).map(|n| (n.to_string(), json!(n))).collect();
    let closed = json!({"additionalProperties": {"additionalProperties": false}});
    let told = faults(&closed, &json!({name.as_str(): members}));
    assert_eq!(told.len(), 10);
    assert!(
        told[0].starts_with("`éé") && told[0].ends_with("é….0`: unknown property") && told[0].len() < 300,
        "{told:?}"
    );
}
