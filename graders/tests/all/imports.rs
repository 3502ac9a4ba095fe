use openai_mcp_graders::import::{File, Import, Imported, ImportedRun, named, read};
use openai_mcp_graders::{Api, Criterion};
use serde_json::{Value, json};

fn import(files: &[(&str, &str)]) -> Import {
    let files: Vec<File<'_>> = files.iter().map(|(name, text)| File { name, text }).collect();
    let import = read(&files, "gpt-5-mini");
    // Whatever was taken is one that can be made.
    for Imported { create, .. } in &import.evals {
        for criterion in create["testing_criteria"].as_array().unwrap() {
            Criterion::read(criterion, "c", Api::Evals).unwrap();
        }
    }
    import
}

fn untaken(import: &Import) -> Vec<String> {
    import.untaken.iter().map(|other| format!("{} {}: {}", other.file, other.path, other.reason)).collect()
}

fn created(imported: &Imported) -> Vec<Value> {
    let request = |run: &ImportedRun| match run {
        ImportedRun::Create(request) => Value::Object(request.clone()),
        ImportedRun::Done { .. } => panic!("{run:?}"),
    };
    imported.runs.iter().map(request).collect()
}

const CONFIG: &str = r#"
description: Capitals
prompts:
  - 'The capital of {{ country }}? {{style}}'
  - file://prompts/chat.json
  - '{% if x %}a{% endif %}'
providers:
  - openai:gpt-5-mini
  - id: openai:chat:gpt-5
    config: {temperature: 0, max_tokens: 50, organization: org}
  - anthropic:messages:claude
defaultTest:
  vars: {style: Briefly.}
  assert:
    - type: llm-rubric
      value: Is about {{country}}
    - {type: latency, threshold: 100}
tests:
  - vars: {country: France}
    assert:
      - {type: icontains, value: Paris}
  - vars: {country: [Norway, Norge]}
    assert: [{type: icontains, value: Oslo}]
  - vars: {country: Italy}
    assert:
      - {type: not-contains, value: Milan}
      - {type: rouge-n, value: 'Rome, the capital of {{country}}', threshold: 0.3}
      - {type: javascript, value: 'output.length < 9'}
  - file://more.csv
  - file://lost.csv
sharing: false
"#;

#[test]
fn a_configuration_of_promptfoo_becomes_evals_and_runs() {
    let chat = r#"[{"role": "system", "content": "{{style}}"}, {"role": "user", "content": "{{country}}"}]"#;
    let more = "country,__expected\nSpain,icontains: Madrid\nPeru,Lima\n";
    let import = import(&[("dir/promptfooconfig.yaml", CONFIG), ("chat.json", chat), ("more.csv", more)]);
    assert_eq!(
        untaken(&import),
        [
            "dir/promptfooconfig.yaml sharing: has no counterpart in an eval",
            "dir/promptfooconfig.yaml tests[4]: the file `file://lost.csv` was not given",
            "dir/promptfooconfig.yaml defaultTest.assert[1]: `latency` has no counterpart among the graders of evals",
            "dir/promptfooconfig.yaml tests[2].assert[2]: `javascript` has no counterpart among the graders of evals",
            "dir/promptfooconfig.yaml prompts[2]: `{%` of a template has no counterpart",
            "dir/promptfooconfig.yaml providers[1].config.organization: has no counterpart in a run",
            "dir/promptfooconfig.yaml providers[2]: no model of OpenAI's: sample it elsewhere and import the answers",
        ]
    );
    let items = |imported: &Imported| created(imported)[0]["data_source"]["source"]["content"].clone();
    let of_kind = |kinds: &[&str]| {
        let same = |imported: &&Imported| {
            let criteria = imported.create["testing_criteria"].as_array().unwrap();
            criteria.iter().map(|criterion| criterion["name"].as_str().unwrap()).eq(kinds.iter().copied())
        };
        import.evals.iter().find(same).unwrap()
    };
    assert_eq!(import.evals.len(), 3);
    let contains = of_kind(&["1 llm-rubric", "2 icontains"]);
    let norway = json!({"item": {"country": "Norway", "style": "Briefly.", "expected": "Is about Norway", "expected_2": "Oslo"}});
    let contents = items(contains);
    assert_eq!(contents.as_array().unwrap().len(), 4);
    assert_eq!(contents[0]["item"]["expected_2"], "Paris");
    assert_eq!(contents[1]["item"]["country"], norway["item"]["country"]);
    assert_eq!(contents[3]["item"]["expected_2"], "Madrid");
    assert_eq!(contains.create["testing_criteria"][0]["model"], "gpt-5-mini");
    assert_eq!(
        contains.create["testing_criteria"][1],
        json!({"type": "string_check", "name": "2 icontains", "operation": "ilike", "input": "{{sample.output_text}}", "reference": "{{item.expected_2}}"})
    );
    let runs = created(contains);
    assert_eq!(
        runs.iter().map(|run| run["name"].as_str().unwrap()).collect::<Vec<_>>(),
        ["gpt-5-mini, prompt 1", "gpt-5, prompt 1", "gpt-5-mini, prompt 2", "gpt-5, prompt 2"]
    );
    assert_eq!(runs[1]["data_source"]["sampling_params"], json!({"temperature": 0, "max_completion_tokens": 50}));
    assert_eq!(
        runs[0]["data_source"]["input_messages"]["template"],
        json!([{"role": "user", "content": "The capital of {{item.country}}? {{item.style}}"}])
    );
    assert_eq!(
        runs[2]["data_source"]["input_messages"]["template"][0],
        json!({"role": "system", "content": "{{item.style}}"})
    );

    let italy = of_kind(&["1 llm-rubric", "2 not-contains", "3 rouge-n"]);
    assert_eq!(italy.create["testing_criteria"][1]["calculate_output"], "1 - has");
    assert_eq!(italy.create["testing_criteria"][2]["pass_threshold"], 0.3);
    assert_eq!(items(italy)[0]["item"]["expected_3"], "Rome, the capital of Italy");
    let schema = &italy.create["data_source_config"]["item_schema"];
    assert_eq!(schema["required"], json!(["country", "expected", "expected_2", "expected_3", "style"]));
    assert_eq!(items(of_kind(&["1 llm-rubric", "2 equals"]))[0]["item"]["expected_2"], "Lima");
}

