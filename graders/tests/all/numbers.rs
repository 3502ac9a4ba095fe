//! Numbers are read as std reads them, without its words for what is no number.

use openai_mcp_graders::number;

#[test]
fn decimal_numbers_are_what_std_makes_of_them() {
    for text in [
        "0",
        "-0",
        "7",
        "007",
        "+1",
        "-1",
        ".5",
        "5.",
        "-.25",
        "0.1",
        "00.10",
        "3.14159",
        "1e3",
        "1E-7",
        "+1.5e+10",
        "1.2345e-7",
        "123456789.25",
        "0.0001",
        "9007199254740991",
        "1e22",
        "2.50",
        "00",
        "0e0",
        ".5e1",
        "5.e1",
    ] {
        let ours = number(text).map(f64::to_bits);
        assert_eq!(ours, Some(text.parse::<f64>().unwrap().to_bits()), "{text}");
    }
}

#[test]
fn what_is_no_number_is_nothing() {
    for text in [
        "",
        ".",
        "+",
        "-",
        "e",
        "e5",
        "1e",
        "1e+",
        "--1",
        "+-1",
        "1.2.3",
        "1 ",
        "1.5 ",
        "1.\t",
        ".5\n",
        "1e5 ",
        " 1",
        "1 2",
        "1_000",
        "1,5",
        "0x10",
        "inf",
        "NaN",
        "infinity",
        "-inf",
        "1e999",
        "١",
        "½",
        "\"1\"",
        "1.\u{660}",
        "1./",
        "1e5.",
    ] {
        assert_eq!(number(text), None, "{text}");
    }
}
