use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_mcp_graders::runs::{Run, compare, criterion_name};
use openai_mcp_graders::{plot, report};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const SAME: &str = "same-0f8b2c1e-1111-4222-8333-444455556666";
const TONE: &str = "tone-0f8b2c1e-1111-4222-8333-444455556667";

/// An output item: whether it was the same, and how good its tone, from 1 to 5; an error without.
fn item(run: &str, number: usize, same: bool, tone: Option<f64>) -> Value {
    let mut results =
        vec![json!({"name": SAME, "type": "string-check-grader", "passed": same, "score": u8::from(same)})];
    let mut errors = Vec::new();
    match tone {
        Some(tone) => results.push(json!({
            "name": TONE, "type": "score-model-grader", "passed": tone >= 3.0, "score": tone,
            "steps": [{"description": "the tone", "conclusion": "is <b>fine</b>"}]
        })),
        None => errors.push(json!({"name": TONE, "code": "invalid_answer", "message": "the model answered \"so so\", which is no number"})),
    }
    let status = match tone {
        None => "error",
        Some(tone) if same && tone >= 3.0 => "pass",
        _ => "fail",
    };
    json!({
        "id": format!("outputitem_{run}_{number}"), "object": "eval.run.output_item", "datasource_item_id": number, "status": status,
        "datasource_item": {"question": format!("What is {number}?"), "answer": number}, "results": results, "errors": errors,
        "sample": {"output": [{"role": "assistant", "content": format!("It is {number}.")}], "usage": {"total_tokens": 10 + number}},
    })
}

fn run(name: &str) -> Value {
    json!({
        "id": format!("evalrun_{name}"), "object": "eval.run", "name": name, "model": "gpt-5", "status": "completed", "created_at": 1_764_000_000,
        "per_model_usage": [{"model_name": "gpt-5", "prompt_tokens": 1200, "completion_tokens": 300, "cached_tokens": 100}],
    })
}

/// Forty items: the second run loses two that the first has, and wins fourteen.
fn two() -> [(Value, Vec<Value>); 2] {
    let tone = |n: usize| 1.0 + (n * 7 % 17) as f64 / 4.0;
    let first = (0..40).map(|n| item("a", n, n < 20, Some(5.0))).collect();
    let second = (0..40).map(|n| item("b", n, (2..34).contains(&n), Some(3.0 + tone(n) / 4.0))).collect();
    [(run("first"), first), (run("second"), second)]
}

fn runs(of: &[(Value, Vec<Value>)]) -> Vec<Run<'_>> {
    of.iter().map(|(run, items)| Run { run, items }).collect()
}

#[test]
fn runs_are_compared_item_by_item() {
    let two = two();
    let [first, second] = runs(&two)[..] else { panic!() };
    let (first, second) = (first.outcome(), second.outcome());
    let difference = compare(&first, &second);
    assert_eq!((difference.all.won.len(), difference.all.lost.len(), difference.all.items), (14, 2, 40));
    assert_eq!(difference.all.lost, ["outputitem_b_0", "outputitem_b_1"]);
    let estimate = difference.all.difference.unwrap();
    assert!((estimate.value - 0.3).abs() < 1e-12 && estimate.low > 0.0 && estimate.high < 0.6, "{estimate:?}");
    assert!(difference.all.p < 0.01);
    assert!(difference.criteria["tone"].scores.difference.unwrap().high < 0.0);
    // Of equal runs nothing is found.
    let same = compare(&first, &first);
    let estimate = same.all.difference.unwrap();
    assert_eq!((same.all.won.len(), same.all.lost.len(), same.all.p, estimate.value), (0, 0, 1.0, 0.0));
    assert!(estimate.low < 0.0 && estimate.high > 0.0);
}

#[test]
fn repeats_are_averaged_and_errors_left_out() {
    let items = [(0, true), (0, true), (0, false), (1, true), (1, true), (1, true)];
    let mut items: Vec<Value> = items.iter().map(|(n, same)| item("a", *n, *same, Some(5.0))).collect();
    items.push(item("a", 2, true, None));
    let outcome = Run { run: &Value::Null, items: &items }.outcome();
    assert_eq!((outcome.all.passed, outcome.all.failed, outcome.all.errored), (5, 1, 1));
    let rate = outcome.all.rate().unwrap();
    assert!((rate.value - 5.0 / 6.0).abs() < 1e-12);
    assert_eq!((rate.items, rate.method.name()), (2, "student_t"));
    assert_eq!((outcome.criteria["tone"].errored, outcome.criteria["same"].passed), (1, 6));
    let longer = Run { run: &Value::Null, items: &items[..4] }.outcome();
    let paired = compare(&outcome, &longer).all;
    assert_eq!((paired.items, paired.only_first, paired.only_second), (2, 0, 0));
}