#[test]
fn what_the_api_exported_is_put_together() {
    let eval = json!({
        "object": "eval", "id": "eval_1", "name": "Old", "created_at": 1, "metadata": {"a": "b"},
        "data_source_config": {"type": "custom", "schema": {"type": "object", "properties": {
            "item": {"type": "object", "properties": {"q": {"type": "string"}}}, "sample": {"type": "object"}
        }, "required": ["item", "sample"]}},
        "testing_criteria": [
            {"id": "s-1", "type": "string_check", "name": "s", "operation": "eq", "input": "{{sample.output_text}}", "reference": "{{item.q}}"},
            {"id": "p-1", "type": "python", "name": "p", "source": "def grade(sample, item):\n    return 1"},
        ],
    });
    let run = |id: &str, eval: &str| json!({"object": "eval.run", "id": id, "eval_id": eval, "status": "completed"});
    let item =
        |id: &str, run: &str| json!({"object": "eval.run.output_item", "id": id, "run_id": run, "datasource_item": {}});
    let bundle = json!({"eval": eval, "rows": [{"q": "x"}], "runs": [{"run": run("r1", "eval_1"), "output_items": [item("o1", "r1")]}]});
    let more = json!({"object": "list", "data": [run("r2", "eval_1"), run("r3", "eval_2")], "has_more": false});
    let lines = format!("{}\n{}\n\n{}\n", item("o2", "r2"), item("o3", "r2"), item("o4", "r9"));
    let import =
        import(&[("bundle.json", &bundle.to_string()), ("runs.json", &more.to_string()), ("items.jsonl", &lines)]);
    let [imported] = import.evals.as_slice() else { panic!("{import:?}") };
    assert_eq!(
        imported.create["data_source_config"],
        json!({"type": "custom", "item_schema": {"type": "object", "properties": {"q": {"type": "string"}}}, "include_sample_schema": true})
    );
    assert_eq!((&imported.create["name"], &imported.create["metadata"]), (&json!("Old"), &json!({"a": "b"})));
    let done = |run: &ImportedRun| match run {
        ImportedRun::Done { run, items } => {
            (run["id"].clone(), items.iter().map(|item| item["id"].clone()).collect::<Vec<_>>())
        }
        ImportedRun::Create(_) => panic!("{run:?}"),
    };
    let runs: Vec<_> = imported.runs.iter().map(done).collect();
    assert_eq!(runs, [(json!("r1"), vec![json!("o1")]), (json!("r2"), vec![json!("o2"), json!("o3")])]);
    assert_eq!(
        untaken(&import),
        [
            "bundle.json eval.testing_criteria[1]: code of a python grader is kept and not run: its items get an error",
            "bundle.json r3: the eval of these runs is in no file",
            "bundle.json 1 output items: their run is in no file",
        ]
    );
}

