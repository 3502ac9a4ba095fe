//! An offline stand-in for api.openai.com
