//! What may be spent. <https://platform.openai.com/docs/api-reference/administration>

use openai_mcp_kernel::prelude::*;

/// An amount of a month.
#[shape]
pub struct Threshold {
    /// US cents a month.
    threshold_amount: i64,
    #[unlisted]
    currency: Currency,
    #[unlisted]
    interval: Interval,
}

/// An amount of a month, and who is told when it is reached.
#[shape]
pub struct Alert {
    #[flatten]
    threshold: Threshold,
    /// {recipients: [email addresses], subject_prefix}
    notification_channel: Brief<Channel>,
}

#[shape]
enum Currency {
    #[wire("USD")]
    Usd,
}

#[shape]
enum Interval {
    Month,
}

#[shape]
struct Channel {
    #[unlisted]
    r#type: ChannelType,
    recipients: Vec<String>,
    subject_prefix: Option<String>,
}

#[shape]
enum ChannelType {
    Email,
}