#[test]
fn rows_of_openai_evals_are_compared_with_their_ideal() {
    let rows = "{\"input\": [{\"role\": \"user\", \"content\": \"1+1\"}], \"ideal\": \"2\"}\n{\"input\": \"2+2\", \"ideal\": [\"4\", \"four\"]}\n{\"input\": \"3+3\"}\n";
    let import = import(&[("data/sums.jsonl", rows)]);
    let [imported] = import.evals.as_slice() else { panic!("{import:?}") };
    assert_eq!(imported.create["name"], "sums");
    let content = &created(imported)[0]["data_source"]["source"]["content"];
    assert_eq!(content[1], json!({"item": {"input": [{"role": "user", "content": "2+2"}], "ideal": "4"}}));
    assert_eq!(content.as_array().unwrap().len(), 2);
    assert_eq!(
        untaken(&import),
        [
            "data/sums.jsonl line 2.ideal: of several ideal answers the first is compared with",
            "data/sums.jsonl line 3: there is no `ideal` to compare with",
            "data/sums.jsonl : the rows name no model: give the run one",
        ]
    );
}

#[test]
fn an_eval_and_its_runs_as_requests_take_their_rows_from_a_file() {
    let spec = r#"
eval:
  name: Capitals
  testing_criteria:
    - {type: string_check, name: same, operation: eq, input: '{{sample.output_text}}', reference: '{{item.capital}}'}
run:
  data_source: {type: completions, model: gpt-5, input_messages: {type: template, template: [{role: user, content: '{{item.country}}'}]}}
data: rows.csv
"#;
    let file = File { name: "dir/capitals.yaml", text: spec };
    assert_eq!(named(file), ["rows.csv"]);
    assert_eq!(
        named(File { name: "promptfooconfig.yaml", text: CONFIG }),
        ["lost.csv", "more.csv", "prompts/chat.json"]
    );
    let import = import(&[(file.name, spec), ("dir/rows.csv", "country,capital\nFrance,Paris\n")]);
    let [imported] = import.evals.as_slice() else { panic!("{import:?}") };
    assert_eq!(import.untaken, []);
    assert_eq!(imported.create["data_source_config"]["item_schema"]["required"], json!(["capital", "country"]));
    let content = &created(imported)[0]["data_source"]["source"]["content"];
    assert_eq!(content, &json!([{"item": {"country": "France", "capital": "Paris"}}]));
}

#[test]
fn what_is_none_of_them_is_named() {
    let import = import(&[
        ("a.json", "{\"x\": 1}"),
        ("b.jsonl", "{\"x\": 1}\nno json\n"),
        ("c.yaml", "a: [1"),
        ("d.csv", "x,y\n"),
    ]);
    let told = untaken(&import);
    assert!(import.evals.is_empty());
    for (file, part) in [("a.json", "no eval of the API"), ("b.jsonl line 2", "no JSON"), ("c.yaml", "no YAML")] {
        assert!(told.iter().any(|told| told.starts_with(file) && told.contains(part)), "{file}: {told:?}");
    }
}

#[test]
fn what_a_few_bytes_come_to_is_bounded() {
    let many = |text: &str, times: usize| vec![text; times].join(",");
    let config = |prompts: &str, providers: &str, tests: &str| {
        format!("{{prompts: [{prompts}], providers: [{providers}], tests: [{tests}]}}")
    };
    let text = "x".repeat(500_000);
    let table = format!("a,__expected\n{}", "1,2\n".repeat(2_000));
    let test = "{vars: {a: 1}, assert: [{type: equals, value: b}]}";
    let wide = format!("{{vars: {{a: [{}], b: '{text}'}}, assert: [{{type: equals, value: b}}]}}", many("1", 1000));
    for (what, config) in [
        ("a prompt that is named often", config(&many("file://t.txt", 1000), "openai:gpt-5", test)),
        ("tests that are named often", config("a", "openai:gpt-5", &many("file://t.csv", 1000))),
        ("prompts with all models", config(&many("p", 2000), &many("openai:gpt-5", 2000), test)),
        ("all combinations of variables", config("a", "openai:gpt-5", &wide)),
    ] {
        let import = import(&[("p.yaml", &config), ("t.txt", &text), ("t.csv", &table)]);
        let told = untaken(&import);
        assert!(told.iter().any(|told| told.contains("more than 134217728 bytes")), "{what}: {told:?}");
        let runs: usize = import.evals.iter().map(|eval| eval.runs.len()).sum();
        assert!(runs < 100_000, "{what}: {runs} runs");
    }
    let own = json!({"eval": {"name": "e", "testing_criteria": []}, "data": "t.csv", "runs": vec![json!({}); 10_000]});
    let told = untaken(&import(&[("e.json", &own.to_string()), ("t.csv", &table)]));
    assert!(told.iter().any(|told| told.contains("more than 134217728 bytes")), "{told:?}");
    let rows = "{\"input\":\"a\",\"ideal\":\"b\"}\n".repeat(100_000);
    let told = untaken(&import(&[("r.jsonl", &rows)]));
    assert!(told.iter().any(|told| told.contains("more than 134217728 bytes")), "{told:?}");
}

