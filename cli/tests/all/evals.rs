//! Evals from files, as CI runs them.

use std::fs;

use crate::run_in;

const EVAL: &str = r#"
eval:
  name: Capitals
  testing_criteria:
    - {type: string_check, name: same, operation: eq, input: '{{item.answer}}', reference: '{{item.capital}}'}
run: {name: of a table}
data: rows.csv
"#;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn an_eval_ends_with_a_table_and_a_status_by_its_threshold() {
    let rows = "answer,capital\nParis,Paris\nOslo,Oslo\nMilan,Rome\nLima,Lima\n";
    let folder = folder(&[("capitals.yaml", EVAL), ("rows.csv", rows)]);
    for (more, status) in [(&[][..], 0), (&["--fail-under", "0.75"], 0), (&["--fail-under", "0.8"], 1)] {
        let done = run_in(folder.path(), &[&["evals", "run", "capitals.yaml", "--sandbox"], more].concat(), &[]);
        assert_eq!(done.status, status, "{done:?}");
        let row = done.out.lines().nth(1).unwrap();
        assert!(row.starts_with("of a table       3       1       0   75.0 %   30.1 to  95.4 %"), "{}", done.out);
    }
    // What could not be graded is no failure, and passes no threshold.
    fs::write(folder.path().join("rows.csv"), "capital\nRome\n").unwrap();
    let done = run_in(folder.path(), &["evals", "run", "capitals.yaml", "--sandbox", "--fail-under", "0"], &[]);
    assert_eq!(done.status, 1, "{done:?}");
}

#[test]
fn what_was_run_is_told_whatever_becomes_of_the_rest() {
    let eval = r#"
eval:
  data_source_config: {type: custom, item_schema: {type: object}}
  testing_criteria:
    - {type: string_check, name: same, operation: eq, input: '{{item.answer}}', reference: '{{item.capital}}'}
runs:
  - {name: good, data_source: {type: jsonl, source: {type: file_content, content: [{item: {answer: a, capital: a}}]}}}
  - {name: bad, data_source: {type: jsonl, source: {type: file_id, id: file-none}}}
"#;
    let folder = folder(&[("capitals.yaml", eval)]);
    let done = run_in(folder.path(), &["evals", "run", "capitals.yaml", "--sandbox"], &[]);
    assert_eq!(done.status, 1, "{done:?}");
    assert!(done.out.contains("good       1       0       0"), "{done:?}");
    assert!(done.err.contains("error: eval-run-create: ") && done.err.contains("file-none"), "{done:?}");
}

#[test]
fn a_threshold_that_nothing_can_reach_is_refused_before_anything_is_spent() {
    let folder = folder(&[("capitals.yaml", EVAL), ("rows.csv", "answer,capital\na,a\n")]);
    for rate in ["90", "-0.1", "nan", "most"] {
        let rate = format!("--fail-under={rate}");
        let done = run_in(folder.path(), &["evals", "run", "capitals.yaml", "--sandbox", &rate], &[]);
        assert_eq!((done.status, done.out.as_str()), (2, ""), "{done:?}");
        assert!(done.err.contains("expected a number from 0 to 1"), "{}", done.err);
    }
}

#[test]
fn a_report_is_written_where_it_was_asked_for() {
    let rows = "answer,capital\nParis,Paris\nMilan,Rome\n";
    let folder = folder(&[("capitals.yaml", EVAL), ("rows.csv", rows)]);
    for (file, part) in
        [("a.html", "<h1 dir=\"auto\">Capitals</h1>"), ("a.xml", "tests=\"2\" failures=\"1\" errors=\"0\"")]
    {
        let done = run_in(folder.path(), &["evals", "run", "capitals.yaml", "--sandbox", "--report", file], &[]);
        assert_eq!(done.status, 0, "{done:?}");
        let page = fs::read_to_string(folder.path().join(file)).unwrap();
        assert!(page.contains(part), "{page}");
    }
}

#[test]
fn what_cannot_be_run_or_taken_is_said() {
    let other = "prompts: ['{{a}}']\nproviders: [openai:gpt-5-mini]\ntests: [{vars: {a: b}, assert: [{type: javascript, value: x}]}]\n";
    let folder = folder(&[("capitals.yaml", EVAL), ("promptfooconfig.yaml", other)]);
    for (file, problems) in [
        ("none.yaml", &["none.yaml"][..]),
        (
            "capitals.yaml",
            &["not taken: capitals.yaml data: the file `rows.csv` was not given", "there is no eval to run"],
        ),
        ("promptfooconfig.yaml", &["tests[0].assert[0]: `javascript` has no counterpart", "there is no eval to run"]),
    ] {
        let done = run_in(folder.path(), &["evals", "run", file, "--sandbox"], &[]);
        assert_eq!((done.status, done.out.as_str()), (2, ""), "{done:?}");
        for problem in problems {
            assert!(done.err.contains(problem), "{}", done.err);
        }
    }
}

#[test]
fn a_report_of_no_known_kind_is_refused_before_anything_is_spent() {
    let folder = folder(&[("capitals.yaml", EVAL), ("rows.csv", "answer,capital\na,a\n")]);
    let done = run_in(folder.path(), &["evals", "run", "capitals.yaml", "--sandbox", "--report", "a.pdf"], &[]);
    assert_eq!((done.status, done.out.as_str()), (2, ""), "{done:?}");
    assert!(done.err.contains("--report: expected a file that ends in html"), "{}", done.err);
}

#[test]
fn what_is_in_files_is_said_before_it_is_taken_in() {
    let folder = folder(&[("capitals.yaml", EVAL), ("rows.csv", "answer,capital\na,a\n")]);
    for (more, applied) in [(&[][..], "\"applied\": false"), (&["--apply"], "\"applied\": true")] {
        let command = [&["evals", "import", "capitals.yaml", "rows.csv", "--sandbox"], more].concat();
        let done = run_in(folder.path(), &command, &[]);
        assert_eq!(done.status, 0, "{done:?}");
        for part in [applied, "\"name\": \"Capitals\"", "\"runs_to_begin\": 1"] {
            assert!(done.out.contains(part), "{part}: {}", done.out);
        }
    }
}