#[test]
fn a_criterion_has_its_makers_name() {
    for (id, expected) in [
        (SAME, "same"),
        ("no uuid", "no uuid"),
        ("a-b-0f8b2c1e-1111-4222-8333-44445555666g", "a-b-0f8b2c1e-1111-4222-8333-44445555666g"),
        ("ключ-0f8b2c1e-1111-4222-8333-444455556666", "ключ"),
        ("0f8b2c1e-1111-4222-8333-444455556666", "0f8b2c1e-1111-4222-8333-444455556666"),
        ("ключключключключключключключ", "ключключключключключключключ"),
    ] {
        assert_eq!(criterion_name(id), expected);
    }
}

#[test]
fn a_plot_shows_each_run_in_its_colour() {
    let two = two();
    let png = plot::png(&runs(&two)).unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(info.width, 960);
    let has = |colour: [u8; 3]| pixels.chunks(3).filter(|pixel| *pixel == colour).count();
    assert!(has([31, 119, 180]) > 100 && has([255, 127, 14]) > 100 && has([44, 160, 44]) == 0);
    assert_eq!(plot::png(&[]), None);
    assert_eq!(plot::png(&[Run { run: &Value::Null, items: &[] }]), None);
}

#[test]
fn a_page_needs_no_network_and_runs_nothing_that_an_item_has_in_it() {
    let hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&\u{0}\u{202e}</details></table>{{item.x}}";
    let two = two();
    let mut items = two[0].1.clone();
    for pointer in [
        "/datasource_item/question",
        "/sample/output/0/content",
        "/results/1/steps/0/conclusion",
        "/results/0/name",
        "/id",
    ] {
        *items[0].pointer_mut(pointer).unwrap() = hostile.into();
    }
    let mut run = run(hostile);
    run["model"] = hostile.into();
    let eval = json!({"name": hostile});
    let page = report::html(&eval, &[Run { run: &run, items: &items }, Run { run: &two[1].0, items: &two[1].1 }]);
    assert_eq!(page.matches("<script").count(), 1);
    assert!(!page.contains("<img src=x") && !page.contains("onerror=alert(2)>\"") && !page.contains('\u{0}'));
    assert!(
        page.contains(
            "&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(2)&gt;&quot;&#39;&amp;\u{fffd}"
        )
    );
    for outside in ["http://", "https://", "src=\"/", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    // Only the page's own script may run.
    let script = page.split("<script>").nth(1).unwrap().split("</script>").next().unwrap();
    let hash = STANDARD.encode(Sha256::digest(script));
    assert!(page.contains(&format!("script-src 'sha256-{hash}'")), "{hash}");
    assert_eq!(page.matches("<td class=\"status\">").count(), 80);
    assert_eq!(report::html(&json!({}), &[]).matches("<script").count(), 1);
}

#[test]
fn what_failed_is_told_in_texts() {
    let two = two();
    let mut first = two[0].1.clone();
    first[39] = item("a", 39, true, None);
    first[38]["sample"]["output"][0]["content"] = "=cmd|' a | b <x>\n]]>".into();
    let runs = [Run { run: &two[0].0, items: &first }, Run { run: &two[1].0, items: &two[1].1 }];
    let eval = json!({"name": "Numbers"});

    let page = report::markdown(&eval, &runs);
    for line in [
        "# Numbers",
        "| first | 20 of 39 (51.3 %) | 36.2 to 66.1 % | 19 | 1 | 1200 | 300 |",
        "- `outputitem_a_20` It is 20.: same 0",
    ] {
        assert!(page.lines().any(|other| other == line), "{line}\n{page}");
    }

    let table = report::csv(&runs);
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let heads: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(heads[7..], ["same passed", "same score", "tone passed", "tone score"]);
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
    assert_eq!(rows.len(), 80);
    // No spreadsheet takes an answer for a formula.
    assert_eq!(&rows[38][4], "'=cmd|' a | b <x>\n]]>");
    assert_eq!((&rows[39][5], &rows[39][9]), ("error", ""));
    assert!(rows[39][6].contains("no number"));

    let xml = report::junit(&eval, &runs);
    assert!(xml.contains("<testsuite name=\"first\" tests=\"40\" failures=\"19\" errors=\"1\">"), "{xml}");
    assert!(xml.contains(">=cmd|' a | b &lt;x&gt;&#10;]]&gt;</failure>"));
    assert_eq!(xml.matches("<testcase").count(), 80);
}