/// The rows of a file of YAML, as an eval takes them, and what was not taken.
fn rows_of_yaml(text: &str) -> (Value, Vec<String>) {
    let spec = json!({"eval": {"name": "e", "testing_criteria": []}, "run": {}, "data": "rows.yaml"});
    let import = import(&[("e.json", &spec.to_string()), ("rows.yaml", text)]);
    let rows = import.evals.first().map(|imported| created(imported)[0]["data_source"]["source"]["content"].clone());
    (rows.unwrap_or_default(), untaken(&import))
}

#[test]
fn yaml_is_read_as_promptfoo_reads_it() {
    for (text, value) in [
        // Words of YAML 1.1 are texts.
        ("[yes, No, on, OFF, y, n]", json!(["yes", "No", "on", "OFF", "y", "n"])),
        ("[true, True, FALSE, 'true', !!str true]", json!([true, true, false, "true", "true"])),
        ("[~, null, NULL, '', \"null\", ! null]", json!([null, null, null, "", "null", "null"])),
        ("[1, -2, +3, 007, 0x1F, 0o17, 0b1, 1_000]", json!([1, -2, 3, 7, 31, 15, "0b1", "1_000"])),
        ("[18446744073709551615, 1e3, .5, -0.25, 5., !!int '6']", json!([u64::MAX, 1000.0, 0.5, -0.25, 5.0, 6])),
        (
            "[1.2.3, 2026-11-27, 10:30, inf, e5, -e, 1e]",
            json!(["1.2.3", "2026-11-27", "10:30", "inf", "e5", "-e", "1e"]),
        ),
        ("{1: a, true: b, ~: c, <<: {1: x, d: y}}", json!({"1": "a", "true": "b", "~": "c", "d": "y"})),
        ("[&a {b: &c d}, *a, *c, {*c : 1}]", json!([{"b": "d"}, {"b": "d"}, "d", {"d": 1}])),
        ("{<<: [{a: 1}, {a: 2, b: 3}], c: 4}", json!({"a": 1, "b": 3, "c": 4})),
        ("|\n    a\n      b\n\n    c", json!("a\n  b\n\nc\n")),
        (">-\n    a\n    b", json!("a b")),
        ("!mine {a: !mine 1}", json!({"a": 1})),
    ] {
        let (rows, told) = rows_of_yaml(&format!("# rows\n---\n- v: {text}\n"));
        assert_eq!(rows, json!([{"item": {"v": value}}]), "{text}: {told:?}");
    }
}

#[test]
fn what_yaml_cannot_be_is_told_with_its_place() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let nested = format!("- &a {}\n- {}*a{}\n", deep(40), "[".repeat(40), "]".repeat(40));
    let bomb: String = (1..40).map(|step| format!("- &a{step} [*a{0}, *a{0}]\n", step - 1)).collect();
    for (text, fault) in [
        ("- a: [1", "line 1 column 6: unclosed bracket '['"),
        ("- a\n- {b: 1, c: 2,\n   b: 3}", "line 3 column 4: the key `b` stands there twice"),
        ("- a\n- *b", "line 2 column 3: while parsing node, found unknown anchor"),
        ("- &a [*a]", "line 1 column 7: the alias is within what it stands for"),
        ("- {[a]: b}", "line 1 column 4: a key of JSON is a text"),
        ("- <<: a", "line 1 column 7: `<<` takes over mappings"),
        ("- -.inf", "line 1 column 3: JSON has no number `-.inf`"),
        ("- 1\n---\n- 2", "line 3 column 1: expected one document"),
        (&deep(65), "line 1 column 65: more than 64 collections are within each other"),
        (&nested, "line 2 column 43: more than 64 collections are within each other"),
        (&format!("- &a0 {}\n{bomb}", "x".repeat(100)), "aliases come to more than 33554432 bytes of memory"),
    ] {
        let (_, told) = rows_of_yaml(text);
        assert!(
            told.iter().any(|told| told.starts_with("rows.yaml : no YAML: ") && told.ends_with(fault)),
            "{told:#?}"
        );
    }
    assert_eq!(rows_of_yaml(&format!("- v: {}", deep(62))).1, Vec::<String>::new());
}
