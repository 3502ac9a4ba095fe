//! What an operator sets, and what is refused of it.

use openai_mcp_kernel::config::Config;
use openai_mcp_kernel::secret::Placeholder;
use openai_mcp_kernel::spec::Filter;

use crate::protocol::SERVER;

fn read(variables: &[(&str, &str)]) -> Result<Config, String> {
    let value = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    Config::read(value)
}

#[test]
fn a_filter_that_names_nothing_is_refused() {
    let checked = |name, value| {
        let config = read(&[(name, value)])?;
        config.filter.check(SERVER.specs(), Filter::VARIABLES)
    };
    for (name, value, problem) in [
        ("OPENAI_MCP_EXCLUDE", "things-*", "OPENAI_MCP_EXCLUDE: no tool's name begins as `things-*` does"),
        ("OPENAI_MCP_EXCLUDE", "Thing-*", "OPENAI_MCP_EXCLUDE: no tool's name begins as `Thing-*` does"),
        ("OPENAI_MCP_EXCLUDE", "thing-get,nope*", "OPENAI_MCP_EXCLUDE: no tool's name begins as `nope*` does"),
        ("OPENAI_MCP_TOOLS", "thing-*,nope*", "OPENAI_MCP_TOOLS: no tool's name begins as `nope*` does"),
        ("OPENAI_MCP_TOOLS", "thing-gte", "OPENAI_MCP_TOOLS: no tool is named `thing-gte`; did you mean `thing-get`?"),
        ("OPENAI_MCP_TOOLS", ",", "OPENAI_MCP_TOOLS: expected names of tools, separated by commas"),
        ("OPENAI_MCP_EXCLUDE", " , ", "OPENAI_MCP_EXCLUDE: expected names of tools, separated by commas"),
    ] {
        assert_eq!(checked(name, value), Err(problem.to_owned()), "{name}={value}");
    }
    for (name, value) in [
        ("OPENAI_MCP_EXCLUDE", ""),
        ("OPENAI_MCP_EXCLUDE", "thing_g*,thing_wait"),
        ("OPENAI_MCP_TOOLS", "*"),
        ("OPENAI_MCP_TOOLS", "thing-get, thing-c*"),
    ] {
        assert_eq!(checked(name, value), Ok(()), "{name}={value}");
    }
}

#[test]
fn a_key_goes_to_openai_over_tls_alone() {
    for url in ["http://api.openai.com/v1", "http://openai.com", "http://eu.API.OpenAI.com./v1"] {
        let problem = read(&[("OPENAI_BASE_URL", url)]).unwrap_err();
        assert!(problem.starts_with("OPENAI_BASE_URL: http would send the key"), "{url}: {problem}");
    }
    for (url, problem) in [
        ("http://h/v1#x", "has a fragment"),
        ("https://x:99999/v1", "no port"),
        ("http://h/v1?x", "has a query"),
        ("http://me@h/v1", "has a user name"),
    ] {
        let refused = read(&[("OPENAI_BASE_URL", url)]).unwrap_err();
        assert!(refused.starts_with(&format!("OPENAI_BASE_URL: {problem}")), "{url}: {refused}");
    }
    for url in ["https://api.openai.com/v1", "http://127.0.0.1:8000/v1", "http://notopenai.com/v1"] {
        assert!(read(&[("OPENAI_BASE_URL", url)]).is_ok(), "{url}");
    }
}

#[test]
fn quotes_around_a_value_are_none_of_it() {
    for (given, meant) in [
        ("\"sk-one\"", "sk-one"),
        ("'sk-one'", "sk-one"),
        (" \" sk-one \" ", "sk-one"),
        ("\"sk-one", "\"sk-one"),
        ("'sk-one\"", "'sk-one\""),
    ] {
        let config = read(&[("OPENAI_API_KEY", given)]).unwrap();
        assert_eq!(config.key.unwrap().expose(), meant, "{given}");
    }
    assert!(read(&[("OPENAI_API_KEY", "\"\"")]).unwrap().key.is_none());
    // A password is taken as it is.
    let variables = [("OPENAI_MCP_HISTORY_DAYS", "'7'"), ("OPENAI_MCP_SECRET_DB", "'7'")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = read(&[]).unwrap().with_settings(variables);
    assert_eq!(config.settings, [("HISTORY_DAYS".to_owned(), "7".to_owned())]);
    assert_eq!(config.secrets[0].1.expose(), "'7'");
}

#[test]
fn keys_are_as_long_as_clouds_make_them() {
    assert!(read(&[("OPENAI_API_KEY", &"k".repeat(4096))]).is_ok());
    let problem = read(&[("OPENAI_API_KEY", &"k".repeat(4097))]).unwrap_err();
    assert_eq!(problem, "OPENAI_API_KEY: the key is longer than 4096 bytes");
}

#[test]
fn a_placeholder_is_judged_as_a_whole() {
    let rows = [
        ("${OPENAI_API_KEY}", Some(Placeholder::Name)),
        ("sk-${KEY}", Some(Placeholder::Name)),
        ("{env:OPENAI_API_KEY}", Some(Placeholder::Name)),
        ("$OPENAI_API_KEY", Some(Placeholder::Name)),
        ("%OPENAI_API_KEY%", Some(Placeholder::Name)),
        ("sk-…", Some(Placeholder::Example)),
        ("sk-...", Some(Placeholder::Example)),
        ("sk-xxxx", Some(Placeholder::Example)),
        ("sk-proj-XXXXXXXXXXXXXXXXXXXX", Some(Placeholder::Example)),
        ("sk-your-key", Some(Placeholder::Example)),
        ("sk-admin-your-key", Some(Placeholder::Example)),
        ("YOUR_OPENAI_API_KEY_HERE", Some(Placeholder::Example)),
        ("<your key>", Some(Placeholder::Example)),
        ("sk-proj-q7VxXxXxN9pLr4TwK8sYd3FhJ6bGc1Qv", None),
        ("sk-proj-q7your-Kxxxx_N9pLr4TwK8sYd3FhJ6b", None),
        ("sk-proj-your-q7VxZ2mN9pLr4TwK8sYd3FhJ6b", None),
        ("sk-sandbox", None),
        ("ollama", None),
    ];
    for (text, expected) in rows {
        assert_eq!(Placeholder::of(text), expected, "{text}");
    }
}

/// A name with a star in it would be taken, and answer to nothing.
#[test]
fn hosts_are_named_one_by_one() {
    for (name, value) in [
        ("ALLOWED_HOSTS", "*"),
        ("ALLOWED_HOSTS", "*.example.com"),
        ("ALLOWED_URLS", "*:8080"),
        ("ALLOWED_ORIGINS", "https://*.example.com"),
    ] {
        assert!(read(&[(&format!("OPENAI_MCP_{name}"), value)]).is_err(), "{name}={value}");
    }
    for (name, value) in
        [("ALLOWED_HOSTS", "mcp.example.com,[::1],::1"), ("ALLOWED_URLS", "10.0.0.1:8080"), ("ALLOWED_ORIGINS", "*")]
    {
        assert!(read(&[(&format!("OPENAI_MCP_{name}"), value)]).is_ok(), "{name}={value}");
    }
}
